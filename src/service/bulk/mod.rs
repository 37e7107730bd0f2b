//! Bulk requests (RFC 7644 §3.7): the outcome is that of running the operations one after another,
//! and those that cannot have to do with each other run at once.
//!
//! `scim::bulk` plans what may run when, `schedule` follows the plan, `response` is the answer.

mod response;
mod schedule;

use std::mem;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::StatusCode;
use scim::ScimError;
use scim::bulk::{Action, BulkOperation, BulkRequest, Holders, UniqueName};
use scim::ignored::Ignored;
use store::directory::members::MembersChanged;
use tokio::time::Instant;

use super::{About, Answer, Body, Directory, Failure, IfMatch};
pub use response::BulkResponse;
use response::{BulkResult, Success};
use schedule::{Schedule, Started};

/// Maximum number of concurrent operations.
const CONCURRENCY: usize = 8;

impl Directory<'_> {
    /// Runs all operations. After `failOnErrors` failures the rest are skipped: an operation starts
    /// when it is certain that fewer of those before it have failed.
    ///
    /// Operations not started by `deadline` are answered with 503 each, and the others keep their
    /// own status: a client learns what was done, unless a single operation uses up the rest of the
    /// request's time.
    ///
    /// # Errors
    /// `tooMany` when the names take too much work, and failures to learn who has them: then
    /// nothing was done.
    pub async fn bulk(
        &self,
        mut request: BulkRequest,
        deadline: Instant,
    ) -> Result<BulkResponse, Failure> {
        let names = request.names(&self.budget)?;
        let holders = self.holders(&request.names_to_look_up(&names)).await?;
        let plan = request.plan(names, &holders);
        let mut schedule = Schedule::new(request, plan);
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < CONCURRENCY
                && let Some(started) = schedule.start()
            {
                running.push(self.carry_out(started, deadline));
            }
            let Some((index, operation, result)) = running.next().await else {
                return Ok(BulkResponse(schedule.into_results()));
            };
            schedule.end(index, operation, result);
        }
    }

    /// Who has these names, which are in the order of their types.
    async fn holders(&self, names: &[UniqueName]) -> Result<Holders, Failure> {
        let mut holders = Holders::default();
        for of_type in names.chunk_by(|one, other| one.resource_type == other.resource_type) {
            let Some(UniqueName { resource_type, .. }) = of_type.first() else {
                continue;
            };
            let values: Vec<&str> = of_type.iter().map(|name| name.value.as_str()).collect();
            let found = self.store.holders(resource_type, &values).await?;
            for (name, holder) in of_type.iter().zip(found) {
                if let Some(holder) = holder {
                    holders.insert(name, holder);
                }
            }
        }
        Ok(holders)
    }

    async fn carry_out(
        &self,
        started: Started,
        deadline: Instant,
    ) -> (usize, BulkOperation, BulkResult) {
        let Started {
            index,
            operation,
            action,
        } = started;
        let location = |action: &Action, id: &str| {
            format!("{}{}/{id}", self.base, action.resource_type().endpoint)
        };
        let mut result = BulkResult {
            method: operation.method.clone(),
            bulk_id: operation.bulk_id.clone(),
            location: action
                .as_ref()
                .ok()
                .and_then(|action| Some(location(action, action.id()?))),
            about: None,
            outcome: Err(ScimError::Unavailable(
                "the operation was not started in time; send it again".to_owned(),
            )
            .into()),
        };
        let part = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let understood = action.as_ref().ok().cloned();
        match action {
            Err(error) => result.outcome = Err(error.into()),
            Ok(_) if Instant::now() >= deadline => {}
            Ok(action) => {
                result.outcome = Box::pin(self.run(&action, &operation, part)).await;
                match &result.outcome {
                    Ok(Success { id: Some(id), .. }) => {
                        result.location = Some(location(&action, id));
                    }
                    Err(Failure {
                        existing: Some(existing),
                        ..
                    }) => result.location = Some(existing.location.clone()),
                    _ => {}
                }
            }
        }
        result.about = match &mut result.outcome {
            Ok(success) => success.untold.take(),
            Err(_) if self.log.is_kept() => {
                let about = About::of_operation(part, &operation, understood.as_ref());
                Some(Box::new(about))
            }
            Err(_) => None,
        };
        (index, operation, result)
    }

    /// Runs one operation as the request that it stands for.
    async fn run(
        &self,
        action: &Action,
        operation: &BulkOperation,
        part: u32,
    ) -> Result<Success, Failure> {
        let part = Some(part);
        let body = Body::Parsed(&operation.data);
        let if_match = IfMatch(operation.version.clone());
        let changed = |status, changed: Answer| Success {
            status,
            id: None,
            etag: changed.etag,
            ignored: changed.ignored,
            untold: changed.untold,
            members: changed.members,
        };
        match action {
            Action::Create(of) => {
                let mut created = Box::pin(self.create(of, body, None, part)).await?;
                Ok(Success {
                    id: Some(mem::take(&mut created.id)),
                    ..changed(StatusCode::CREATED, created)
                })
            }
            Action::Replace(of, id) => {
                let replaced = self.replace(of, id, body, &if_match, None, part);
                let replaced = Box::pin(replaced).await?;
                Ok(changed(StatusCode::OK, replaced))
            }
            Action::Patch(of, id) => {
                let patched = self.patch(of, id, body, &if_match, None, part);
                let patched = Box::pin(patched).await?;
                Ok(changed(StatusCode::OK, patched))
            }
            Action::Delete(of, id) => {
                Box::pin(self.delete(of, id, &if_match)).await?;
                Ok(Success {
                    status: StatusCode::NO_CONTENT,
                    id: None,
                    etag: None,
                    ignored: Ignored::default(),
                    untold: None,
                    members: MembersChanged::default(),
                })
            }
        }
    }
}
