//! Not tests: many users and members at once, put straight into the table.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::support::directory::DirectoryTable;

/// When they were created.
const AT: &str = "2026-11-24T06:00:00.000Z";

type Item = HashMap<String, AttributeValue>;

fn item(sort_key: String, texts: &[(&str, &str)], numbers: &[(&str, i64)]) -> (String, Item) {
    let texts = texts
        .iter()
        .map(|(name, text)| ((*name).to_owned(), AttributeValue::S((*text).to_owned())));
    let numbers = numbers
        .iter()
        .map(|(name, number)| ((*name).to_owned(), AttributeValue::N(number.to_string())));
    (sort_key, texts.chain(numbers).collect())
}

/// The user's own item.
fn user(id: &str, document: &str) -> (String, Item) {
    item(
        format!("U#{id}"),
        &[
            ("document", document),
            ("created", AT),
            ("last_modified", AT),
        ],
        &[("version", 1), ("recorded_until", 4_000_000_000)],
    )
}

fn new_ids(count: usize) -> Vec<String> {
    let mut ids: Vec<String> = (0..count)
        .map(|_| uuid::Uuid::new_v4().to_string())
        .collect();
    ids.sort();
    ids
}

impl DirectoryTable {
    /// Puts users that have everything that users have, and returns their ids in order. Their names
    /// are `planted` with a number, in the order of their ids.
    pub async fn plant_users(&self, tenant: &str, count: usize) -> Vec<String> {
        let ids = new_ids(count);
        let mut items = Vec::new();
        let mut counters = BTreeMap::<String, i64>::new();
        for (number, id) in ids.iter().enumerate() {
            let name = format!("planted{number}");
            let document = format!("{{\"active\":true,\"userName\":\"{name}\"}}");
            let changes =
                format!("{{\"active\":{{\"after\":true}},\"userName\":{{\"after\":\"{name}\"}}}}");
            items.push(user(id, &document));
            items.push(item(format!("L#U#userName#{name}#{id}"), &[], &[]));
            let guard = format!("N#U#userName#{name}");
            items.push(item(guard, &[("holder", id)], &[]));
            items.push(item(
                format!("E#{AT}#U#{id}#1"),
                &[
                    ("actor", "operator"),
                    ("operation", "create"),
                    ("request_id", "planted"),
                    ("changes", &changes),
                ],
                &[("expires_at", 4_000_000_000)],
            ));
            *counters.entry(format!("C#U#{}", &id[..2])).or_default() += 1;
            *counters.entry(format!("F#U#{}", &id[..4])).or_default() += 1;
        }
        self.put_all(tenant, items).await;
        for (counter, count) in counters {
            self.raise(tenant, &counter, "count", count).await;
            self.raise(tenant, &counter, "seq", 1).await;
            if counter.starts_with('C') {
                self.raise(tenant, &counter, "active", count).await;
            }
        }
        ids
    }

    /// Puts users that exist, and no more: no list finds them, and nothing counts them.
    pub async fn plant_bare_users(&self, tenant: &str, count: usize) -> Vec<String> {
        let ids = new_ids(count);
        let document = "{\"active\":true,\"userName\":\"bare\"}";
        let items = ids.iter().map(|id| user(id, document)).collect();
        self.put_all(tenant, items).await;
        ids
    }

    /// Makes users, in the order of their ids, members of a group that has none.
    pub async fn plant_members(&self, tenant: &str, group: &str, users: &[String]) {
        self.plant_members_called(tenant, group, users, "").await;
    }

    /// The same with a `display` that all of them have; empty for none.
    pub async fn plant_members_called(
        &self,
        tenant: &str,
        group: &str,
        users: &[String],
        display: &str,
    ) {
        let texts = &[("display", display)][usize::from(display.is_empty())..];
        let mut items = Vec::new();
        let mut shards = BTreeMap::<&str, i64>::new();
        let mut added = Vec::new();
        for user in users {
            items.push(item(format!("M#{group}#{user}"), texts, &[]));
            items.push(item(format!("I#{user}#{group}"), texts, &[]));
            *shards.entry(&user[..1]).or_default() += 1;
            added.extend_from_slice(uuid::Uuid::parse_str(user).unwrap().as_bytes());
        }
        for (digit, count) in shards {
            let numbers = [("count", count), ("changes", 1)];
            let shard = format!("G#{group}#{digit}");
            items.push(item(shard, &[("last_modified", AT)], &numbers));
        }
        let (key, mut record) = item(
            format!("E#{AT}#M#{group}#{}", uuid::Uuid::new_v4()),
            &[
                ("actor", "operator"),
                ("operation", "patch"),
                ("request_id", "planted"),
            ],
            &[("expires_at", 4_000_000_000)],
        );
        record.insert("added".to_owned(), AttributeValue::B(Blob::new(added)));
        items.push((key, record));
        self.put_all(tenant, items).await;
    }
}

/// Lists, requests and the check take them for any others.
#[tokio::test]
async fn planted_users_are_as_others() {
    let (service, directory) = DirectoryTable::with_service().await;
    let other = service
        .create_user("lena", serde_json::json!({"active": false}))
        .await;
    let mut ids = directory.plant_users("acme", 30).await;
    ids.push(other);
    ids.sort();
    assert_eq!(service.get("/Users").await.ids(), ids);
    let found = service.find("userName eq \"Planted7\"").await;
    let path = format!("/Users/{}", found.ids()[0]);
    let title = serde_json::json!([{"op": "add", "path": "title", "value": "Lead"}]);
    assert_eq!(service.patch(&path, title).await.status, 200);
    assert_eq!(service.delete(&path).await.status, 204);
    let census = directory.check("acme").await;
    assert_eq!((census.users.len(), census.tombstones.len()), (30, 1));
}
