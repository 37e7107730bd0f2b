//! What an attacker cannot do, as docs/SECURITY.md promises and other tests do not cover.

use std::time::{Duration, Instant};

use serde_json::json;
use store::{Gate, Meter};
use tenant::{ApiKey, TenantId};
use time::OffsetDateTime;

use crate::keys::key_use::{behind, until};
use crate::support::admin::Admin;
use crate::support::capture::{cost, logged};
use crate::support::directory::DirectoryTable;
use stand::wire::Fate;

/// The 64 digits of a key that are its secret.
fn secret(key: &str) -> &str {
    key.rsplit('_').nth(1).unwrap()
}

/// Read access to both tables and the logs does not yield any key.
#[tokio::test]
async fn neither_tables_nor_logs_hold_a_key() {
    let (service, directory) = DirectoryTable::with_service().await;
    let key = service.key.clone();
    let ((), lines) = logged(async {
        let id = service.create_user("lena", json!({})).await;
        service.get(&format!("/Users/{id}")).await;
        let reversed: String = secret(&key).chars().rev().collect();
        let mistyped = key.replace(secret(&key), &reversed);
        let call = service.call("GET", "/Users").key(&mistyped);
        call.send().await.error(401, "");
        service.delete(&format!("/Users/{id}")).await;
    })
    .await;
    assert!(lines.len() >= 4);
    let mut seen = lines.iter().map(ToString::to_string).collect::<String>();
    seen.push_str(&directory.dump().await);
    assert!(seen.contains("lena"), "both tables were read");
    assert!(!seen.contains(secret(&key)));
    assert!(!seen.contains(&secret(&key)[..16]));
}

/// The maximum number of refusals of one kind, for issued keys or for others, that may have been
/// written one by one since then: 20, plus one per second.
pub fn most_writes(started: Instant) -> usize {
    let seconds = usize::try_from(started.elapsed().as_secs()).unwrap();
    20 + seconds + 1
}

/// A stranger who invents keys of a tenant causes hardly any writes, whether the tenant exists or
/// not, and learns nothing from the answer.
#[tokio::test]
async fn invented_keys_cause_hardly_a_write() {
    let (service, wire, store) = behind(|_, _| Fate::Passed).await;
    let [acme, nobody] = ["acme", "nobody"].map(|id| TenantId::parse(id).unwrap());
    let started = Instant::now();
    let mut answers = Vec::new();
    for number in 0..200_u8 {
        let tenant = if number % 8 == 1 { &nobody } else { &acme };
        let invented = ApiKey::from_secret(tenant, [number; 32]);
        let call = service.call("GET", "/Users").key(invented.expose());
        let (answer, cost) = cost(call).await;
        answer.error(401, "");
        assert_eq!(cost[2], 0.0, "the answer does not wait for a write");
        answers.push(answer.body.to_string());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    // Time for writes that run next to the answers.
    until(async || (wire.asked("UpdateItem directory R") > 0).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let most = most_writes(started);
    for what in ["UpdateItem directory R", "GetItem secrets TENANT"] {
        let asked = wire.asked(what);
        assert!((1..=most).contains(&asked), "{what}: {asked} of {most}");
    }
    let reads = ["GetItem", "BatchGetItem", "Query"];
    let others = wire.labels().into_iter().filter(|label| {
        let is_read = reads.iter().any(|read| label.starts_with(read));
        !is_read && label != "UpdateItem directory R"
    });
    assert_eq!(others.collect::<Vec<_>>(), [""; 0]);
    let (meter, gate) = (Meter::default(), Gate::opened());
    let directory = store.tenant(&nobody, &meter, &gate);
    let refusals = directory.refusals(OffsetDateTime::UNIX_EPOCH).await;
    assert_eq!(refusals.unwrap(), []);
}

/// The holder of a key cannot hide: their actions are recorded under its id, even after the key is
/// revoked.
#[tokio::test]
async fn a_stolen_key_leaves_its_id_on_every_change() {
    let (service, _, admin) = Admin::with_service().await;
    let (_, created) = admin.json("key create acme --label stolen").await;
    let (stolen, id) = (created["key"].as_str().unwrap(), &created["id"]);
    let path = format!("/Users/{}", service.create_user("lena", json!({})).await);
    let body = json!({"Operations": [{"op": "replace", "path": "title", "value": "Owner"}]});
    let call = service.call("PATCH", &path).key(stolen).json(body);
    assert_eq!(call.send().await.status, 200);
    admin
        .run(&format!("key revoke acme {}", id.as_str().unwrap()))
        .await;
    let (_, history) = admin.run("history acme --ndjson").await;
    let actor = format!("\"actor\":\"key {}\"", id.as_str().unwrap());
    assert_eq!(history.matches(&actor).count(), 1, "{history}");
}

/// The function cannot write to the table that controls access.
#[tokio::test]
async fn requests_leave_the_secrets_table_as_it_is() {
    let (service, directory) = DirectoryTable::with_service().await;
    let before = directory.secrets().await;
    let path = format!("/Users/{}", service.create_user("lena", json!({})).await);
    service.get("/Users").await;
    service.get("/Users/unknown").await.error(404, "");
    service.delete(&path).await;
    service
        .call("GET", "/Users")
        .key("x")
        .send()
        .await
        .error(401, "");
    assert_eq!(directory.secrets().await, before);
    assert_eq!(before.len(), 4, "the tenant, its key, and who made them");
}

/// Some clients send a password. The service does not use it, and it reaches no table and no log.
#[tokio::test]
async fn a_password_is_discarded() {
    let (service, directory) = DirectoryTable::with_service().await;
    const PASSWORD: &str = "correct-horse-battery";
    let ((), lines) = logged(async {
        let id = service
            .create_user("lena", json!({"password": PASSWORD}))
            .await;
        let path = format!("/Users/{id}");
        let put = json!({"userName": "lena", "title": "Lead", "password": PASSWORD});
        assert_eq!(service.put(&path, put).await.status, 200);
        let operation = json!([{"op": "replace", "value": {"password": PASSWORD, "title": "x"}}]);
        let answer = service.patch(&path, operation).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.body.to_string().contains(PASSWORD));
    })
    .await;
    let seen = format!("{lines:?}{}", directory.dump().await);
    assert!(seen.contains("lena") && !seen.contains(PASSWORD));
}
