//! What a value may be, and when two values are the same.

use serde_json::{Value, json};

use crate::requests::errors::refused;
use crate::requests::lists::page;
use crate::support::admin::Admin;
use crate::support::capture::logged_text;
use crate::support::directory::DirectoryTable;
use crate::support::service::{Answer, Service};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Checks that exactly these users match.
async fn assert_found(service: &Service, filter: &str, ids: &[&str]) {
    let found = service.find(filter).await;
    assert_eq!(found.status, 200, "{filter}: {}", found.body);
    let mut found = page(&found, ids.len(), 1);
    found.sort();
    let mut expected = ids.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected, "{filter}");
}

#[tokio::test]
async fn an_element_without_primary_is_not_primary() {
    let service = Service::start().await;
    let none = service.create_user("none", json!({})).await;
    let silent = json!({"emails": [{"value": "silent@crew.example"}]});
    let silent = service.create_user("silent", silent).await;
    let said = json!({"emails": [{"value": "said@crew.example", "primary": false}]});
    let said = service.create_user("said", said).await;
    let primary = json!({"emails": [{"value": "main@crew.example", "primary": true}]});
    let primary = service.create_user("primary", primary).await;
    for (filter, ids) in [
        ("emails[primary eq false]", vec![&*silent, &said]),
        ("emails[primary ne true]", vec![&silent, &said]),
        ("emails[not (primary eq true)]", vec![&silent, &said]),
        ("emails.primary eq false", vec![&silent, &said]),
        ("emails.primary ne false", vec![&none, &primary]),
        ("emails[primary eq true]", vec![&primary]),
        ("emails[primary pr]", vec![&said, &primary]),
        ("emails[primary eq null]", vec![&silent]),
    ] {
        assert_found(&service, filter, &ids).await;
    }
    let sorted = service.get("/Users?sortBy=emails.primary").await;
    let sorted = page(&sorted, 4, 1);
    assert_eq!((&sorted[2], &sorted[3]), (&primary, &none));
    let operation = json!([{"op": "replace", "path": "emails[primary eq false].value", "value": "new@crew.example"}]);
    let changed = service.patch(&format!("/Users/{silent}"), operation).await;
    assert_eq!(
        changed.body["emails"],
        json!([{"value": "new@crew.example"}])
    );
}

