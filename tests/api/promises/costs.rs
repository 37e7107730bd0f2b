//! What each operation costs in DynamoDB, according to its log line: calls and capacity units.
//!
//! One call of each is the check of the API key, which costs one read unit.

use serde_json::{Value, json};

use crate::requests::pages::fill;
use crate::support::capture::{cost, logged};
use crate::support::service::{Answer, Call, Service, query};

/// Sends the request and checks its cost: calls, read units, write units.
///
/// Units are only checked on the embedded engine, because AWS's DynamoDB Local reports other units
/// than DynamoDB bills: too few for a transaction of more than two items, none for a Query that
/// finds nothing.
async fn assert_cost(call: Call<'_>, calls: u64, read_units: f64, write_units: f64) -> Answer {
    let (answer, lines) = logged(call.send()).await;
    let line = &lines[0];
    let context = format!("{line} {}", answer.body);
    assert_eq!(line["dynamodb_calls"], calls, "{context}");
    if std::env::var_os("SCIM_TEST_DYNAMODB_ENDPOINT").is_none() {
        assert_eq!(line["read_units"].as_f64(), Some(read_units), "{context}");
        assert_eq!(line["write_units"].as_f64(), Some(write_units), "{context}");
    }
    answer
}

fn patch<'a>(service: &'a Service, path: &str, values: Value) -> Call<'a> {
    let body = json!({"Operations": [{"op": "replace", "value": values}]});
    service.call("PATCH", path).json(body)
}

fn find<'a>(service: &'a Service, filter: &str) -> Call<'a> {
    let parameters = query(&[("filter", filter)]);
    service.call("GET", &format!("/Users?{parameters}"))
}

#[tokio::test]
async fn reads() {
    let service = Service::start().await;
    let id = service
        .create_user(
            "lena",
            json!({"externalId": "x", "emails": [{"value": "l@x"}]}),
        )
        .await;
    let path = format!("/Users/{id}");
    // The user; the pending changes of groups; the user's groups.
    assert_cost(service.call("GET", &path), 4, 4.0, 0.0).await;
    let without = format!("{path}?excludedAttributes=groups");
    assert_cost(service.call("GET", &without), 2, 2.0, 0.0).await;
    // Reading nothing costs as much as reading a small item. Refusals are counted by reason and
    // with all answers, and logged.
    let nobody = "/Users/00000000-0000-4000-8000-000000000000";
    assert_cost(service.call("GET", nobody), 5, 2.0, 3.0).await;
    assert_cost(service.call("GET", "/Users/x"), 4, 1.0, 3.0).await;
    assert_cost(find(&service, &format!("id eq \"{id}\"")), 4, 4.0, 0.0).await;
    assert_cost(service.call("GET", "/Schemas"), 1, 1.0, 0.0).await;
    assert_cost(service.call("GET", "/ServiceProviderConfig"), 1, 1.0, 0.0).await;
}

/// A match query is the same calls for every tenant: the lookups, then the users; and if there are
/// some, the pending changes of groups and the users' groups.
#[tokio::test]
async fn match_queries() {
    let service = Service::start().await;
    for user in 0..30 {
        let body = json!({"externalId": format!("x-{user}"), "emails": [{"value": "all@x"}]});
        service.create_user(&format!("user{user}"), body).await;
    }
    for filter in [
        "userName eq \"USER7\"",
        "externalId eq \"x-7\" and active eq true",
    ] {
        let found = assert_cost(find(&service, filter), 5, 5.0, 0.0).await;
        assert_eq!(found.ids().len(), 1);
    }
    for filter in [
        "userName eq \"nobody\"",
        "emails[type eq \"work\"].value eq \"n\"",
    ] {
        let found = assert_cost(find(&service, filter), 2, 2.0, 0.0).await;
        assert_eq!(found.ids().len(), 0);
    }
    // For an attribute that no user can have, there is no query at all.
    assert_cost(find(&service, "urn:example:x eq 1"), 1, 1.0, 0.0).await;
    // Thirty users behind one lookup come in one batch, at one unit each.
    let found = assert_cost(find(&service, "emails eq \"all@x\""), 5, 34.0, 0.0).await;
    assert_eq!(found.ids().len(), 30);
}

