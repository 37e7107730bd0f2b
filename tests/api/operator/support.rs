//! What support engineers ask about a tenant, each answered by a command: Entra's traffic first,
//! then the questions.

use serde_json::{Value, json};
use store::usage::answers::Answers;
use store::usage::refusals::{Refusal, Refusals};
use time::{Duration, OffsetDateTime};

use crate::keys::key_use::until;
use crate::support::admin::Admin;
use crate::support::directory::DirectoryTable;
use crate::support::service::Service;

/// One of Entra's users, as it creates them.
fn user(name: &str) -> Value {
    json!({
        "userName": format!("{name}@crew.example"),
        "externalId": format!("x-{name}"),
        "displayName": name,
        "active": true,
        "emails": [{"type": "work", "value": format!("{name}@mail.example"), "primary": true}],
    })
}

async fn create(service: &Service, name: &str) -> String {
    let answer = service.post("/Users", user(name)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["id"].as_str().unwrap().to_owned()
}

async fn set_active(service: &Service, id: &str, active: bool) -> u16 {
    let operation = json!([{"op": "Replace", "path": "active", "value": active}]);
    let answer = service.patch(&format!("/Users/{id}"), operation).await;
    answer.status
}

async fn stage() -> (Service, DirectoryTable, Admin) {
    Admin::with_service().await
}

/// Why is max not provisioned? His POST was refused, and the answer has the request.
#[tokio::test]
async fn why_somebody_is_not_provisioned() {
    let (service, _, admin) = stage().await;
    create(&service, "lena").await;
    let mut max = user("max");
    max["active"] = json!("perhaps");
    for _ in 0..2 {
        service
            .post("/Users", max.clone())
            .await
            .error(400, "invalidValue");
    }
    // Somebody else's failure is not his.
    service
        .post("/Users", user("lena"))
        .await
        .error(409, "uniqueness");
    for name in ["max@crew.example", "MAX@crew.example", "x-max"] {
        let (code, found) = admin
            .json(&format!("requests acme --user {name} --failed"))
            .await;
        assert_eq!(code, 0);
        let found = found.as_array().unwrap();
        assert_eq!(found.len(), 2, "{name}: {found:?}");
        assert_eq!(found[0]["subject"]["userName"], "max@crew.example");
        assert_eq!(found[0]["reason"], "invalidValue");
        assert!(found[0]["detail"].as_str().unwrap().contains("active"));
    }
    let (_, text) = admin.run("requests acme --user max@crew.example").await;
    assert!(text.contains("400 invalidValue  POST /Users"), "{text}");
    // Nobody ever asked for kim: Entra has not sent a request.
    let (code, found) = admin.json("requests acme --user kim@crew.example").await;
    assert_eq!((code, found), (0, json!([])));
    let (code, said) = admin.run("user show acme kim@crew.example").await;
    assert_eq!(code, 1);
    assert!(said.contains("scim-admin requests --user"), "{said}");
    let (code, _) = admin.run("user find acme kim@crew.example").await;
    assert_eq!(code, 1);
}

/// What did Entra send at ten o'clock, and which of its attributes are in vain?
#[tokio::test]
async fn what_the_client_sends_and_which_attributes_it_maps() {
    let (service, _, admin) = stage().await;
    let lena = create(&service, "lena").await;
    let kim = create(&service, "kim").await;
    let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    for (id, operations) in [
        (
            &lena,
            json!([{"op": "Add", "path": "costCentre", "value": "7"}]),
        ),
        (
            &kim,
            json!([
                {"op": "Add", "path": "costCentre", "value": "8"},
                {"op": "Add", "path": format!("{urn}:department"), "value": "Deck"},
            ]),
        ),
    ] {
        let answer = service.patch(&format!("/Users/{id}"), operations).await;
        // A request that is for nothing else is refused, and the admin reads why.
        let expected = if id == &lena { 400 } else { 200 };
        assert_eq!(answer.status, expected, "{}", answer.body);
    }
    let (code, attributes) = admin.json("tenant attributes acme").await;
    assert_eq!(code, 0);
    let of = |path: &str| {
        let all = attributes["attributes"].as_array().unwrap();
        let found = all.iter().find(|attribute| attribute["path"] == path);
        found.map(|attribute| attribute["users"].clone())
    };
    assert_eq!(of("userName"), Some(json!(2)));
    assert_eq!(of("emails[type eq \"work\"].value"), Some(json!(2)));
    assert_eq!(of(&format!("{urn}:department")), Some(json!(1)));
    assert_eq!(of("costCentre"), None);
    assert_eq!(attributes["ignored"][0]["name"], "costCentre");
    assert_eq!(attributes["ignored"][0]["requests"], 2);
    let (_, text) = admin.run("tenant attributes acme").await;
    assert!(text.contains("costCentre"), "{text}");
    let (_, sent) = admin.json("requests acme --user kim@crew.example").await;
    let sent = &sent[0];
    assert_eq!(sent["method"], "PATCH");
    assert_eq!(sent["ignoredNames"], json!(["costCentre"]));
    assert!(
        sent["attributes"]
            .as_array()
            .unwrap()
            .contains(&json!("costCentre"))
    );
}

/// Who should have lost access and still has it? The scope was wrong: put them back.
#[tokio::test]
async fn who_is_kept_by_an_open_breaker_and_who_was_deactivated() {
    let (service, _, admin) = stage().await;
    let mut ids = Vec::new();
    for number in 0..56 {
        ids.push(create(&service, &format!("user{number}")).await);
    }
    let mut statuses = Vec::new();
    for id in &ids[..53] {
        statuses.push(set_active(&service, id, false).await);
    }
    let refused: Vec<_> = statuses.iter().filter(|status| **status == 409).collect();
    assert_eq!(refused.len(), 3);
    let (code, status) = admin.json("tenant status acme").await;
    assert_eq!((code, &status["verdict"]), (1, &json!("breaker open")));
    let mut kept: Vec<_> = status["kept"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kept| kept["id"].clone())
        .collect();
    kept.sort_by_key(ToString::to_string);
    let mut expected: Vec<_> = ids[50..53].iter().map(|id| json!(id)).collect();
    expected.sort_by_key(ToString::to_string);
    assert_eq!(kept, expected);
    let (_, text) = admin.run("tenant status acme").await;
    assert!(
        text.contains("3 who should have lost access still have it"),
        "{text}"
    );
    assert!(text.contains("user50@crew.example"), "{text}");
    let (_, asked) = admin
        .json("requests acme --reason tooManyDeactivations")
        .await;
    assert_eq!(asked.as_array().unwrap().len(), 3);

    // One of them is active again by Entra itself, one was deactivated by another key.
    assert_eq!(set_active(&service, &ids[0], true).await, 200);
    let (_, key) = admin.json("key list acme").await;
    let key = key[0]["id"].as_str().unwrap().to_owned();
    let since = format!("user reactivate acme --deactivated-since 1h --by {key}");
    let (code, planned) = admin.json(&format!("{since} --dry-run")).await;
    assert_eq!((code, planned.as_array().unwrap().len()), (0, 49));
    assert_eq!(admin.json("tenant status acme").await.1["activeUsers"], 7);
    let (code, done) = admin.json(&since).await;
    assert_eq!(code, 0);
    let done = done.as_array().unwrap();
    assert!(done.iter().all(|user| user["state"] == "reactivated"));
    assert_eq!(done.len(), 49);
    assert_eq!(admin.json("tenant status acme").await.1["activeUsers"], 56);
    let user = service.get(&format!("/Users/{}", ids[1])).await.body;
    assert_eq!(user["active"], true);
    // It is on record as the operator's, under the entry of the operator's log.
    let records = admin.history("--operation reactivate").await;
    assert_eq!(records.len(), 49);
    let (_, log) = admin.json("audit acme").await;
    let entry = log.as_array().unwrap().last().unwrap().clone();
    assert_eq!(entry["outcome"], "49 reactivated, 0 not");
    assert_eq!(records[0]["requestId"], entry["id"]);
    assert_eq!(records[0]["actor"], "operator");
    let (code, again) = admin.json(&since).await;
    assert_eq!((code, again), (0, json!([])));
    let (code, said) = admin.run(&format!("user reactivate acme {}", ids[1])).await;
    assert_eq!(code, 0);
    assert!(said.contains("active already"), "{said}");
    let nobody = "user reactivate acme 11111111-1111-4111-8111-111111111111";
    let (code, said) = admin.run(nobody).await;
    assert_eq!(code, 1);
    assert!(said.contains("no such user"), "{said}");
}

/// Is Lena active, and what is known of her? Found by any name, also when she is gone.
#[tokio::test]
async fn one_user_by_any_name() {
    let (service, _, admin) = stage().await;
    let lena = create(&service, "lena").await;
    create(&service, "kim").await;
    let path = format!("/Users/{lena}");
    let crew = service
        .post(
            "/Groups",
            json!({"displayName": "Crew", "members": [{"value": lena}]}),
        )
        .await;
    assert_eq!(crew.status, 201);
    let rename = json!([{"op": "Replace", "path": "userName", "value": "lena.b@crew.example"}]);
    assert_eq!(service.patch(&path, rename).await.status, 200);
    let bad = json!([{"op": "Replace", "path": "active", "value": "perhaps"}]);
    service.patch(&path, bad).await.error(400, "invalidValue");
    for name in [
        lena.as_str(),
        "lena.b@crew.example",
        "LENA.B@crew.example",
        "x-lena",
        "lena@mail.example",
        "lena@crew.example",
    ] {
        let (code, found) = admin.json(&format!("user find acme {name}")).await;
        assert_eq!((code, &found[0]["id"]), (0, &json!(lena)), "{name}");
        assert_eq!(found.as_array().unwrap().len(), 1, "{name}");
        assert_eq!(found[0]["isFormer"], name == "lena@crew.example", "{name}");
        let (code, shown) = admin.json(&format!("user show acme {name}")).await;
        assert_eq!((code, &shown["id"]), (0, &json!(lena)), "{name}");
    }
    let (_, shown) = admin.json("user show acme x-lena").await;
    assert_eq!(shown["state"], "active");
    assert_eq!(shown["attributes"]["displayName"], "lena");
    assert_eq!(shown["groups"][0]["displayName"], "Crew");
    assert_eq!(shown["changes"].as_array().unwrap().len(), 2);
    assert_eq!(shown["requests"][0]["reason"], "invalidValue");
    let (_, text) = admin.run("user show acme x-lena").await;
    for told in [
        "state        active",
        "1: Crew",
        "userName",
        "400 invalidValue",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert_eq!(service.delete(&path).await.status, 204);
    for name in [
        "lena.b@crew.example",
        "x-lena",
        "lena@mail.example",
        "lena@crew.example",
    ] {
        let (code, found) = admin.json(&format!("user show acme {name}")).await;
        assert_eq!((code, &found["state"]), (0, &json!("deleted")), "{name}");
        assert!(found["keptUntil"].is_string());
    }
    // A name that two had is not guessed about.
    create(&service, "lena").await;
    let (code, found) = admin.json("user find acme x-lena").await;
    assert_eq!((code, found.as_array().unwrap().len()), (0, 2));
    let (code, shown) = admin.json("user show acme lena@crew.example").await;
    assert_eq!((code, &shown["state"]), (0, &json!("active")));
}

/// Is the tenant healthy, which are not, and whose fault is it?
#[tokio::test]
async fn verdicts_and_their_reasons() {
    let (service, directory, admin) = stage().await;
    let verdict = async |admin: &Admin| {
        let (code, status) = admin.json("tenant status acme").await;
        let verdict = status["verdict"].as_str().unwrap().to_owned();
        assert_eq!(code == 0, verdict == "ok", "{status}");
        verdict
    };
    assert_eq!(verdict(&admin).await, "never connected");
    create(&service, "lena").await;
    assert_eq!(verdict(&admin).await, "ok");
    // 404s are how clients look; a few refusals are no failure.
    for _ in 0..5 {
        service.get("/Users/unknown").await.error(404, "");
    }
    assert_eq!(verdict(&admin).await, "ok");
    for _ in 0..8 {
        service
            .post("/Users", user("lena"))
            .await
            .error(409, "uniqueness");
    }
    assert_eq!(verdict(&admin).await, "failing");
    let (_, status) = admin.json("tenant status acme").await;
    let why = status["reasons"][0].as_str().unwrap();
    assert!(why.starts_with("8 of some "), "{why}");
    assert_eq!(status["answers"]["refused"], 13);
    assert_eq!(status["answers"]["release"], env!("CARGO_PKG_VERSION"));
    // Last seen days ago.
    let (_, keys) = admin.json("key list acme").await;
    let key = format!("K#{}", keys[0]["id"].as_str().unwrap());
    let days_ago = |days| scim::resource::rfc3339(OffsetDateTime::now_utc() - Duration::days(days));
    for sort_key in directory.items("acme").await.keys() {
        if sort_key.starts_with("R#") || sort_key.starts_with("H#") {
            directory.remove("acme", sort_key).await;
        }
    }
    directory
        .plant_text("acme", &key, "last_used", &days_ago(4))
        .await;
    assert_eq!(verdict(&admin).await, "silent");
    // A key that is mistyped since.
    let cut = service.key[..service.key.len() - 3].to_owned();
    service
        .call("GET", "/Users")
        .key(&cut)
        .send()
        .await
        .error(401, "");
    until(async || {
        let items = directory.items("acme").await;
        items
            .keys()
            .any(|sort_key| sort_key.starts_with("R#"))
            .then_some(())
    })
    .await;
    assert_eq!(verdict(&admin).await, "locked out");
    assert_eq!(admin.run("tenant disable acme --reason drill").await.0, 0);
    let (_, status) = admin.json("tenant status acme").await;
    assert_eq!(status["reasons"].as_array().unwrap().len(), 3, "{status}");

    // All of them, the worst first.
    assert_eq!(admin.run("tenant create beta --name Beta").await.0, 0);
    let (code, all) = admin.json("tenant status --all").await;
    assert_eq!(code, 1);
    let told: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|status| {
            (
                status["tenant"].as_str().unwrap(),
                status["verdict"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("acme", "locked out"), ("beta", "never connected")]);
    let (_, text) = admin.run("tenant status --all").await;
    assert!(
        text.lines().nth(1).unwrap().contains("locked out"),
        "{text}"
    );
    let (_, counted) = admin.json("tenant list --counts").await;
    assert_eq!(
        (&counted[0]["users"], &counted[1]["users"]),
        (&json!(1), &json!(0))
    );
    let (code, checked) = admin.json("directory check --all").await;
    assert_eq!((code, checked.as_array().unwrap().len()), (0, 2));
}

/// Whose key is this that somebody has found, and is it alive?
#[tokio::test]
async fn a_key_that_somebody_reports() {
    let (service, _, admin) = stage().await;
    let (code, said, note) = admin
        .fed("key identify", &format!("{}\n", service.key))
        .await;
    assert_eq!(code, 1);
    assert!(said.contains("acme") && said.contains("ALIVE"), "{said}");
    assert!(note.contains("scim-admin key revoke acme"), "{note}");
    assert!(!said.contains(&service.key) && !note.contains(&service.key));
    let (_, keys) = admin.json("key list acme").await;
    let key = keys[0]["id"].as_str().unwrap();
    assert_eq!(admin.run(&format!("key revoke acme {key}")).await.0, 0);
    let (code, said, _) = admin.fed("--json key identify", &service.key).await;
    let value: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (code, &value["live"], &value["tenant"]),
        (0, &json!(false), &json!("acme"))
    );
    assert_eq!(value["key"]["id"], key);
    for (presented, told) in [
        (&service.key[..40], "names tenant acme"),
        ("xoxb-1234", "no key of this service"),
        ("", "no key of this service"),
    ] {
        let (code, said, _) = admin.fed("key identify", presented).await;
        assert_eq!(code, 0, "{said}");
        assert!(said.contains(told), "{said}");
    }
    let acme = tenant::TenantId::parse("acme").unwrap();
    let unknown = tenant::ApiKey::from_secret(&acme, [99; 32]);
    let (code, said, _) = admin.fed("key identify", unknown.expose()).await;
    assert_eq!(code, 0);
    assert!(said.contains("never issued"), "{said}");
}

/// Who changed forty people this morning?
#[tokio::test]
async fn history_by_kind_attribute_and_actor() {
    let (service, _, admin) = stage().await;
    let lena = create(&service, "lena").await;
    let path = format!("/Users/{lena}");
    let title = json!([{"op": "Replace", "path": "title", "value": "Captain"}]);
    assert_eq!(service.patch(&path, title).await.status, 200);
    let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let department = json!([{"op": "Add", "path": format!("{urn}:department"), "value": "Deck"}]);
    assert_eq!(service.patch(&path, department).await.status, 200);
    assert_eq!(service.delete(&path).await.status, 204);
    assert_eq!(admin.run(&format!("user restore acme {lena}")).await.0, 0);
    let (_, keys) = admin.json("key list acme").await;
    let key = keys[0]["id"].as_str().unwrap();
    for (arguments, operations) in [
        ("--operation patch".to_owned(), vec!["patch", "patch"]),
        (
            "--attribute title".to_owned(),
            vec!["patch", "delete", "restore"],
        ),
        (
            "--attribute department".to_owned(),
            vec!["patch", "delete", "restore"],
        ),
        ("--actor operator".to_owned(), vec!["restore"]),
        (
            format!("--key {key}"),
            vec!["create", "patch", "patch", "delete"],
        ),
        ("--actor key --operation delete".to_owned(), vec!["delete"]),
        ("--key 0123456789ab".to_owned(), vec![]),
    ] {
        let records = admin.history(&arguments).await;
        let found: Vec<_> = records
            .iter()
            .map(|record| record["operation"].as_str().unwrap())
            .collect();
        assert_eq!(found, operations, "{arguments}");
    }
}

/// What is followed goes on with what comes.
#[tokio::test]
async fn requests_are_followed() {
    let (service, _, admin) = stage().await;
    let mut lines = admin.follow("requests acme --follow --ndjson");
    service.get("/Users/one").await.error(404, "");
    let first: Value = serde_json::from_str(&lines.next().await).unwrap();
    assert_eq!(first["subject"]["id"], "one");
    service.get("/Users/two").await.error(404, "");
    let second: Value = serde_json::from_str(&lines.next().await).unwrap();
    assert_eq!(second["subject"]["id"], "two");
}

/// What nobody can be called, or asks for what there is not, is said; no answer is none.
#[tokio::test]
async fn odd_questions_have_answers() {
    let (service, _, admin) = stage().await;
    let lena = create(&service, "lena").await;
    let long = "x".repeat(5_000);
    let answer = service.post("/Users", json!({"userName": long})).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    // The log has the beginning of it.
    let (code, found) = admin.json(&format!("requests acme --user {long}")).await;
    assert_eq!((code, found.as_array().unwrap().len()), (0, 1));
    assert_eq!(admin.run(&format!("user find acme {long}")).await.0, 1);
    for (command, told) in [
        ("history acme --operation bogus", "possible values"),
        ("history acme --attribute userNam", "no attribute"),
        ("history acme --key nothing", "KEY ID"),
    ] {
        let (code, said) = admin.run(command).await;
        assert_eq!(code, 2, "{command}");
        assert!(said.contains(told), "{command}: {said}");
    }
    for attribute in ["username", "department", "members", "emails"] {
        let command = format!("history acme --attribute {attribute}");
        assert_eq!(admin.run(&command).await.0, 0, "{command}");
    }
    let (code, said) = admin.run("audit nobody").await;
    assert_eq!(code, 1);
    assert!(said.contains("does not exist"), "{said}");
    // A key is no reason.
    let reason = format!("tenant disable acme --reason leaked-{}", service.key);
    let (code, said) = admin.run(&reason).await;
    assert_eq!(code, 2);
    assert!(said.contains("must not be kept"), "{said}");
    assert_eq!(admin.json("tenant list").await.1[0]["enabled"], true);
    assert_eq!(service.get(&format!("/Users/{lena}")).await.status, 200);
}

/// Refusals of before answers were counted say nothing of how many are refused.
#[tokio::test]
async fn a_share_is_that_of_counted_hours() {
    let (service, _, admin) = stage().await;
    let acme = tenant::TenantId::parse("acme").unwrap();
    let key = tenant::ApiKey::parse(service.key.as_bytes()).unwrap();
    let (meter, gate) = (store::Meter::default(), store::Gate::opened());
    let directory = service.app.store.tenant(&acme, &meter, &gate);
    let now = OffsetDateTime::now_utc();
    directory.note_use(&key.id(), now).await.unwrap();
    let refusals = Refusals {
        last: Refusal {
            status: 409,
            reason: "uniqueness",
            route: "POST /Users".to_owned(),
            detail: String::new(),
            request_id: "1".to_owned(),
            at: now,
        },
        count: 4,
        unlogged: 0,
        first: now,
        expires: now + Duration::days(90),
    };
    directory.count_refusals(&refusals).await.unwrap();
    let (code, status) = admin.json("tenant status acme").await;
    assert_eq!((code, &status["verdict"]), (0, &json!("ok")), "{status}");
    let mut answers = Answers::none(now, now + Duration::days(90));
    answers.refused = 4;
    directory.count_answers(&answers).await.unwrap();
    let (code, status) = admin.json("tenant status acme").await;
    assert_eq!(
        (code, &status["verdict"]),
        (1, &json!("failing")),
        "{status}"
    );
}
