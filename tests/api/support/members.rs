//! Not tests: the items of memberships agree with each other, with groups and with users. The keys
//! are built independently here, as in [`super::directory`].

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::support::directory::{Item, Items, bytes, number, text};

/// The members of each group that is there or has a tombstone, by its edges.
pub type Members = BTreeMap<String, BTreeSet<String>>;

/// Checks that each membership is two items that agree, that its user and its group exist, that
/// shards count exactly the memberships of their digit, that what is pending is marked, and that
/// the records of memberships add up to them.
pub fn check(items: &Items) -> Members {
    let mut members = Members::new();
    let mut counts = BTreeMap::<(String, char), i64>::new();
    let parting = parting(items);
    let leaving = leaving(items);
    for (sort_key, item) in items {
        match sort_key.split('#').collect::<Vec<_>>()[..] {
            ["G", group] | ["D", "G", group] => {
                let document: serde_json::Value =
                    serde_json::from_str(text(item, "document")).unwrap();
                assert_eq!(document.get("members"), None, "{sort_key}");
                members.entry(group.to_owned()).or_default();
            }
            ["M", group, "~"] => {
                let head = items.get(&format!("M#{group}"));
                let head = head.map_or(0, |head| number(head, "large"));
                assert_eq!(number(item, "large"), head, "{sort_key}");
            }
            ["M", group, user] => {
                let other = items.get(&format!("I#{user}#{group}"));
                let other = other.unwrap_or_else(|| panic!("{sort_key} has no other side"));
                assert!(!other.contains_key("left"), "{sort_key} has left");
                assert_eq!(item.get("display"), other.get("display"), "{sort_key}");
                let user_item = format!("U#{user}");
                // Of one who is to leave anyway, the edge is removed when that is carried out.
                let is_leaving = parting.contains(&(group, user.to_owned()));
                let is_right = is_leaving || items.contains_key(&user_item);
                assert!(is_right, "{sort_key} dangles");
                assert_exists(items, group, sort_key);
                let digit = user.chars().next().unwrap();
                *counts.entry((group.to_owned(), digit)).or_default() += 1;
                let entry = members.entry(group.to_owned()).or_default();
                entry.insert(user.to_owned());
            }
            ["I", user, group] if item.contains_key("left") => {
                // Or the deletion was cut off on its way from group to group, or the return was.
                let is_gone = !items.contains_key(&format!("U#{user}"));
                let was_before = item.contains_key("parted_at");
                assert!(
                    is_gone || was_before || leaving.contains(user),
                    "{sort_key}"
                );
                assert!(!items.contains_key(&format!("M#{group}#{user}")));
            }
            ["I", user, group] => {
                let other = format!("M#{group}#{user}");
                assert!(items.contains_key(&other), "{sort_key} has no other side");
            }
            ["M", group] if item.contains_key("pending") => {
                assert!(items.contains_key(&format!("J#{group}")), "{sort_key}");
            }
            ["J", fence] if fence.starts_with('!') => {
                assert_eq!(fence.len(), 2, "{sort_key}");
                let noted = ["deleted_users", "decided"];
                assert!(
                    noted.iter().any(|name| item.contains_key(*name)),
                    "{sort_key}"
                );
            }
            ["J", group] => {
                let head = &items[&format!("M#{group}")];
                assert_eq!(text(head, "pending"), text(item, "record"), "{sort_key}");
                let record = text(item, "record");
                let records = parts_of(items, record);
                assert!((1..=16).contains(&records.len()), "{sort_key}");
                // Shards count it from the moment it is decided.
                for (user, by) in to_do(item, &records) {
                    let digit = user.chars().next().unwrap();
                    *counts.entry((group.to_owned(), digit)).or_default() += by;
                }
            }
            _ => {}
        }
    }
    for (sort_key, item) in items {
        let ["G", group, digit] = sort_key.split('#').collect::<Vec<_>>()[..] else {
            continue;
        };
        assert_exists(items, group, sort_key);
        let key = (group.to_owned(), digit.parse().unwrap());
        let counted = counts.remove(&key).unwrap_or_default();
        assert_eq!(number(item, "count"), counted, "wrong count {sort_key}");
        assert!(number(item, "changes") > 0, "{sort_key}");
        assert!(text(item, "last_modified").ends_with('Z'), "{sort_key}");
        if item.contains_key("pending") {
            let pending = &items[&format!("J#{group}")];
            assert_eq!(text(item, "pending"), text(pending, "record"));
        }
    }
    counts.retain(|_, count| *count != 0);
    assert_eq!(counts, BTreeMap::new(), "shards are missing");
    records(items, &members);
    steps(items);
    members
}