/// The same value in a POST, a PUT, and PATCHes with and without a path.
async fn sent_everywhere(service: &Service, user: &str, name: &str, value: &str) -> Vec<Answer> {
    let resource = format!(r#"{{"userName":"u","{name}":{value}}}"#);
    let resource = if name == "userName" {
        format!(r#"{{"userName":{value}}}"#)
    } else {
        resource
    };
    let patch = |operation: &str| format!(r#"{{"Operations":[{operation}]}}"#);
    let by_path = patch(&format!(
        r#"{{"op":"replace","path":"{name}","value":{value}}}"#
    ));
    let by_member = patch(&format!(r#"{{"op":"add","value":{{"{name}":{value}}}}}"#));
    let mut answers = Vec::new();
    for (method, path, body) in [
        ("POST", "/Users", &resource),
        ("PUT", user, &resource),
        ("PATCH", user, &by_path),
        ("PATCH", user, &by_member),
    ] {
        let call = service.call(method, path).json(json!({})).body(body);
        answers.push(call.send().await);
    }
    answers
}

#[tokio::test]
async fn what_is_no_text_or_no_binary_is_refused_wherever_it_is_sent() {
    let service = Service::start().await;
    let user = format!(
        "/Users/{}",
        service.create_user("lena", json!({"title": "Lead"})).await
    );
    let before = service.get(&user).await.body;
    for (name, value) in [
        ("userName", "true"),
        ("userName", r#"["a","b"]"#),
        ("userName", r#"[["a"]]"#),
        ("userName", r#"{"value":"a"}"#),
        ("userName", r#"{"a":1}"#),
        ("userName", r#"[{"value":false}]"#),
        ("title", "false"),
        ("title", r#"[["a"]]"#),
        ("title", r#"{"value":"a"}"#),
        ("externalId", "103873984712345678901"),
        ("externalId", "1.0"),
        ("externalId", "1e3"),
        ("externalId", "[-0]"),
        ("emails", r#"[{"value":103873984712345678901}]"#),
        ("emails", "[true]"),
        ("emails", r#"[["a@x"]]"#),
        ("employeeNumber", "4711.50"),
        ("manager", "true"),
        ("x509Certificates", r#"[{"value":"not base64!"}]"#),
        ("x509Certificates", r#"["QQ==\n"]"#),
        ("x509Certificates", "[1234]"),
    ] {
        for answer in sent_everywhere(&service, &user, name, value).await {
            refused(&answer, 400, "invalidValue");
        }
    }
    assert_eq!(service.get(&user).await.body, before);
    assert_eq!(service.find("userName pr").await.ids().len(), 1);
    for (name, value, shown) in [
        (
            "externalId",
            "18446744073709551615",
            json!("18446744073709551615"),
        ),
        ("externalId", "-7", json!("-7")),
        ("title", r#"[{"$ref":null,"value":"Lead"}]"#, json!("Lead")),
        ("title", r#"["Digger"]"#, json!("Digger")),
        ("x509Certificates", r#"["QUI"]"#, json!([{"value": "QUI"}])),
    ] {
        let answers = sent_everywhere(&service, &user, name, value).await;
        for (answer, status) in answers.iter().zip([201, 409, 200, 200]) {
            assert_eq!(answer.status, status, "{name} {value}: {}", answer.body);
        }
        assert_eq!(service.get(&user).await.body[name], shown);
        let created = answers[0].id();
        assert_eq!(
            service.get(&format!("/Users/{created}")).await.body[name],
            shown
        );
        assert_eq!(
            service.delete(&format!("/Users/{created}")).await.status,
            204
        );
    }
}

#[tokio::test]
async fn long_numbers_in_filters_keep_their_digits() {
    let service = Service::start().await;
    let numbers = ["103873984712345678901", "103873984712345678902"];
    let mut ids = Vec::new();
    for number in numbers {
        let attributes = json!({"externalId": number, ENTERPRISE: {"employeeNumber": number}});
        ids.push(service.create_user(number, attributes).await);
    }
    for (number, id) in numbers.iter().zip(&ids) {
        for attribute in ["externalId", "employeeNumber", "userName"] {
            assert_found(&service, &format!("{attribute} eq {number}"), &[id]).await;
        }
    }
    let user = format!("/Users/{}", ids[0]);
    let path = format!("emails[value eq {}].type", numbers[0]);
    let operation = json!([{"op": "add", "path": path, "value": "work"}]);
    let changed = service.patch(&user, operation).await;
    assert_eq!(
        changed.body["emails"],
        json!([{"type": "work", "value": numbers[0]}])
    );
}

#[tokio::test]
async fn names_that_look_the_same_are_one() {
    let (service, directory, admin) = Admin::with_service().await;
    let shown = "jos\u{e9}@crew.example";
    let id = service
        .create_user(
            shown,
            json!({"emails": [{"type": "work", "value": shown}], ENTERPRISE: {"employeeNumber": shown}}),
        )
        .await;
    let other = service.create_user("jose@crew.example", json!({})).await;
    let same = [
        "jose\u{301}@crew.example",
        "JOSE\u{301}@CREW.EXAMPLE",
        "\u{ff4a}\u{ff4f}\u{ff53}\u{e9}@crew.example",
        "jos\u{e9}\u{200b}@crew.example",
        "\u{feff}jos\u{e9}@crew.example",
        " jos\u{e9}@crew.example",
        "jos\u{e9}@crew.example\u{a0}",
    ];
    for name in same {
        let literal = Value::from(name);
        for attribute in [
            "userName",
            "emails.value",
            "emails[type eq \"work\"].value",
            "employeeNumber",
        ] {
            assert_found(&service, &format!("{attribute} eq {literal}"), &[&id]).await;
        }
        assert_found(
            &service,
            &format!("userName eq {literal} and active eq true"),
            &[&id],
        )
        .await;
        assert_found(
            &service,
            &format!("userName ge {literal} and userName le {literal}"),
            &[&id],
        )
        .await;
        refused(
            &service.post("/Users", json!({"userName": name})).await,
            409,
            "uniqueness",
        );
        let operation = json!([{"op": "replace", "path": "userName", "value": name}]);
        let path = format!("/Users/{other}");
        refused(&service.patch(&path, operation).await, 409, "uniqueness");
        refused(
            &service.put(&path, json!({"userName": name})).await,
            409,
            "uniqueness",
        );
    }
    assert_eq!(
        service.get(&format!("/Users/{id}")).await.body["userName"],
        shown
    );
    // The user itself may change to another form, which is shown as sent.
    for name in same {
        let operation = json!([{"op": "replace", "path": "userName", "value": name}]);
        let changed = service.patch(&format!("/Users/{id}"), operation).await;
        assert_eq!(
            (changed.status, &changed.body["userName"]),
            (200, &json!(name))
        );
        directory.check("acme").await;
    }
    assert_eq!(service.delete(&format!("/Users/{id}")).await.status, 204);
    service.create_user(same[0], json!({})).await;
    directory.check("acme").await;
    let (code, printed) = admin.run("directory check acme").await;
    assert_eq!(code, 0, "{printed}");
}

#[tokio::test]
async fn names_that_look_different_are_several() {
    let (service, directory) = DirectoryTable::with_service().await;
    for name in [
        "ilker",
        "\u{131}lker",
        "\u{130}lker",
        "jose",
        "jos\u{e9}",
        "jos\u{e8}",
        "jo se",
    ] {
        let id = service.create_user(name, json!({})).await;
        assert_found(
            &service,
            &format!("userName eq {}", Value::from(name)),
            &[&id],
        )
        .await;
    }
    directory.check("acme").await;
}

#[tokio::test]
async fn blanks_count_in_the_parts_of_a_name() {
    let service = Service::start().await;
    let ana = service.create_user("Ana Lima", json!({})).await;
    let anabel = service.create_user("Anabel ", json!({})).await;
    let both = [&*ana, &anabel];
    for (filter, ids) in [
        (r#"userName sw "ANA""#, &both[..]),
        (r#"userName sw "ana ""#, &both[..1]),
        (r#"userName sw "anabel ""#, &both[1..]),
        (r#"userName ew "l ""#, &both[1..]),
        (r#"userName ew " lima""#, &both[..1]),
        (r#"userName co " ""#, &both[..]),
        (r#"userName co "a l""#, &both[..1]),
        (r#"userName sw " ana""#, &[]),
        (r#"userName sw " ""#, &[]),
        (r#"userName eq " anabel ""#, &both[1..]),
        ("userName sw \"\u{200b}A\u{ad}na\"", &both[..]),
    ] {
        assert_found(&service, filter, ids).await;
        // Without a lookup, the same.
        let scanned = format!("not (not ({filter}))");
        assert_found(&service, &scanned, ids).await;
    }
}

#[tokio::test]
async fn a_user_name_can_be_seen_and_is_one_line() {
    let service = Service::start().await;
    let user = format!("/Users/{}", service.create_user("lena", json!({})).await);
    for name in [
        " ",
        "\u{3000}\u{a0}",
        "\u{200b}",
        "\u{202e}\u{200d}",
        "a\0b",
        "a\nb",
        "lena\r\n",
        "\tlena",
        "a\u{7f}",
        "a\u{85}",
        "a\u{2028}b",
    ] {
        let literal = Value::from(name).to_string();
        for answer in sent_everywhere(&service, &user, "userName", &literal).await {
            refused(&answer, 400, "invalidValue");
        }
        // Other text is stored as it comes.
        let answers = sent_everywhere(&service, &user, "displayName", &literal).await;
        assert_eq!(answers[2].status, 200, "{}", answers[2].body);
        assert_eq!(service.get(&user).await.body["displayName"], name);
        assert_eq!(
            service
                .delete(&format!("/Users/{}", answers[0].id()))
                .await
                .status,
            204
        );
    }
}

#[tokio::test]
async fn times_in_filters_may_be_shortened() {
    let service = Service::start().await;
    let id = service.create_user("lena", json!({})).await;
    for (time, is_before) in [
        ("2015-10-10T00:00:00", true),
        ("2015-10-10T00:00", true),
        ("2015-10-10", true),
        ("2999-01-01", false),
        ("2999-01-01T00:00", false),
    ] {
        let ids = if is_before { vec![&*id] } else { Vec::new() };
        assert_found(&service, &format!("meta.created gt \"{time}\""), &ids).await;
    }
    for wrong in ["2015", "2015-13-01", "2015-10-10T8:00", "yesterday"] {
        let answer = service.find(&format!("meta.created gt \"{wrong}\"")).await;
        refused(&answer, 400, "invalidFilter");
    }
}

#[tokio::test]
async fn no_object_has_a_member_twice() {
    let service = Service::start().await;
    let user = format!("/Users/{}", service.create_user("lena", json!({})).await);
    let before = service.get(&user).await.body;
    for pair in [
        r#""title":"a","title":"b""#,
        r#""title":"a","title":"a""#,
        r#""title":"a","TITLE":"b""#,
        r#""userName":"x","USERNAME":"y""#,
        r#""name":{"givenName":"a","GivenName":"b"}"#,
        r#""emails":[{"value":"a"},{"value":"b","value":"c"}]"#,
        r#""urn:example:2.0:User":{"badge":{"a":1,"a":2}}"#,
        r#""roles":[{"value":"{\"value\":\"a\",\"value\":\"b\"}"}]"#,
    ] {
        let name = if pair.contains("userName") {
            ""
        } else {
            r#""userName":"new","#
        };
        let resource = format!("{{{name}{pair}}}");
        let patch = format!(r#"{{"Operations":[{{"op":"add","value":{{{pair}}}}}]}}"#);
        let bulk = format!(
            r#"{{"Operations":[{{"method":"POST","path":"/Users","bulkId":"1","data":{resource}}}]}}"#
        );
        for (method, path, body) in [
            ("POST", "/Users", &resource),
            ("PUT", &user, &resource),
            ("PATCH", &user, &patch),
        ] {
            let answer = service
                .call(method, path)
                .json(json!({}))
                .body(body)
                .send()
                .await;
            refused(&answer, 400, "invalidSyntax");
        }
        let answer = service
            .call("POST", "/Bulk")
            .json(json!({}))
            .body(&bulk)
            .send()
            .await;
        if answer.status == 200 {
            assert_eq!(
                answer.body["Operations"][0]["status"], "400",
                "{}",
                answer.body
            );
        } else {
            refused(&answer, 400, "invalidSyntax");
        }
    }
    let search = r#"{"filter":"title pr","FILTER":"userName pr"}"#;
    let answer = service
        .call("POST", "/Users/.search")
        .json(json!({}))
        .body(search)
        .send()
        .await;
    refused(&answer, 400, "invalidSyntax");
    assert_eq!(service.get(&user).await.body, before);
    assert_eq!(service.find("userName pr").await.ids().len(), 1);
}

#[tokio::test]
async fn an_unknown_attribute_does_not_keep_a_user_active() {
    let service = Service::start().await;
    let id = service.create_user("lena", json!({"title": "Lead"})).await;
    let user = format!("/Users/{id}");
    let hire_date = format!("{ENTERPRISE}:hireDate");
    let operations = json!({"Operations": [
        {"op": "Add", "path": hire_date, "value": "2026-01-02"},
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Add", "path": "name.first", "value": "Lena-Given"},
        {"op": "Add", "path": "emails[label eq \"lena@home.example\"].value", "value": "lena@crew.example"},
        {"op": "Add", "value": {"Lena Ortiz": "x", "shoeSize": "secret-39"}}
    ]});
    let call = service.call("PATCH", &user).json(operations.clone());
    let (answer, text) = logged_text(call.send()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(service.get(&user).await.body["active"], false);
    let line: Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(line["ignored"], 5);
    let names = format!(r#"["{hire_date}", "name.first", "emails.label", "shoeSize"]"#);
    assert_eq!(line["ignored_names"], names);
    for personal in [
        "lena@home.example",
        "Lena-Given",
        "Lena Ortiz",
        "secret-39",
        "2026-01-02",
    ] {
        assert!(!text.contains(personal), "{personal}: {text}");
    }
    // The same in a bulk request, where nothing changes any more.
    let operation = json!({"method": "PATCH", "path": user, "data": operations});
    let bulk = json!({"Operations": [operation, operation]});
    let (answer, text) = logged_text(service.call("POST", "/Bulk").json(bulk).send()).await;
    assert_eq!(
        answer.body["Operations"][1]["status"], "200",
        "{}",
        answer.body
    );
    let line: Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(
        (&line["ignored"], &line["ignored_names"]),
        (&json!(10), &json!(names))
    );
    // Alone it is an error, and a PATCH of known names has nothing to tell.
    for path in [
        "shoeSize",
        "name.first",
        "emails[label eq 1].value",
        &*hire_date,
    ] {
        let operation = json!([{"op": "replace", "path": path, "value": "x"}]);
        refused(&service.patch(&user, operation).await, 400, "invalidPath");
    }
    let operations = json!({"Operations": [{"op": "replace", "path": "title", "value": "Digger"}]});
    let call = service.call("PATCH", &user).json(operations);
    let (_, text) = logged_text(call.send()).await;
    assert!(!text.contains("ignored"), "{text}");
}

#[tokio::test]
async fn no_operations_change_nothing() {
    let service = Service::start().await;
    let user = format!("/Users/{}", service.create_user("lena", json!({})).await);
    let before = service.get(&user).await.body;
    let answer = service.patch(&user, json!([])).await;
    assert_eq!((answer.status, &answer.body), (200, &before));
    let unknown = format!("/Users/{}", "0".repeat(8));
    assert_eq!(service.patch(&unknown, json!([])).await.status, 404);
}

#[tokio::test]
async fn schemas_may_be_missing_or_empty_in_every_message() {
    let service = Service::start().await;
    let user = format!("/Users/{}", service.create_user("lena", json!({})).await);
    let operation = json!({"op": "replace", "path": "title", "value": "Lead"});
    for schemas in [None, Some(json!([]))] {
        for (method, path, message, status) in [
            ("POST", "/Users", json!({"userName": "new"}), 201),
            ("PUT", &user, json!({"userName": "lena"}), 200),
            ("PATCH", &user, json!({"Operations": [operation]}), 200),
            ("POST", "/Users/.search", json!({"filter": "title pr"}), 200),
            ("POST", "/Bulk", json!({"Operations": []}), 200),
        ] {
            let mut message = message;
            if let Some(schemas) = &schemas {
                message["schemas"] = schemas.clone();
            }
            let answer = service.call(method, path).json(message).send().await;
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
            if status == 201 {
                service.delete(&format!("/Users/{}", answer.id())).await;
            }
        }
    }
}
