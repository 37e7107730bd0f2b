//! Members in every shape that clients send, and what a request does to them.

use serde_json::{Value, json};

use super::parse::list_to_add;
use super::*;
use crate::schema::check::check;
use crate::schema::{Attribute, GROUPS, attribute};
use crate::work::MAX_WORK;

const ANA: &str = "aaaaaaaa-7f76-453a-919d-413861904646";
const BEN: &str = "bbbbbbbb-7f76-453a-919d-413861904646";

fn members() -> &'static Attribute {
    attribute::find(GROUPS.core.attributes, "members").unwrap()
}

/// What a body says of members: `!` for a change that clears, then who is put (with what is shown),
/// and who is unknown.
fn said(body: Value) -> Result<Option<String>, ScimError> {
    let Value::Object(mut body) = body else {
        panic!("not an object")
    };
    body.insert("displayName".to_owned(), "Crew".into());
    let checked = check(&GROUPS, body)?;
    let attributes = checked.resource.attributes();
    assert_eq!(attributes.len(), 1, "{attributes:?}");
    Ok(checked.members.map(|members| {
        let mut said = vec![if members.clears() { "!" } else { "" }.to_owned()];
        for (id, effect) in members.named() {
            let Effect::Put(display) = effect else {
                panic!("{effect:?}")
            };
            let name: String = id.as_str().chars().take(1).collect();
            said.push(match display {
                Some(display) => format!("{name}({display})"),
                None => name,
            });
        }
        said.extend(members.unknown().iter().map(|text| format!("?{text}")));
        said.join(" ")
    }))
}

#[test]
fn a_body_has_members_in_every_shape() {
    let uri = format!("https://x/scim/v2/Users/{ANA}");
    let urn = "urn:ietf:params:scim:schemas:core:2.0:Group";
    for (shape, expected) in [
        (json!([{"value": ANA}, {"value": BEN}]), "! a b"),
        (json!([{"value": ANA, "display": "ana@x"}]), "! a(ana@x)"),
        (json!([{"value": ANA, "displayName": "Ana"}]), "! a(Ana)"),
        (json!([{"$ref": null, "value": ANA}]), "! a"),
        (
            json!([{"value": ANA, "$ref": uri, "type": "user", "display": null}]),
            "! a",
        ),
        (
            json!([{"VALUE": ANA, "Type": "USER", "shoeSize": 39}]),
            "! a",
        ),
        (json!([{"$ref": uri}]), "! a"),
        (
            json!([{"$ref": format!("../Users/{ANA}/"), "value": ""}]),
            "! a",
        ),
        (json!({"value": ANA}), "! a"),
        (json!(ANA), "! a"),
        (json!([ANA, BEN]), "! a b"),
        (json!([ANA, {"value": ANA, "display": "x"}, ANA]), "! a"),
        (
            json!([{"value": ANA}, null, "", {}, {"display": "x"}]),
            "! a",
        ),
        // Groups are no members, and what has no id's form is nobody.
        (
            json!([{"value": ANA}, {"value": BEN, "type": "Group"}]),
            &format!("! a ?{BEN}"),
        ),
        (json!([ANA, "string id 1", 7]), "! a ?7 ?string id 1"),
        (
            json!([{"value": ANA.to_uppercase()}]),
            &format!("! ?{}", ANA.to_uppercase()),
        ),
        (
            json!([{"value": ANA, "type": "Group"}, {"value": ANA}]),
            "! a",
        ),
        (json!([]), "!"),
    ] {
        let expected = Ok(Some(expected.to_owned()));
        for body in [
            json!({"members": shape}),
            json!({"MEMBERS": shape}),
            json!({format!("{urn}:members"): shape}),
            json!({urn: {"Members": shape}}),
        ] {
            assert_eq!(said(body.clone()), expected, "{body}");
        }
    }
}

#[test]
fn a_body_that_says_nothing_of_members_leaves_them() {
    for body in [
        json!({}),
        json!({"members": null}),
        json!({"members": ""}),
        json!({"members": {}}),
        json!({"members.value": ANA}),
        json!({"description": "not an attribute of groups", "schemas": ["urn:x"]}),
    ] {
        assert_eq!(said(body.clone()), Ok(None), "{body}");
    }
}

