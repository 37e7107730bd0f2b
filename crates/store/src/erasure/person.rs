//! By which values a person is found in what others have written.
//!
//! They are those of the user as it is, as it was deleted, and as the change records know it. The
//! records lose them in the course of the erasure, so they are kept in an item of their own until
//! it is complete: an erasure that was ended early finds by it what it has not reached.

use std::collections::BTreeSet;

use scim::text::fold;
use scim::{ResourceId, Stored};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::client::attributes::{Item, damaged, string, text};
use crate::client::tables::SORT_KEY;
use crate::directory::keys;
use crate::directory::record::{self, ChangeKind};
use crate::directory::tombstone::Tombstone;
use crate::{StoreError, TenantStore};

/// What replaces a value.
pub(super) const ERASED: &str = "erased";

/// The values, as JSON.
const VALUES: &str = "values";

/// How many bytes of values are kept: an item has room for 400 KB.
const MAX_VALUES: usize = 300_000;

/// A longer value is nothing that a text could quote as a whole.
const MAX_VALUE: usize = 2_048;

/// A value of fewer characters is looked for in quotes only: `de` is in many texts.
const MIN_UNQUOTED: usize = 4;

/// No text that is shorter was cut: details of refusals are, at 300 characters or more.
const MIN_TEXT: usize = 300;

/// From how many bytes on the start of a value at the end of a text that was cut is the value's.
const MIN_START: usize = 8;

/// From how many bytes on a text may have been cut: an id in a record of one who was left out has
/// 64 characters at most, a name in the log of requests 128 bytes, less if the next character does
/// not fit.
const MIN_CUT: usize = 64;

/// Sub-attributes whose values say nothing about anybody.
const NEUTRAL: [&str; 2] = ["type", "$ref"];

/// The latest change of a user that is on record.
#[derive(Debug, Clone)]
pub(super) struct Latest {
    pub version: u64,
    pub at: OffsetDateTime,
    pub operation: ChangeKind,
}

/// Whom an erasure is about.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub id: ResourceId,
    /// Folded.
    values: BTreeSet<String>,
    /// How many bytes they have.
    size: usize,
    pub latest: Option<Latest>,
    /// Whether an erasure was begun.
    pub is_begun: bool,
}

impl Person {
    fn of(id: &ResourceId) -> Self {
        Self {
            id: id.clone(),
            values: BTreeSet::new(),
            size: 0,
            latest: None,
            is_begun: false,
        }
    }

    /// Takes in the values of the user.
    pub fn add(&mut self, stored: &Stored) {
        for (name, value) in stored.resource.attributes() {
            self.add_attribute(name, value);
        }
        self.add_value(stored.reserved.as_deref().unwrap_or_default());
    }

    /// Takes in the values of a change of the user.
    pub fn add_changes(&mut self, changes: &Map<String, Value>) {
        for (name, change) in changes {
            let sides = change.as_object().into_iter().flat_map(Map::values);
            for value in sides {
                self.add_attribute(name, value);
            }
        }
    }

    fn add_attribute(&mut self, name: &str, value: &Value) {
        // What a user's manager is called is said of somebody else.
        if !is_manager(name) && !NEUTRAL.contains(&name) {
            self.add_values(value);
        }
    }