/// What many users share costs less than twice what reading all of them does: after 25 that are
/// read one by one, the whole directory is cheaper, a page of which has eight small users for a
/// unit.
#[tokio::test]
async fn shared_values() {
    let service = Service::start().await;
    fill(&service, 600, |user| {
        let external_id = if user < 110 { "few" } else { "many" };
        json!({"emails": [{"value": "all@x"}], "externalId": external_id})
    })
    .await;
    let units = async |filter: &str, matches: u64| {
        let (found, [_, units, _]) = cost(find(&service, filter)).await;
        assert_eq!(found.body["totalResults"], matches, "{filter}");
        units
    };
    if std::env::var_os("SCIM_TEST_DYNAMODB_ENDPOINT").is_some() {
        return;
    }
    let all = units("emails co \"all@x\"", 600).await;
    for filter in [
        "emails eq \"all@x\"",
        "userName sw \"user\"",
        "userName sw \"u\" and emails co \"all@x\"",
        "emails eq \"all@x\" or userName sw \"user\"",
    ] {
        let spent = units(filter, 600).await;
        assert!(spent < 2.0 * all, "{filter}: {spent} of {all}");
    }
    let spent = units("externalId eq \"few\"", 110).await;
    assert!(spent < 2.0 * all, "{spent} of {all}");
    // A batch is read as ever, whatever it costs: 100 users, the lookups, what their groups take,
    // and the key.
    let spent = units("userName sw \"user00\"", 100).await;
    assert_eq!(spent, 105.0);
}

/// Any page of the unfiltered list: the counters, then the page; the pending changes of groups, and
/// the groups of the page's users.
#[tokio::test]
async fn pages() {
    let service = Service::start().await;
    for user in 0..30 {
        service.create_user(&format!("user{user}"), json!({})).await;
    }
    for (parameters, calls, read_units) in [
        ("count=0", 2, 2.0),
        ("startIndex=31", 2, 2.0),
        ("", 5, 6.0),
        ("count=5", 5, 5.0),
        ("startIndex=26&count=5", 5, 5.0),
    ] {
        let call = service.call("GET", &format!("/Users?{parameters}"));
        assert_cost(call, calls, read_units, 0.0).await;
    }
    assert_cost(service.call("GET", "/Groups"), 2, 2.0, 0.0).await;
}

/// A transaction costs two units per item. Here: the user, its guard, its two counters, its
/// lookups, and the record of the change.
#[tokio::test]
async fn creations() {
    let service = Service::start().await;
    let post = |body: Value| service.call("POST", "/Users").json(body);
    // The lookup of the userName.
    assert_cost(post(json!({"userName": "a"})), 2, 1.0, 12.0).await;
    // As Entra creates users: more lookups for externalId, e-mail address and employee number.
    let body = json!({
        "userName": "b", "externalId": "x", "emails": [{"value": "b@x"}], "employeeNumber": "7"
    });
    assert_cost(post(body), 2, 1.0, 18.0).await;
    // The name is taken: its holder is read, because it might be the same user coming back.
    let taken = assert_cost(post(json!({"userName": "A"})), 7, 3.0, 3.0).await;
    taken.error(409, "uniqueness");
    assert_cost(post(json!({})), 4, 1.0, 3.0).await;
}

#[tokio::test]
async fn changes() {
    let service = Service::start().await;
    let id = service
        .create_user("lena", json!({"externalId": "x", "title": "Lead"}))
        .await;
    let path = format!("/Users/{id}");
    // Nothing changes, nothing is written: only the key, the user, and its groups are read.
    for values in [
        json!({"title": "Lead"}),
        json!({"active": "True"}),
        json!({"nickName": ""}),
    ] {
        let same = assert_cost(patch(&service, &path, values), 4, 4.0, 0.0).await;
        assert_eq!((same.status, same.header("etag")), (200, "W/\"1\""));
    }
    for (values, write_units) in [
        // Values without a lookup: the user, and the record of the change.
        (json!({"title": "Digger"}), 4.0),
        // One more lookup, and the old one.
        (json!({"externalId": "y"}), 8.0),
        // Guard and lookup, each new and old.
        (json!({"userName": "lena.vega"}), 12.0),
        // The same name in another case has the same guard and lookup.
        (json!({"userName": "Lena.Vega"}), 4.0),
    ] {
        assert_cost(patch(&service, &path, values), 5, 4.0, write_units).await;
    }
    let put = json!({"userName": "lena.vega", "title": "Lead", "externalId": "y"});
    assert_cost(service.call("PUT", &path).json(put), 5, 4.0, 4.0).await;
    // Refused before anything is written, counted and logged.
    let refused = patch(&service, &path, json!({"active": "maybe"}));
    assert_cost(refused, 5, 2.0, 3.0).await;
}

