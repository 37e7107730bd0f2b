//! What a bulk request is answered with.

use std::collections::BTreeMap;
use std::mem;

use http::StatusCode;
use scim::ScimError;
use scim::bulk::BulkId;
use scim::ignored::Ignored;
use serde_json::{Map, Value, json};
use store::directory::members::MembersChanged;

use crate::service::{About, Failure, Told};

/// The results of a bulk request's operations, in the client's order. Operations skipped after
/// `failOnErrors` failures are missing.
#[derive(Debug)]
pub struct BulkResponse(pub(super) Vec<BulkResult>);

/// The result of one operation.
#[derive(Debug)]
pub(super) struct BulkResult {
    pub method: String,
    pub bulk_id: Option<BulkId>,
    pub location: Option<String>,
    pub outcome: Result<Success, Failure>,
    /// What is to be logged of it beside the answer.
    pub about: Option<Box<About>>,
}

/// What came of an operation that succeeded.
#[derive(Debug)]
pub(super) struct Success {
    pub status: StatusCode,
    /// The id of the resource that it created.
    pub id: Option<String>,
    pub etag: Option<String>,
    /// What it named and the service does not know.
    pub ignored: Ignored,
    /// What is to be logged of it beside the answer.
    pub untold: Option<Box<About>>,
    /// What became of a group's members.
    pub members: MembersChanged,
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

    /// The operations that were refused or failed by reason: the last error, and their number.
    pub fn refusals(&self) -> Vec<(ScimError, u64)> {
        let mut refusals: BTreeMap<&'static str, (ScimError, u64)> = BTreeMap::new();
        let errors = self
            .0
            .iter()
            .filter_map(|result| result.outcome.as_ref().err());
        for failure in errors {
            let error = failure.error.clone();
            let count = refusals.get(error.reason()).map_or(0, |(_, count)| *count);
            refusals.insert(error.reason(), (error, count + 1));
        }
        refusals.into_values().collect()
    }

    /// What belongs into the log of requests beside the answer.
    pub fn told(&mut self) -> Vec<Told> {
        let told = self.0.iter_mut().filter_map(|result| {
            let error = result.outcome.as_ref().err();
            Some(Told {
                about: *result.about.take()?,
                error: error.map(|failure| failure.error.clone()),
            })
        });
        told.collect()
    }

    /// What the operations named and the service does not know.
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

    /// What became of the members of groups, operation by operation.
    pub fn members(&mut self) -> Vec<MembersChanged> {
        let succeeded = self
            .0
            .iter_mut()
            .filter_map(|result| result.outcome.as_mut().ok());
        succeeded
            .map(|success| mem::take(&mut success.members))
            .collect()
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
        set("bulkId", self.bulk_id.map(|bulk_id| bulk_id.sent));
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
