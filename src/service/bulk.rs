//! Bulk requests (RFC 7644 §3.7).

use std::collections::{BTreeMap, HashMap};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::StatusCode;
use scim::ScimError;
use scim::bulk::{Action, BulkOperation, BulkRequest};
use scim::patch::Ignored;
use scim::project::Projection;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{Body, Directory, Failure, IfMatch};

/// Maximum number of concurrent operations.
const CONCURRENCY: usize = 8;

/// The results of a bulk request's operations, in the client's order. Operations skipped after
/// `failOnErrors` failures are missing.
#[derive(Debug)]
pub struct BulkResponse(pub Vec<BulkResult>);

/// The result of one operation.
#[derive(Debug)]
pub struct BulkResult {
    method: String,
    bulk_id: Option<String>,
    location: Option<String>,
    outcome: Result<Success, Failure>,
}

#[derive(Debug)]
struct Success {
    status: StatusCode,
    id: Option<String>,
    etag: Option<String>,
    ignored: Ignored,
}

impl Directory<'_> {
    /// Runs all operations. Independent ones run concurrently; with `failOnErrors` they run one by
    /// one, so that nothing runs after the last allowed failure.
    ///
    /// Operations not started by `deadline` are answered with 503 each, and the others keep their
    /// own status: a client learns what was done, unless a single operation uses up the rest of the
    /// request's time.
    pub async fn bulk(&self, mut request: BulkRequest, deadline: Instant) -> BulkResponse {
        let dependencies = request.dependencies();
        let concurrency = if request.fail_on_errors.is_some() {
            1
        } else {
            CONCURRENCY
        };
        let mut waiting: Vec<Option<BulkOperation>> =
            request.operations.into_iter().map(Some).collect();
        let mut results: Vec<Option<BulkResult>> = waiting.iter().map(|_| None).collect();
        let mut ids = HashMap::new();
        let mut errors = 0;
        let mut running = FuturesUnordered::new();
        loop {
            let may_start = request
                .fail_on_errors
                .is_none_or(|allowed| errors < allowed);
            while may_start && running.len() < concurrency {
                let is_done = |index: &usize| matches!(results.get(*index), Some(Some(_)));
                let next = waiting.iter().enumerate().position(|(index, operation)| {
                    operation.is_some()
                        && dependencies
                            .get(index)
                            .is_none_or(|before| before.iter().all(is_done))
                });
                // Operations in a cycle were refused when the dependencies were computed; their
                // action is an error and need not wait.
                let next = next.or_else(|| {
                    waiting.iter().position(|operation| {
                        operation
                            .as_ref()
                            .is_some_and(|operation| operation.action.is_err())
                    })
                });
                let Some((index, mut operation)) =
                    next.and_then(|index| Some((index, waiting.get_mut(index)?.take()?)))
                else {
                    break;
                };
                let action = operation.resolve(&ids);
                running.push(self.start(index, operation, action, deadline));
            }
            let Some((index, result)) = running.next().await else {
                break;
            };
            match (&result.outcome, &result.bulk_id) {
                (Ok(Success { id: Some(id), .. }), Some(bulk_id)) => {
                    _ = ids.insert(bulk_id.clone(), id.clone())
                }
                (Ok(_), _) => {}
                (Err(_), _) => errors += 1,
            }
            if let Some(slot) = results.get_mut(index) {
                *slot = Some(result);
            }
        }
        BulkResponse(results.into_iter().flatten().collect())
    }

    async fn start(
        &self,
        index: usize,
        operation: BulkOperation,
        action: Result<Action, ScimError>,
        deadline: Instant,
    ) -> (usize, BulkResult) {
        let location = action.as_ref().ok().and_then(|action| {
            let endpoint = action.resource_type().endpoint;
            action
                .id()
                .map(|id| format!("{}{endpoint}/{id}", self.base))
        });
        let mut result = BulkResult {
            method: operation.method.clone(),
            bulk_id: operation.bulk_id.clone(),
            location,
            outcome: Err(ScimError::Unavailable(
                "the operation was not started in time; send it again".to_owned(),
            )
            .into()),
        };
        result.outcome = match action {
            Err(error) => Err(error.into()),
            Ok(_) if Instant::now() >= deadline => result.outcome,
            Ok(action) => self.run(&action, &operation).await,
        };
        if let (Ok(Success { id: Some(id), .. }), Ok(action)) = (&result.outcome, &operation.action)
        {
            result.location = Some(format!(
                "{}{}/{id}",
                self.base,
                action.resource_type().endpoint
            ));
        }
        (index, result)
    }

    async fn run(&self, action: &Action, operation: &BulkOperation) -> Result<Success, Failure> {
        let body = Body::Parsed(&operation.data);
        let if_match = IfMatch(operation.version.clone());
        let projection = Projection::default();
        let success = |status, id, etag| Success {
            status,
            id,
            etag,
            ignored: Ignored::default(),
        };
        match action {
            Action::Create(of) => {
                let created = self.create(of, body, &projection).await?;
                let id = created
                    .body
                    .get("id")
                    .and_then(Value::as_str)
                    .map(str::to_owned);
                Ok(success(StatusCode::CREATED, id, Some(created.etag)))
            }
            Action::Replace(of, id) => {
                let changed = self.replace(of, id, body, &if_match, &projection).await?;
                Ok(success(StatusCode::OK, None, Some(changed.etag)))
            }
            Action::Patch(of, id) => {
                let changed = self.patch(of, id, body, &if_match, &projection).await?;
                Ok(Success {
                    ignored: changed.ignored,
                    ..success(StatusCode::OK, None, Some(changed.etag))
                })
            }
            Action::Delete(of, id) => {
                self.delete(of, id, &if_match).await?;
                Ok(success(StatusCode::NO_CONTENT, None, None))
            }
        }
    }
}

