//! What may run when.

use serde_json::{Value, json};

use super::*;
use crate::schema::{GROUPS, USERS};

fn request(operations: Value) -> BulkRequest {
    let Value::Object(body) = json!({"Operations": operations}) else {
        panic!("not an object")
    };
    BulkRequest::parse(body, &[&USERS, &GROUPS]).unwrap()
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
        holders.insert(&name, ResourceId::parse(id).unwrap());
    }
    holders
}

fn plan(request: &mut BulkRequest) -> Plan {
    let names = request.names(&Budget::default()).unwrap();
    request.plan(names, &holders())
}

fn to_look_up(request: &BulkRequest) -> Vec<UniqueName> {
    request.names_to_look_up(&request.names(&Budget::default()).unwrap())
}

/// Names are compared before anything runs, whoever they are for.
#[test]
fn what_names_take_to_compare_is_counted() {
    let operations = |name: &str| vec![post(name); 100];
    assert!(
        request(operations("Lena").into())
            .names(&Budget::default())
            .is_ok()
    );
    let long = "\u{fdfa}".repeat(3000);
    let refused = request(operations(&long).into()).names(&Budget::default());
    assert_eq!(refused.unwrap_err().scim_type(), Some("tooMany"));
}

/// For each operation, those that have to be done before it.
fn before(operations: Value) -> Vec<Vec<usize>> {
    let plan = plan(&mut request(operations));
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
    assert_eq!(plan(&mut parsed).sequence, [1, 0, 2, 3, 4, 5]);
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
    assert_eq!(plan(&mut parsed).sequence, [1, 3, 0, 2, 4]);
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
        assert!(to_look_up(&request(operations.clone())).is_empty());
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
        let wanted = to_look_up(&request(operations));
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
    let free = |operations| plan(&mut request(operations)).free;
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
    let plan = plan(&mut request);
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

/// An operation of a PATCH on members of a group.
fn members(group: &str, op: &str, value: Value) -> Value {
    let data = json!({"Operations": [{"op": op, "path": "members", "value": value}]});
    json!({"method": "PATCH", "path": format!("/Groups/{group}"), "data": data})
}

#[test]
fn operations_on_one_group_run_in_their_order_and_on_several_at_once() {
    assert_eq!(
        before(json!([
            members("1", "add", json!([{"value": LENA}])),
            members("2", "add", json!([{"value": LENA}])),
            members("1", "remove", json!([{"value": LENA}])),
            patch("1", "kim"),
            {"method": "DELETE", "path": "/Groups/1"}
        ])),
        [vec![], vec![], vec![0], vec![], vec![2]]
    );
}

#[test]
fn members_may_be_created_in_the_request() {
    let crew =
        json!({"displayName": "Crew", "members": [{"value": "bulkId:a"}, {"value": "bulkId:b"}]});
    let mut parsed = request(json!([
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": crew},
        create("a", "x"),
        create("b", "x"),
        members("bulkId:g", "add", json!(["bulkId:a"]))
    ]));
    let plan = plan(&mut parsed);
    assert_eq!(plan.sequence, [1, 2, 0, 3]);
    assert_eq!(plan.before[0], BTreeSet::from([1, 2]));
    assert_eq!(plan.before[3], BTreeSet::from([0, 1]));
    let ids = HashMap::from([
        ("a".to_owned(), LENA.to_owned()),
        ("b".to_owned(), MAX.to_owned()),
    ]);
    let first = &mut parsed.operations[0];
    assert_eq!(first.resolve(&ids), Ok(Action::Create(&GROUPS)));
    let named = json!([{"value": LENA}, {"value": MAX}]);
    assert_eq!(first.data["members"], named);
}

#[test]
fn whoever_is_added_is_deleted_before_or_afterwards() {
    let crew = |value: Value| json!({"method": "PUT", "path": "/Groups/2", "data": {"displayName": "Crew", "members": value}});
    assert_eq!(
        before(json!([
            members("1", "Add", json!([{"value": LENA}])),
            delete(LENA),
            crew(json!([{"$ref": format!("https://x/Users/{LENA}")}])),
            delete(MAX),
            members("3", "remove", json!([{"value": MAX}])),
            members("4", "add", json!(["5", "bulkId:a"])),
            create("a", "x"),
            delete("bulkId:a")
        ])),
        [
            vec![],
            vec![0],
            vec![1],
            vec![],
            vec![],
            vec![6],
            vec![],
            vec![5, 6]
        ]
    );
}

#[test]
fn a_group_is_called_by_its_display_name() {
    let group = |name: &str| {
        json!({"method": "POST", "path": "/Groups", "data": {
            "displayName": name, "members": [{"value": LENA, "display": "Lena"}]
        }})
    };
    let operations = json!([
        group("Crew"),
        post("crew"),
        group("CREW"),
        {"method": "PATCH", "path": "/Groups/1", "data": {"Operations": [{"op": "replace", "value": {"id": "1", "displayName": "crew"}}]}},
        {"method": "PATCH", "path": "/Groups/2", "data": {"Operations": [{"op": "add", "path": "members", "value": [LENA]}]}}
    ]);
    let wanted: Vec<_> = to_look_up(&request(operations.clone()))
        .into_iter()
        .map(|name| (name.resource_type.name, name.value))
        .collect();
    let expected = [("Group", "Crew".to_owned()), ("User", "crew".to_owned())];
    assert_eq!(wanted, expected);
    assert_eq!(
        before(operations.clone()),
        [vec![], vec![], vec![0], vec![2], vec![]]
    );
    let free = plan(&mut request(operations)).free;
    assert_eq!(free, BTreeSet::from([0, 1]));
}
