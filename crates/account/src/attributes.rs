//! Which attributes a tenant's client sends: how many users have each, when it last changed, and
//! which names are not known here.

use std::collections::BTreeMap;

use scim::schema::USERS;
use serde_json::Value;
use store::directory::history::{Record, Span};
use store::usage::requests::LoggedRequest;
use time::OffsetDateTime;

use crate::history::horizon;
use crate::requests::Asked;
use crate::{Account, Failure};

/// How many paths and names are told apart. Types of e-mail addresses and the like are the client's
/// own words.
const MAX_PATHS: usize = 500;

/// Why a PATCH is refused that names nothing but unknown attributes.
const INVALID_PATH: &str = "invalidPath";

/// An attribute that users have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// How many users have it.
    pub users: u64,
    /// When it was last changed, as far as there are records.
    pub changed: Option<OffsetDateTime>,
}

/// A name that requests have and the service does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredName {
    /// How many logged requests have it.
    pub requests: u64,
    /// When the last of them was.
    pub last: OffsetDateTime,
}

/// The attributes of a tenant.
#[derive(Debug, Default)]
pub struct Attributes {
    /// How many users there are.
    pub users: u64,
    /// By path, as a client's mapping names it.
    pub used: BTreeMap<String, Used>,
    /// By name.
    pub ignored: BTreeMap<String, IgnoredName>,
    /// Whether there are more than can be told apart.
    pub is_cut: bool,
}

impl Account {
    /// The attributes that users have and requests name. This reads all users, records and logged
    /// requests.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn attributes(&self) -> Result<Attributes, Failure> {
        let mut attributes = Attributes::default();
        let directory = self.directory();
        let count = |user: scim::Stored| attributes.count(user.resource.attributes());
        Box::pin(directory.all(&USERS, count)).await?;
        let everything = Span {
            from: OffsetDateTime::UNIX_EPOCH,
            to: horizon(),
        };
        let note = |record| {
            if let Record::Change(change) = record
                && change.resource_type == USERS.name
            {
                for name in change.changes.keys() {
                    attributes.note_change(name, change.at);
                }
            }
            true
        };
        directory.history(everything, note).await?;
        let Span { from, to } = everything;
        self.visit_requests(from, to, &Asked::default(), |request| {
            for name in unknown(&request) {
                attributes.ignore(name, request.at);
            }
            true
        })
        .await?;
        Ok(attributes)
    }
}

impl Attributes {
    fn count(&mut self, user: &serde_json::Map<String, Value>) {
        self.users += 1;
        let mut paths = Vec::new();
        for (name, value) in user {
            paths_of(name, value, &mut paths);
        }
        paths.sort();
        paths.dedup();
        for path in paths {
            if self.used.len() < MAX_PATHS || self.used.contains_key(&path) {
                self.used.entry(path).or_default().users += 1;
            } else {
                self.is_cut = true;
            }
        }
    }

    /// Every path below an attribute was changed, as far as records tell.
    fn note_change(&mut self, attribute: &str, at: OffsetDateTime) {
        let below = |path: &str| {
            path.strip_prefix(attribute)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        for (path, used) in &mut self.used {
            if below(path) {
                used.changed = used.changed.max(Some(at));
            }
        }
    }

    fn ignore(&mut self, name: &str, at: OffsetDateTime) {
        if self.ignored.len() >= MAX_PATHS && !self.ignored.contains_key(name) {
            self.is_cut = true;
            return;
        }
        let ignored = self.ignored.entry(name.to_owned()).or_insert(IgnoredName {
            requests: 0,
            last: at,
        });
        ignored.requests += 1;
        ignored.last = ignored.last.max(at);
    }
}

/// The paths to the values of an attribute, as Entra's mappings name them.
fn paths_of(name: &str, value: &Value, paths: &mut Vec<String>) {
    match value {
        // An extension: its name is a URN, and its attributes are named after it and a colon.
        Value::Object(members) if is_extension(name) => {
            for (inner, value) in members {
                paths_of(&format!("{name}:{inner}"), value, paths);
            }
        }
        Value::Object(members) => {
            let inner = members.keys().map(|inner| format!("{name}.{inner}"));
            paths.extend(inner);
        }
        Value::Array(elements) => {
            for element in elements {
                let Value::Object(members) = element else {
                    paths.push(name.to_owned());
                    continue;
                };
                let kind = members.get("type").and_then(Value::as_str);
                let of = kind.map_or(name.to_owned(), |kind| {
                    format!("{name}[type eq {}]", Value::from(kind))
                });
                let values = members.keys().filter(|inner| *inner != "type");
                paths.extend(values.map(|inner| format!("{of}.{inner}")));
            }
        }
        _ => paths.push(name.to_owned()),
    }
}

/// The names of a request for a user that the service does not know: those that it has ignored, and
/// those for which it has refused the request.
fn unknown(request: &LoggedRequest) -> impl Iterator<Item = &String> {
    let is_refused = request.reason.as_deref() == Some(INVALID_PATH)
        && request.route.starts_with(USERS.endpoint);
    let refused = request
        .attributes
        .iter()
        .filter(move |name| is_refused && USERS.resolve(name).is_err())
        .filter(|name| !request.ignored_names.contains(name));
    request.ignored_names.iter().chain(refused)
}

fn is_extension(name: &str) -> bool {
    USERS.extensions.iter().any(|schema| schema.id == name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_those_of_a_mapping() {
        let user = json!({
            "userName": "lena",
            "name": {"givenName": "Lena", "familyName": "B."},
            "emails": [
                {"value": "l@x", "type": "work", "primary": true},
                {"value": "l@y"},
            ],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
                "department": "D",
                "manager": {"value": "1", "displayName": "M"},
            },
        });
        let mut attributes = Attributes::default();
        attributes.count(user.as_object().unwrap());
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let mut expected = vec![
            "emails.value".to_owned(),
            "emails[type eq \"work\"].primary".to_owned(),
            "emails[type eq \"work\"].value".to_owned(),
            "name.familyName".to_owned(),
            "name.givenName".to_owned(),
            format!("{urn}:department"),
            format!("{urn}:manager.displayName"),
            format!("{urn}:manager.value"),
            "userName".to_owned(),
        ];
        expected.sort();
        assert_eq!(
            attributes.used.keys().cloned().collect::<Vec<_>>(),
            expected
        );
        let at = OffsetDateTime::UNIX_EPOCH;
        attributes.note_change("emails", at);
        attributes.note_change(&format!("{urn}:manager"), at);
        let changed = attributes
            .used
            .values()
            .filter(|used| used.changed == Some(at));
        assert_eq!(changed.count(), 5);
    }
}
