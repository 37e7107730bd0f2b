//! The operator's command line in use: history, status, restore, breaker.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::keys::key_use::until;
use crate::support::admin::{Admin, members, set};
use crate::support::groups::{group, path};
use crate::support::listener::Listener;
use crate::support::oauth::another_instance;

#[tokio::test]
async fn history_tells_who_changed_what_and_when() {
    let (service, _, admin) = Admin::with_service().await;
    let started = OffsetDateTime::now_utc();
    let lena = service.create_user("lena", json!({"title": "Lead"})).await;
    let max = service.create_user("max", json!({})).await;
    let path = format!("/Users/{lena}");
    let call = service
        .call("PATCH", &path)
        .json(json!({"Operations": [{"op": "replace", "path": "title", "value": "Digger"}]}));
    assert_eq!(call.send().await.status, 200);
    let put = json!({"userName": "Lena", "externalId": "x-1"});
    assert_eq!(service.put(&path, put).await.status, 200);
    assert_eq!(service.delete(&path).await.status, 204);

    let records = admin.history("").await;
    assert_eq!(
        members(&records, "operation"),
        ["create", "create", "patch", "replace", "delete"]
    );
    assert_eq!(members(&records, "version"), [1, 1, 2, 3, 4]);
    assert_eq!(
        records[2]["changes"],
        json!({"title": {"before": "Lead", "after": "Digger"}})
    );
    assert_eq!(
        records[3]["changes"],
        json!({
            "externalId": {"after": "x-1"},
            "title": {"before": "Digger"},
            "userName": {"before": "lena", "after": "Lena"},
        })
    );
    assert_eq!(records[4]["changes"]["userName"], json!({"before": "Lena"}));
    for record in &records {
        assert_eq!(record["requestId"], "event", "the id in the log");
        assert_eq!(record["tenant"], "acme");
        assert_eq!(record["resourceType"], "User");
        let key = record["actor"].as_str().unwrap().strip_prefix("key ");
        assert_eq!(key.map(str::len), Some(12));
    }

    // One user's history, by id and by userName, although the first is deleted.
    let life = admin.history(&format!("--user {lena}")).await;
    assert_eq!(
        members(&life, "operation"),
        ["create", "patch", "replace", "delete"]
    );
    let life = admin.history("--user MAX").await;
    assert_eq!(members(&life, "id"), [max.as_str()]);
    let (code, text) = admin.run("history acme --user lena").await;
    assert_eq!(code, 1);
    assert!(text.contains("scim-admin user find"), "{text}");

    // One array for programs, even if empty; --ndjson stays one object per line.
    for (arguments, count) in [
        ("--json history acme".to_owned(), 5),
        (format!("history acme --json --user {lena}"), 4),
        ("--json history acme --until 1h".to_owned(), 0),
    ] {
        let (code, text) = admin.run(&arguments).await;
        assert_eq!(code, 0, "{text}");
        let array: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(array.len(), count, "{arguments}: {text}");
        assert!(
            array.iter().all(|record| records.contains(record)),
            "{text}"
        );
    }
    assert_eq!(admin.history("--json").await, records);
    let (code, text) = admin.run("--json history nobody").await;
    assert_eq!(code, 1);
    assert!(text.contains("does not exist"), "{text}");

    // Time spans, and the human-readable form.
    let format = &time::format_description::well_known::Rfc3339;
    let until = started.format(format).unwrap();
    assert_eq!(admin.history(&format!("--until {until}")).await.len(), 0);
    assert_eq!(admin.history(&format!("--since {until}")).await.len(), 5);
    let (_, text) = admin.run("history acme").await;
    assert!(text.contains("title: \"Lead\" -> \"Digger\""), "{text}");
    for (arguments, told) in [
        ("history nobody", "does not exist"),
        (
            "history acme --since 1h --until 2h",
            "is not after the beginning",
        ),
        (
            "history acme --since 1970-01-02T00:00:00Z --until 1970-01-02T00:00:00Z",
            "is not after the beginning",
        ),
        (
            "history acme --since 2100-01-01T00:00:00Z",
            "is not after the beginning",
        ),
        ("history acme --until 2days", "is not after the beginning"),
        (
            "history acme --user 2819c223-7f76-453a-919d-413861904646",
            "nothing is on record of user 2819",
        ),
    ] {
        let (code, text) = admin.run(arguments).await;
        assert_eq!(code, 1);
        assert!(text.contains(told) && !text.contains("Exception"), "{text}");
    }
    // A change at the very end of a span is not part of it.
    let [first, second] = ["0", "1"].map(|index| &records[index.parse::<usize>().unwrap()]["time"]);
    let span = format!(
        "--since {} --until {}",
        first.as_str().unwrap(),
        second.as_str().unwrap()
    );
    assert_eq!(members(&admin.history(&span).await, "id"), [lena.as_str()]);
}

