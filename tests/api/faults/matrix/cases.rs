//! Runs operations in trouble and judges what comes of it.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::Value;
use tokio::time::Instant;

use super::kinds::{FEW, KINDS, Kind, Outcome};
use super::operations::{Breadth, Change, FIRST_DEACTIVATION, KEY_USE, Operation, is_aside};
use super::operator;
use super::reply::{Reply, send, without_cursors};
use super::request::{Request, Rival};
use super::tenants::{Fixture, Found, Setting, Tenant, Users};
use super::tokens;
use crate::support::clock::passing_when_idle;
use stand::wire::asked::Asked;
use stand::wire::{self, Fate, Wire};

/// The deadline of requests, as the function has it.
const DEADLINE: Duration = Duration::from_secs(8);
/// How much later than its deadline an answer may come: the clock goes on in steps.
const LEEWAY: Duration = Duration::from_millis(100);

/// A call of an operation: the label of its requests, and which of those it is.
#[derive(Debug, Clone)]
struct Call {
    label: String,
    nth: usize,
    /// Whether a transaction comes before it, and whether one comes after it.
    is_after_write: bool,
    is_before_write: bool,
}

/// What is in an operation's way.
#[derive(Clone)]
enum Trouble {
    Once(Kind),
    ForGood(Kind),
    Rival(Rival, &'static [u16]),
    /// The rival comes before every call.
    Rivals(Rival),
}

struct Case {
    operation: Operation,
    call: Call,
    trouble: Trouble,
    /// The answer without trouble.
    baseline: Value,
}

/// Operations on the users of a fixture.
pub type Operations = fn(&Users) -> Vec<Operation>;

/// Runs each operation in each trouble on each of its calls. Returns how many cases that were.
pub fn run(setting: Setting, operations: Operations) -> usize {
    on_a_thread(move || Box::pin(run_all(setting, operations)))
}

/// Runs a test on a thread with a stack that debug builds of the SDK fit into however deep a case
/// nests it, and with a runtime of one thread, whose clock goes on while nothing is under way.
fn on_a_thread<T: Send + 'static>(
    test: impl FnOnce() -> Pin<Box<dyn Future<Output = T>>> + Send + 'static,
) -> T {
    const STACK: usize = 16 * 1024 * 1024;
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(passing_when_idle(test()))
    });
    match thread.unwrap().join() {
        Ok(outcome) => outcome,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

async fn run_all(setting: Setting, operations: Operations) -> usize {
    let fixture = Arc::new(Fixture::start(setting).await);
    // Cases that only read share a tenant.
    let readers = fixture.tenant().await;
    let mut cases = Vec::new();
    for operation in operations(&fixture.users) {
        let (calls, baseline) = discover(&fixture, &operation).await;
        cases.extend(cases_of(&operation, &calls, &baseline));
    }
    let count = cases.len();
    println!("{count} cases");
    let mut failures = Vec::new();
    for case in cases.into_iter().map(Arc::new) {
        let judged = AssertUnwindSafe(Box::pin(case.run(&fixture, &readers)));
        if let Err(panic) = judged.catch_unwind().await {
            failures.push(format!("{}: {}", case.name(), message(panic.as_ref())));
        }
    }
    fixture.assert_consistent(&readers).await;
    assert!(
        failures.is_empty(),
        "{} of {count} cases fail:\n{}",
        failures.len(),
        failures.join("\n")
    );
    count
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("panic")
        .to_owned()
}

/// The labels of the calls of these operations.
pub async fn labels(setting: Setting, operations: Operations) -> BTreeSet<String> {
    let fixture = Fixture::start(setting).await;
    let mut labels = BTreeSet::new();
    for operation in operations(&fixture.users) {
        let (calls, _) = discover(&fixture, &operation).await;
        labels.extend(calls.into_iter().map(|call| call.label));
    }
    labels
}

/// The calls of an operation and its answer.
async fn discover(fixture: &Fixture, operation: &Operation) -> (Vec<Call>, Value) {
    let tenant = fixture.tenant().await;
    let wire = Wire::planned(&fixture.endpoint, |_| Fate::Passed, None).await;
    let service = fixture.disturbed(&tenant, &wire.endpoint, DEADLINE);
    prepare(fixture, &tenant, operation).await;
    let answer = send(fixture, &service, &tenant, &operation.request).await;
    assert_eq!(answer.status, operation.status, "{}", answer.body);
    if let Request::Client {
        is_stranger: false, ..
    } = &operation.request
    {
        while !wire.labels().iter().any(|label| label == KEY_USE) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let mut counts = BTreeMap::<String, usize>::new();
    let mut is_after_write = false;
    let calls = wire.labels().into_iter().map(|label| {
        let nth = counts.entry(label.clone()).or_default();
        *nth += 1;
        let is_after = is_after_write;
        is_after_write |= label.starts_with("TransactWriteItems");
        Call {
            label,
            nth: *nth - 1,
            is_after_write: is_after,
            is_before_write: false,
        }
    });
    let mut calls: Vec<Call> = calls.collect();
    let mut is_before_write = false;
    for call in calls.iter_mut().rev() {
        call.is_before_write = is_before_write;
        is_before_write |= call.label.starts_with("TransactWriteItems");
    }
    (calls, without_cursors(answer.body))
}

/// Every call, every kind, and every rival.
fn cases_of(operation: &Operation, calls: &[Call], baseline: &Value) -> Vec<Case> {
    let mut cases = Vec::new();
    // The use of a key is noted in the same way whatever is asked, so two operations are enough.
    let notes_use = ["GET", "PATCH"].contains(&operation.name);
    for call in calls
        .iter()
        .filter(|call| notes_use || call.label != KEY_USE)
        .filter(|call| operation.concerns(&call.label))
    {
        let mut add = |trouble| {
            cases.push(Case {
                operation: operation.clone(),
                call: call.clone(),
                trouble,
                baseline: baseline.clone(),
            });
        };
        let name = call.label.split(' ').next().unwrap_or_default();
        let is_write = name == "TransactWriteItems";
        let kinds = match operation.breadth {
            Breadth::FewOfWrites => FEW,
            Breadth::FewOfReads if !is_write => FEW,
            _ => KINDS,
        };
        for kind in kinds.iter().filter(|kind| kind.applies(name)) {
            add(Trouble::Once(*kind));
            add(Trouble::ForGood(*kind));
        }
        for (rival, statuses) in &operation.rivals {
            // Who comes after the last write is not in its way.
            let is_late = call.is_after_write && !call.is_before_write;
            let is_late = is_late && !call.label.starts_with("TransactWriteItems");
            if is_late || is_aside(&operation.request, &call.label) {
                continue;
            }
            add(Trouble::Rival(rival.clone(), statuses));
            if rival.is_persistent && call.label.starts_with("TransactWriteItems") {
                add(Trouble::Rivals(rival.clone()));
            }
        }
    }
    cases
}

impl Case {
    fn name(&self) -> String {
        let trouble = match &self.trouble {
            Trouble::Once(kind) => format!("{kind:?} once"),
            Trouble::ForGood(kind) => format!("{kind:?} for good"),
            Trouble::Rival(rival, _) => format!("somebody {}", rival.name),
            Trouble::Rivals(rival) => format!("somebody {} again and again", rival.name),
        };
        let Call { label, nth, .. } = &self.call;
        format!("{}, `{label}` {}, {trouble}", self.operation.name, nth + 1)
    }

    fn is_aside(&self) -> bool {
        is_aside(&self.operation.request, &self.call.label)
    }

    fn has_rival(&self) -> bool {
        matches!(self.trouble, Trouble::Rival(..) | Trouble::Rivals(_))
    }

    /// What happens to a request of the service.
    fn fate(&self, asked: &Asked) -> Fate {
        let is_call = asked.label == self.call.label && asked.before == self.call.nth;
        match &self.trouble {
            Trouble::Once(kind) if is_call => kind.fate(),
            Trouble::Rival(..) if is_call => Fate::Overtaken,
            Trouble::Rivals(_) => Fate::Overtaken,
            _ => Fate::Passed,
        }
    }

    /// From the call on, whatever is asked.
    fn plan(self: &Arc<Self>) -> impl Fn(&Asked) -> Fate + Send + Sync + 'static {
        let case = self.clone();
        let has_begun = std::sync::atomic::AtomicBool::new(false);
        move |asked| {
            let Trouble::ForGood(kind) = &case.trouble else {
                return case.fate(asked);
            };
            if asked.label == case.call.label && asked.before == case.call.nth {
                has_begun.store(true, Relaxed);
            }
            if has_begun.load(Relaxed) && kind.applies(&asked.operation) {
                kind.fate()
            } else {
                Fate::Passed
            }
        }
    }

    async fn run(self: &Arc<Self>, fixture: &Arc<Fixture>, readers: &Tenant) {
        let tenant = if self.operation.needs_tenant() || self.has_rival() {
            let tenant = fixture.tenant().await;
            prepare(fixture, &tenant, &self.operation).await;
            tenant
        } else {
            readers.clone()
        };
        let refused = Arc::default();
        let rival = self.rival(fixture, &tenant, &refused);
        let wire = Wire::planned(&fixture.endpoint, self.plan(), rival).await;
        let service = fixture.disturbed(&tenant, &wire.endpoint, DEADLINE);
        let started = Instant::now();
        let sent = send(fixture, &service, &tenant, &self.operation.request);
        let answer = Box::pin(sent).await;
        let elapsed = started.elapsed();
        wire.cut().await;
        // Beside the test a failed assertion would only end a connection.
        assert_eq!(*refused.lock().unwrap(), Vec::<String>::new(), "the rival");
        if let Request::Client { .. } | Request::Token(_) = self.operation.request {
            assert!(elapsed < DEADLINE + LEEWAY, "it took {elapsed:?}");
        }
        match &self.trouble {
            Trouble::Rival(_, statuses) => {
                assert!(statuses.contains(&answer.status), "{}", answer.body);
                fixture.assert_consistent(&tenant).await;
            }
            Trouble::Rivals(_) => {
                assert_eq!(answer.status, 503, "{}", answer.body);
                fixture.assert_consistent(&tenant).await;
            }
            Trouble::Once(kind) | Trouble::ForGood(kind) => {
                self.judge(fixture, &tenant, &answer, *kind).await;
            }
        }
    }

    /// Whether the call reads for the answer to a change that is made.
    fn reads_what_it_changed(&self) -> bool {
        let is_client_s = matches!(self.operation.request, Request::Client { .. });
        let is_read = !self.call.label.starts_with("TransactWriteItems");
        let is_last = self.call.is_after_write && !self.call.is_before_write;
        is_client_s && is_read && is_last && self.operation.is_one_write()
    }

    fn is_done(&self, answer: &Reply) -> bool {
        let is_short = self.reads_what_it_changed() && answer.status == 204;
        is_short || answer.is_done(self.operation.status)
    }

    async fn judge(&self, fixture: &Fixture, tenant: &Tenant, answer: &Reply, kind: Kind) {
        let is_done = self.is_done(answer);
        let is_lasting = matches!(self.trouble, Trouble::ForGood(_));
        let outcome = match &self.operation.request {
            // What stays reaches the requests that are made at the same time.
            _ if self.call.label == KEY_USE && is_lasting => Outcome::DoneOrUnavailable,
            _ if self.is_aside() => Outcome::Done,
            // What is made is answered as made, with less of it if need be.
            _ if self.reads_what_it_changed() => Outcome::Done,
            // It may be refused before it is read for.
            Request::Client {
                is_stranger: true, ..
            } if self.call.label.ends_with("directory U") => Outcome::DoneOrUnavailable,
            // It is made, and may be answered without being shown, or carried out to the end.
            _ if self.call.is_after_write && is_lasting && !self.operation.is_whole() => {
                Outcome::DoneOrUnavailable
            }
            _ => kind.outcome(is_lasting),
        };
        match outcome {
            Outcome::Done => assert!(is_done, "{} {}", answer.status, answer.body),
            Outcome::Unavailable => assert!(!is_done, "{} {}", answer.status, answer.body),
            Outcome::DoneOrUnavailable => {}
        }
        let Some(change) = &self.operation.change else {
            if is_done {
                assert_eq!(without_cursors(answer.body.clone()), self.baseline);
            }
            return;
        };
        self.judge_change(fixture, tenant, change, answer, kind)
            .await;
    }

    /// The client sends the request again, to a DynamoDB that is well.
    async fn judge_change(
        &self,
        fixture: &Fixture,
        tenant: &Tenant,
        change: &Change,
        answer: &Reply,
        kind: Kind,
    ) {
        let is_done = self.is_done(answer);
        if !self.operation.repairs() {
            fixture.assert_consistent(tenant).await;
        }
        let found = self.found(fixture, tenant).await;
        let is_made = (change.is_made)(&fixture.users, &found);
        if is_done {
            assert!(is_made, "what was answered is not so");
            fixture.assert_both_sides(tenant, &found).await;
            assert_eq!(found.users.len(), change.users);
            if self.operation.repairs() {
                fixture.assert_consistent(tenant).await;
            }
            return;
        }
        // What is decided is made, whatever comes of its steps and of the answer.
        let is_decided = self.call.is_after_write && !self.operation.is_whole();
        if !kind.may_take_effect() && self.operation.is_one_write() && !is_decided {
            assert!(!is_made, "what was refused is so");
        }
        let calm = fixture.calm(tenant);
        let again = send(fixture, &calm, tenant, &self.operation.request).await;
        let expected = if is_made {
            change.again
        } else {
            self.operation.status
        };
        assert_eq!(again.status, expected, "{kind:?} {}", again.body);
        let operations = again.body.get("Operations").and_then(Value::as_array);
        for operation in operations.into_iter().flatten() {
            let status = operation["status"].as_str().unwrap_or_default();
            assert!(
                ["200", "201", "204", "404", "409"].contains(&status),
                "{}",
                again.body
            );
        }
        let found = self.found(fixture, tenant).await;
        assert!((change.is_made)(&fixture.users, &found), "{}", again.body);
        fixture.assert_both_sides(tenant, &found).await;
        assert_eq!(found.users.len(), change.users);
        fixture.assert_consistent(tenant).await;
        if let Request::Client {
            body: Some(body), ..
        } = &self.operation.request
            && let Some(name) = body["userName"].as_str()
        {
            let found = calm.find(&format!("userName eq \"{name}\"")).await;
            assert_eq!(found.ids().len(), 1, "{}", found.body);
        }
    }

    async fn found(&self, fixture: &Fixture, tenant: &Tenant) -> Found {
        match self.operation.request {
            Request::Client { .. } | Request::Token(_) => fixture.found(tenant).await,
            Request::Operator(_) => fixture.found_with_secrets(tenant).await,
        }
    }

    /// What the rival does; the answers that it should not get are added to `refused`.
    fn rival(
        &self,
        fixture: &Arc<Fixture>,
        tenant: &Tenant,
        refused: &Arc<Mutex<Vec<String>>>,
    ) -> Option<wire::Rival> {
        let (Trouble::Rival(rival, _) | Trouble::Rivals(rival)) = &self.trouble else {
            return None;
        };
        let (fixture, tenant, rival) = (fixture.clone(), tenant.clone(), rival.clone());
        let times = Arc::new(AtomicUsize::new(0));
        let refused = refused.clone();
        Some(Box::new(move || {
            let (fixture, tenant, mut rival) = (fixture.clone(), tenant.clone(), rival.clone());
            let refused = refused.clone();
            let time = times.fetch_add(1, Relaxed);
            Box::pin(async move {
                if let Request::Client {
                    body: Some(body), ..
                } = &mut rival.request
                {
                    let text = body.to_string().replace('#', &time.to_string());
                    *body = serde_json::from_str(&text).unwrap();
                }
                let answer = send(&fixture, &fixture.calm(&tenant), &tenant, &rival.request).await;
                if ![200, 201, 204].contains(&answer.status) {
                    refused.lock().unwrap().push(answer.body.to_string());
                }
            })
        }))
    }
}

/// Brings the tenant into the state that an operation is for.
async fn prepare(fixture: &Fixture, tenant: &Tenant, operation: &Operation) {
    if operation.name == FIRST_DEACTIVATION {
        fixture.directory.remove(tenant.id.as_str(), "B#U").await;
    }
    match &operation.request {
        Request::Operator(command) => operator::prepare(fixture, tenant, *command).await,
        Request::Token(_) => tokens::prepare(fixture, tenant).await,
        Request::Client { .. } => {}
    }
}