/// Removing access reads the breaker first, and takes a place in its window in the same
/// transaction, which also changes the number of active users. The first request of each step of
/// the window counts the active users and writes the limit. A user who has a place needs no other.
#[tokio::test]
async fn deactivations() {
    let service = Service::start().await;
    for (user, calls, read_units, write_units) in [(1, 8, 6.0, 9.0), (2, 6, 5.0, 8.0)] {
        let id = service.create_user(&format!("user{user}"), json!({})).await;
        let path = format!("/Users/{id}");
        let deactivation = patch(&service, &path, json!({"active": false}));
        assert_cost(deactivation, calls, read_units, write_units).await;
        let activation = patch(&service, &path, json!({"active": true}));
        assert_cost(activation, 5, 4.0, 6.0).await;
        let again = patch(&service, &path, json!({"active": false}));
        assert_cost(again, 6, 5.0, 6.0).await;
    }
}

/// The user, its guard, its two counters, its lookups, the tombstone, the fence, and the record of
/// the change. The fence is read with the pending changes of groups, and the user's groups.
#[tokio::test]
async fn deletions() {
    let service = Service::start().await;
    let id = service
        .create_user("lena", json!({"externalId": "x", "active": false}))
        .await;
    let path = format!("/Users/{id}");
    assert_cost(service.call("DELETE", &path), 5, 4.0, 18.0).await;
    assert_cost(service.call("DELETE", &path), 5, 2.0, 3.0).await;
    // For an active user, also the breaker and a place in its window: here the first of a step.
    let body = json!({"externalId": "x"});
    let path = format!("/Users/{}", service.create_user("otto", body).await);
    assert_cost(service.call("DELETE", &path), 8, 6.0, 21.0).await;
}

/// A bulk request costs what its operations cost. Where some could free names that others take,
/// also one call for a hundred of these names, and one read unit for each: who has them decides
/// what may run at once.
#[tokio::test]
async fn bulk_requests() {
    let service = Service::start().await;
    let bulk = |operations: Vec<Value>| {
        service
            .call("POST", "/Bulk")
            .json(json!({"Operations": operations}))
    };
    let post = |name: String| json!({"method": "POST", "path": "/Users", "data": {"userName": name, "active": false}});
    let posts =
        |name: &'static str, count: u32| (0..count).map(move |user| post(format!("{name}{user}")));
    let title = |path: &str| json!({"method": "PATCH", "path": path, "data": {"Operations": [{"op": "add", "path": "title", "value": "Lead"}]}});
    let delete = |path: &str| json!({"method": "DELETE", "path": path});
    let created = assert_cost(bulk(posts("a", 20).collect()), 21, 1.0, 240.0).await;
    let base = crate::support::service::BASE;
    let paths: Vec<_> = created.body["Operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|created| {
            created["location"]
                .as_str()
                .unwrap()
                .strip_prefix(base)
                .unwrap()
        })
        .collect();
    // No operation takes a name, so nobody is asked who has one.
    let titles = paths.iter().map(|path| title(path)).collect();
    assert_cost(bulk(titles), 41, 21.0, 80.0).await;
    // Ten that take a name, and twenty that may free one.
    let mixed = posts("c", 10).chain(paths.iter().map(|path| delete(path)));
    assert_cost(bulk(mixed.collect()), 92, 71.0, 440.0).await;
    // One call more for the name that is one too many for a batch, one that counts the refusal, and
    // one that logs it.
    let many = posts("b", 101).chain([delete("/Users/x")]);
    assert_cost(bulk(many.collect()), 106, 102.0, 1214.0).await;
}
