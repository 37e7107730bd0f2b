//! How much memory the largest answer with members takes at its peak.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use allocation_counter::measure;
use hellotracks_scim::app::handle;
use lambda_http::http::HeaderValue;
use serde_json::json;
use stand::wire::{Asked, Fate};

use super::{function, id, instead, request, runtime, wire};

/// The most that a group may have to be shown with them.
const MEMBERS: usize = 160_000;
/// A page of DynamoDB has 1 MB at most: edges are 150 bytes, as it counts.
const EDGES_OF_A_PAGE: usize = 7_000;

/// The most that may be held at a time. Lambda gives the function 512 MB.
const AT_MOST: u64 = 110 * 1024 * 1024;

const GROUP: &str = "20000000-0000-4000-8000-000000000000";

fn is_of(member: usize) -> String {
    id(member * 16 / MEMBERS, member)
}

/// What the wire answers in the place of DynamoDB.
fn answer(asked: &Asked) -> Fate {
    let group = json!({
        "pk": {"S": "T#acme"}, "sk": {"S": format!("G#{GROUP}")},
        "document": {"S": json!({"displayName": "Everybody"}).to_string()},
        "version": {"N": "1"}, "created": {"S": "2026-01-01T00:00:00Z"},
        "last_modified": {"S": "2026-01-01T00:00:00Z"},
    });
    let shard = |digit: usize| {
        json!({
            "pk": {"S": "T#acme"}, "sk": {"S": format!("G#{GROUP}#{digit:x}")},
            "count": {"N": (MEMBERS / 16).to_string()}, "changes": {"N": "1"},
            "last_modified": {"S": "2026-01-01T00:00:00Z"},
        })
    };
    let items = match asked.label.as_str() {
        "Query directory G" => [group].into_iter().chain((0..16).map(shard)).collect(),
        "Query directory J" => json!([]),
        "Query directory M" => {
            let after = asked.body["ExclusiveStartKey"]["sk"]["S"].as_str();
            return EDGES[after.unwrap_or_default()];
        }
        _ => return Fate::Passed,
    };
    instead(&json!({"Items": items}))
}

/// The pages of the group's edges, by the key after which they begin.
static EDGES: LazyLock<BTreeMap<String, Fate>> = LazyLock::new(|| {
    let key = |member: &usize| format!("M#{GROUP}#{}", is_of(*member));
    let members: Vec<usize> = (0..MEMBERS).collect();
    let mut pages = BTreeMap::new();
    let mut after = String::new();
    for page in members.chunks(EDGES_OF_A_PAGE) {
        let edge = |member| json!({"pk": {"S": "T#acme"}, "sk": {"S": key(member)}});
        let mut body = json!({"Items": page.iter().map(edge).collect::<Vec<_>>()});
        let last = page.last().unwrap();
        if last + 1 < MEMBERS {
            body["LastEvaluatedKey"] = json!({"pk": {"S": "T#acme"}, "sk": {"S": key(last)}});
        }
        pages.insert(after, instead(&body));
        after = key(last);
    }
    pages
});

#[test]
fn the_largest_group_is_answered_within_the_function_s_memory() {
    let engine = stand::engine::background().unwrap().leak();
    LazyLock::force(&EDGES);
    let wire = wire(engine, answer);
    let runtime = runtime();
    let (instance, key) = runtime.block_on(function(engine, &wire));
    for query in ["", "?attributes=members.value"] {
        let mut response = None;
        let mut request = request(&format!("/Groups/{GROUP}{query}"), &key);
        let headers = request.headers_mut();
        headers.insert("accept-encoding", HeaderValue::from_static("gzip"));
        let held = measure(|| response = Some(runtime.block_on(handle(&instance, request))));
        let response = response.unwrap();
        println!("{:>4} MB {query}", held.bytes_max / 1024 / 1024);
        assert_eq!(response.status(), 200, "{:?}", response.body());
        assert_eq!(response.headers()["content-encoding"], "gzip");
        assert!(held.bytes_max < AT_MOST, "{query}: {}", held.bytes_max);
    }
}
