//! What happens for a request before its key is accepted: at most one point read or one lookup in
//! its tenant's partition, whatever it asks for.

use std::time::Duration;

use serde_json::{Value, json};
use stand::wire::{Fate, Wire};
use store::Meter;
use tenant::{ApiKey, TenantId};

use crate::requests::http::gzip;
use crate::support::clock::passing_when_idle;
use crate::support::engine;
use crate::support::service::{Call, Service, query};

/// The duration of a key's check here. Nothing else takes any time on the clock of these tests.
const CHECK: Duration = Duration::from_millis(150);

/// What may go ahead of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ahead {
    Nothing,
    PointRead,
    Lookup,
}

/// A service with a slow check of keys, and a user that each request below would find.
struct Stall {
    service: Service,
    wire: Wire,
    id: String,
}

async fn stall() -> Stall {
    let prefix = uuid::Uuid::new_v4().simple().to_string();
    let calm = engine::empty_store(&prefix).await;
    calm.create_tables().await.unwrap();
    let calm = Service::over(calm).await;
    let id = calm
        .create_user(
            "lena",
            json!({"externalId": "x-lena", "emails": [{"value": "lena@crew.example"}]}),
        )
        .await;
    let wire = Wire::planned(
        engine::endpoint(),
        |asked| match asked.label.as_str() {
            "GetItem secrets KEY" => Fate::Slow(CHECK),
            _ => Fate::Passed,
        },
        None,
    )
    .await;
    let store = engine::troubled_store_through(&wire.endpoint, &prefix).await;
    let service = Service {
        app: hellotracks_scim::instance::Instance::new(store, calm.app.config.clone()),
        key: calm.key.clone(),
    };
    Stall { service, wire, id }
}

/// The most expensive requests of every route, and what may go ahead for each.
fn requests(id: &str) -> Vec<(&'static str, String, Option<Value>, Ahead)> {
    let user = format!("/Users/{id}");
    let filtered = |filter: &str| format!("/Users?{}", query(&[("filter", filter)]));
    let any = |count: usize, term: &dyn Fn(usize) -> String| {
        let terms: Vec<String> = (0..count).map(term).collect();
        terms.join(" or ")
    };
    let names = |count| any(count, &|number| format!("userName eq \"user{number}\""));
    let either =
        "userName eq \"lena\" or externalId eq \"x-lena\" or emails.value eq \"lena@crew.example\"";
    let ids = any(16, &|_| format!("id eq \"{}\"", uuid::Uuid::new_v4()));
    let patch = json!({"Operations": [{"op": "replace", "path": "title", "value": "x"}]});
    let search = json!({"filter": names(16), "count": 1000});
    let operation = |number: usize| {
        json!({"method": "POST", "path": "/Users", "bulkId": number.to_string(),
               "data": {"userName": format!("bulk{number}")}})
    };
    let bulk = json!({"Operations": (0..200).map(operation).collect::<Vec<_>>()});
    vec![
        ("GET", user.clone(), None, Ahead::PointRead),
        ("PATCH", user.clone(), Some(patch), Ahead::PointRead),
        (
            "PUT",
            user.clone(),
            Some(json!({"userName": "lena"})),
            Ahead::PointRead,
        ),
        ("DELETE", user, None, Ahead::PointRead),
        ("GET", filtered("userName eq \"lena\""), None, Ahead::Lookup),
        (
            "GET",
            filtered(&format!("id eq \"{id}\"")),
            None,
            Ahead::PointRead,
        ),
        ("GET", filtered(&names(16)), None, Ahead::Lookup),
        ("GET", filtered(either), None, Ahead::Lookup),
        ("GET", filtered(&names(17)), None, Ahead::Nothing),
        ("GET", filtered(&names(300)), None, Ahead::Nothing),
        ("GET", filtered(&ids), None, Ahead::Nothing),
        ("GET", filtered("userName sw \"l\""), None, Ahead::Nothing),
        ("GET", filtered("title pr"), None, Ahead::Nothing),
        ("GET", filtered("not (title pr)"), None, Ahead::Nothing),
        (
            "GET",
            "/Users?startIndex=1&count=1000".to_owned(),
            None,
            Ahead::Nothing,
        ),
        (
            "GET",
            "/Users?cursor&count=1000".to_owned(),
            None,
            Ahead::Nothing,
        ),
        (
            "GET",
            "/Users?sortBy=userName".to_owned(),
            None,
            Ahead::Nothing,
        ),
        ("GET", "/?sortBy=userName".to_owned(), None, Ahead::Nothing),
        ("GET", "/Groups?count=1000".to_owned(), None, Ahead::Nothing),
        ("GET", "/Groups/x".to_owned(), None, Ahead::Nothing),
        (
            "POST",
            "/Users/.search".to_owned(),
            Some(search.clone()),
            Ahead::Nothing,
        ),
        ("POST", "/.search".to_owned(), Some(search), Ahead::Nothing),
        (
            "POST",
            "/Users".to_owned(),
            Some(json!({"userName": "new"})),
            Ahead::Nothing,
        ),
        ("POST", "/Bulk".to_owned(), Some(bulk), Ahead::Nothing),
        ("GET", "/Schemas".to_owned(), None, Ahead::Nothing),
        (
            "GET",
            "/ServiceProviderConfig".to_owned(),
            None,
            Ahead::Nothing,
        ),
        ("GET", "/Devices".to_owned(), None, Ahead::Nothing),
    ]
}

