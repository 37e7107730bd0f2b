//! Requests for groups that are well formed and cost as much as they can.

use anyhow::{Context, Result, ensure};
use dear::{GroupKind, GroupRequest, group_request};
use fastrand::Rng;
use serde_json::json;
use stand::function::Answer;
use stand::pool::Pool;
use stand::request::Request;

/// Creates a group of some users, sends a dear request for it, and deletes it.
pub async fn send(
    pool: &Pool,
    key: &str,
    users: &[String],
    rng: &mut Rng,
) -> Result<(GroupKind, Answer)> {
    let kind = *rng.choice(&GroupKind::ALL).context("no kind")?;
    let call = |method, path: String, body| async move {
        let request = Request {
            method,
            path: &path,
            key,
            body,
            if_match: None,
        };
        pool.call(request.event()).await
    };
    let name = format!("dear {:x}", rng.u64(..));
    let created = call(
        "POST",
        "/Groups".to_owned(),
        Some(json!({"displayName": name})),
    );
    let created = created.await?;
    ensure!(created.status == 201, "{kind:?}: {}", created.body);
    let id = created.body["id"].as_str().context("no id")?;
    let path = format!("/Groups/{id}");
    // Some of them may be deleted by others at any time.
    let some: Vec<_> = users.iter().map(|id| json!({"value": id})).collect();
    let some = json!({"Operations": [{"op": "add", "path": "members", "value": some}]});
    call("PATCH", path.clone(), Some(some)).await?;
    let answer = match group_request(kind, users, rng) {
        GroupRequest::Patch(body) => call("PATCH", path.clone(), Some(body)).await?,
        GroupRequest::Put(body) => call("PUT", path.clone(), Some(body)).await?,
        GroupRequest::Groups(filter) => {
            let body = json!({"filter": filter});
            call("POST", "/Groups/.search".to_owned(), Some(body)).await?
        }
        GroupRequest::Users(filter) => {
            let body = json!({"filter": filter});
            call("POST", "/Users/.search".to_owned(), Some(body)).await?
        }
        GroupRequest::Page => call("GET", "/Groups?count=200".to_owned(), None).await?,
    };
    let deleted = call("DELETE", path, None).await?;
    ensure!(
        deleted.status == 204,
        "{kind:?}: after {} {}: {}",
        answer.status,
        answer.body,
        deleted.body
    );
    Ok((kind, answer))
}
