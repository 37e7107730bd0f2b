//! The elements of one multi-valued attribute while a PATCH changes them.
//!
//! However many operations name an attribute, each of its values is folded once, and elements that
//! an added one may repeat are found by their keys.

use serde_json::{Map, Value};

use super::folds::{Folds, OfElement};
use super::index::{Index, Wanted};
use crate::ScimError;
use crate::filter::BoundFilter;
use crate::resource::check_size;
use crate::schema::finish::says_something;
use crate::schema::{Attribute, coerce};
use crate::work::{Budget, LOOK, copying};

/// The elements of one multi-valued attribute.
pub(super) struct Elements<'a> {
    attribute: &'static Attribute,
    list: Vec<Element>,
    /// Where elements are, by what makes an added one their repetition. Made when it is first asked
    /// for, and discarded by changes that do not keep it up to date.
    index: Option<Index>,
    budget: &'a Budget,
}

/// One element: an object, or a plain value.
struct Element {
    value: Value,
    folds: Folds,
    is_primary: bool,
    was_primary: bool,
}

impl Element {
    fn new(value: Value) -> Self {
        Self {
            is_primary: is_primary(&value),
            was_primary: false,
            folds: Folds::default(),
            value,
        }
    }

    fn of(&self, attribute: &'static Attribute) -> OfElement<'_> {
        OfElement {
            attribute,
            value: &self.value,
            folds: &self.folds,
        }
    }

    /// Changes the members with these names, and no others.
    fn change<'n>(
        &mut self,
        attribute: &'static Attribute,
        names: impl IntoIterator<Item = &'n str>,
        change: impl FnOnce(&mut Map<String, Value>),
    ) {
        if let Value::Object(members) = &mut self.value {
            change(members);
            self.folds.forget(attribute, names);
            self.is_primary = is_primary(&self.value);
        }
    }
}

/// An element without a value does not exist yet, or no longer: it takes `primary` from nobody.
fn is_primary(element: &Value) -> bool {
    element.get("primary") == Some(&Value::Bool(true)) && says_something(element)
}

