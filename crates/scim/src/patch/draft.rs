//! A resource while a PATCH changes it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::elements::Elements;
use crate::schema::BoundPath;
use crate::schema::json::container;
use crate::work::Budget;

/// A resource while a PATCH changes it.
pub(super) struct Draft<'a> {
    /// All attributes but those in `lists`.
    attributes: Map<String, Value>,
    /// The multi-valued attributes that an operation named, by the URN of their extension and their
    /// name.
    lists: BTreeMap<(Option<&'static str>, &'static str), Elements<'a>>,
    budget: &'a Budget,
}

impl<'a> Draft<'a> {
    /// A draft of a resource with these attributes.
    pub fn new(attributes: Map<String, Value>, budget: &'a Budget) -> Self {
        Self {
            attributes,
            lists: BTreeMap::new(),
            budget,
        }
    }

    /// The object that holds the path's attribute, unless it is multi-valued.
    pub fn container(&mut self, path: &BoundPath) -> &mut Map<String, Value> {
        container(&mut self.attributes, path.extension)
    }

    /// The elements of the path's attribute, none if it has no value.
    pub fn elements(&mut self, path: &BoundPath) -> &mut Elements<'a> {
        let name = path.attribute.name;
        self.lists.entry((path.extension, name)).or_insert_with(|| {
            let values = match container(&mut self.attributes, path.extension).remove(name) {
                Some(Value::Array(values)) => values,
                _ => Vec::new(),
            };
            Elements::new(path.attribute, values, self.budget)
        })
    }

    /// The attributes of the resource.
    pub fn into_attributes(self) -> Map<String, Value> {
        let mut attributes = self.attributes;
        for ((extension, name), elements) in self.lists {
            let values = Value::Array(elements.into_values());
            container(&mut attributes, extension).insert(name.to_owned(), values);
        }
        attributes
    }
}