/// What a client sends is shown to the operator, without affecting the operator's terminal.
#[tokio::test]
async fn a_client_cannot_write_to_the_operators_terminal() {
    let (service, _, admin) = Admin::with_service().await;
    // A userName has no control characters; other attributes may.
    let name = "acme\u{202e}lena\u{200b}";
    let title = "\u{1b}]0;owned\u{7}\nacme\r\u{7f}\u{9b}2J\u{202e}lena\u{2028}\u{200b}";
    let id = service.create_user(name, json!({"title": title})).await;
    set(&service, &format!("/Users/{id}"), "title", "x".into()).await;
    let operation = json!([{"op": "\u{1b}[2J", "path": "title"}]);
    let answer = service.patch(&format!("/Users/{id}"), operation).await;
    assert_eq!(answer.status, 400);
    assert_eq!(service.delete(&format!("/Users/{id}")).await.status, 204);
    let restore = format!("user restore acme {id}");
    for (arguments, lines, is_named) in [
        ("history acme", 0, true),
        ("user deleted acme", 2, true),
        (restore.as_str(), 2, true),
        ("tenant status acme", 0, false),
    ] {
        let (_, said) = admin.run(arguments).await;
        let is_text = |character: char| {
            let is_harmful = character.is_control() && character != '\n';
            !is_harmful && !['\u{202e}', '\u{2028}', '\u{200b}'].contains(&character)
        };
        assert!(said.chars().all(is_text), "{said:?}");
        let (_, said_as_json, _) = admin.output(&format!("--json {arguments}")).await;
        assert!(said_as_json.chars().all(is_text), "{said_as_json:?}");
        assert_eq!(said.contains("\\u{202e}lena"), is_named, "{said}");
        if lines > 0 {
            assert_eq!(said.lines().count(), lines, "{said}");
        }
    }
    let (_, status) = admin.run("tenant status acme").await;
    assert!(status.contains("`…` is not an operation"), "{status}");
    // Programs read the original text.
    assert_eq!(service.delete(&format!("/Users/{id}")).await.status, 204);
    let (_, deleted) = admin.json("user deleted acme").await;
    assert_eq!(deleted[0]["userName"], name);
}

#[tokio::test]
async fn history_is_followed() {
    let (service, _, admin) = Admin::with_service().await;
    service.create_user("before", json!({})).await;
    let mut lines = admin.follow("history acme --follow --ndjson");
    let mut json = admin.follow("--json history acme --follow");
    let mut names = Vec::new();
    for next in ["one", "two", "three"] {
        let line = lines.next().await;
        assert_eq!(json.next().await, line);
        let record: Value = serde_json::from_str(&line).unwrap();
        names.push(record["changes"]["userName"]["after"].clone());
        service.create_user(next, json!({})).await;
    }
    assert_eq!(names, ["before", "one", "two"]);
}

