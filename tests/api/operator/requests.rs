//! The log of requests: whom a request was for that was refused, failed or left something out.

use scim::subject::Subject;
use serde_json::{Value, json};
use store::directory::history::Span;
use store::usage::requests::LoggedRequest;
use store::{Gate, Meter, Store};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::keys::issue::tenant;
use crate::requests::http::gzip;
use crate::support::capture::cost;
use crate::support::directory::DirectoryTable;
use crate::support::groups::group;
use crate::support::service::{Call, Service, query};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// The tenant's log, in the order of time.
pub async fn log_of(store: &Store, tenant: &TenantId) -> Vec<LoggedRequest> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let span = Span {
        from: OffsetDateTime::UNIX_EPOCH,
        to: OffsetDateTime::now_utc() + time::Duration::days(365),
    };
    let mut log = Vec::new();
    let directory = store.tenant(tenant, &meter, &gate);
    let read = directory.requests(span, |entry| {
        log.push(entry);
        true
    });
    read.await.unwrap();
    log
}

pub async fn log(service: &Service) -> Vec<LoggedRequest> {
    log_of(&service.app.store, &tenant("acme")).await
}

/// Sends a request and returns what it adds to the log: one entry, or none.
async fn logged(service: &Service, call: Call<'_>, status: u16) -> Option<LoggedRequest> {
    let before = log(service).await;
    let id = format!("id-{}", before.len());
    let answer = call.request_id(&id).send().await;
    assert_eq!(answer.status, status, "{}", answer.body);
    let mut after = log(service).await;
    after.retain(|entry| !before.contains(entry));
    assert!(after.len() <= 1, "{after:#?}");
    let entry = after.pop()?;
    assert_eq!((entry.status, &entry.request_id), (status, &id));
    assert_eq!(entry.key.as_str().len(), 12);
    if let Some(reason) = &entry.reason {
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(
            detail.starts_with(entry.detail.as_deref().unwrap()),
            "{detail}"
        );
        assert!(!reason.is_empty());
    }
    Some(entry)
}

fn subject(id: &str, user_name: &str, external_id: &str, display_name: &str) -> Subject {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Subject {
        id: text(id),
        user_name: text(user_name),
        external_id: text(external_id),
        display_name: text(display_name),
    }
}

pub fn by(filter: &str) -> String {
    format!("/Users?{}", query(&[("filter", filter)]))
}

