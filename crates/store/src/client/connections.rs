//! The connections to DynamoDB, and when they are given up.
//!
//! Lambda freezes an instance between requests, for minutes or hours. A peer that closes a
//! connection meanwhile, or a gateway that forgets it, is not heard: the connection looks open, and
//! what is sent over it is never answered. So nothing is sent over connections from before a pause,
//! and when one of them turns out to be dead, none of the others is tried.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use tokio::time::{Instant, timeout};

/// After so long without a request new connections are opened. DynamoDB and what is on the way to
/// it keep an idle connection for a minute at least; a new one costs two round trips.
const PAUSE: Duration = Duration::from_secs(10);

/// How long a connection may be idle while others are in use, and how many of those there may be: a
/// bulk request makes a few calls for each of eight operations at a time.
const MAX_IDLE_TIME: Duration = PAUSE;
const MAX_IDLE: usize = 32;

/// How long the first attempt of a read may wait for the head of its answer, the connecting
/// included, if nothing was answered lately. DynamoDB takes milliseconds for it, also for a page of
/// a megabyte, and a read can be repeated at no risk.
const FIRST_READ: Duration = Duration::from_millis(500);

/// What was answered within this time shows that the other side is there: what takes longer then is
/// slow and not dead, and repeating it would make it slower.
const LATELY: Duration = Duration::from_secs(1);

/// How many attempts find out whether the other side is there. A request begins with two; many at
/// once are a burst, which takes its time.
const MAX_PROBES: usize = 4;

/// After so long without an answer, its own or another's, a request that is given up says something
/// of the connections. A read that goes ahead of the check of a refused key is given up sooner, and
/// says nothing.
const SILENCE: Duration = Duration::from_millis(400);

/// The reads, as the header `x-amz-target` names them.
const READS: [&str; 3] = ["GetItem", "BatchGetItem", "Query"];

/// The SDK's HTTP client: pools of connections, one after the other.
#[derive(Clone)]
pub(super) struct Connections(Arc<State>);

struct State {
    is_encrypted: bool,
    current: Mutex<Current>,
}

struct Current {
    pool: SharedHttpClient,
    /// Counts the pools.
    number: u64,
    last_used: Moment,
    /// When something was last answered over this pool.
    last_answer: Option<Instant>,
    /// How many attempts were begun over it since then.
    unanswered: usize,
}

/// A pool for one attempt.
struct Lease {
    pool: SharedHttpClient,
    number: u64,
    /// Whether the attempt is to find out if the pool is alive: nothing was answered lately.
    is_probe: bool,
}

/// A moment by both clocks: the monotonic one may stand still in a freeze, and the wall clock may
/// be set.
#[derive(Clone, Copy)]
struct Moment {
    monotonic: Instant,
    wall: SystemTime,
}

impl Moment {
    fn now() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// How much later `other` is, by the clock that says more.
    fn until(self, other: Self) -> Duration {
        let monotonic = other.monotonic.duration_since(self.monotonic);
        // Earlier than before by the wall clock is no pause.
        let wall = other.wall.duration_since(self.wall).unwrap_or_default();
        monotonic.max(wall)
    }
}

impl Connections {
    /// None yet. Without encryption for an engine on the same machine.
    pub(super) fn new(is_encrypted: bool) -> Self {
        let current = Current {
            pool: pool(is_encrypted),
            number: 0,
            last_used: Moment::now(),
            last_answer: None,
            unanswered: 0,
        };
        Self(Arc::new(State {
            is_encrypted,
            current: Mutex::new(current),
        }))
    }

    fn locked(&self) -> MutexGuard<'_, Current> {
        let current = self.0.current.lock();
        current.unwrap_or_else(PoisonError::into_inner)
    }

    /// The pool for an attempt.
    fn lease(&self, now: Moment) -> Lease {
        let mut current = self.locked();
        if current.last_used.until(now) >= PAUSE {
            self.replace(&mut current);
        }
        current.last_used = now;
        let since = |answer| now.monotonic.duration_since(answer);
        let is_proven = current
            .last_answer
            .is_some_and(|answer| since(answer) < LATELY);
        current.unanswered += 1;
        Lease {
            pool: current.pool.clone(),
            number: current.number,
            is_probe: !is_proven && current.unanswered <= MAX_PROBES,
        }
    }

    /// Gives up the pool with this number, unless that has been done, or something was answered
    /// over it a moment ago: then one connection was broken, and not all.
    fn give_up(&self, number: u64, now: Instant) {
        let mut current = self.locked();
        let since = |answer| now.duration_since(answer);
        let is_silent = current
            .last_answer
            .is_none_or(|answer| since(answer) >= SILENCE);
        if current.number == number && is_silent {
            self.replace(&mut current);
        }
    }

    /// Notes that something was answered over the pool with this number.
    fn answered(&self, number: u64) {
        let now = Moment::now();
        let mut current = self.locked();
        current.last_used = now;
        if current.number == number {
            current.last_answer = Some(now.monotonic);
            current.unanswered = 0;
        }
    }

    /// Requests that are under way keep their connections.
    fn replace(&self, current: &mut Current) {
        current.pool = pool(self.0.is_encrypted);
        current.number += 1;
        current.last_answer = None;
        current.unanswered = 0;
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

/// A pool as the SDK's own, but for its limits.
fn pool(is_encrypted: bool) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = ConnectorBuilder::default();
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.set_pool_idle_timeout(Some(Some(MAX_IDLE_TIME)));
        builder.set_pool_max_idle_per_host(Some(MAX_IDLE));
        if is_encrypted {
            builder.set_proxy_config(Some(ProxyConfig::from_env()));
            builder
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                .build()
        } else {
            builder.build_http()
        }
    })
}

