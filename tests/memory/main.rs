//! How much memory a list takes at its peak, in a directory of rich users. Nothing is stored: a
//! wire in the place of DynamoDB answers with as many users as a test wants.

#![cfg(test)]

mod groups;

use std::collections::BTreeMap;
use std::sync::{LazyLock, mpsc};
use std::time::Duration;

use allocation_counter::measure;
use hellotracks_scim::app::handle;
use hellotracks_scim::config::Config;
use hellotracks_scim::instance::Instance;
use lambda_http::{Body, Request, Response};
use serde_json::{Value, json};
use stand::wire::{Asked, Fate, Wire};
use store::{Store, Tables, Timeouts};
use tenant::TenantId;

/// How many roles a user has. As JSON they are 10 KB, parsed several times that.
const ROLES: usize = 200;
/// The length of a user's document, in bytes, at least.
const DOCUMENT: usize = 10 * 1024;
/// A page of DynamoDB has 1 MB at most; here it is a quarter of that.
const USERS_OF_A_PAGE: usize = 25;
/// The pages of each sixteenth of the directory.
const PAGES: usize = 6;
/// All users.
const USERS: usize = 16 * PAGES * USERS_OF_A_PAGE;

/// The most that may be held at a time for a page of one user, and for one that is as long as a
/// response may be: pages of DynamoDB on four connections, and of each share of the directory that
/// is read what may be on the page.
const AT_MOST: [u64; 2] = [8 * 1024 * 1024, 20 * 1024 * 1024];

fn id(share: usize, number: usize) -> String {
    format!("{share:x}{number:07x}-0000-4000-8000-000000000000")
}

/// The id in the key of a user.
fn id_of(key: &Value) -> &str {
    let sort_key = key["sk"]["S"].as_str().unwrap();
    sort_key.strip_prefix("U#").unwrap()
}

/// A user as stored.
fn user(id: &str) -> Value {
    let role = |number| json!({"type": "application", "value": format!("role {number:020}")});
    let roles: Vec<_> = (0..ROLES).map(role).collect();
    let document = json!({"userName": id, "title": "Lead", "roles": roles}).to_string();
    assert!(document.len() > DOCUMENT);
    json!({
        "pk": {"S": "T#acme"}, "sk": {"S": format!("U#{id}")}, "document": {"S": document},
        "version": {"N": "1"}, "created": {"S": "2026-01-01T00:00:00Z"},
        "last_modified": {"S": "2026-01-01T00:00:00Z"},
    })
}

/// What the wire answers in the place of DynamoDB.
fn answer(asked: &Asked) -> Fate {
    let values = &asked.body["ExpressionAttributeValues"];
    let items = match asked.label.as_str() {
        "Query directory C" => json!([{
            "pk": {"S": "T#acme"}, "sk": {"S": "C#U#00"}, "count": {"N": USERS.to_string()},
        }]),
        // Nobody is in a group.
        "Query directory J" | "Query directory I" => json!([]),
        "Query directory U" => return users(values, &asked.body["ExclusiveStartKey"]["sk"]["S"]),
        "GetItem directory U" => {
            return instead(&json!({"Item": user(id_of(&asked.body["Key"]))}));
        }
        "BatchGetItem directory U" => {
            let tables = asked.body["RequestItems"].as_object().unwrap();
            let (table, request) = tables.iter().next().unwrap();
            let keys = request["Keys"].as_array().unwrap();
            let users: Vec<_> = keys.iter().map(|key| user(id_of(key))).collect();
            return instead(&json!({"Responses": {table: users}, "UnprocessedKeys": {}}));
        }
        _ => return Fate::Passed,
    };
    instead(&json!({"Items": items}))
}

/// A page of the share that a Query is about, after the user with this key.
fn users(values: &Value, after: &Value) -> Fate {
    let begin = after.as_str().or(values[":from"]["S"].as_str()).unwrap();
    DIRECTORY[begin]
}