    fn add_values(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.add_value(text),
            Value::Array(values) => values.iter().for_each(|value| self.add_values(value)),
            Value::Object(members) => {
                for (name, value) in members {
                    self.add_attribute(name, value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn add_value(&mut self, value: &str) {
        let folded = fold(value);
        let is_one = !folded.is_empty() && folded.len() <= MAX_VALUE && folded != ERASED;
        if is_one && self.size + folded.len() <= MAX_VALUES && !self.values.contains(&*folded) {
            self.size += folded.len();
            self.values.insert(folded.into_owned());
        }
    }

    /// Whether a text is one of the person's values.
    pub fn is_called(&self, text: &str) -> bool {
        let folded = fold(text);
        if folded.is_empty() {
            return false;
        }
        if self.values.contains(&*folded) {
            return true;
        }
        // It may have been cut.
        let is_cut = text.len() >= MIN_CUT;
        let has_start = |value: &String| value.starts_with(&*folded);
        is_cut
            && self
                .values
                .range(folded.to_string()..)
                .take(1)
                .any(has_start)
    }

    /// Whether a text quotes one of the person's values.
    pub fn is_quoted_in(&self, text: &str) -> bool {
        let folded = fold(text);
        self.values.iter().any(|value| {
            let is_long = value.chars().count() >= MIN_UNQUOTED;
            *folded == **value
                || is_long && has_word(&folded, value)
                || folded.contains(&format!("`{value}`"))
                || is_cut_in(&folded, value)
        })
    }

    fn json(&self) -> String {
        Value::from_iter(self.values.iter().cloned()).to_string()
    }
}

/// Whether a text has the beginning of a value and goes on with something else, for the value was
/// cut, or ends within it, for the text was.
fn is_cut_in(text: &str, value: &str) -> bool {
    let has_start = value
        .get(..MIN_CUT)
        .is_some_and(|start| text.contains(start));
    let ends_within = || {
        let starts = (MIN_START..value.len()).filter_map(|length| value.get(..length));
        starts.into_iter().any(|start| text.ends_with(start))
    };
    has_start || (text.len() >= MIN_TEXT && ends_within())
}

/// Whether a text has this, and no letter or digit before or after it.
fn has_word(text: &str, word: &str) -> bool {
    let mut found = text.match_indices(word);
    found.any(|(start, _)| {
        let before = text
            .get(..start)
            .and_then(|before| before.chars().next_back());
        let after = text
            .get(start + word.len()..)
            .and_then(|after| after.chars().next());
        let is_apart = |beside: Option<char>| beside.is_none_or(|beside| !beside.is_alphanumeric());
        is_apart(before) && is_apart(after)
    })
}

/// Whether an attribute, alone or after the URN of its extension, names a user's manager.
pub(super) fn is_manager(name: &str) -> bool {
    name.rsplit_once(':').map_or(name, |(_, name)| name) == "manager"
}

impl TenantStore<'_> {
    /// The user of an erasure that was begun and not completed, who had this name.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn unfinished_erasure_of(
        &self,
        name: &str,
    ) -> Result<Option<ResourceId>, StoreError> {
        let name = fold(name);
        let mut found = None;
        self.each(self.query_prefix(keys::ERASURES), |item| {
            let user = text(item, SORT_KEY)?.strip_prefix(keys::ERASURES);
            // An import has a key of the same kind.
            let Some(user) = user.and_then(ResourceId::parse) else {
                return Ok(true);
            };
            let values: Vec<String> =
                serde_json::from_str(text(item, VALUES)?).map_err(|_| damaged(item, VALUES))?;
            if values.iter().any(|value| *value == *name) {
                found = Some(user);
            }
            Ok(found.is_none())
        })
        .await?;
        Ok(found)
    }

    /// A user as far as anything is known: as it is, as it was deleted, what is on record, and an
    /// erasure that was begun.
    pub(super) async fn person(
        &self,
        user: &ResourceId,
        present: Option<&Stored>,
        tombstone: Option<&Tombstone>,
    ) -> Result<Person, StoreError> {
        let mut person = Person::of(user);
        let begun = self
            .get_item(keys::erasure(user), self.accepted_only())
            .await?;
        if let Some(begun) = begun {
            person.is_begun = true;
            let values: Vec<String> =
                serde_json::from_str(text(&begun, VALUES)?).map_err(|_| damaged(&begun, VALUES))?;
            values.iter().for_each(|value| person.add_value(value));
        }
        let stored = present
            .into_iter()
            .chain(tombstone.map(|tombstone| &tombstone.stored));
        stored.for_each(|stored| person.add(stored));
        self.each(self.query_prefix(keys::CHANGES), |item| {
            if keys::changed_user(text(item, SORT_KEY)?) == Some(user.as_str()) {
                let record = record::read(item)?;
                person.add_changes(&record.changes);
                let is_later = person
                    .latest
                    .as_ref()
                    .is_none_or(|latest| latest.version < record.version);
                if is_later {
                    person.latest = Some(Latest {
                        version: record.version,
                        at: record.at,
                        operation: record.operation,
                    });
                }
            }
            Ok(true)
        })
        .await?;
        Ok(person)
    }

    /// The item of an erasure that is under way.
    pub(super) fn begun(&self, person: &Person) -> Item {
        let mut item = self.new_item(keys::erasure(&person.id));
        item.insert(VALUES.to_owned(), string(person.json()));
        item
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn person(values: &[&str]) -> Person {
        let id = ResourceId::parse("2819c223-7f76-453a-919d-413861904646").unwrap();
        let mut person = Person::of(&id);
        values.iter().for_each(|value| person.add_value(value));
        person
    }

    #[test]
    fn values_are_found_whole_and_longer_ones_within_a_text() {
        let person = person(&["Lena@Crew.example", "Lead", "de", ""]);
        for quoting in [
            "no user has `lena@crew.example`",
            "`LENA@crew.example`",
            "the language `de` is none",
            "DE",
        ] {
            assert!(person.is_quoted_in(quoting), "{quoting}");
        }
        for silent in [
            "",
            "a decision",
            "erased",
            "`den`",
            "lena@crew",
            "misleading",
        ] {
            assert!(!person.is_quoted_in(silent), "{silent}");
        }
        assert!(person.is_called("lena@crew.EXAMPLE") && !person.is_called("lena"));
    }

    #[test]
    fn a_value_that_was_cut_is_found_within_a_text() {
        let long = format!("very.long.name{}@crew.example", "x".repeat(80));
        let person = person(&[&long]);
        let start = |length| long.get(..length).unwrap();
        let quoted = format!("no user is called `{}…`", start(80));
        assert!(person.is_quoted_in(&quoted));
        assert!(!person.is_quoted_in("no user is called `very.long.name…`"));
        let cut = format!("{}`{}", "a ".repeat(160), start(20));
        assert!(person.is_quoted_in(&cut));
        assert!(!person.is_quoted_in(&"a ".repeat(200)));
    }

    #[test]
    fn a_name_that_was_cut_is_found() {
        let person = person(&[&"x".repeat(80)]);
        assert!(person.is_called(&"x".repeat(64)));
        assert!(!person.is_called(&"x".repeat(63)));
    }

    #[test]
    fn what_says_nothing_of_the_person_is_no_value() {
        let mut person = person(&[]);
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let changes = json!({
            "emails": {"after": [{"value": "a@x", "type": "work", "primary": true}]},
            (format!("{urn}:manager")): {"before": {"value": "m", "displayName": "Max"}},
            "title": {"before": "Lead", "after": ERASED},
        });
        person.add_changes(changes.as_object().unwrap());
        assert_eq!(
            person.values,
            BTreeSet::from(["a@x", "lead"].map(str::to_owned))
        );
    }
}