/// The history of a user continues across deletion and restore, and the user is unchanged.
#[tokio::test]
async fn a_deleted_user_is_restored() {
    let (service, directory, admin) = Admin::with_service().await;
    let attributes = json!({
        "externalId": "x-1",
        "emails": [{"type": "work", "value": "lena@crew.example"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "7"},
    });
    let id = service.create_user("lena", attributes).await;
    let path = format!("/Users/{id}");
    let before = service.get(&path).await.body;
    assert_eq!(service.delete(&path).await.status, 204);
    let (_, deleted) = admin.json("user deleted acme").await;
    assert_eq!(deleted[0]["id"], id);
    assert_eq!(deleted[0]["userName"], "lena");

    let (code, restored) = admin.json(&format!("user restore acme {id}")).await;
    assert_eq!((code, &restored[0]["restored"]), (0, &json!(true)));
    let mut after = service.get(&path).await.body;
    assert_eq!(after["meta"]["version"], "W/\"3\"");
    after["meta"] = before["meta"].clone();
    assert_eq!(after, before);
    for filter in [
        "userName eq \"LENA\"",
        "externalId eq \"x-1\"",
        "emails.value eq \"lena@crew.example\"",
        "employeeNumber eq \"7\"",
    ] {
        assert_eq!(service.find(filter).await.ids(), [id.as_str()], "{filter}");
    }
    set(&service, &path, "title", "Lead".into()).await;
    let census = directory.check("acme").await;
    assert_eq!((census.users.len(), census.tombstones.len()), (1, 0));
    let life = admin.history(&format!("--user {id}")).await;
    assert_eq!(
        members(&life, "operation"),
        ["create", "delete", "restore", "patch"]
    );
    assert_eq!(life[2]["actor"], "operator");

    // Restoring twice has no further effect, and what was never there is not restored.
    let before = directory.items("acme").await;
    let (code, again) = admin.run(&format!("user restore acme {id}")).await;
    assert_eq!(code, 0, "{again}");
    assert!(again.contains("there already"), "{again}");
    let nobody = uuid::Uuid::new_v4();
    let (code, never) = admin.run(&format!("user restore acme {nobody}")).await;
    assert_eq!(code, 1);
    assert!(never.contains("no such deleted user"), "{never}");
    assert_eq!(directory.items("acme").await, before);
}

#[tokio::test]
async fn a_user_whose_name_is_taken_is_not_restored() {
    let (service, directory, admin) = Admin::with_service().await;
    let id = service.create_user("lena", json!({})).await;
    assert_eq!(service.delete(&format!("/Users/{id}")).await.status, 204);
    let other = service.create_user("LENA", json!({})).await;
    let before = directory.items("acme").await;
    let (code, text) = admin.run(&format!("user restore acme {id}")).await;
    assert_eq!(code, 1);
    assert!(text.contains(&other), "{text}");
    assert_eq!(directory.items("acme").await, before);
}

/// A wrong scope has deleted many users: one command restores them.
#[tokio::test]
async fn all_that_were_deleted_lately_are_restored() {
    let (service, directory, admin) = Admin::with_service().await;
    let mut ids = Vec::new();
    for user in 0..12 {
        ids.push(service.create_user(&format!("user{user}"), json!({})).await);
    }
    for id in &ids {
        assert_eq!(service.delete(&format!("/Users/{id}")).await.status, 204);
    }
    let (code, restored) = admin.json("user restore acme --deleted-since 5m").await;
    assert_eq!(code, 0, "{restored}");
    assert_eq!(restored.as_array().unwrap().len(), 12);
    assert_eq!(
        directory.check("acme").await.users,
        ids.into_iter().collect()
    );
    let (code, _) = admin.run("directory check acme").await;
    assert_eq!(code, 0);
}

/// A restore and a POST of the same name: one of them gets it.
#[tokio::test]
async fn a_restore_meets_a_creation() {
    let (service, directory, admin) = Admin::with_service().await;
    for round in 0..4 {
        let name = format!("user{round}");
        let id = service.create_user(&name, json!({})).await;
        assert_eq!(service.delete(&format!("/Users/{id}")).await.status, 204);
        let arguments = format!("user restore acme {id}");
        let posts = async {
            // The command takes a moment to start.
            let mut answers = Vec::new();
            for _ in 0..6 {
                answers.push(
                    service
                        .post("/Users", json!({"userName": name}))
                        .await
                        .status,
                );
                tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            }
            answers
        };
        let ((code, _), posts) = tokio::join!(admin.run(&arguments), posts);
        let created = posts.iter().filter(|status| **status == 201).count();
        assert_eq!(created + usize::from(code == 0), 1, "{code} {posts:?}");
        let found = service.find(&format!("userName eq \"{name}\"")).await;
        assert_eq!(found.ids().len(), 1);
    }
    directory.check("acme").await;
}

/// Anyone can invent keys; mistakes in a real one are what operators are asked about first.
#[tokio::test]
async fn status_tells_a_mistyped_key_from_one_that_has_ended() {
    let (service, directory, admin) = Admin::with_service().await;
    let cut = &service.key[..service.key.len() - 3];
    let call = service.call("GET", "/Users").key(cut);
    call.send().await.error(401, "");
    // It is counted beside the answer.
    until(async || {
        let items = directory.items("acme").await;
        let is_counted = items.keys().any(|sort_key| sort_key.starts_with("R#"));
        is_counted.then_some(())
    })
    .await;
    let (code, status) = admin.json("tenant status acme").await;
    let refused = &status["refused"][0];
    assert_eq!(refused["reason"], "mistypedKey", "{status}");
    assert!(
        refused["lastDetail"]
            .as_str()
            .unwrap()
            .contains("typing mistake")
    );
    assert_eq!((code, &status["verdict"]), (1, &json!("locked out")));
}

/// The operations of a bulk request are counted like single requests.
#[tokio::test]
async fn status_counts_what_a_bulk_request_was_refused() {
    let (service, _, admin) = Admin::with_service().await;
    let delete = |id: &str| json!({"method": "DELETE", "path": format!("/Users/{id}")});
    let bulk = json!({"Operations": [delete("a"), delete("b"), {"method": "POST", "path": "/Users", "bulkId": "1", "data": {}}]});
    assert_eq!(service.post("/Bulk", bulk).await.status, 200);
    let (_, status) = admin.json("tenant status acme").await;
    let refused = status["refused"].as_array().unwrap();
    let mut counts: Vec<_> = refused
        .iter()
        .map(|refusal| {
            (
                refusal["reason"].as_str().unwrap(),
                refusal["count"].as_u64().unwrap(),
            )
        })
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, [("invalidValue", 1), ("notFound", 2)]);
    assert_eq!(refused[0]["request"], "POST /Bulk");
}