impl<'a> Elements<'a> {
    /// The elements of `attribute` as they are in a resource.
    pub fn new(attribute: &'static Attribute, values: Vec<Value>, budget: &'a Budget) -> Self {
        Self {
            attribute,
            list: values.into_iter().map(Element::new).collect(),
            index: None,
            budget,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The elements as a resource has them.
    pub fn into_values(self) -> Vec<Value> {
        self.list.into_iter().map(|element| element.value).collect()
    }

    /// The places of the elements that `filter` selects; without a filter, of all that have
    /// members.
    pub fn selected(&self, filter: Option<&BoundFilter>) -> Result<Vec<usize>, ScimError> {
        let mut selected = Vec::new();
        for (place, element) in self.list.iter().enumerate() {
            let Value::Object(members) = &element.value else {
                continue;
            };
            let mut work = 1;
            let folded = element.of(self.attribute);
            if filter.is_none_or(|filter| filter.evaluate(members, &folded, &mut work)) {
                selected.push(place);
            }
            self.budget.spend(work)?;
        }
        Ok(selected)
    }

    /// The places of the elements that a `remove` with these values means.
    pub fn meant(&self, values: &[Value]) -> Result<Vec<usize>, ScimError> {
        let mut work = 0;
        let wanted = Wanted::new(self.attribute, values, &mut work);
        self.budget.spend(work)?;
        let mut meant = Vec::new();
        for (place, element) in self.list.iter().enumerate() {
            let mut work = 1;
            if wanted.has(&element.of(self.attribute), &mut work) {
                meant.push(place);
            }
            self.budget.spend(work)?;
        }
        Ok(meant)
    }

    /// Makes `values` the elements.
    pub fn replace(&mut self, values: Vec<Value>) -> Result<(), ScimError> {
        self.list.clear();
        self.index = None;
        self.keeping_one_primary(|elements| {
            elements.list.extend(values.into_iter().map(Element::new));
            Ok(())
        })
    }

    /// Adds `values` (RFC 7644 §3.5.2.1). One that repeats the value and the type of an element
    /// changes that element.
    pub fn add(&mut self, values: Vec<Value>) -> Result<(), ScimError> {
        self.keeping_one_primary(|elements| {
            values
                .into_iter()
                .try_for_each(|value| elements.merge(value))
        })
    }

    /// Adds the element with these members that a path stands for, where it selects none.
    /// `described` is what the path's filter says of it: if that is its type, and types are a
    /// closed list, the element of this type becomes it. A user has one work address for Entra.
    pub fn create(
        &mut self,
        described: Map<String, Value>,
        members: Map<String, Value>,
    ) -> Result<(), ScimError> {
        let described = Value::Object(described);
        let element = Value::Object(members);
        self.keeping_one_primary(|elements| {
            if elements.repeated(&element)?.is_none()
                && elements.attribute.is_keyed_by_type()
                && !says_something(&described)
                && let Some(place) = elements.of_type(&described)?
            {
                elements.index = None;
                elements.extend(place, element);
                return Ok(());
            }
            elements.merge(element)
        })
    }

    /// Sets `members` in the elements at these places. `clear` says what each loses before: one
    /// member, or everything.
    pub fn set(
        &mut self,
        places: &[usize],
        clear: Clear,
        mut members: Map<String, Value>,
    ) -> Result<(), ScimError> {
        self.bound_copies(places.len(), &members)?;
        self.index = None;
        self.keeping_one_primary(|elements| {
            let attribute = elements.attribute;
            for place in places {
                let Some(element) = elements.list.get_mut(*place) else {
                    continue;
                };
                let new = members.clone();
                let names = members.keys().map(String::as_str);
                match clear {
                    Clear::Nothing => element.change(attribute, names, |old| old.extend(new)),
                    Clear::Member(name) => {
                        element.change(attribute, names.chain([name]), |old| {
                            old.remove(name);
                            old.extend(new);
                        });
                    }
                    Clear::Everything => {
                        *element = Element {
                            was_primary: element.was_primary,
                            ..Element::new(Value::Object(new))
                        }
                    }
                }
                // If one operation makes several elements primary, the first wins: always the same
                // one, so that a repeated request changes nothing.
                if let Some(primary) = members.get_mut("primary") {
                    *primary = Value::Bool(false);
                }
            }
            Ok(())
        })
    }

    /// Removes the elements at these places, which are in order; with a name, only this member of
    /// them.
    pub fn remove(&mut self, places: &[usize], member: Option<&str>) -> Result<(), ScimError> {
        self.budget.spend(LOOK + self.list.len() as u64 / 4)?;
        self.index = None;
        if let Some(name) = member {
            for place in places {
                if let Some(element) = self.list.get_mut(*place) {
                    element.change(self.attribute, [name], |members| _ = members.remove(name));
                }
            }
            return Ok(());
        }
        let mut places = places.iter().copied().peekable();
        let mut place = 0;
        self.list.retain(|_| {
            let goes = places.next_if_eq(&place).is_some();
            place += 1;
            !goes
        });
        Ok(())
    }

    /// Adds an element, or updates the one it repeats.
    fn merge(&mut self, value: Value) -> Result<(), ScimError> {
        if let Some(place) = self.repeated(&value)? {
            self.extend(place, value);
            return Ok(());
        }
        coerce::check_number(self.attribute, self.list.len() + 1)?;
        let element = Element::new(value);
        let mut work = 0;
        if let Some(index) = &mut self.index {
            index.insert(self.list.len(), &element.of(self.attribute), &mut work);
        }
        self.list.push(element);
        self.budget.spend(work)
    }

    /// The place of the element that `value` repeats.
    fn repeated(&mut self, value: &Value) -> Result<Option<usize>, ScimError> {
        let mut work = copying(value);
        let folds = Folds::default();
        let attribute = self.attribute;
        let element = OfElement {
            attribute,
            value,
            folds: &folds,
        };
        let list = &self.list;
        let index = self.index.get_or_insert_with(|| {
            let mut index = Index::default();
            for (place, element) in list.iter().enumerate() {
                work += copying(&element.value);
                index.insert(place, &element.of(attribute), &mut work);
            }
            index
        });
        let place = index.repeated(&element, &mut work);
        self.budget.spend(work)?;
        Ok(place)
    }

    /// The first element of the type that `described` has.
    fn of_type(&self, described: &Value) -> Result<Option<usize>, ScimError> {
        let mut work = 0;
        let folds = Folds::default();
        let described = OfElement {
            attribute: self.attribute,
            value: described,
            folds: &folds,
        };
        let Some(wanted) = described.key("type", &mut work) else {
            return Ok(None);
        };
        let place = self
            .list
            .iter()
            .position(|element| element.of(self.attribute).key("type", &mut work) == Some(wanted));
        self.budget.spend(work)?;
        Ok(place)
    }

    /// Adds the members of `value` to the element at `place`.
    fn extend(&mut self, place: usize, value: Value) {
        let Some(element) = self.list.get_mut(place) else {
            return;
        };
        // What is there already, plain values among it, stays as it is.
        let Value::Object(members) = value else {
            return;
        };
        if element.value.as_object() == Some(&members) {
            return;
        }
        if let Some(index) = &mut self.index {
            index.forget(place, &element.value);
        }
        let names: Vec<String> = members.keys().cloned().collect();
        let names = names.iter().map(String::as_str);
        element.change(self.attribute, names, |old| old.extend(members));
        if let Some(index) = &mut self.index {
            index.remember(place, &element.value);
        }
    }

    /// Runs `change`, then takes `primary` from the elements that had it before if another gained
    /// it (RFC 7644 §3.5.2: setting one primary clears the others).
    fn keeping_one_primary(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<(), ScimError>,
    ) -> Result<(), ScimError> {
        self.budget.spend(LOOK + self.list.len() as u64 / 4)?;
        for element in &mut self.list {
            element.was_primary = element.is_primary;
        }
        change(self)?;
        let gained = |element: &Element| element.is_primary && !element.was_primary;
        if !self.list.iter().any(gained) {
            return Ok(());
        }
        self.index = None;
        for element in self.list.iter_mut().filter(|element| element.was_primary) {
            element.change(self.attribute, ["primary"], |members| {
                if let Some(primary) = members.get_mut("primary") {
                    *primary = Value::Bool(false);
                }
            });
        }
        Ok(())
    }

    /// Refuses to copy `members` so often that no resource could hold the copies.
    fn bound_copies(&self, count: usize, members: &Map<String, Value>) -> Result<(), ScimError> {
        let text = |value: &Value| value.as_str().map_or(1, str::len);
        let bytes: usize = members.values().map(text).sum();
        check_size(bytes.saturating_mul(count))?;
        let each = LOOK + members.values().map(copying).sum::<u64>();
        self.budget.spend(each.saturating_mul(count as u64))
    }
}

/// What elements lose before they get new members.
#[derive(Debug, Clone, Copy)]
pub(super) enum Clear {
    /// Nothing.
    Nothing,
    /// The member of this name.
    Member(&'static str),
    /// All members.
    Everything,
}