#[tokio::test]
async fn every_refused_request_tells_whom_it_was_for() {
    let service = Service::start().await;
    let lena = service
        .create_user("lena", json!({"externalId": "x-1"}))
        .await;
    let user = format!("/Users/{lena}");
    let group_id = group(&service, "Crew", &[]).await;
    let crew = format!("/Groups/{group_id}");
    let person = json!({
        "userName": "lena", "externalId": "x-2", "displayName": "Lena", "emails": [{"value": "l@x"}]
    });
    let operations = |operations: Value| json!({"Operations": operations});
    let of_item = "/Users/{id}";
    for (method, path, body, status, reason, route, expected, attributes) in [
        (
            "POST",
            "/Users",
            person.clone(),
            409,
            "uniqueness",
            "/Users",
            subject("", "lena", "x-2", "Lena"),
            vec!["displayName", "emails", "externalId", "userName"],
        ),
        (
            "POST",
            "/Users",
            json!({"externalId": "x-2", "title": "Lead"}),
            400,
            "invalidValue",
            "/Users",
            subject("", "", "x-2", ""),
            vec!["externalId", "title"],
        ),
        (
            "POST",
            "/Users",
            json!([person]),
            400,
            "invalidSyntax",
            "/Users",
            subject("", "", "", ""),
            vec![],
        ),
        (
            "POST",
            "/Groups",
            json!({"displayName": "CREW"}),
            409,
            "uniqueness",
            "/Groups",
            subject("", "", "", "CREW"),
            vec!["displayName"],
        ),
        (
            "PUT",
            &user,
            json!({"userName": "lena", "active": "maybe"}),
            400,
            "invalidValue",
            of_item,
            subject(&lena, "lena", "", ""),
            vec!["active", "userName"],
        ),
        (
            "PATCH",
            &user,
            operations(json!([
                {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "l@x"},
                {"op": "replace", "path": "active", "value": "maybe"},
                {"op": "add", "value": {"displayName": "L", format!("{ENTERPRISE}:department"): "d"}},
            ])),
            400,
            "invalidValue",
            of_item,
            subject(&lena, "", "", "L"),
            vec![
                "emails.value",
                "active",
                "displayName",
                &format!("{ENTERPRISE}:department"),
            ],
        ),
        (
            "PATCH",
            &crew,
            operations(json!([{"op": "add", "path": "members", "value": [{"value": NOBODY}]}])),
            400,
            "invalidValue",
            "/Groups/{id}",
            subject(&group_id, "", "", ""),
            vec!["members"],
        ),
        (
            "PATCH",
            &format!("/Users/{NOBODY}"),
            operations(json!([])),
            404,
            "notFound",
            of_item,
            subject(NOBODY, "", "", ""),
            vec![],
        ),
        (
            "GET",
            &format!("/Users/{NOBODY}"),
            json!(null),
            404,
            "notFound",
            of_item,
            subject(NOBODY, "", "", ""),
            vec![],
        ),
        (
            "HEAD",
            "/Users/lena@crew.example",
            json!(null),
            404,
            "notFound",
            of_item,
            subject("lena@crew.example", "", "", ""),
            vec![],
        ),
        (
            "DELETE",
            &format!("/Groups/{NOBODY}"),
            json!(null),
            404,
            "notFound",
            "/Groups/{id}",
            subject(NOBODY, "", "", ""),
            vec![],
        ),
        (
            "GET",
            &by("userName eq \"lena\" and title is 7"),
            json!(null),
            400,
            "invalidFilter",
            "/Users",
            subject("", "lena", "", ""),
            vec![],
        ),
        (
            "GET",
            &by("externalId eq \"x-1\" and shoeSize eq 7"),
            json!(null),
            400,
            "invalidFilter",
            "/Users",
            subject("", "", "x-1", ""),
            vec![],
        ),
        (
            "POST",
            "/Groups/.search",
            json!({"filter": "displayName eq \"Crew\" or"}),
            400,
            "invalidFilter",
            "/Groups/.search",
            subject("", "", "", "Crew"),
            vec![],
        ),
        (
            "POST",
            "/Bulk",
            json!({"Operations": 7}),
            400,
            "invalidSyntax",
            "/Bulk",
            subject("", "", "", ""),
            vec![],
        ),
    ] {
        let call = service.call(method, path);
        let call = match body {
            Value::Null => call,
            body => call.json(body),
        };
        let context = format!("{method} {path}");
        let call = call.request_id(&context);
        let answer = call.send().await;
        assert_eq!(answer.status, status, "{context} {}", answer.body);
        let entry = log(&service).await.pop().expect(&context);
        assert_eq!(entry.request_id, context.get(..64).unwrap_or(&context));
        assert_eq!(
            (entry.method.as_str(), entry.route.as_str()),
            (method, route)
        );
        assert_eq!(
            (entry.status, entry.reason.as_deref()),
            (status, Some(reason)),
            "{context}"
        );
        if method != "HEAD" {
            assert_eq!(answer.body["detail"], entry.detail.unwrap());
        }
        let mut names = entry.attributes;
        if method != "PATCH" {
            names.sort();
        }
        assert_eq!(
            (entry.subject, names),
            (
                expected,
                attributes.into_iter().map(str::to_owned).collect()
            ),
            "{context}"
        );
        assert_eq!((entry.ignored, entry.left_out, entry.part), (0, 0, None));
    }
    // What is refused for its headers, its form or its rate.
    let post = || {
        service
            .call("POST", "/Users")
            .json(json!({"userName": "otto"}))
    };
    let call = service.call("PUT", &user).json(json!({"userName": "lena"}));
    let entry = logged(&service, call.header("if-match", "W/\"9\""), 412)
        .await
        .unwrap();
    assert_eq!(entry.subject, subject(&lena, "lena", "", ""));
    let entry = logged(&service, post().header("content-type", "text/plain"), 415).await;
    assert_eq!(entry.unwrap().subject, Subject::default());
    let call = post().bytes(&gzip(br#"{"userName": "otto", "active": 7}"#));
    let entry = logged(&service, call.header("content-encoding", "gzip"), 400).await;
    assert_eq!(entry.unwrap().subject.user_name.as_deref(), Some("otto"));
    // Of a body too long to be read twice, the URL alone.
    let long = json!({"userName": "lena", "active": "maybe", "title": "x".repeat(300_000)});
    let entry = logged(&service, service.call("PUT", &user).json(long), 400)
        .await
        .unwrap();
    assert_eq!(entry.subject, subject(&lena, "", "", ""));
}

/// What names no resource and would make none is counted and not logged. Neither is what succeeds,
/// nor what comes with a key that is not accepted.
#[tokio::test]
async fn nothing_else_is_logged() {
    let (service, directory) = DirectoryTable::with_service().await;
    let lena = service.create_user("lena", json!({})).await;
    let user = format!("/Users/{lena}");
    for (method, path, status) in [
        ("GET", "/Users?startIndex=x", 400),
        ("GET", &by("title eq \"Lead\" and shoeSize eq 7"), 400),
        ("GET", "/Devices", 404),
        ("GET", "/Me", 501),
        ("DELETE", "/Users", 405),
        ("GET", "/Schemas/none", 404),
        ("GET", &user, 200),
        ("GET", &by("userName eq \"nobody\""), 200),
    ] {
        assert_eq!(
            service.call(method, path).send().await.status,
            status,
            "{path}"
        );
    }
    assert_eq!(
        service
            .put(&user, json!({"userName": "lena", "title": "Lead"}))
            .await
            .status,
        200
    );
    let stranger = service.key.replace("htscim_acme_", "htscim_acme_0");
    let ended = service.call("GET", &user).key(&stranger).send().await;
    assert_eq!(ended.status, 401);
    assert_eq!(log(&service).await, []);
    let items = directory.items("acme").await;
    assert!(!items.keys().any(|sort_key| sort_key.starts_with("P#")));
}

#[tokio::test]
async fn a_key_that_has_ended_logs_nothing() {
    let service = Service::start().await;
    let (store, meter) = (&service.app.store, Meter::default());
    let now = OffsetDateTime::now_utc();
    store
        .set_enabled(&tenant("acme"), false, &meter)
        .await
        .unwrap();
    for path in ["/Users/x", "/Users", &by("userName eq \"lena\"")] {
        assert_eq!(service.get(path).await.status, 401);
    }
    assert_eq!(log(&service).await, [], "{now}");
}

#[tokio::test]
async fn no_days_are_no_log() {
    let mut service = Service::start().await;
    service.app.config.request_log = None;
    let nobody = format!("/Users/{NOBODY}");
    // The counters alone: by reason, and of answers.
    let (answer, [calls, _, units]) = cost(service.call("GET", &nobody)).await;
    assert_eq!((answer.status, calls, units), (404, 4.0, 2.0));
    let ignored = json!({"userName": "lena", "shoeSize": 39});
    let (answer, [calls, ..]) = cost(service.call("POST", "/Users").json(ignored)).await;
    assert_eq!((answer.status, calls), (201, 2.0));
    let operations = json!([{"method": "DELETE", "path": nobody}]);
    assert_eq!(
        service
            .post("/Bulk", json!({"Operations": operations}))
            .await
            .status,
        200
    );
    assert_eq!(log(&service).await, []);
}

fn patch<'s>(service: &'s Service, path: &str, operations: Value) -> Call<'s> {
    service
        .call("PATCH", path)
        .json(json!({"Operations": operations}))
}

