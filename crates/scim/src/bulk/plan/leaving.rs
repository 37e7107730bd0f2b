//! Users who are deleted in a bulk request, and the operations that add them to groups: whoever is
//! added and deleted afterwards has to be there when it is added. Who is to be removed may be gone.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Action, BulkOperation};
use crate::schema::{Mutability, ResourceType};

/// The resources that the operations delete, as their paths name them.
#[derive(Debug)]
pub(super) struct Leaving<'a>(HashSet<&'a str>);

impl<'a> Leaving<'a> {
    pub fn of(operations: &'a [BulkOperation]) -> Self {
        let deleted = operations
            .iter()
            .filter_map(|operation| match &operation.action {
                Ok(Action::Delete(of, id)) if !has_members(of) => Some(id.as_str()),
                _ => None,
            });
        Self(deleted.collect())
    }

    /// Those of them whom an operation may add, if it is for a resource that has members.
    pub fn added_by(&self, operation: &'a BulkOperation) -> HashSet<&'a str> {
        let mut named = HashSet::new();
        let of = operation.action.as_ref().map(Action::resource_type);
        if !self.0.is_empty() && of.is_ok_and(has_members) {
            self.collect(&operation.data, &mut named);
        }
        named
    }

    fn collect(&self, value: &'a Value, named: &mut HashSet<&'a str>) {
        match value {
            Value::String(text) => self.look(text, named),
            Value::Array(elements) => elements
                .iter()
                .for_each(|element| self.collect(element, named)),
            Value::Object(members) if is_removal(members) => {}
            Value::Object(members) => members.iter().for_each(|(name, member)| {
                self.look(name, named);
                self.collect(member, named);
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// An id may be all of a text, or stand in a path or in a URI.
    fn look(&self, text: &'a str, named: &mut HashSet<&'a str>) {
        let parts = text.split(|each: char| !each.is_ascii_alphanumeric() && each != '-');
        let those = parts.chain([text]).filter(|part| self.0.contains(part));
        named.extend(those);
    }
}

/// Whether this is an operation of a PATCH that removes.
fn is_removal(members: &Map<String, Value>) -> bool {
    members.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("op")
            && value
                .as_str()
                .is_some_and(|op| op.eq_ignore_ascii_case("remove"))
    })
}

fn has_members(resource_type: &ResourceType) -> bool {
    let mut attributes = resource_type.core.attributes.iter();
    attributes.any(|one| one.stored_apart && one.mutability != Mutability::ReadOnly)
}
