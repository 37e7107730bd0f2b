//! The order in which the operations of a bulk request can run, so that the outcome is that of
//! running them one after another.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::names::names;
use super::{Action, BulkOperation, BulkRequest, bulk_id};
use crate::text::{fold, quote};
use crate::{ResourceId, ResourceType, ScimError};

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
    pub fn insert(&mut self, name: UniqueName, holder: ResourceId) {
        let folded = fold(&name.value).into_owned();
        self.0.insert((name.resource_type.name, folded), holder);
    }
}

/// When each operation may run.
///
/// RFC 7644 §3.7 lets a service choose the order, and clients expect that of the request: whoever
/// deletes a user and creates another of the same name means it. So operations that could have to
/// do with each other run one after another, and all others at once. They could if they are for the
/// same resource, or for the same unique name, which one takes and the other frees or takes too.
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
}

/// The name that an operation may take, as it is compared and as it was sent.
type Name = Option<(String, String)>;

impl BulkRequest {
    /// The names whose holders have to be known for [`plan`](Self::plan): one for each operation at
    /// most.
    ///
    /// They matter if there is an operation that could free one for another: on a resource that was
    /// there before, or a POST that brings back somebody from a client's recycle bin, who has two
    /// names until then.
    pub fn names_to_look_up(&self) -> Vec<UniqueName> {
        let Some(names) = self.names() else {
            return Vec::new();
        };
        let mut with_names = self.operations.iter().zip(&names);
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
                    .or_insert(UniqueName {
                        resource_type,
                        value,
                    });
            }
        }
        wanted.into_values().collect()
    }

    /// Plans the operations.
    ///
    /// Operations in a circle of references, or with a reference to nothing, are refused: their
    /// action becomes an error.
    pub fn plan(&mut self, holders: &Holders) -> Plan {
        let mut references = self.references();
        let mut sequence = in_sequence(&references);
        if sequence.len() < self.operations.len() {
            let placed: BTreeSet<usize> = sequence.into_iter().collect();
            for (index, operation) in self.operations.iter_mut().enumerate() {
                if !placed.contains(&index) {
                    operation.action = Err(ScimError::Conflict(
                        "the operation refers in a circle to what depends on it; create the resources first, and set the reference afterwards".to_owned(),
                    ));
                    if let Some(references) = references.get_mut(index) {
                        references.clear();
                    }
                }
            }
            sequence = in_sequence(&references);
        }
        let names = self.names();
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

    /// For each operation, the one name that it may take; `None` if there is an operation of which
    /// this cannot be said.
    fn names(&self) -> Option<Vec<Name>> {
        self.operations
            .iter()
            .map(|operation| {
                let of = match &operation.action {
                    Ok(Action::Create(of) | Action::Replace(of, _) | Action::Patch(of, _)) => of,
                    Ok(Action::Delete(..)) | Err(_) => return Some(None),
                };
                let mut names = names(of, &operation.data);
                let name = names.pop_first();
                // An id that is not there yet can be part of no name that is foreseen.
                let is_known = name
                    .as_ref()
                    .is_none_or(|(_, sent)| bulk_id(sent).is_none());
                (names.is_empty() && is_known).then_some(name)
            })
            .collect()
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
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::schema::USERS;

    fn request(operations: Value) -> BulkRequest {
        let Value::Object(body) = json!({"Operations": operations}) else {
            panic!("not an object")
        };
        BulkRequest::parse(body, &[&USERS]).unwrap()
    }

    fn create(bulk_id: &str, manager: &str) -> Value {
        json!({"method": "post", "path": "/users", "bulkId": bulk_id, "data": {"userName": bulk_id, "manager": {"value": manager}}})
    }

    fn post(name: &str) -> Value {
        json!({"method": "POST", "path": "/Users", "data": {"userName": name}})
    }

    fn patch(id: &str, name: &str) -> Value {
        let data = json!({"Operations": [{"op": "replace", "path": "userName", "value": name}]});
        json!({"method": "PATCH", "path": format!("/Users/{id}"), "data": data})
    }

    fn delete(id: &str) -> Value {
        json!({"method": "DELETE", "path": format!("/Users/{id}")})
    }

    const LENA: &str = "00000000-0000-4000-8000-000000000001";
    const MAX: &str = "00000000-0000-4000-8000-000000000002";

    /// Lena and Max are called so, and Max has another name reserved.
    fn holders() -> Holders {
        let mut holders = Holders::default();
        for (value, id) in [("Lena", LENA), ("max", MAX), ("max.reserved", MAX)] {
            let name = UniqueName {
                resource_type: &USERS,
                value: value.to_owned(),
            };
            holders.insert(name, ResourceId::parse(id).unwrap());
        }
        holders
    }

    /// For each operation, those that have to be done before it.
    fn before(operations: Value) -> Vec<Vec<usize>> {
        let plan = request(operations).plan(&holders());
        plan.before
            .into_iter()
            .map(|before| before.into_iter().collect())
            .collect()
    }

    #[test]
    fn references_order_operations_forward_and_backward() {
        let operations = json!([
            create("a", "bulkId:b"), create("b", "x"), {"method": "PATCH", "path": "/Users/bulkId:a"},
            {"method": "DELETE", "path": "/Users/bulkId:a"}, {"method": "PUT", "path": "/Users/1"}, {"method": "PATCH", "path": "/Users/1"}
        ]);
        let mut parsed = request(operations.clone());
        assert_eq!(parsed.plan(&holders()).sequence, [1, 0, 2, 3, 4, 5]);
        assert!(parsed.operations.iter().all(|found| found.action.is_ok()));
        assert_eq!(
            before(operations),
            [vec![1], vec![], vec![0], vec![0, 2], vec![], vec![4]]
        );
    }

    /// What refers to a later operation comes right after it, and not at the end.
    #[test]
    fn all_others_keep_their_places() {
        let mut parsed = request(json!([
            create("a", "bulkId:c"),
            post("one"),
            create("b", "bulkId:a"),
            create("c", "x"),
            post("two")
        ]));
        assert_eq!(parsed.plan(&holders()).sequence, [1, 3, 0, 2, 4]);
    }

    #[test]
    fn who_asks_for_one_name_asks_in_turn() {
        assert_eq!(
            before(json!([
                post("kim"),
                post("otto"),
                post("KIM"),
                {"method": "PUT", "path": "/Users/1", "data": {"userName": "Kim"}},
                patch("2", "kiM"),
                {"method": "PATCH", "path": "/Users/3", "data": {"Operations": [{"op": "add", "value": {"title": "kim"}}]}}
            ])),
            [vec![], vec![], vec![0], vec![2], vec![3], vec![]]
        );
    }

    #[test]
    fn who_has_a_name_comes_between_those_who_ask_for_it() {
        assert_eq!(
            before(json!([
                post("lena"),
                delete(LENA),
                delete(MAX),
                post("LENA"),
                post("max.reserved"),
                delete("other")
            ])),
            [vec![], vec![0], vec![], vec![1], vec![2], vec![]]
        );
        // A name that is only asked for by its holder is no reason to wait.
        assert_eq!(
            before(json!([
                patch(LENA, "lena"),
                patch(MAX, "max"),
                patch("3", "otto")
            ])),
            [[0; 0]; 3]
        );
        // What one takes in the course of the request counts too, also of what a POST may revive.
        assert_eq!(
            before(json!([
                patch(LENA, "kim"),
                post("otto"),
                post("Lena"),
                post("kim"),
                {"method": "POST", "path": "/Users", "bulkId": "x", "data": {"userName": "Otto"}},
                delete("bulkId:x")
            ])),
            [vec![], vec![], vec![0], vec![2], vec![1], vec![4]]
        );
    }

    /// Of an operation that could take one of several names, or one that is not known yet, it
    /// cannot be said what it has to do with others.
    #[test]
    fn what_cannot_be_foreseen_waits_for_all_before_and_holds_up_all_after() {
        for unforeseen in [
            json!({"method": "PATCH", "path": "/Users/1", "data": {"Operations": [
                {"op": "replace", "path": "userName", "value": "one"},
                {"op": "replace", "path": "userName", "value": "other"}]}}),
            json!({"method": "PUT", "path": "/Users/1", "data": {"userName": "bulkId:kim"}}),
        ] {
            let operations = json!([create("kim", "x"), unforeseen, delete("2")]);
            assert!(request(operations.clone()).names_to_look_up().is_empty());
            assert_eq!(before(operations), [vec![], vec![0], vec![1]]);
        }
        let once = json!({"method": "PATCH", "path": "/Users/1", "data": {"Operations": [
            {"op": "add", "path": "userName", "value": "One"},
            {"op": "replace", "path": "userName", "value": "one"}]}});
        assert_eq!(before(json!([post("kim"), once, delete("2")])), [[0; 0]; 3]);
    }

    #[test]
    fn each_name_is_looked_up_once_and_only_where_it_matters() {
        let names = |operations| -> Vec<String> {
            let wanted = request(operations).names_to_look_up();
            wanted.into_iter().map(|name| name.value).collect()
        };
        assert_eq!(
            names(json!([
                post("Kim"),
                post("kim"),
                patch("1", "Lena"),
                delete("2")
            ])),
            ["Kim", "Lena"]
        );
        assert!(names(json!([patch(LENA, "Kim")])).is_empty());
        // Whoever is created in the request had no name before it.
        assert!(
            names(json!([
                post("Lena"),
                create("max", "x"),
                delete("bulkId:max")
            ]))
            .is_empty()
        );
        let recycled = "0123456789abcdef0123456789abcdefLena";
        assert_eq!(
            names(json!([post("Lena"), post(recycled)])),
            [recycled, "Lena"]
        );
        assert!(names(json!([delete("1"), delete("2")])).is_empty());
    }

    #[test]
    fn a_name_is_free_for_the_first_who_asks() {
        let free = |operations| request(operations).plan(&holders()).free;
        assert_eq!(
            free(json!([
                post("kim"),
                post("KIM"),
                post("lena"),
                delete("1"),
                patch("2", "otto")
            ])),
            BTreeSet::from([0, 4])
        );
    }

    #[test]
    fn circles_repeats_and_references_to_nothing_are_refused_alone() {
        let mut request = request(json!([
            create("a", "bulkId:b"),
            create("b", "bulkId:a"),
            create("c", "bulkId:a"),
            create("d", "bulkId:z"),
            create("e", "x"),
            create("e", "x"),
            create("f", "bulkId:f")
        ]));
        let plan = request.plan(&holders());
        assert_eq!(plan.sequence, [0, 1, 2, 3, 4, 5, 6]);
        assert!(plan.before.iter().all(BTreeSet::is_empty));
        let statuses: Vec<_> = request
            .operations
            .iter()
            .map(|operation| {
                operation
                    .action
                    .as_ref()
                    .err()
                    .map(|error| error.status().as_u16())
            })
            .collect();
        assert_eq!(
            statuses,
            [
                Some(409),
                Some(409),
                Some(409),
                Some(400),
                None,
                Some(400),
                Some(409)
            ]
        );
    }

    #[test]
    fn references_are_found_wherever_the_data_has_them() {
        let operations = json!([
            create("a", "x"), create("b", "x"),
            {"method": "PUT", "path": "/Users/1", "data": {"x": [{"value": "bulkId:a"}, ["bulkId:b"]], "y": [1, null]}}
        ]);
        assert_eq!(before(operations).pop(), Some(vec![0, 1]));
    }
}
