//! What the log tells of the members of groups.

use serde_json::{Value, json};

use crate::support::capture::logged;
use crate::support::groups::{GROUP, NOBODY, crew, group, named, patch, path, replacing};
use crate::support::service::Service;

/// A group that loses more than fifty members, and more than a fifth of them, at once.
const MANY: usize = 60;

fn bulk(group: &str, operations: &[Value]) -> Value {
    let operation = |operations: &Value| json!({"method": "PATCH", "path": path(group), "data": {"Operations": operations}});
    let operations: Vec<_> = operations.iter().map(operation).collect();
    json!({"Operations": operations})
}

async fn told(service: &Service, group: &str, operations: Value) -> Value {
    let (answer, mut lines) = logged(patch(service, group, operations)).await;
    assert!(answer.status < 300, "{}", answer.body);
    lines.remove(0)
}

#[tokio::test]
async fn what_became_of_members_is_counted() {
    let (service, _, users) = crew(3).await;
    let body = json!({"schemas": [GROUP], "displayName": "Crew", "members": named(&users[..2])});
    let (created, lines) = logged(service.post("/Groups", body)).await;
    assert_eq!(lines[0]["members_added"], 2);
    let id = created.id();
    let line = told(
        &service,
        &id,
        json!([
            {"op": "remove", "path": "members", "value": [{"value": users[0]}]},
            {"op": "add", "path": "members", "value": [{"value": users[2]}, {"value": NOBODY}]},
        ]),
    )
    .await;
    let counts = ["added", "removed", "left_out"].map(|name| &line[format!("members_{name}")]);
    assert_eq!(counts, [1, 1, 1]);
    assert_eq!(line["level"], "INFO");
    assert!(!line.to_string().contains(NOBODY), "{line}");
    let rename = json!([{"op": "replace", "path": "displayName", "value": "Night Crew"}]);
    assert_eq!(
        told(&service, &id, rename).await["members_added"],
        Value::Null
    );
    // All operations of a bulk request together.
    let operations = [
        json!([{"op": "add", "path": "members", "value": named(&users[..1])}]),
        json!([{"op": "remove", "path": "members", "value": named(&users[1..])}]),
    ];
    let (answer, lines) = logged(service.post("/Bulk", bulk(&id, &operations))).await;
    assert_eq!(answer.body["Operations"][1]["status"], "200");
    let counts = ["added", "removed"].map(|name| &lines[0][format!("members_{name}")]);
    assert_eq!(counts, [1, 2]);
}

#[tokio::test]
async fn losing_many_members_at_once_is_a_warning() {
    let (service, directory, _) = crew(0).await;
    let users = directory.plant_users("acme", 6 * MANY).await;
    for (members, stay, level) in [
        (&users[..MANY], 0, "WARN"),
        // Not more than fifty, and not more than a fifth.
        (&users[..50], 0, "INFO"),
        (&users[..], 5 * MANY, "INFO"),
    ] {
        for is_bulk in [false, true] {
            let id = group(&service, "North Crew", &[]).await;
            directory.plant_members("acme", &id, members).await;
            let leaves = replacing(&members[..stay]);
            let leaves = if stay == 0 {
                json!([{"op": "remove", "path": "members"}])
            } else {
                leaves
            };
            let line = match is_bulk {
                false => told(&service, &id, leaves).await,
                true => {
                    let request = bulk(&id, &[leaves]);
                    let (answer, mut lines) = logged(service.post("/Bulk", request)).await;
                    assert_eq!(answer.body["Operations"][0]["status"], "200");
                    lines.remove(0)
                }
            };
            assert_eq!(line["level"], level, "{line}");
            assert_eq!(line["members_removed"], (members.len() - stay) as u64);
            assert_eq!(service.delete(&path(&id)).await.status, 204);
        }
    }
}