/// What a pending change is about, without what is carried out of it.
fn parts_of<'a>(items: &'a Items, record: &str) -> Vec<&'a Item> {
    let parts = items
        .iter()
        .filter(|(key, _)| key.starts_with(record) && !key.contains("#~"));
    parts.map(|(_, part)| part).collect()
}

/// The groups and the members of them that pending changes still have to remove.
fn parting(items: &Items) -> BTreeSet<(&str, String)> {
    let mut parting = BTreeSet::new();
    for (sort_key, item) in items {
        if let ["J", group] = sort_key.split('#').collect::<Vec<_>>()[..]
            && !group.starts_with('!')
        {
            let record = text(item, "record");
            let records = parts_of(items, record);
            let removed = to_do(item, &records).into_iter().filter(|(_, by)| *by < 0);
            parting.extend(removed.map(|(user, _)| (group, user)));
        }
    }
    parting
}

/// The users of whom there is a record that they have left groups, or are back in them.
fn leaving(items: &Items) -> BTreeSet<&str> {
    let of_record = |key| {
        let mut parts = str::split(key, '#');
        let (kind, of) = (parts.next(), parts.nth(1));
        parts
            .next()
            .filter(|_| kind == Some("E") && of == Some("I"))
    };
    items
        .keys()
        .map(String::as_str)
        .filter_map(of_record)
        .collect()
}

/// The users for whom a pending change is not carried out yet, and by how many each of them changes
/// what its shard counts.
fn to_do(pending: &Item, records: &[&Item]) -> Vec<(String, i64)> {
    let done = pending.get("done").map(|_| text(pending, "done"));
    let gone = match pending.get("gone") {
        Some(AttributeValue::Ss(gone)) => gone.clone(),
        _ => Vec::new(),
    };
    let named = records.iter().flat_map(|record| {
        let ids = |name, by| ids(bytes(record, name)).into_iter().map(move |id| (id, by));
        ids("added", 1).chain(ids("removed", -1))
    });
    named
        .filter(|(id, _)| done.is_none_or(|done| id.as_str() > done))
        .filter(|(id, by)| *by < 0 || !gone.contains(id))
        .collect()
}

fn assert_exists(items: &Items, group: &str, sort_key: &str) {
    let exists = [format!("G#{group}"), format!("D#G#{group}")]
        .iter()
        .any(|key| items.contains_key(key));
    assert!(exists, "the group of {sort_key} never was");
}

/// What was added less what was removed is what is there. Of users who were deleted the records of
/// groups do not tell all, and of a group with a pending change they tell more than is done.
fn records(items: &Items, members: &Members) {
    let mut balance = BTreeMap::<(String, String), i64>::new();
    let mut restored = BTreeSet::new();
    for (sort_key, record) in items {
        let parts: Vec<_> = sort_key.split('#').collect();
        match parts[..] {
            ["E", _, "U", user, _] if text(record, "operation") == "restore" => {
                restored.insert(user.to_owned());
            }
            // Told already: what it tells of has a record of its own.
            ["E", _, "M", _, _, step] if step.starts_with('~') => {}
            ["E", _, "M", group, _] | ["E", _, "M", group, _, _] => {
                for name in ["actor", "operation", "request_id"] {
                    assert!(!text(record, name).is_empty(), "{sort_key} {name}");
                }
                assert!(number(record, "expires_at") > 0, "{sort_key}");
                for (name, step) in [("added", 1), ("removed", -1)] {
                    for user in ids(bytes(record, name)) {
                        *balance.entry((group.to_owned(), user)).or_default() += step;
                    }
                }
            }
            _ => {}
        }
    }
    let leaving = leaving(items);
    let is_certain = |group: &String, user: &String| {
        items.contains_key(&format!("U#{user}"))
            && !leaving.contains(user.as_str())
            && !restored.contains(user)
            && !items.contains_key(&format!("J#{group}"))
    };
    for (group, users) in members {
        for user in users.iter().filter(|user| is_certain(group, user)) {
            let key = (group.clone(), user.clone());
            let recorded = balance.remove(&key).unwrap_or_default();
            assert_eq!(recorded, 1, "{user} is in {group}");
        }
    }
    for ((group, user), recorded) in balance {
        let is_member = members
            .get(&group)
            .is_some_and(|users| users.contains(&user));
        if is_certain(&group, &user) && !is_member {
            assert_eq!(recorded, 0, "{user} is not in {group}");
        }
    }
}

