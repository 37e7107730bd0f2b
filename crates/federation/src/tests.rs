//! What a fetch makes of answers, against a server that speaks HTTP badly on purpose.

use std::sync::Mutex;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::*;

const AT_ONCE: Duration = Duration::ZERO;
const KEYS: &str = r#"{"keys":[]}"#;

/// A part of an answer, and how long it is waited before it.
type Part = (Duration, Vec<u8>);

/// A server that gives every request the same answer.
struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    /// How many bytes of answers it could get rid of.
    sent: Arc<Mutex<usize>>,
}

impl Server {
    async fn start(answer: Vec<Part>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            requests: Arc::default(),
            sent: Arc::default(),
        };
        let (requests, sent) = (Arc::clone(&server.requests), Arc::clone(&server.sent));
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (requests, sent) = (Arc::clone(&requests), Arc::clone(&sent));
                tokio::spawn(talk(stream, Arc::clone(&answer), requests, sent));
            }
        });
        server
    }

    fn url(&self) -> String {
        format!(
            "http://127.0.0.1:{}/tenant/discovery/v2.0/keys?a=b",
            self.port
        )
    }

    async fn fetch(&self) -> Result<Fetched, FetchError> {
        Fetcher::new().fetch(&self.url()).await
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn talk(
    mut stream: TcpStream,
    answer: Arc<Vec<Part>>,
    requests: Arc<Mutex<Vec<String>>>,
    sent: Arc<Mutex<usize>>,
) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            break;
        };
        request.push(byte);
        if !request.starts_with(b"G") {
            break;
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    requests.lock().unwrap().push(request);
    for (pause, part) in answer.iter() {
        sleep(*pause).await;
        if stream.write_all(part).await.is_err() {
            return;
        }
        *sent.lock().unwrap() += part.len();
    }
}

fn head(status: &str, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}\r\n").into_bytes()
}

fn whole(status: &str, headers: &str, body: &str) -> Vec<Part> {
    let headers = format!("{headers}content-length: {}\r\n", body.len());
    let mut answer = head(status, &headers);
    answer.extend_from_slice(body.as_bytes());
    vec![(AT_ONCE, answer)]
}

/// How an answer is refused, and how long that takes.
async fn refused(answer: Vec<Part>) -> (FetchError, Duration) {
    let server = Server::start(answer).await;
    let start = Instant::now();
    let error = server.fetch().await.unwrap_err();
    let took = start.elapsed();
    assert_eq!(server.requests().len(), 1, "one request and no more");
    let shown = error.to_string();
    assert!(!shown.contains("discovery"), "no URL: {shown}");
    (error, took)
}