impl HttpClient for Connections {
    /// The SDK asks for it before each attempt.
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let lease = self.lease(Moment::now());
        SharedHttpConnector::new(Attempt {
            connector: lease.pool.http_connector(settings, components),
            connections: self.clone(),
            number: lease.number,
            is_probe: lease.is_probe,
        })
    }
}

/// One attempt of a call.
#[derive(Debug)]
struct Attempt {
    connector: SharedHttpConnector,
    connections: Connections,
    number: u64,
    is_probe: bool,
}

impl HttpConnector for Attempt {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let is_short = self.is_probe && is_first_read(&request);
        let mut watch = Watch {
            connections: self.connections.clone(),
            number: self.number,
            started: Instant::now(),
            is_over: false,
        };
        let answer = self.connector.call(request);
        HttpConnectorFuture::new(async move {
            let answer = if is_short {
                let answer = timeout(FIRST_READ, answer).await;
                answer.unwrap_or_else(|elapsed| Err(ConnectorError::timeout(elapsed.into())))
            } else {
                answer.await
            };
            watch.is_over = true;
            match &answer {
                Ok(_) => watch.connections.answered(watch.number),
                Err(_) => watch.connections.give_up(watch.number, Instant::now()),
            }
            answer
        })
    }
}

/// Whether this is the first attempt of a read.
fn is_first_read(request: &HttpRequest) -> bool {
    let header = |name| request.headers().get(name).unwrap_or_default();
    let target = header("x-amz-target").rsplit('.').next();
    let is_first = header("amz-sdk-request").starts_with("attempt=1;");
    is_first && target.is_some_and(|target| READS.contains(&target))
}

/// Notices when an attempt is given up, as by the SDK's time-out.
struct Watch {
    connections: Connections,
    number: u64,
    started: Instant,
    is_over: bool,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.is_over && self.started.elapsed() >= SILENCE {
            self.connections.give_up(self.number, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn later(moment: Moment, monotonic: Duration, wall: Duration) -> Moment {
        Moment {
            monotonic: moment.monotonic + monotonic,
            wall: moment.wall + wall,
        }
    }

    #[test]
    fn either_clock_tells_a_pause() {
        let connections = Connections::new(false);
        let number = |moment| connections.lease(moment).number;
        let start = Moment::now();
        assert_eq!(number(start), 0);
        let busy = later(start, PAUSE - SECOND, PAUSE - SECOND);
        assert_eq!(number(busy), 0);
        let used = later(busy, PAUSE - SECOND, PAUSE - SECOND);
        assert_eq!(number(used), 0, "a pause begins anew with each request");
        let frozen = later(used, Duration::ZERO, PAUSE);
        assert_eq!(number(frozen), 1);
        let set_back = Moment {
            monotonic: frozen.monotonic + SECOND,
            wall: frozen.wall - 100 * PAUSE,
        };
        assert_eq!(number(set_back), 1);
        let quiet = later(set_back, PAUSE, Duration::ZERO);
        assert_eq!(number(quiet), 2);
    }

    #[test]
    fn a_pool_is_given_up_once() {
        let connections = Connections::new(false);
        let number = || connections.lease(Moment::now()).number;
        let first = number();
        for _ in 0..3 {
            connections.give_up(first, Instant::now());
            assert_eq!(number(), first + 1);
        }
    }

    #[test]
    fn a_pool_that_answers_is_proven_for_a_while_and_not_given_up() {
        let connections = Connections::new(false);
        let start = Moment::now();
        assert!(connections.lease(start).is_probe);
        connections.answered(0);
        let now = Moment::now();
        assert!(!connections.lease(now).is_probe);
        assert!(connections.lease(later(now, LATELY, LATELY)).is_probe);
        connections.give_up(0, now.monotonic);
        assert_eq!(connections.lease(now).number, 0);
        connections.give_up(0, now.monotonic + SILENCE);
        let next = connections.lease(now);
        assert_eq!((next.number, next.is_probe), (1, true));
        // What an older pool answers does not prove the present one.
        connections.answered(0);
        assert!(connections.lease(now).is_probe);
    }

    #[test]
    fn a_few_attempts_find_out_and_the_rest_of_a_burst_takes_its_time() {
        let connections = Connections::new(false);
        let now = Moment::now();
        let probes = || (0..100).filter(|_| connections.lease(now).is_probe).count();
        assert_eq!((probes(), probes()), (MAX_PROBES, 0));
        connections.give_up(0, now.monotonic);
        assert_eq!(probes(), MAX_PROBES);
    }

    #[test]
    fn only_the_first_attempt_of_a_read_is_short() {
        let request = |target: &'static str, attempt: &'static str| {
            let mut request = HttpRequest::empty();
            let headers = request.headers_mut();
            headers.insert("x-amz-target", target);
            headers.insert("amz-sdk-request", attempt);
            is_first_read(&request)
        };
        for read in ["GetItem", "BatchGetItem", "Query"] {
            let target = format!("DynamoDB_20120810.{read}").leak();
            assert!(request(target, "attempt=1; max=5"), "{read}");
            assert!(!request(target, "attempt=2; max=5"), "{read}");
            assert!(!request(target, "attempt=11; max=5"), "{read}");
        }
        for write in ["TransactWriteItems", "UpdateItem", "PutItem", "Scan"] {
            let target = format!("DynamoDB_20120810.{write}").leak();
            assert!(!request(target, "attempt=1; max=5"), "{write}");
        }
        assert!(!is_first_read(&HttpRequest::empty()));
    }
}