#[tokio::test]
async fn status_says_since_when_a_client_fails_and_with_what() {
    let (service, _, admin) = Admin::with_service().await;
    let (code, status) = admin.json("tenant status acme").await;
    assert_eq!((code, &status["refused"]), (1, &json!([])));
    assert_eq!(status["verdict"], "never connected");
    assert_eq!(status["lastChange"], Value::Null);

    let id = service.create_user("lena", json!({})).await;
    let deactivated = service.create_user("max", json!({"active": false})).await;
    for _ in 0..3 {
        let answer = service.post("/Users", json!({"userName": "lena"})).await;
        answer.error(409, "uniqueness");
    }
    service.get("/Users/unknown").await.error(404, "");
    let key = admin.json("key list acme").await.1[0]["id"].clone();
    let (code, _) = admin
        .run(&format!("key revoke acme {}", key.as_str().unwrap()))
        .await;
    assert_eq!(code, 0);
    for path in [format!("/Users/{id}"), format!("/Users/{deactivated}")] {
        service.get(&path).await.error(401, "");
    }

    let (code, status) = admin.json("tenant status acme").await;
    assert_eq!(code, 1, "the key is refused");
    assert_eq!(
        (&status["users"], &status["activeUsers"]),
        (&json!(2), &json!(1))
    );
    let refused: Vec<(u64, &str, &str, u64)> = status["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refusal| {
            (
                refusal["status"].as_u64().unwrap(),
                refusal["reason"].as_str().unwrap(),
                refusal["request"].as_str().unwrap(),
                refusal["count"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        refused,
        [
            (409, "uniqueness", "POST /Users", 3),
            (404, "notFound", "GET /Users/{id}", 1),
            (401, "revokedKey", "GET /Users/{id}", 2),
        ]
    );
    let last = &status["refused"][2];
    assert!(last["lastDetail"].as_str().unwrap().contains("was revoked"));
    assert_eq!(last["lastRequestId"], "event");
    // As texts they do not compare: trailing zeros are left out.
    let [first, latest] = ["first", "last"].map(|name| {
        let time = last[name].as_str().unwrap();
        OffsetDateTime::parse(time, &time::format_description::well_known::Rfc3339).unwrap()
    });
    assert!(first <= latest);
    let (_, text) = admin.run("tenant status acme").await;
    assert!(text.contains("6 requests since"), "{text}");
}

/// Programs can read what every command prints. A new command has to be added here.
#[tokio::test]
async fn every_command_prints_json() {
    let (service, directory, admin) = Admin::with_service().await;
    let id = service.create_user("lena", json!({})).await;
    assert_eq!(service.delete(&format!("/Users/{id}")).await.status, 204);
    group(&service, "North", &[]).await;
    let listener = Listener::start(another_instance(&service)).await;
    let folder = std::env::temp_dir().join(format!("export-{}", uuid::Uuid::new_v4()));
    let folder = folder.display();
    let south = group(&service, "South", &[]).await;
    assert_eq!(service.delete(&path(&south)).await.status, 204);
    let (_, keys) = admin.json("key list acme").await;
    let key = keys[0]["id"].as_str().unwrap();
    let (_, created) = admin.json("client create acme --label entra").await;
    let client = created["clientId"].as_str().unwrap();
    let pasted = "--issuer https://login.microsoftonline.com/0f5e2b0c-3c5b-4d0e-9d37-6f1c8a2b7e10/v2.0 --subject 5b1d7a60-7a52-4c0f-8c3e-2f9e0d4b6a11 --audience a4c1e8d2-96b3-4f7a-b1d5-3e8f7c2a9b12";
    let commands = [
        ("tables create", String::new()),
        ("tenant create", "beta".to_owned()),
        ("tenant status", "acme".to_owned()),
        ("tenant list", String::new()),
        ("tenant disable", "beta --reason drill".to_owned()),
        ("tenant enable", "beta".to_owned()),
        ("key create", "acme --label second".to_owned()),
        ("key identify", String::new()),
        ("key list", "acme".to_owned()),
        ("key warnings", String::new()),
        ("key rotate", format!("acme {key}")),
        ("key revoke", format!("acme {key}")),
        ("client create", "acme --label second".to_owned()),
        ("client list", "acme".to_owned()),
        ("client rotate", format!("acme {client}")),
        ("client trust", format!("acme {client} {pasted}")),
        ("client revoke", format!("acme {client}")),
        ("directory check", "acme".to_owned()),
        ("history", "acme".to_owned()),
        ("requests", "acme".to_owned()),
        ("tenant attributes", "acme".to_owned()),
        ("user find", "acme lena".to_owned()),
        ("user show", "acme lena".to_owned()),
        ("user reactivate", "acme --deactivated-since 1h".to_owned()),
        ("user deleted", "acme".to_owned()),
        ("user restore", format!("acme {id}")),
        ("group list", "acme".to_owned()),
        ("group show", "acme North".to_owned()),
        ("group members", "acme North".to_owned()),
        ("group members", "acme North --undo-since 1h".to_owned()),
        ("group deleted", "acme".to_owned()),
        ("group restore", format!("acme {south}")),
        ("breaker lift", "acme --reason drill".to_owned()),
        ("audit", "acme".to_owned()),
        ("migrate", String::new()),
        ("smoke", format!("--tenant acme --url {}", listener.url)),
        ("tables adopt", String::new()),
        ("user erase", format!("acme {id} --reason drill")),
        ("tenant export", format!("beta --to {folder}")),
        ("tenant disable", "beta --reason drill".to_owned()),
        ("tenant import", format!("beta --from {folder}")),
        (
            "link create",
            "beta --for it@beta.example --public-url https://scim.example".to_owned(),
        ),
        ("events", "acme".to_owned()),
        ("link list", "beta".to_owned()),
        ("link revoke", "beta".to_owned()),
        (
            "tenant delete",
            "beta --confirm beta --reason drill".to_owned(),
        ),
    ];
    let mut tried = Vec::new();
    for (command, arguments) in &commands {
        if *command == "tenant import" {
            directory
                .plant_disabled("beta", "2026-01-01T00:00:00Z")
                .await;
        }
        // What is not JSON fails here.
        let (code, value) = admin.json(&format!("{command} {arguments}")).await;
        assert_eq!(code, 0, "{command}: {value}");
        assert!(value.is_object() || value.is_array(), "{command}: {value}");
        tried.push((*command).to_owned());
    }
    std::fs::remove_dir_all(folder.to_string()).unwrap();
    tried.sort();
    tried.dedup();
    assert_eq!(tried, scim_admin::commands());
}