impl BulkResponse {
    /// What the log should report: the first failure of the service, or else the first refusal that
    /// an operator should look at.
    pub fn cause(&mut self) -> Option<Failure> {
        let is = |result: &BulkResult, told: fn(&ScimError) -> bool| {
            let outcome = result.outcome.as_ref();
            outcome.is_err_and(|failure| told(&failure.error))
        };
        let position = |told| self.0.iter().position(|result| is(result, told));
        let index = position(ScimError::is_failure).or(position(ScimError::is_alarming))?;
        let failure = self.0.get_mut(index)?.outcome.as_mut().err()?;
        Some(Failure {
            cause: failure.cause.take(),
            ..failure.error.clone().into()
        })
    }

    /// The refused operations by reason: the last refusal, and their number.
    pub fn refusals(&self) -> Vec<(ScimError, u64)> {
        let mut refusals: BTreeMap<&'static str, (ScimError, u64)> = BTreeMap::new();
        let errors = self
            .0
            .iter()
            .filter_map(|result| result.outcome.as_ref().err());
        for failure in errors.filter(|failure| !failure.error.is_failure()) {
            let error = failure.error.clone();
            let count = refusals.get(error.reason()).map_or(0, |(_, count)| *count);
            refusals.insert(error.reason(), (error, count + 1));
        }
        refusals.into_values().collect()
    }

    /// What the PATCH operations named and the service does not know.
    pub fn ignored(&self) -> Ignored {
        let mut all = Ignored::default();
        for success in self
            .0
            .iter()
            .filter_map(|result| result.outcome.as_ref().ok())
        {
            all.extend(&success.ignored);
        }
        all
    }

    /// The BulkResponse message.
    pub fn into_body(self) -> Value {
        let operations: Vec<_> = self.0.into_iter().map(BulkResult::into_body).collect();
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],
            "Operations": operations,
        })
    }
}

impl BulkResult {
    fn into_body(self) -> Map<String, Value> {
        let mut body = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            value.map(|value| body.insert(name.to_owned(), value))
        };
        set("method", Some(self.method.to_ascii_uppercase().into()));
        set("bulkId", self.bulk_id.map(Value::from));
        set("location", self.location.map(Value::from));
        match self.outcome {
            Ok(success) => {
                set("status", Some(success.status.as_str().into()));
                set("version", success.etag.map(Value::from));
            }
            Err(failure) => {
                set("status", Some(failure.error.status().as_str().into()));
                set("response", Some(failure.error.to_body()));
            }
        }
        body
    }
}
