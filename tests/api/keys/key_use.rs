//! What is recorded about keys in use, next to the requests: when they were last used, and that one
//! will soon expire.

use std::time::{Duration, Instant};

use hellotracks_scim::instance::Instance;
use serde_json::{Value, json};
use store::secrets::KeyWarning;
use store::{Gate, Meter, Store};
use tenant::{ApiKey, KeyId};
use time::OffsetDateTime;

use crate::keys::issue::{NOW, key, tenant};
use crate::support::capture::{cost, logged};
use crate::support::clock::passing_when_idle;
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::service::Service;
use stand::wire::{Fate, Wire};

async fn last_use(store: &Store, key: &KeyId) -> Option<OffsetDateTime> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let uses = store.tenant(&tenant("acme"), &meter, &gate);
    uses.last_uses().await.unwrap().remove(key)
}

fn id(key: &str) -> KeyId {
    ApiKey::parse(key.as_bytes()).unwrap().id()
}

/// A service whose requests to DynamoDB follow the plan, and its store without the plan.
pub async fn behind(
    plan: impl Fn(&str, usize) -> Fate + Send + Sync + 'static,
) -> (Service, Wire, Store) {
    let (mut service, _, prefix) = DirectoryTable::with_prefix().await;
    let wire = Wire::start(crate::support::engine::endpoint(), plan).await;
    let direct = service.app.store.clone();
    service.app.store = engine::store_through(&wire.endpoint, &prefix).await;
    (service, wire, direct)
}

fn updates(wire: &Wire) -> usize {
    wire.asked("UpdateItem directory K")
}

/// Waits for the effect of something that runs next to the requests.
pub async fn until<T>(mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "it never came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn the_last_use_is_written_once_in_five_minutes_and_costs_the_request_nothing() {
    let (mut service, wire, store) = behind(|_, _| Fate::Passed).await;
    let key = id(&service.key);
    let before = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap();
    let (answer, spent) = cost(service.call("GET", "/Schemas")).await;
    assert_eq!((answer.status, spent), (200, [1.0, 1.0, 0.0]));
    let used = until(async || last_use(&store, &key).await).await;
    assert!(
        (before..=OffsetDateTime::now_utc()).contains(&used),
        "{used}"
    );
    for _ in 0..15 {
        assert_eq!(service.get("/Users").await.status, 200);
    }
    assert_eq!(updates(&wire), 1);

    // Another instance does not know that and asks once; the stored value stays.
    service.app = Instance::new(service.app.store.clone(), service.app.config.clone());
    for _ in 0..5 {
        assert_eq!(service.get("/Users").await.status, 200);
    }
    until(async || (updates(&wire) == 2).then_some(())).await;
    assert_eq!(last_use(&store, &key).await, Some(used));
}

#[tokio::test]
async fn the_last_use_moves_forward_only() {
    let store = engine::store().await;
    let (meter, gate) = (Meter::default(), Gate::opened());
    let acme = store.tenant(&tenant("acme"), &meter, &gate);
    let key = key(&tenant("acme"), 1).id();
    let minutes = |minutes| NOW + time::Duration::minutes(minutes);
    for (now, stored) in [
        (minutes(0), minutes(0)),
        (minutes(4), minutes(0)),
        (minutes(5), minutes(0)),
        (minutes(6), minutes(6)),
        (minutes(-60), minutes(6)),
        (minutes(60 * 24 * 40), minutes(60 * 24 * 40)),
    ] {
        acme.note_use(&key, now).await.unwrap();
        assert_eq!(last_use(&store, &key).await, Some(stored), "{now}");
    }
}

/// Requests are answered equally fast, whatever happens to the record.
#[tokio::test]
async fn no_request_waits_for_the_note_or_fails_with_it() {
    for fate in [
        Fate::Ignored,
        Fate::Refused,
        Fate::Throttled,
        Fate::AnswerLost,
    ] {
        let (service, wire, _) = behind(move |operation, _| match operation {
            "UpdateItem" => fate,
            _ => Fate::Passed,
        })
        .await;
        let noted = Box::pin(async {
            // Waiting for the record would take two seconds on this clock, until the end of its
            // first attempt.
            for _ in 0..10 {
                let started = tokio::time::Instant::now();
                assert_eq!(service.get("/Users").await.status, 200);
                let elapsed = started.elapsed();
                assert!(elapsed < Duration::from_secs(1), "{fate:?}: {elapsed:?}");
            }
            until(async || (updates(&wire) > 0).then_some(())).await;
        });
        passing_when_idle(noted).await;
    }
}