/// A change that leaves attributes out says so in its own transaction: no call more. A change of
/// nothing has none, and takes one call.
#[tokio::test]
async fn what_was_ignored_is_logged_with_the_change() {
    let service = Service::start().await;
    let ignored = |value: Value| json!({"userName": "lena", "externalId": "x", "shoeSize": value});
    let post = service.call("POST", "/Users").json(ignored(json!(39)));
    let entry = logged(&service, post, 201).await.unwrap();
    assert_eq!(
        (entry.method.as_str(), entry.route.as_str()),
        ("POST", "/Users")
    );
    assert_eq!((entry.reason, entry.detail), (None, None));
    assert_eq!(entry.subject, subject("", "lena", "x", ""));
    assert_eq!(
        (entry.ignored, entry.ignored_names),
        (1, vec!["shoeSize".to_owned()])
    );
    let id = service.get("/Users").await.ids().remove(0);
    let user = format!("/Users/{id}");
    let title = |title: &str| {
        json!([
            {"op": "replace", "path": "title", "value": title}, {"op": "add", "path": "hatSize", "value": 7}
        ])
    };
    let entry = logged(&service, patch(&service, &user, title("Lead")), 200)
        .await
        .unwrap();
    assert_eq!(
        (entry.subject, entry.ignored),
        (subject(&id, "", "", ""), 1)
    );
    assert_eq!(entry.attributes, ["title", "hatSize"]);
    // Nothing is written but the entry.
    let entry = logged(&service, patch(&service, &user, title("Lead")), 200)
        .await
        .unwrap();
    assert_eq!(entry.ignored_names, ["hatSize"]);
    for value in [json!(39), json!(40)] {
        let put = service.call("PUT", &user).json(ignored(value));
        let entry = logged(&service, put, 200).await.unwrap();
        assert_eq!(entry.subject, subject(&id, "lena", "x", ""));
        assert_eq!(
            (entry.method.as_str(), entry.route.as_str()),
            ("PUT", "/Users/{id}")
        );
    }
    // What has no value asks for nothing.
    let put = service.call("PUT", &user).json(ignored(json!(null)));
    assert_eq!(logged(&service, put, 200).await, None);
    // Calls: with a change as many as ever, without one call more.
    for (value, is_change) in [("Digger", true), ("Digger", false)] {
        let call = patch(&service, &user, title(value)).request_id("with");
        let (_, [with, ..]) = cost(call).await;
        let alone = json!([{"op": "replace", "path": "title", "value": format!("{value}{value}")}]);
        let again = json!([{"op": "replace", "path": "title", "value": value}]);
        let (_, [without, ..]) = match is_change {
            true => cost(patch(&service, &user, alone)).await,
            false => cost(patch(&service, &user, again.clone())).await,
        };
        assert_eq!(with - without, f64::from(u8::from(!is_change)), "{value}");
        patch(&service, &user, again).send().await;
    }
}