/// What the steps of a large change have carried out is what was decided, once that is done.
/// Releases before had no records of steps.
fn steps(items: &Items) {
    let mut decided = BTreeMap::<&str, [BTreeSet<String>; 2]>::new();
    let mut carried_out = decided.clone();
    for (sort_key, record) in items {
        let parts: Vec<_> = sort_key.split('#').collect();
        let (["E", _, "M", group, _, part], Some((change, _))) =
            (&parts[..], sort_key.rsplit_once('#'))
        else {
            continue;
        };
        if items.contains_key(&format!("J#{group}")) {
            continue;
        }
        let all = match part.starts_with('~') {
            true => &mut carried_out,
            false => &mut decided,
        };
        let all = all.entry(change).or_default();
        for (all, name) in all.iter_mut().zip(["added", "removed"]) {
            for id in ids(bytes(record, name)) {
                assert!(all.insert(id), "{sort_key}: told twice");
            }
        }
    }
    for (change, steps) in carried_out {
        assert_eq!(Some(&steps), decided.get(change), "{change}");
    }
}

/// The ids in a binary attribute: 16 bytes each, in order.
pub fn ids(bytes: &[u8]) -> Vec<String> {
    assert_eq!(bytes.len() % 16, 0);
    let ids: Vec<String> = bytes
        .chunks_exact(16)
        .map(|id| uuid::Uuid::from_slice(id).unwrap().to_string())
        .collect();
    assert!(ids.is_sorted(), "{ids:?}");
    ids
}

/// The records of memberships of a group, in the order of time.
pub fn recorded<'a>(items: &'a Items, group: &str) -> Vec<&'a str> {
    let of_group = |key: &&String| {
        let parts: Vec<_> = key.split('#').collect();
        let is_step = parts.get(5).is_some_and(|step| step.starts_with('~'));
        parts[0] == "E" && parts[2] == "M" && parts[3] == group && !is_step
    };
    items.keys().filter(of_group).map(String::as_str).collect()
}

/// The items of memberships, without groups, users and records.
pub fn edges(items: &Items) -> Items {
    let is_edge = |key: &String| key.starts_with(['M', 'I', 'J']);
    items
        .iter()
        .filter(|(key, _)| is_edge(key))
        .map(|(key, item)| (key.clone(), item.clone()))
        .collect()
}

/// A user `1…` in a group, by hand, so that the check cannot pass by seeing nothing.
#[test]
fn each_kind_of_disagreement_is_seen() {
    use std::collections::HashMap;

    use aws_sdk_dynamodb::primitives::Blob;
    use aws_sdk_dynamodb::types::AttributeValue;

    const USER: &str = "11111111-0000-4000-8000-000000000000";
    const OTHER: &str = "22222222-0000-4000-8000-000000000000";
    let item = |sort_key: &str, names: &[&str]| {
        let value = |name: &str| match name {
            "count" | "changes" | "expires_at" => AttributeValue::N("1".to_owned()),
            "document" => AttributeValue::S("{\"displayName\":\"x\"}".to_owned()),
            _ => AttributeValue::S("2026-11-24T06:00:00.000Z".to_owned()),
        };
        let attributes = names.iter().map(|name| ((*name).to_owned(), value(name)));
        (sort_key.to_owned(), attributes.collect::<HashMap<_, _>>())
    };
    let mut id = uuid::Uuid::parse_str(USER).unwrap().into_bytes().to_vec();
    let record = "E#2026-11-24T06:00:00.000Z#M#g#r";
    let mut items = Items::from([
        item("G#g", &["document"]),
        item(&format!("U#{USER}"), &[]),
        item(&format!("M#g#{USER}"), &[]),
        item(&format!("I#{USER}#g"), &[]),
        item("G#g#1", &["count", "changes", "last_modified"]),
        item(record, &["actor", "operation", "request_id", "expires_at"]),
    ]);
    let added = AttributeValue::B(Blob::new(id.clone()));
    items
        .get_mut(record)
        .unwrap()
        .insert("added".to_owned(), added);
    assert_eq!(check(&items)["g"], BTreeSet::from([USER.to_owned()]));
    let refused = |items: &Items| {
        let items = items.clone();
        std::panic::catch_unwind(move || check(&items)).is_err()
    };
    for gone in items.keys() {
        let mut without = items.clone();
        without.remove(gone);
        assert!(refused(&without), "without {gone}");
    }
    for (sort_key, names) in [
        (format!("I#{USER}#g"), &["left"][..]),
        (format!("M#g#{USER}"), &["display"]),
        (format!("M#g#{OTHER}"), &[]),
        (format!("I#{OTHER}#g"), &[]),
        ("G#g#2".to_owned(), &["count", "changes", "last_modified"]),
        ("M#g".to_owned(), &["pending"]),
    ] {
        let mut damaged = items.clone();
        let (key, planted) = item(&sort_key, names);
        damaged.insert(key, planted);
        assert!(refused(&damaged), "{sort_key} {names:?}");
    }
    // A record of another user than the one who is there.
    id[0] = 0x22;
    let mut damaged = items.clone();
    let added = AttributeValue::B(Blob::new(id));
    damaged
        .get_mut(record)
        .unwrap()
        .insert("added".to_owned(), added);
    assert!(refused(&damaged));
}
