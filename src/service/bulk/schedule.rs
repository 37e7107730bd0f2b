//! Which operation of a bulk request runs next.

use std::collections::{BTreeSet, HashMap};

use scim::ScimError;
use scim::bulk::{Action, BulkOperation, BulkRequest, Plan};

use super::response::{BulkResult, Success};
use crate::service::Failure;

/// The course of a bulk request. Operations are known by their place in the request.
pub(super) struct Schedule {
    fail_on_errors: Option<usize>,
    plan: Plan,
    /// For each, those that wait for it, and for how many it waits itself.
    after: Vec<Vec<usize>>,
    open: Vec<usize>,
    /// Those that have not been started.
    waiting: Vec<Option<BulkOperation>>,
    results: Vec<Option<BulkResult>>,
    /// Whether each is for a resource that was there before the request.
    changes: Vec<bool>,
    /// How many operations had ended when each was started, and when it ended.
    times: Vec<(usize, Option<usize>)>,
    ended: usize,
    /// The ids of created resources, by bulkId.
    ids: HashMap<String, String>,
}

/// An operation that is to be carried out now.
pub(super) struct Started {
    pub index: usize,
    pub operation: BulkOperation,
    /// What it does, with ids for its references, or why it cannot be done.
    pub action: Result<Action, ScimError>,
}

impl Schedule {
    pub fn new(request: BulkRequest, plan: Plan) -> Self {
        let changes = BulkOperation::changes_what_was_there;
        let count = request.operations.len();
        let mut after = vec![Vec::new(); count];
        for (index, before) in plan.before.iter().enumerate() {
            for earlier in before {
                if let Some(after) = after.get_mut(*earlier) {
                    after.push(index);
                }
            }
        }
        Self {
            after,
            open: plan.before.iter().map(BTreeSet::len).collect(),
            fail_on_errors: request.fail_on_errors,
            plan,
            changes: request.operations.iter().map(changes).collect(),
            waiting: request.operations.into_iter().map(Some).collect(),
            results: (0..count).map(|_| None).collect(),
            times: vec![(0, None); count],
            ended: 0,
            ids: HashMap::new(),
        }
    }

    /// The next operation that may run, in the order of the plan.
    pub fn start(&mut self) -> Option<Started> {
        let index = self.next()?;
        let mut operation = self.waiting.get_mut(index)?.take()?;
        if let Some((start, _)) = self.times.get_mut(index) {
            *start = self.ended;
        }
        let action = operation.resolve(&self.ids);
        Some(Started {
            index,
            operation,
            action,
        })
    }

    fn next(&self) -> Option<usize> {
        // Those before that have failed, or still may.
        let mut failures = 0;
        for index in &self.plan.sequence {
            if self.fail_on_errors.is_some_and(|most| failures >= most) {
                return None;
            }
            let is_waiting = self.waiting.get(*index).is_some_and(Option::is_some);
            if is_waiting && self.is_ready(*index) {
                return Some(*index);
            }
            let has_succeeded = self
                .result(*index)
                .is_some_and(|result| result.outcome.is_ok());
            failures += usize::from(!has_succeeded);
        }
        None
    }

    fn is_ready(&self, index: usize) -> bool {
        self.open.get(index) == Some(&0)
    }

    /// Has an operation wait for others as well, as far as they have not ended.
    fn wait_for(&mut self, index: usize, others: BTreeSet<usize>) {
        for earlier in others {
            if self.result(earlier).is_none()
                && let (Some(after), Some(open)) =
                    (self.after.get_mut(earlier), self.open.get_mut(index))
            {
                after.push(index);
                *open += 1;
            }
        }
    }

    fn result(&self, index: usize) -> Option<&BulkResult> {
        self.results.get(index)?.as_ref()
    }

    /// Notes what came of an operation, or that it is to be tried again.
    pub fn end(&mut self, index: usize, operation: BulkOperation, result: BulkResult) {
        if let Err(Failure {
            error: ScimError::Uniqueness(_),
            ..
        }) = &result.outcome
            && let Some(overtaken) = self.overtaken(index)
        {
            if let Some(waiting) = self.waiting.get_mut(index) {
                *waiting = Some(operation);
            }
            self.wait_for(index, overtaken);
            return;
        }
        let id = match &result.outcome {
            Ok(Success { id, .. }) => id.as_ref(),
            // The request is sent again, for its answer was lost: what refers to the resource means
            // this one.
            Err(failure) => failure
                .existing
                .as_ref()
                .filter(|existing| existing.is_the_same)
                .map(|existing| &existing.id),
        };
        if let (Some(id), Some(bulk_id)) = (id, &result.bulk_id) {
            self.ids.insert(bulk_id.name.clone(), id.clone());
        }
        if let Some((_, end)) = self.times.get_mut(index) {
            *end = Some(self.ended);
        }
        self.ended += 1;
        if let Some(slot) = self.results.get_mut(index) {
            *slot = Some(result);
        }
        for later in self
            .after
            .get_mut(index)
            .map(std::mem::take)
            .into_iter()
            .flatten()
        {
            if let Some(open) = self.open.get_mut(later) {
                *open -= 1;
            }
        }
    }

    /// The operations that an operation ran ahead of and whose resources may have had the name that
    /// it found taken; nothing if the name was taken all the same.
    ///
    /// The plan keeps operations from running ahead of those that free the names they take. But
    /// somebody else may have given such a name to a resource of the request after the plan was
    /// made: the operation is tried once more after them.
    fn overtaken(&mut self, index: usize) -> Option<BTreeSet<usize>> {
        // Removed, so that it is not tried a third time.
        if !self.plan.free.remove(&index) {
            return None;
        }
        let (start, _) = *self.times.get(index)?;
        let is_overtaken = |earlier: &usize| {
            let ended_before = self.times.get(*earlier).and_then(|(_, end)| *end);
            self.changes.get(*earlier) == Some(&true) && ended_before.is_none_or(|end| end >= start)
        };
        let sequence = self.plan.sequence.iter().copied();
        let overtaken: BTreeSet<usize> = sequence
            .take_while(|earlier| *earlier != index)
            .filter(is_overtaken)
            .collect();
        (!overtaken.is_empty()).then_some(overtaken)
    }

    /// The results, in the order of the request, without those of operations that were skipped.
    pub fn into_results(self) -> Vec<BulkResult> {
        self.results.into_iter().flatten().collect()
    }
}