#[tokio::test]
async fn who_was_left_out_of_a_group_is_logged_with_the_change() {
    let service = Service::start().await;
    let lena = service.create_user("lena", json!({})).await;
    let otto = service.create_user("otto", json!({})).await;
    let body = json!({"displayName": "Crew", "members": [{"value": lena}, {"value": NOBODY}, {"value": "odd"}]});
    let post = service.call("POST", "/Groups").json(body);
    let entry = logged(&service, post, 201).await.unwrap();
    assert_eq!((entry.left_out, entry.ignored), (2, 0));
    assert_eq!(entry.subject, subject("", "", "", "Crew"));
    let id = service.get("/Groups").await.ids().remove(0);
    let crew = format!("/Groups/{id}");
    let add = |ids: &[&str]| {
        let members: Vec<_> = ids.iter().map(|id| json!({"value": id})).collect();
        json!([{"op": "add", "path": "members", "value": members}])
    };
    let entry = logged(&service, patch(&service, &crew, add(&[&otto, NOBODY])), 200)
        .await
        .unwrap();
    assert_eq!(
        (entry.left_out, entry.subject),
        (1, subject(&id, "", "", ""))
    );
    // Nobody is left out, of a change or of none.
    for _ in 0..2 {
        assert_eq!(
            logged(&service, patch(&service, &crew, add(&[&otto])), 200).await,
            None
        );
    }
    let put = json!({"displayName": "Crew", "members": [{"value": otto}, {"value": NOBODY}], "shoeSize": 1});
    let put = service.call("PUT", &crew).json(put);
    let entry = logged(&service, put, 200).await.unwrap();
    assert_eq!((entry.left_out, entry.ignored), (1, 1));
}