/// Nothing is recorded or leased for a stranger, or for a key that is no longer accepted.
#[tokio::test]
async fn a_key_that_is_refused_leaves_no_trace() {
    let (service, directory) = DirectoryTable::with_service().await;
    let store = &service.app.store;
    let acme = tenant("acme");
    let meter = Meter::default();
    let now = OffsetDateTime::now_utc();
    let (expired, revoked, unknown) = (key(&acme, 2), key(&acme, 3), key(&acme, 4));
    for (key, expires) in [(&expired, Some(now)), (&revoked, None)] {
        store
            .create_key(key, "further", now, expires, &meter)
            .await
            .unwrap();
    }
    store
        .revoke_key(&acme, &revoked.id(), now, &meter)
        .await
        .unwrap();
    // As many operations as would need a lease.
    let operation = json!({"method": "DELETE", "path": "/Users/x"});
    let body = json!({"Operations": vec![operation; 1000]});
    for key in [&expired, &revoked, &unknown] {
        for (method, path) in [("GET", "/Users"), ("POST", "/Bulk"), ("GET", "/Schemas")] {
            let call = service.call(method, path).json(body.clone());
            call.key(key.expose()).send().await.error(401, "");
        }
    }
    // Records for them would be written before this one.
    assert_eq!(service.get("/Users").await.status, 200);
    until(async || last_use(store, &id(&service.key)).await).await;
    let dump = directory.dump().await;
    assert!(dump.contains(&format!("K#{}", id(&service.key))));
    for key in [&expired, &revoked, &unknown] {
        assert!(!dump.contains(&format!("K#{}", key.id())), "{dump}");
    }
}

/// The warnings among the lines, without the lines of requests.
fn warnings(lines: &[Value]) -> Vec<&Value> {
    let is_warning = |line: &&Value| line["level"] == "WARN";
    lines.iter().filter(is_warning).collect()
}

#[tokio::test]
async fn a_key_near_expiry_is_warned_of_once_an_hour() {
    let mut service = Service::start().await;
    let acme = tenant("acme");
    let now = OffsetDateTime::now_utc().truncate_to_millisecond();
    let days = |days| Some(now + time::Duration::days(days));
    for (seed, expires) in [(2, days(12)), (3, days(31))] {
        let store = &service.app.store;
        store
            .create_key(
                &key(&acme, seed),
                "further",
                now,
                expires,
                &Meter::default(),
            )
            .await
            .unwrap();
    }
    let requests = async |service: &Service| {
        for seed in [2, 3] {
            let key = key(&acme, seed);
            for path in ["/Users", "/Schemas"] {
                let call = service.call("GET", path).key(key.expose());
                assert_eq!(call.send().await.status, 200);
            }
        }
        service.get("/Users").await;
    };
    for _ in 0..2 {
        let ((), lines) = logged(requests(&service)).await;
        let [warning] = warnings(&lines)[..] else {
            panic!("{lines:?}")
        };
        assert_eq!(warning["message"], "key near expiry");
        assert_eq!(warning["tenant"], "acme");
        assert_eq!(warning["key_id"], key(&acme, 2).id().as_str());
        let expires = OffsetDateTime::parse(
            warning["expires"].as_str().unwrap(),
            &time::format_description::well_known::Rfc3339,
        );
        assert_eq!(expires.ok(), days(12));
        let advice = warning["advice"].as_str().unwrap();
        assert!(advice.contains("scim-admin key rotate"), "{advice}");
        let ((), lines) = logged(requests(&service)).await;
        assert_eq!(warnings(&lines), [&Value::Null; 0]);
        // Another instance repeats it.
        service.app = Instance::new(service.app.store.clone(), service.app.config.clone());
    }
}

/// The data behind `scim-admin key warnings`: the keys of all tenants, and when each was used.
#[tokio::test]
async fn the_keys_of_all_tenants_are_listed_with_their_last_use() {
    let service = Service::start().await;
    let store = &service.app.store;
    let other = service.add_tenant("other").await;
    let disabled = service.add_tenant("disabled").await;
    let meter = Meter::default();
    store
        .set_enabled(&tenant("disabled"), false, &meter)
        .await
        .unwrap();
    // Created a long time ago, and used only on one day since.
    let old = key(&tenant("acme"), 2);
    store
        .create_key(&old, "old", NOW, None, &meter)
        .await
        .unwrap();
    let gate = Gate::opened();
    let uses = store.tenant(&tenant("acme"), &meter, &gate);
    let day = time::Duration::DAY;
    uses.note_use(&old.id(), NOW + day).await.unwrap();
    uses.lease(&id(&service.key), 7, 50).await.unwrap();

    let keys = store.list_all_keys(&meter).await.unwrap();
    let listed: Vec<_> = keys
        .iter()
        .map(|key| (key.tenant.as_str(), &key.record.id, key.tenant_enabled))
        .collect();
    assert_eq!(
        listed,
        [
            ("acme", &old.id(), true),
            ("acme", &id(&service.key), true),
            ("disabled", &id(&disabled), false),
            ("other", &id(&other), true),
        ]
    );
    let used = uses.last_uses().await.unwrap();
    assert_eq!(
        used.into_iter().collect::<Vec<_>>(),
        [(old.id(), NOW + day)]
    );
    let warnings = keys[0].record.warnings(Some(NOW + day), NOW + day * 32);
    assert_eq!(warnings, [KeyWarning::Unused(31)]);
}
