//! The order in which the operations of a bulk request can run, so that the outcome is that of
//! running them one after another.

mod leaving;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use leaving::Leaving;

use super::names::names;
use super::{Action, BulkOperation, BulkRequest, bulk_id};
use crate::text::{fold, quote};
use crate::work::Budget;
use crate::{ResourceId, ResourceType, ScimError};

/// The longest unique value as it is compared, in bytes: more than any store can guard.
const MAX_NAME: usize = 1024;

/// A value of a type's unique attribute.
#[derive(Debug, Clone)]
pub struct UniqueName {
    /// The type.
    pub resource_type: &'static ResourceType,
    /// The value as the client wrote it.
    pub value: String,
}

/// Which resources hold names, when the request begins.
#[derive(Debug, Default)]
pub struct Holders(HashMap<(&'static str, String), ResourceId>);

impl Holders {
    /// Notes that a resource holds a name.
    pub fn insert(&mut self, name: &UniqueName, holder: ResourceId) {
        let folded = fold(&name.value).into_owned();
        self.0.insert((name.resource_type.name, folded), holder);
    }
}

/// When each operation may run.
///
/// RFC 7644 §3.7 lets a service choose the order, and clients expect that of the request: whoever
/// deletes a user and creates another of the same name means it. So operations that could have to
/// do with each other run one after another, and all others at once. They could if they are for the
/// same resource, or for the same unique name, which one takes and the other frees or takes too, or
/// if one adds to a group whom the other deletes.
///
/// The order is that of the request, except that an operation with a reference to what a later one
/// creates comes right after it.
#[derive(Debug, PartialEq)]
pub struct Plan {
    /// The operations in their order.
    pub sequence: Vec<usize>,
    /// For each operation, those that have to be done before it runs.
    pub before: Vec<BTreeSet<usize>>,
    /// The operations whose name is free: nobody holds it when the request begins, and no operation
    /// before them may take it.
    pub free: BTreeSet<usize>,
}

/// What no two operations may work on at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    /// The resource of this type with this id.
    Resource(&'static str, String),
    /// The resource that the operation with this bulkId creates.
    Created(String),
    /// Who is called so, by the name as it is compared.
    Name(&'static str, String),
    /// The resource that an operation with this path deletes.
    Leaving(String),
}

/// The name that an operation may take, as it is compared and as it was sent.
type Name = Option<(String, String)>;

/// For each operation, the one name that it may take; `None` if there is an operation of which this
/// cannot be said.
#[derive(Debug)]
pub struct Names(Option<Vec<Name>>);

impl BulkRequest {
    /// The names whose holders have to be known for [`plan`](Self::plan), in the order of their
    /// types: one for each operation at most.
    ///
    /// They matter if there is an operation that could free one for another: on a resource that was
    /// there before, or a POST that brings back somebody from a client's recycle bin, who has two
    /// names until then.
    pub fn names_to_look_up(&self, names: &Names) -> Vec<UniqueName> {
        let Names(Some(names)) = names else {
            return Vec::new();
        };
        let mut with_names = self.operations.iter().zip(names);
        let may_free = with_names.any(|(operation, name)| {
            let of = operation.action.as_ref().map(Action::resource_type);
            let recycled = of.ok().and_then(|of| of.recycled);
            let name = name.as_ref().map(|(_, sent)| sent.as_str());
            operation.changes_what_was_there()
                || recycled
                    .zip(name)
                    .and_then(|(recycled, name)| recycled(name))
                    .is_some()
        });
        if !may_free || self.operations.len() < 2 {
            return Vec::new();
        }
        let mut wanted = BTreeMap::new();
        for (operation, name) in self.operations.iter().zip(names) {
            if let (Ok(action), Some((folded, value))) = (&operation.action, name) {
                let resource_type = action.resource_type();
                wanted
                    .entry((resource_type.name, folded))
                    .or_insert_with(|| UniqueName {
                        resource_type,
                        value: value.clone(),
                    });
            }
        }
        wanted.into_values().collect()
    }

    /// Plans the operations.
    ///
    /// Operations in a circle of references, or with a reference to nothing, are refused: their
    /// action becomes an error.
    pub fn plan(&mut self, names: Names, holders: &Holders) -> Plan {
        let mut references = self.references();
        let mut sequence = in_sequence(&references);
        if sequence.len() < self.operations.len() {
            let placed: BTreeSet<usize> = sequence.into_iter().collect();
            for (index, operation) in self.operations.iter_mut().enumerate() {
                if !placed.contains(&index) {
                    operation.action = Err(ScimError::Conflict(
                        "the operation refers in a circle to what depends on it, or to one that does; create the resources first, and set the reference afterwards".to_owned(),
                    ));
                    if let Some(references) = references.get_mut(index) {
                        references.clear();
                    }
                }
            }
            sequence = in_sequence(&references);
        }
        let Names(names) = names;
        let free = names
            .as_deref()
            .map_or_else(BTreeSet::new, |names| self.free(names, &sequence, holders));
        let groups = self.groups(names, holders);
        let mut latest = HashMap::new();
        let mut before = references;
        for index in &sequence {
            let Some(group) = groups.get(*index).copied().flatten() else {
                continue;
            };
            if let (Some(earlier), Some(before)) =
                (latest.insert(group, *index), before.get_mut(*index))
            {
                before.insert(earlier);
            }
        }
        Plan {
            sequence,
            before,
            free,
        }
    }

    /// For each operation, those that create what it refers to. An operation that refers to nothing
    /// is refused.
    fn references(&mut self) -> Vec<BTreeSet<usize>> {
        let mut creators = HashMap::new();
        for (index, operation) in self.operations.iter().enumerate() {
            if let (Ok(Action::Create(_)), Some(bulk_id)) = (&operation.action, &operation.bulk_id)
            {
                creators.insert(bulk_id.name.clone(), index);
            }
        }
        let mut references = Vec::with_capacity(self.operations.len());
        for operation in &mut self.operations {
            let mut created = BTreeSet::new();
            for name in operation.references() {
                match creators.get(&name) {
                    Some(creator) => _ = created.insert(*creator),
                    None if operation.action.is_ok() => {
                        operation.action = Err(ScimError::InvalidValue(format!(
                            "no operation of the request creates a resource with the bulkId {}",
                            quote(&name)
                        )));
                    }
                    None => {}
                }
            }
            // What is refused waits for nothing.
            if operation.action.is_err() {
                created.clear();
            }
            references.push(created);
        }
        references
    }

    /// The names that the operations may take, read from their bodies. The work is counted in
    /// `budget`.
    ///
    /// # Errors
    /// `tooMany` when the request has computed too much.
    pub fn names(&self, budget: &Budget) -> Result<Names, ScimError> {
        let names = self
            .operations
            .iter()
            .map(|operation| {
                let of = match &operation.action {
                    Ok(Action::Create(of) | Action::Replace(of, _) | Action::Patch(of, _)) => of,
                    Ok(Action::Delete(..)) | Err(_) => return Ok(Some(None)),
                };
                let mut work = 0;
                let mut names = names(of, &operation.data, &mut work);
                budget.spend(work)?;
                // What is longer is nobody's name, and what has it is refused.
                names.retain(|folded, _| folded.len() <= MAX_NAME);
                let name = names.pop_first();
                // An id that is not there yet can be part of no name that is foreseen.
                let is_known = name
                    .as_ref()
                    .is_none_or(|(_, sent)| bulk_id(sent).is_none());
                Ok((names.is_empty() && is_known).then_some(name))
            })
            .collect::<Result<Option<Vec<_>>, ScimError>>()?;
        Ok(Names(names))
    }

    /// The operations whose name is free, as [`Plan::free`] has it.
    fn free(&self, names: &[Name], sequence: &[usize], holders: &Holders) -> BTreeSet<usize> {
        let mut taken = BTreeSet::new();
        let is_free = |index: &usize| {
            let action = self.operations.get(*index)?.action.as_ref().ok()?;
            let (folded, _) = names.get(*index)?.as_ref()?;
            let name = (action.resource_type().name, folded.clone());
            let is_free = !holders.0.contains_key(&name);
            (taken.insert(name) && is_free).then_some(*index)
        };
        sequence.iter().filter_map(is_free).collect()
    }

    /// For each operation, the group of those that could have to do with it; `None` for one that is
    /// refused.
    ///
    /// A resource is in one group with every name that it may have in the course of the request:
    /// those that it holds and those that it may take. So what is in different groups never meets.
    fn groups(&self, names: Option<Vec<Name>>, holders: &Holders) -> Vec<Option<usize>> {
        let Some(names) = names else {
            // It may take any name. That is rare, so all operations run one by one.
            let is_ok = |operation: &BulkOperation| operation.action.is_ok().then_some(0);
            return self.operations.iter().map(is_ok).collect();
        };
        let leaving = Leaving::of(&self.operations);
        let mut groups = Groups::new(self.operations.len());
        let mut first = HashMap::new();
        for (index, (operation, name)) in self.operations.iter().zip(names).enumerate() {
            let Ok(action) = &operation.action else {
                continue;
            };
            let type_name = action.resource_type().name;
            let mut subjects = Vec::new();
            match (action.id(), &operation.bulk_id) {
                (Some(id), _) => subjects.push(match bulk_id(id) {
                    Some(name) => Subject::Created(name.to_owned()),
                    None => Subject::Resource(type_name, id.to_owned()),
                }),
                (None, Some(bulk_id)) => subjects.push(Subject::Created(bulk_id.name.clone())),
                (None, None) => {}
            }
            if let Action::Delete(_, id) = action {
                subjects.push(Subject::Leaving(id.clone()));
            }
            let named = leaving.added_by(operation).into_iter();
            subjects.extend(named.map(|id| Subject::Leaving(id.to_owned())));
            if let Some((folded, _)) = name {
                let name = (type_name, folded);
                // A POST may bring back the one who is called so.
                if let Some(holder) = holders.0.get(&name) {
                    subjects.push(Subject::Resource(type_name, holder.to_string()));
                }
                subjects.push(Subject::Name(name.0, name.1));
            }
            for subject in subjects {
                groups.join(index, *first.entry(subject).or_insert(index));
            }
        }
        (0..self.operations.len())
            .zip(&self.operations)
            .map(|(index, operation)| operation.action.is_ok().then(|| groups.of(index)))
            .collect()
    }
}

/// The operations in the order of the request, each after those that it refers to; without those
/// that refer to each other in a circle, and those that wait for them.
fn in_sequence(references: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut waiting: Vec<usize> = references.iter().map(BTreeSet::len).collect();
    let mut referring: HashMap<usize, Vec<usize>> = HashMap::new();
    for (index, created) in references.iter().enumerate() {
        for creator in created {
            referring.entry(*creator).or_default().push(index);
        }
    }
    let ready = |(index, count): (usize, &usize)| (*count == 0).then_some(index);
    let mut ready: BTreeSet<usize> = waiting.iter().enumerate().filter_map(ready).collect();
    let mut sequence = Vec::with_capacity(references.len());
    while let Some(index) = ready.pop_first() {
        sequence.push(index);
        for next in referring.remove(&index).unwrap_or_default() {
            if let Some(count) = waiting.get_mut(next) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(next);
                }
            }
        }
    }
    sequence
}

/// Disjoint sets of operations: each points to another of its group, or to itself.
struct Groups(Vec<usize>);

impl Groups {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    /// The operation that stands for the group of this one.
    fn of(&mut self, index: usize) -> usize {
        let mut index = index;
        while let Some(next) = self.0.get(index).copied()
            && next != index
        {
            // Each step halves the way for the next time.
            let beyond = self.0.get(next).copied().unwrap_or(next);
            if let Some(slot) = self.0.get_mut(index) {
                *slot = beyond;
            }
            index = beyond;
        }
        index
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.of(one), self.of(other));
        if let Some(slot) = self.0.get_mut(one) {
            *slot = other;
        }
    }
}

#[cfg(test)]
mod tests;
