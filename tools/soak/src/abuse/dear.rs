//! Requests that are well formed and cost as much as they can.

use anyhow::{Context, Result, ensure};
use dear::{Dear, Request as Asked, Shape};
use fastrand::Rng;
use serde_json::{Value, json};
use stand::function::Answer;
use stand::pool::Pool;
use stand::request::Request;

/// The operations of a bulk request: each is a write of a large user.
const MAX_OPERATIONS: usize = 20;

/// Creates a user, sends a dear request for it, and deletes it.
pub async fn send(pool: &Pool, key: &str, rng: &mut Rng) -> Result<(Shape, Answer)> {
    let mut shape = Shape::random(rng);
    // A user can be looked up by few e-mail addresses.
    if shape.attribute == 0 {
        shape.elements = shape.elements.min(40);
    }
    if shape.kind == dear::Kind::Bulk {
        shape.operations = shape.operations.min(MAX_OPERATIONS);
    }
    let Dear { user, request, .. } = shape.build();
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
    let created = call("POST", "/Users".to_owned(), Some(user)).await?;
    ensure!(created.status == 201, "{shape:?}: {}", created.body);
    let id = created.body["id"].as_str().context("no id")?;
    let path = format!("/Users/{id}");
    let answer = match request {
        Asked::Patch(body) => call("PATCH", path.clone(), Some(body)).await?,
        Asked::Replace(body) => call("PUT", path.clone(), Some(body)).await?,
        Asked::Bulk(body) => {
            let body: Value = serde_json::from_str(&body.to_string().replace("{id}", id))?;
            call("POST", "/Bulk".to_owned(), Some(body)).await?
        }
        Asked::Filter(filter) => {
            let body = json!({"filter": filter});
            call("POST", "/Users/.search".to_owned(), Some(body)).await?
        }
        Asked::Attributes(attributes) => {
            let body = json!({"attributes": attributes});
            call("POST", "/Users/.search".to_owned(), Some(body)).await?
        }
    };
    let deleted = call("DELETE", path, None).await?;
    ensure!(deleted.status == 204, "{shape:?}: {}", deleted.body);
    Ok((shape, answer))
}
