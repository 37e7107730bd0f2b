//! The log of requests: what became of those that were refused or failed, or left something out.

use scim::text::fold;
use store::directory::history::Span;
use store::usage::requests::LoggedRequest;
use time::OffsetDateTime;

use crate::{Account, Failure};

/// Which requests are asked for. What is not said is not asked for.
#[derive(Debug, Default, Clone)]
pub struct Asked {
    /// Only those for one of these: ids, userNames, externalIds or displayNames.
    pub subjects: Option<Vec<String>>,
    /// Only those that were refused or failed.
    pub is_failed: bool,
    /// Only those that were refused for this reason.
    pub reason: Option<String>,
}

impl Asked {
    /// Whether a request is.
    pub fn includes(&self, request: &LoggedRequest) -> bool {
        if self.is_failed && request.reason.is_none() {
            return false;
        }
        let reason = self.reason.as_deref();
        if reason.is_some_and(|reason| request.reason.as_deref() != Some(reason)) {
            return false;
        }
        let Some(subjects) = &self.subjects else {
            return true;
        };
        let subject = &request.subject;
        let named = [
            &subject.id,
            &subject.user_name,
            &subject.external_id,
            &subject.display_name,
        ];
        named
            .into_iter()
            .flatten()
            .any(|name| subjects.iter().any(|asked| is_cut(name, asked)))
    }
}

/// Whether a name of the log, which may be cut at its end, is this one.
fn is_cut(logged: &str, asked: &str) -> bool {
    let (logged, asked) = (fold(logged), fold(asked));
    // What cannot be seen is no name.
    let is_same = logged == asked && !asked.is_empty();
    is_same || (logged.len() >= SHORTEST_CUT && asked.starts_with(&*logged))
}

/// No name of the log that is shorter was cut.
const SHORTEST_CUT: usize = 120;

impl Account {
    /// Shows `visit` the requests of a span that are asked for, the oldest first, until it returns
    /// false.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn visit_requests(
        &self,
        from: OffsetDateTime,
        to: OffsetDateTime,
        asked: &Asked,
        mut visit: impl FnMut(LoggedRequest) -> bool,
    ) -> Result<(), Failure> {
        let visit = |request: LoggedRequest| match asked.includes(&request) {
            true => visit(request),
            false => true,
        };
        let span = Span { from, to };
        Ok(self.directory().requests(span, visit).await?)
    }
}
