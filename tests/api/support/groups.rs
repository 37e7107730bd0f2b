//! Not tests: groups and their members, as clients write and read them.

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::support::directory::DirectoryTable;
use crate::support::service::{Answer, Call, Service, query};

/// The schema of groups.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// An id that is nobody's.
pub const NOBODY: &str = "00000000-0000-4000-8000-00000000dead";

/// A request with an id of its own, as API Gateway gives it to each: records of memberships are
/// named by it.
pub fn call<'a>(service: &'a Service, method: &str, path: &str) -> Call<'a> {
    let id = uuid::Uuid::new_v4().simple().to_string();
    service.call(method, path).request_id(&id)
}

/// A service, the table under it, and this number of users in the order of their ids.
pub async fn crew(size: usize) -> (Service, DirectoryTable, Vec<String>) {
    let (service, directory) = DirectoryTable::with_service().await;
    let users = users(&service, "user", size).await;
    (service, directory, users)
}

/// Creates users, a few at a time, and returns their ids in order.
pub async fn users(service: &Service, name: &str, count: usize) -> Vec<String> {
    let create = |user| async move {
        let name = format!("{name}{user}");
        service.create_user(&name, json!({})).await
    };
    let mut ids: Vec<String> = stream::iter(0..count)
        .map(create)
        .buffer_unordered(16)
        .collect()
        .await;
    ids.sort();
    ids
}

/// The userName of a user.
pub async fn name_of(service: &Service, user: &str) -> String {
    let user = service.get(&format!("/Users/{user}")).await;
    user.body["userName"].as_str().unwrap().to_owned()
}

/// Creates a group with these members and returns its id.
pub async fn group(service: &Service, display_name: &str, members: &[String]) -> String {
    let mut body = json!({"schemas": [GROUP], "displayName": display_name});
    if !members.is_empty() {
        body["members"] = named(members);
    }
    let created = call(service, "POST", "/Groups").json(body).send().await;
    assert_eq!(created.status, 201, "{}", created.body);
    created.id()
}

/// Members by their ids alone.
pub fn named(ids: &[String]) -> Value {
    ids.iter().map(|id| json!({"value": id})).collect()
}

pub fn path(group: &str) -> String {
    format!("/Groups/{group}")
}

/// A PATCH of a group before it is sent.
pub fn patching<'a>(service: &'a Service, path: &str, operations: Value) -> Call<'a> {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": operations,
    });
    call(service, "PATCH", path).json(body)
}

pub async fn patch(service: &Service, group: &str, operations: Value) -> Answer {
    patching(service, &path(group), operations).send().await
}

/// A PATCH that succeeds.
pub async fn change(service: &Service, group: &str, operations: Value) -> Answer {
    let answer = patch(service, group, operations).await;
    assert!([200, 204].contains(&answer.status), "{}", answer.body);
    answer
}

/// As Entra adds a member with its flag.
pub fn adding(user: &str) -> Value {
    json!([{"op": "add", "path": "members", "value": [{"value": user}]}])
}

/// As Entra removes a member with its flag.
pub fn removing(user: &str) -> Value {
    json!([{"op": "remove", "path": format!("members[value eq \"{user}\"]")}])
}

/// As Okta pushes a whole group.
pub fn replacing(users: &[String]) -> Value {
    json!([{"op": "replace", "path": "members", "value": named(users)}])
}

/// Renames a group.
pub fn renaming(name: &str) -> Value {
    json!([{"op": "replace", "path": "displayName", "value": name}])
}

/// The `value` of each element of a multi-valued attribute, in order.
pub fn values(resource: &Value, attribute: &str) -> Vec<String> {
    let elements = resource[attribute].as_array();
    assert_ne!(elements.map(Vec::len), Some(0), "what is empty is absent");
    elements
        .into_iter()
        .flatten()
        .map(|element| element["value"].as_str().expect("a value").to_owned())
        .collect()
}

/// A resource that is there.
pub async fn read(service: &Service, path: &str) -> Answer {
    let found = service.get(path).await;
    assert_eq!(found.status, 200, "{path} {}", found.body);
    found
}

/// The members that GET shows.
pub async fn members_of(service: &Service, group: &str) -> Vec<String> {
    values(&read(service, &path(group)).await.body, "members")
}

/// The groups that GET of a user shows.
pub async fn groups_of(service: &Service, user: &str) -> Vec<String> {
    values(
        &read(service, &format!("/Users/{user}")).await.body,
        "groups",
    )
}

/// How many users are in a group, as it is counted for lists of users.
pub async fn count(service: &Service, group: &str) -> u64 {
    let filter = format!("groups.value eq \"{group}\"");
    let list = service
        .get(&format!(
            "/Users?{}",
            query(&[("filter", &filter), ("count", "0")])
        ))
        .await;
    assert_eq!(list.status, 200, "{}", list.body);
    list.body["totalResults"].as_u64().expect("a number")
}

/// The ids of the resources that a filter finds, in order, on one page.
pub async fn found(service: &Service, endpoint: &str, filter: &str) -> Vec<String> {
    let parameters = query(&[("filter", filter), ("count", "1000")]);
    let list = service.get(&format!("{endpoint}?{parameters}")).await;
    let mut ids = list.ids();
    assert_eq!(list.body["totalResults"], ids.len(), "{filter}");
    ids.sort();
    ids
}

/// The number in an entity tag.
pub fn version(answer: &Answer) -> u64 {
    let tag = answer.header("etag");
    if !answer.body.is_null() {
        assert_eq!(answer.body["meta"]["version"], tag, "{}", answer.body);
    }
    let number = tag
        .strip_prefix("W/\"")
        .and_then(|tag| tag.strip_suffix('"'));
    number.unwrap_or_default().parse().expect("a version")
}

/// The version of a group, which does not depend on what of it is shown.
pub async fn version_of(service: &Service, group: &str) -> u64 {
    let excluded = format!("{}?excludedAttributes=members", path(group));
    let found = read(service, &excluded).await;
    assert_eq!(found.body.get("members"), None);
    version(&found)
}