/// A change that fits into one transaction to the last action has no room for an entry: it is made
/// in more than one, and says what it left out all the same.
#[tokio::test]
async fn full_transactions_have_room_for_the_entry() {
    let service = Service::start().await;
    let mut users = Vec::new();
    for number in 0..45 {
        let name = format!("user{number}");
        users.push(service.create_user(&name, json!({})).await);
    }
    for count in [26, 27, 28, 45] {
        let all: Vec<_> = users
            .iter()
            .take(count)
            .map(|id| json!({"value": id}))
            .collect();
        let crew = group(&service, &format!("Crew {count}"), &[]).await;
        let path = format!("/Groups/{crew}");
        let shoe = json!({"op": "add", "path": "shoeSize", "value": 39});
        for op in ["add", "remove"] {
            let members = json!({"op": op, "path": "members", "value": all});
            let call = patch(&service, &path, json!([members, shoe]));
            let entry = logged(&service, call, 200).await.unwrap();
            assert_eq!(
                (entry.ignored, entry.subject),
                (1, subject(&crew, "", "", ""))
            );
            let group = service.get(&path).await;
            let left = group.body["members"].as_array().map_or(0, Vec::len);
            assert_eq!(left, if op == "add" { count } else { 0 });
        }
    }
}

#[tokio::test]
async fn operations_of_a_bulk_request_are_logged_one_by_one() {
    let service = Service::start().await;
    let lena = service.create_user("lena", json!({})).await;
    let user = format!("/Users/{lena}");
    let odd = json!([{"op": "add", "path": "shoeSize", "value": 1}, {"op": "add", "path": "title", "value": "Lead"}]);
    let operations = json!([
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "lena", "externalId": "x"}},
        {"method": "POST", "path": "/Users", "bulkId": "b", "data": {"userName": "otto"}},
        {"method": "patch", "path": user, "data": {"Operations": odd}},
        {"method": "DELETE", "path": format!("/Groups/{NOBODY}")},
        {"method": "PURGE", "path": "/Users", "data": {"userName": "kim"}},
        {"method": "PUT", "path": "/Users/bulkId:a", "data": {"userName": "max"}},
        {"method": "POST", "path": "/Users", "data": {"userName": "ida", "shoeSize": 7}},
        {"method": "PUT", "path": user, "data": {"userName": "lena", "title": "Lead", "shoeSize": 7}},
    ]);
    let bulk = service
        .call("POST", "/Bulk")
        .json(json!({"Operations": operations}));
    let answer = bulk.request_id("bulk").send().await;
    assert_eq!(answer.status, 200);
    let mut log = log(&service).await;
    log.sort_by_key(|entry| entry.part);
    let parts: Vec<_> = log
        .iter()
        .map(|entry| {
            (
                entry.part.unwrap(),
                entry.method.as_str(),
                entry.route.as_str(),
                entry.status,
            )
        })
        .collect();
    assert_eq!(
        parts,
        [
            (1, "POST", "/Users", 409),
            (3, "PATCH", "/Users/{id}", 200),
            (4, "DELETE", "/Groups/{id}", 404),
            (5, "other", "/Bulk", 400),
            (6, "PUT", "/Bulk", 400),
            (7, "POST", "/Users", 201),
            (8, "PUT", "/Users/{id}", 200),
        ],
        "{log:#?}"
    );
    let names: Vec<_> = log
        .iter()
        .map(|entry| entry.subject.user_name.as_deref())
        .collect();
    let expected = ["lena", "", "", "kim", "max", "ida", "lena"];
    assert_eq!(
        names,
        expected.map(|name| (!name.is_empty()).then_some(name))
    );
    assert!(log.iter().all(|entry| entry.request_id == "bulk"));
    assert_eq!(log[1].ignored_names, ["shoeSize"]);
}