#[tokio::test]
async fn the_body_and_its_lifetime_are_returned() {
    let server = Server::start(whole("200 OK", "cache-control: max-age=60\r\n", KEYS)).await;
    let fetched = server.fetch().await.unwrap();
    assert_eq!(fetched.body, KEYS.as_bytes());
    assert_eq!(fetched.cache_control.as_deref(), Some("max-age=60"));
    let requests = server.requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    let request = request.to_lowercase();
    assert!(
        request.starts_with("get /tenant/discovery/v2.0/keys?a=b http/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains("\r\naccept: application/json\r\n"),
        "{request}"
    );
    let host = format!("\r\nhost: 127.0.0.1:{}\r\n", server.port);
    assert!(request.contains(&host), "{request}");
}

#[tokio::test]
async fn several_lines_of_cache_control_are_one() {
    let answer = whole("200 OK", "", KEYS);
    let fetched = Server::start(answer).await.fetch().await.unwrap();
    assert_eq!(fetched.cache_control, None);
    let lines = "cache-control: public\r\ncache-control: max-age=60\r\n";
    let answer = whole("200 OK", lines, KEYS);
    let fetched = Server::start(answer).await.fetch().await.unwrap();
    assert_eq!(fetched.cache_control.as_deref(), Some("public, max-age=60"));
}

#[tokio::test]
async fn a_body_may_come_in_chunks_or_end_with_the_connection() {
    let mut chunked = head("200 OK", "transfer-encoding: chunked\r\n");
    chunked.extend_from_slice(b"4\r\n{\"ke\r\n7\r\nys\":[]}\r\n0\r\n\r\n");
    let mut closed = head("200 OK", "");
    closed.extend_from_slice(KEYS.as_bytes());
    for answer in [chunked, closed] {
        let server = Server::start(vec![(AT_ONCE, answer)]).await;
        assert_eq!(server.fetch().await.unwrap().body, KEYS.as_bytes());
    }
}

/// No connection outlives a fetch: the next one may be an hour later, on an instance that slept.
#[tokio::test]
async fn each_fetch_has_its_own_connection() {
    let server = Server::start(whole("200 OK", "", KEYS)).await;
    let fetcher = Fetcher::new();
    for _ in 0..3 {
        fetcher.clone().fetch(&server.url()).await.unwrap();
    }
    // The server reads one request of each connection.
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn only_200_is_an_answer() {
    for (status, code) in [
        ("404 Not Found", 404),
        ("500 Internal Server Error", 500),
        ("503 Service Unavailable", 503),
        ("203 Non-Authoritative Information", 203),
        ("429 Too Many Requests", 429),
    ] {
        let (error, _) = refused(whole(status, "", KEYS)).await;
        assert_eq!(error, FetchError::Status(code));
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = Server::start(whole("200 OK", "", KEYS)).await;
    for status in ["301 a", "302 a", "303 a", "307 a", "308 a"] {
        let location = format!("location: {}\r\n", target.url());
        let (error, _) = refused(whole(status, &location, KEYS)).await;
        let code = status.split(' ').next().unwrap().parse().unwrap();
        assert_eq!(error, FetchError::Status(code));
    }
    assert!(target.requests().is_empty());
}

fn is_deadline(took: Duration) -> bool {
    (MAX_TIME..2 * MAX_TIME).contains(&took)
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let (error, took) = refused(vec![(4 * MAX_TIME, head("200 OK", ""))]).await;
    assert_eq!(error, FetchError::TimedOut);
    assert!(is_deadline(took), "{took:?}");
}

/// Something comes all the time, and still the two seconds are all there is.
#[tokio::test]
async fn a_dripping_body_does_not_prolong_the_deadline() {
    let drop_by_drop = (0..80).map(|_| (Duration::from_millis(100), b" ".to_vec()));
    let head = (AT_ONCE, head("200 OK", "content-length: 1000\r\n"));
    let (error, took) = refused([head].into_iter().chain(drop_by_drop).collect()).await;
    assert_eq!(error, FetchError::TimedOut);
    assert!(is_deadline(took), "{took:?}");
}

#[tokio::test]
async fn a_dripping_head_does_not_prolong_the_deadline() {
    let drop_by_drop = (0..80).map(|_| (Duration::from_millis(100), b"a: b\r\n".to_vec()));
    let start = (AT_ONCE, b"HTTP/1.1 200 OK\r\n".to_vec());
    let (error, took) = refused([start].into_iter().chain(drop_by_drop).collect()).await;
    assert_eq!(error, FetchError::TimedOut);
    assert!(is_deadline(took), "{took:?}");
}

/// Refused for what it says: nothing of the body is sent here.
#[tokio::test]
async fn an_announced_body_that_is_too_large_is_not_waited_for() {
    let head = head("200 OK", &format!("content-length: {}\r\n", MAX_BODY + 1));
    let never = (4 * MAX_TIME, Vec::new());
    let (error, took) = refused(vec![(AT_ONCE, head), never]).await;
    assert_eq!(error, FetchError::TooLarge);
    assert!(took < MAX_TIME, "{took:?}");
}

#[tokio::test]
async fn a_body_of_unknown_length_is_read_up_to_the_limit() {
    let piece = vec![b' '; 64 * 1024];
    let pieces = (0..512).map(|_| (AT_ONCE, piece.clone()));
    let answer = [(AT_ONCE, head("200 OK", ""))].into_iter().chain(pieces);
    let server = Server::start(answer.collect()).await;
    assert_eq!(server.fetch().await, Err(FetchError::TooLarge));
    sleep(Duration::from_millis(200)).await;
    let sent = *server.sent.lock().unwrap();
    assert!(
        sent < 24 * MAX_BODY,
        "all of it was taken, or nearly: {sent}"
    );
}

#[tokio::test]
async fn a_body_may_have_the_largest_size() {
    let body = " ".repeat(MAX_BODY);
    let server = Server::start(whole("200 OK", "", &body)).await;
    assert_eq!(server.fetch().await.unwrap().body.len(), MAX_BODY);
    let closed = vec![(AT_ONCE, head("200 OK", "")), (AT_ONCE, body.into_bytes())];
    let server = Server::start(closed).await;
    assert_eq!(server.fetch().await.unwrap().body.len(), MAX_BODY);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_body() {
    let mut answer = head("200 OK", "content-length: 100\r\n");
    answer.extend_from_slice(KEYS.as_bytes());
    let (error, _) = refused(vec![(AT_ONCE, answer)]).await;
    assert!(matches!(error, FetchError::BrokenOff(_)), "{error}");
    let mut answer = head("200 OK", "transfer-encoding: chunked\r\n");
    answer.extend_from_slice(b"zz\r\n");
    let (error, _) = refused(vec![(AT_ONCE, answer)]).await;
    assert!(matches!(error, FetchError::BrokenOff(_)), "{error}");
}

#[tokio::test]
async fn what_is_not_http_is_no_answer() {
    for garbage in [
        b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(),
        vec![0xff; 4096],
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n".to_vec(),
        b"HTTP/9.9 200 OK\r\n\r\n".to_vec(),
        Vec::new(),
    ] {
        let (error, _) = refused(vec![(AT_ONCE, garbage)]).await;
        assert!(matches!(error, FetchError::Unreachable(_)), "{error}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_told_with_its_cause() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("http://127.0.0.1:{port}/keys");
    let error = Fetcher::new().fetch(&url).await.unwrap_err();
    assert!(matches!(error, FetchError::Unreachable(_)), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

/// A host that has no certificate gets no request, and nothing is asked in the clear instead.
#[tokio::test]
async fn https_is_https() {
    let server = Server::start(whole("200 OK", "", KEYS)).await;
    let url = server.url().replace("http://", "https://");
    // With a proxy in the environment it is the proxy that fails to answer.
    let error = Fetcher::new().fetch(&url).await.unwrap_err();
    assert!(
        matches!(error, FetchError::Unreachable(_) | FetchError::TimedOut),
        "{error}"
    );
    for request in server.requests() {
        assert!(!request.contains("GET"), "{request}");
    }
}

#[tokio::test]
async fn without_encryption_only_the_loopback_is_asked() {
    for url in [
        "http://login.example/keys",
        "http://127.0.0.1.example/keys",
        "http://127.0.0.1@login.example/keys",
        "http://localhost.example/keys",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://127.0.0.1/keys",
        "/keys",
        "127.0.0.1/keys",
        "https:///keys",
        "",
        "http://127.0.0.1 /keys",
        "https://login.example\r\nx: y",
    ] {
        let fetched = Fetcher::new().fetch(url).await;
        assert_eq!(fetched, Err(FetchError::NotHttps), "`{url}`");
    }
}

#[tokio::test]
async fn the_trust_store_is_read_for_the_first_https_url_only() {
    let server = Server::start(whole("200 OK", "", KEYS)).await;
    let fetcher = Fetcher::new();
    assert!(fetcher.0.plain.get().is_none());
    fetcher.fetch(&server.url()).await.unwrap();
    assert!(fetcher.0.plain.get().is_some());
    assert!(fetcher.0.encrypted.get().is_none());
}