/// The pages of all shares, by the key that a Query of them begins with or after. They are made
/// once: the wire keeps its answers for good.
static DIRECTORY: LazyLock<BTreeMap<String, Fate>> = LazyLock::new(|| {
    let mut pages = BTreeMap::new();
    for share in 0..16 {
        let mut begin = format!("U#{share:x}");
        for page in 0..PAGES {
            let numbers = page * USERS_OF_A_PAGE..(page + 1) * USERS_OF_A_PAGE;
            let last = format!("U#{}", id(share, numbers.end - 1));
            let users: Vec<_> = numbers.map(|number| user(&id(share, number))).collect();
            let mut body = json!({"Items": users});
            if page + 1 < PAGES {
                body["LastEvaluatedKey"] = json!({"pk": {"S": "T#acme"}, "sk": {"S": last}});
            }
            pages.insert(begin, instead(&body));
            begin = last;
        }
    }
    pages
});

fn instead(body: &Value) -> Fate {
    Fate::Instead(body.to_string().leak())
}

/// The wire on a thread of its own, so that what it allocates is not counted. Returns its address.
fn wire(engine: &'static str, answer: fn(&Asked) -> Fate) -> String {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let wire = Wire::planned(engine, answer, None).await;
            sender.send(wire.endpoint.clone()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// The function over the wire, and a key.
async fn function(engine: &str, wire: &str) -> (Instance, String) {
    let names = Tables {
        secrets: "memory-secrets".to_owned(),
        directory: "memory-directory".to_owned(),
    };
    let direct = stand::tenant::connect(engine, names.clone()).await;
    direct.create_tables().await.unwrap();
    let off = stand::stream::turn_off(engine, &names.directory);
    off.await.unwrap();
    let key = stand::tenant::new_key(&TenantId::parse("acme").unwrap()).unwrap();
    stand::tenant::create(&direct, "acme", &key, "test")
        .await
        .unwrap();
    let mut config = Config::read(|name| name.ends_with("_TABLE").then(|| "x".to_owned())).unwrap();
    // Debug builds are slow.
    config.request_deadline = Duration::from_secs(300);
    let sdk_config = stand::tenant::sdk_config(wire).await;
    let store = Store::connect(&sdk_config, names, Timeouts::default());
    (Instance::new(store, config), key.expose().to_owned())
}

fn request(path: &str, key: &str) -> Request {
    let event = stand::request::event("GET", &format!("/scim/v2{path}"), key);
    lambda_http::request::from_str(&event.to_string()).unwrap()
}

fn body(response: &Response<Body>) -> Value {
    let Body::Text(text) = response.body() else {
        panic!("no text")
    };
    serde_json::from_str(text).unwrap()
}

#[test]
fn what_a_list_holds_does_not_grow_with_what_it_reads() {
    let engine = stand::engine::background().unwrap().leak();
    LazyLock::force(&DIRECTORY);
    let wire = wire(engine, answer);
    let runtime = runtime();
    let (instance, key) = runtime.block_on(function(engine, &wire));
    let [for_one, for_a_page] = AT_MOST;
    for (query, shown, at_most) in [
        ("filter=title+pr&count=1", 1, for_one),
        ("filter=title+pr&count=1&cursor=", 1, for_one),
        ("sortBy=userName&count=1", 1, for_one),
        (
            "filter=title+pr&count=1000&startIndex=1001",
            428,
            for_a_page,
        ),
    ] {
        let mut response = None;
        let request = request(&format!("/Users?{query}"), &key);
        let held = measure(|| response = Some(runtime.block_on(handle(&instance, request))));
        let body = body(&response.unwrap());
        println!("{:>4} MB {query}", held.bytes_max / 1024 / 1024);
        assert_eq!(body["totalResults"], USERS, "{query}");
        assert_eq!(body["itemsPerPage"], shown, "{query}");
        assert!(held.bytes_max < at_most, "{query}: {}", held.bytes_max);
    }
    // What is read is more by far.
    assert!((USERS * DOCUMENT) as u64 > 2 * for_one);
}