#[test]
fn a_list_of_nobody_is_not_an_empty_list() {
    for shape in [
        json!([null]),
        json!([{}]),
        json!([{"value": null}]),
        json!({"value": ""}),
        json!([{"type": "User"}]),
        json!([{"mail": "x"}]),
    ] {
        let refused = said(json!({"members": shape})).unwrap_err();
        assert_eq!(refused.scim_type(), Some("invalidValue"), "{shape}");
        assert!(refused.to_string().starts_with("`members` names nobody"));
    }
    for shape in [
        json!(true),
        json!([[ANA]]),
        json!([{"value": {"x": 1}}]),
        json!([{"value": ANA, "display": "x".repeat(1025)}]),
    ] {
        let refused = said(json!({"members": shape})).unwrap_err();
        assert_eq!(refused.scim_type(), Some("invalidValue"), "{shape}");
    }
}

fn many(count: usize) -> Vec<Value> {
    let ids = (0..count).map(|number| format!("{number:08x}-7f76-453a-919d-413861904646"));
    ids.map(|id| json!({"$ref": null, "value": id})).collect()
}

#[test]
fn the_number_of_members_is_bounded() {
    // Once each, however often they are named.
    let mut all = many(MAX_NAMED);
    all.extend(many(MAX_NAMED));
    assert!(said(json!({"members": all})).is_ok());
    let refused = said(json!({"members": many(MAX_NAMED + 1)})).unwrap_err();
    assert_eq!(refused.scim_type(), Some("tooMany"));
    assert_eq!(
        refused.to_string(),
        "the request names 20001 members, and 20000 are accepted; send several PATCH requests"
    );
    let nobodies: Vec<_> = (0..=MAX_NAMED).map(|number| number.to_string()).collect();
    assert!(said(json!({"members": nobodies})).is_err());
}

#[test]
fn what_is_counted_ends_with_the_budget() {
    let budget = Budget::default();
    let given = || list_to_add(members(), many(MAX_NAMED).into()).unwrap();
    let mut change = MemberChange::default();
    change.add(given(), &budget).unwrap();
    assert!(budget.spent() >= 20_000 * BEGIN);
    budget.spend(MAX_WORK - budget.spent() - BEGIN).unwrap();
    let refused = change.add(given(), &budget).unwrap_err();
    assert_eq!(refused.scim_type(), Some("tooMany"));
    let ids = [ANA, BEN].into_iter();
    assert!(change.remove_all(ids, &budget).is_err());
}

#[test]
fn changes_for_others_are_made_of_ids() {
    let [ana, ben] = [ANA, BEN].map(|text| ResourceId::parse(text).unwrap());
    let added = MemberChange::adding([(ana.clone(), Some("Ana".to_owned())), (ben.clone(), None)]);
    let removed = MemberChange::removing([ana.clone()]);
    assert!(!added.is_nothing() && !added.clears());
    let named = added.clone().then(removed).named().clone();
    assert_eq!(named.get(&ana), Some(&Effect::Remove));
    assert_eq!(named.get(&ben), Some(&Effect::Put(None)));
    assert!(MemberChange::default().is_nothing());
    assert!(
        MemberChange::adding([])
            .then(MemberChange::removing([]))
            .is_nothing()
    );
}

#[test]
fn what_is_nobody_is_told_in_a_line() {
    let refused = nobody(["a", "b", "c", "d", "e", "f", "g"]);
    assert_eq!(refused.scim_type(), Some("invalidValue"));
    let text = refused.to_string();
    assert!(
        text.contains("`a`, `b`, `c`, `d`, `e` and 2 more; groups cannot be members"),
        "{text}"
    );
    assert!(!nobody(["a"]).to_string().contains("more"));
}

#[test]
fn a_long_text_that_is_no_id_is_not_kept_whole() {
    let long = "é".repeat(100_000);
    let mut change = MemberChange::default();
    let budget = Budget::default();
    let given = || list_to_add(members(), json!([long, ANA])).unwrap();
    change.add(given(), &budget).unwrap();
    assert_eq!(change.unknown().iter().map(String::len).sum::<usize>(), 160);
    change
        .remove_all([long.as_str()].into_iter(), &budget)
        .unwrap();
    assert!(change.unknown().is_empty());
}
