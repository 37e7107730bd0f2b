//! Not tests: every change has its record, and the records lead to the current state.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::support::directory::{Items, number, text};

/// Checks the records of all users and groups of a tenant, present and deleted: there is one per
/// version, it names the previous one, and applying the changes in order gives the current
/// resource. There must be no record without a resource. Those of memberships are others
/// ([`super::members`]).
pub fn check(items: &Items) {
    let mut visited = BTreeSet::new();
    for (sort_key, item) in items {
        let (resource, at, version) = match sort_key.split('#').collect::<Vec<_>>()[..] {
            ["U" | "G", _] => (sort_key.as_str(), "last_modified", number(item, "version")),
            ["D", _, _] => (&sort_key[2..], "deleted", number(item, "version") + 1),
            _ => continue,
        };
        let is_deleted = at == "deleted";
        let mut records = Vec::new();
        let mut next = Some((text(item, at).to_owned(), version));
        while let Some((at, version)) = next {
            let key = format!("E#{}#{resource}#{version}", milliseconds(&at));
            let record = items
                .get(&key)
                .unwrap_or_else(|| panic!("{key} is missing"));
            assert!(number(record, "expires_at") > 0, "{key}");
            next = record
                .contains_key("previous")
                .then(|| (text(record, "previous").to_owned(), version - 1));
            assert_eq!(next.is_some(), version > 1, "{key}");
            visited.insert(key);
            records.push(record);
        }
        let operation = text(records[0], "operation");
        assert_eq!(operation == "delete", is_deleted, "{sort_key}");
        let mut user = Map::new();
        for record in records.iter().rev() {
            let changes: BTreeMap<String, Value> =
                serde_json::from_str(text(record, "changes")).unwrap();
            for (attribute, change) in changes {
                apply(&mut user, &attribute, &change);
            }
        }
        let mut expected: Value = match is_deleted {
            true => Map::new().into(),
            false => serde_json::from_str(text(item, "document")).unwrap(),
        };
        for extension in expected.as_object_mut().unwrap().values_mut() {
            // Of a manager who was erased, the document still has the id.
            let of = extension
                .get_mut("manager")
                .filter(|_| is_manager_erased(&user));
            of.into_iter().for_each(|manager| *manager = ERASED.into());
        }
        assert_eq!(Value::Object(user), expected, "{sort_key}");
    }
    visited.extend(erased(items));
    let is_of_resource = |key: &&String| {
        let letter = key.split('#').nth(2).unwrap_or_default();
        key.starts_with("E#") && !["M", "I"].contains(&letter)
    };
    for sort_key in items.keys().filter(is_of_resource) {
        assert!(visited.contains(sort_key), "{sort_key} leads nowhere");
    }
}

/// What stands in the place of an erased value.
const ERASED: &str = "erased";

/// The records of users who were erased: one for each version, and none of them has a value.
fn erased(items: &Items) -> Vec<String> {
    let mut of_users = BTreeMap::<&str, BTreeMap<i64, &str>>::new();
    for sort_key in items.keys() {
        if let ["E", _, "U", id, version] = sort_key.split('#').collect::<Vec<_>>()[..]
            && !items.contains_key(&format!("U#{id}"))
            && !items.contains_key(&format!("D#U#{id}"))
        {
            let records = of_users.entry(id).or_default();
            records.insert(version.parse().unwrap(), sort_key);
        }
    }
    let mut all = Vec::new();
    for (id, records) in of_users {
        let (_, last) = records.last_key_value().unwrap();
        if text(&items[*last], "operation") != "erase" {
            continue;
        }
        let mut previous = None;
        for (version, sort_key) in records {
            let record = &items[sort_key];
            let changes: BTreeMap<String, BTreeMap<String, Value>> =
                serde_json::from_str(text(record, "changes")).unwrap();
            let mut values = changes.values().flat_map(BTreeMap::values);
            // One that was ended early has its own item until it is complete.
            let is_under_way = items.contains_key(&format!("X#{id}"));
            assert!(
                values.all(|value| value == ERASED) || is_under_way,
                "{sort_key}"
            );
            let at = sort_key.split('#').nth(1).unwrap();
            if let Some(before) = previous {
                assert_eq!(milliseconds(text(record, "previous")), before, "{sort_key}");
            } else {
                assert_eq!(version, 1, "{id}");
            }
            previous = Some(at.to_owned());
            all.push(sort_key.to_owned());
        }
    }
    all
}

fn is_manager_erased(user: &Map<String, Value>) -> bool {
    user.values()
        .any(|extension| extension.get("manager") == Some(&ERASED.into()))
}

/// Applies a change to a user's attributes, which must match the change's old values.
fn apply(user: &mut Map<String, Value>, attribute: &str, change: &Value) {
    let (object, name) = match attribute.rsplit_once(':') {
        None => (&mut *user, attribute),
        Some((urn, name)) => {
            let extension = user.entry(urn).or_insert_with(|| Map::new().into());
            (extension.as_object_mut().unwrap(), name)
        }
    };
    let (found, before) = (object.get(name), change.get("before"));
    let is_erased = [found, before].contains(&Some(&ERASED.into()));
    assert!(
        found == before || is_erased,
        "{attribute}: {found:?}, {before:?}"
    );
    match change.get("after") {
        Some(after) => drop(object.insert(name.to_owned(), after.clone())),
        None => drop(object.remove(name)),
    }
    if let Some((urn, _)) = attribute.rsplit_once(':')
        && user[urn] == Value::Object(Map::new())
    {
        user.remove(urn);
    }
}

/// An RFC 3339 time with exactly three fractional digits.
fn milliseconds(time: &str) -> String {
    let time = time.strip_suffix('Z').unwrap();
    let (second, fraction) = time.split_once('.').unwrap_or((time, ""));
    format!("{second}.{fraction:0<3}Z")
}