fn call<'s>(service: &'s Service, method: &str, path: &str, body: &Option<Value>) -> Call<'s> {
    let call = service.call(method, path);
    match body {
        Some(body) => call.json(body.clone()),
        None => call,
    }
}

/// The calls on the directory table after the first `before` calls, except those that count a
/// refusal next to the answer.
fn on_directory(wire: &Wire, before: usize) -> Vec<String> {
    let labels = wire.labels().into_iter().skip(before);
    labels
        .filter(|label| label.contains(" directory") && !label.ends_with(" R"))
        .collect()
}

#[tokio::test]
async fn a_key_that_is_not_accepted_makes_one_read_at_most() {
    let Stall { service, wire, id } = stall().await;
    let invented = ApiKey::from_secret(&TenantId::parse("acme").unwrap(), [9; 32]);
    for (method, path, body, ahead) in requests(&id) {
        let before = wire.labels().len();
        let call = call(&service, method, &path, &body).key(invented.expose());
        let answer = passing_when_idle(Box::pin(call.send())).await;
        assert_eq!(answer.status, 401, "{method} {path}");
        let made = on_directory(&wire, before);
        let expected = match ahead {
            Ahead::Nothing => vec![],
            Ahead::PointRead => vec!["GetItem directory U"],
            Ahead::Lookup => vec!["Query directory L"],
        };
        assert_eq!(made, expected, "{method} {path}");
    }
}

/// The same requests with a key that is accepted late: all of them are carried out.
#[tokio::test]
async fn a_key_that_is_accepted_late_opens_the_gate() {
    let Stall { service, id, .. } = stall().await;
    let delete = |method: &&str| *method == "DELETE";
    let mut requests = requests(&id);
    // The other requests need the user to exist.
    let last = requests
        .iter()
        .position(|(method, ..)| delete(method))
        .unwrap();
    let last = requests.remove(last);
    requests.push(last);
    for (method, path, body, _) in requests {
        let call = call(&service, method, &path, &body);
        let answer = passing_when_idle(Box::pin(call.send())).await;
        let expected = match (method, path.as_str()) {
            (_, "/Devices" | "/Groups/x") => 404,
            ("DELETE", _) => 204,
            ("POST", "/Users") => 201,
            _ => 200,
        };
        assert_eq!(answer.status, expected, "{method} {path} {}", answer.body);
    }
}

/// Neither decoded nor parsed: what is wrong with a body would end the request before its key is
/// refused, since the check takes its time here.
#[tokio::test]
async fn nothing_is_done_with_a_body_before_its_key_is_accepted() {
    const LIMIT: usize = 1024 * 1024;
    let Stall { service, wire, id } = stall().await;
    let acme = TenantId::parse("acme").unwrap();
    let invented = ApiKey::from_secret(&acme, [9; 32]);
    let revoked = ApiKey::from_secret(&acme, [8; 32]);
    let (store, now) = (&service.app.store, (service.app.clock)());
    let meter = Meter::default();
    let created = store.create_key(&revoked, "old", now, None, &meter).await;
    created.unwrap();
    let ended = store.revoke_key(&acme, &revoked.id(), now, &meter).await;
    ended.unwrap();
    let user = format!("/Users/{id}");
    let malformed = vec![b'['; LIMIT];
    let bomb = gzip(&vec![b' '; 64 * LIMIT]);
    let bodies = [
        (&malformed[..], ""),
        (&malformed, "gzip"),
        (&bomb, "gzip"),
        (&bomb, "br"),
        (&vec![b' '; LIMIT + 1], ""),
    ];
    for (method, path, ahead) in [
        ("PATCH", user.as_str(), true),
        ("PUT", &user, true),
        ("POST", "/Users", false),
        ("POST", "/Users/.search", false),
        ("POST", "/.search", false),
        ("POST", "/Bulk", false),
    ] {
        for key in [&invented, &revoked] {
            for (body, coding) in bodies {
                let before = wire.labels().len();
                let call = service.call(method, path).key(key.expose()).bytes(body);
                let call = call.header("content-encoding", coding);
                let answer = passing_when_idle(Box::pin(call.send())).await;
                assert_eq!(answer.status, 401, "{method} {path} {coding}");
                // A body that is refused for its declaration or its length has no operation.
                let is_asked = ahead && coding != "br" && body.len() <= LIMIT;
                let expected = if is_asked {
                    vec!["GetItem directory U"]
                } else {
                    vec![]
                };
                assert_eq!(on_directory(&wire, before), expected, "{method} {path}");
            }
        }
    }
}

/// The calls of a refused request, in order, do not tell whether its tenant exists.
#[tokio::test]
async fn a_tenant_that_exists_is_told_by_no_call() {
    let Stall { service, wire, id } = stall().await;
    let key = |tenant: &str| ApiKey::from_secret(&TenantId::parse(tenant).unwrap(), [9; 32]);
    for (method, path, body, _) in requests(&id) {
        let calls = async |tenant: &str| {
            let before = wire.labels().len();
            let call = call(&service, method, &path, &body).key(key(tenant).expose());
            let answer = passing_when_idle(Box::pin(call.send())).await;
            assert_eq!(answer.status, 401, "{method} {path}");
            let made = wire.labels().into_iter().skip(before);
            // Beside the answer: whether there is a tenant to count its refusal for.
            let beside = ["GetItem secrets TENANT", "UpdateItem directory R"];
            let made = made.filter(|label| !beside.contains(&&**label));
            (made.collect::<Vec<_>>(), answer.body)
        };
        assert_eq!(
            calls("acme").await,
            calls("nobody").await,
            "{method} {path}"
        );
    }
}
