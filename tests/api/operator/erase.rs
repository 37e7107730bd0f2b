//! A person is erased: no value of theirs is left in either table, and the directory is whole.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::admin::{Admin, set};
use crate::support::directory::{DirectoryTable, text};
use crate::support::groups::{group, path};
use crate::support::service::Service;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What the person of these tests was ever called; each is in some item before.
const VALUES: [&str; 11] = [
    "lena.first@crew.example",
    "lena.second@crew.example",
    "lena.third@crew.example",
    "object-id-of-lena",
    "Magdalena",
    "Zaunkoenig",
    "lena.private@crew.example",
    "E-4711-L",
    "Lena as a member",
    // In requests for the person that were refused.
    "Lenchen perhaps",
    "object-id-with-a-typo",
];

/// A tenant with a person who is in every kind of item, and others.
struct Stage {
    service: Service,
    directory: DirectoryTable,
    admin: Admin,
    lena: String,
    max: String,
    crew: String,
}

impl Stage {
    async fn set() -> Self {
        let (service, directory, admin) = Admin::with_service().await;
        let attributes = json!({
            "externalId": "object-id-of-lena",
            "name": {"givenName": "Magdalena", "familyName": "Zaunkoenig"},
            "emails": [{"value": "lena.private@crew.example", "type": "home"}],
            ENTERPRISE: {"employeeNumber": "E-4711-L"},
        });
        let lena = service
            .create_user("lena.first@crew.example", attributes)
            .await;
        let user = format!("/Users/{lena}");
        set(
            &service,
            &user,
            "userName",
            "lena.second@crew.example".into(),
        )
        .await;
        let manager = json!({"value": lena});
        let max = service
            .create_user("max", json!({ENTERPRISE: {"manager": manager}}))
            .await;
        let crew = group(&service, "Crew", std::slice::from_ref(&max)).await;
        let add = json!([{"op": "add", "path": "members", "value": [
            {"value": lena, "display": "Lena as a member"},
            {"value": "lena.first@crew.example"},
        ]}]);
        assert!(service.patch(&path(&crew), add).await.status < 300);
        // The bin keeps the name that she had before.
        let recycled = format!("{}lena.third@crew.example", "0123456789abcdef".repeat(2));
        set(
            &service,
            &user,
            "userName",
            "lena.third@crew.example".into(),
        )
        .await;
        set(&service, &user, "userName", recycled.as_str().into()).await;
        let refused = json!([{"op": "replace", "path": "active", "value": "Lenchen perhaps"}]);
        service
            .patch(&user, refused)
            .await
            .error(400, "invalidValue");
        let duplicate = json!({
            "userName": "LENA.third@crew.example",
            "externalId": "object-id-with-a-typo",
        });
        service
            .post("/Users", duplicate)
            .await
            .error(409, "uniqueness");
        // What is refused quotes what was sent, in counters that a former version wrote.
        directory
            .plant_text(
                "acme",
                "R#2026-11-24T09#400#invalidValue#PATCH /Users/{id}",
                "detail",
                "`Magdalena` is no boolean",
            )
            .await;
        let stage = Self {
            service,
            directory,
            admin,
            lena,
            max,
            crew,
        };
        let dump = stage.directory.dump().await;
        for value in VALUES {
            assert!(dump.contains(value), "{value} is in no item");
        }
        stage
    }

    async fn delete(&self) {
        let user = format!("/Users/{}", self.lena);
        assert_eq!(self.service.delete(&user).await.status, 204);
    }

    fn erasure(&self) -> String {
        format!("user erase acme {} --reason request-17", self.lena)
    }

    /// Nothing says what the person was called, and the directory is whole.
    async fn assert_erased(&self) {
        let items = self.directory.items("acme").await;
        for (sort_key, item) in &items {
            let said = format!("{sort_key} {item:?}").to_lowercase();
            for value in VALUES {
                assert!(
                    !said.contains(&value.to_lowercase()),
                    "{value} in {sort_key}"
                );
            }
        }
        let census = self.directory.check("acme").await;
        assert!(!census.users.contains(&self.lena) && !census.tombstones.contains(&self.lena));
        assert!(
            !items.keys().any(|key| key.starts_with("X#")),
            "it is not complete"
        );
        let (code, said) = self.admin.run("directory check acme").await;
        assert_eq!(code, 0, "{said}");
        let secrets = self.directory.secrets().await.concat();
        for value in VALUES {
            assert!(!secrets.contains(value), "{value}");
        }
    }
}

#[tokio::test]
async fn a_person_is_erased_and_who_did_what_stays() {
    let stage = Stage::set().await;
    let before = stage.admin.history(&format!("--user {}", stage.lena)).await;
    let (code, would) = stage
        .admin
        .json(&format!("user erase acme {} --dry-run", stage.lena))
        .await;
    assert_eq!((code, &would["dryRun"]), (0, &true.into()), "{would}");
    assert!(stage.directory.dump().await.contains("Zaunkoenig"));

    let (code, done) = stage.admin.json(&stage.erasure()).await;
    assert_eq!(code, 0, "{done}");
    assert_eq!(done["was"], "there");
    assert_eq!(done["managed"], json!([stage.max]));
    for (name, count) in [
        ("records", 4),
        ("managerRecords", 1),
        ("memberRecords", 1),
        ("memberships", 1),
        ("refusals", 1),
        ("requests", 2),
    ] {
        assert_eq!(done[name], count, "{name} of {done}");
        assert!(
            would[name].as_u64() >= done[name].as_u64(),
            "{name} of {would}"
        );
    }
    stage.assert_erased().await;

    let after = stage.admin.history(&format!("--user {}", stage.lena)).await;
    assert_eq!(after.len(), before.len() + 1);
    for (before, after) in before.iter().zip(&after) {
        for name in ["time", "actor", "operation", "requestId", "version"] {
            assert_eq!(before[name], after[name], "{name}");
        }
        let names = |record: &Value| -> Vec<String> {
            record["changes"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect()
        };
        assert_eq!(names(before), names(after));
    }
    let last = after.last().unwrap();
    assert_eq!(
        (&last["operation"], &last["actor"]),
        (&"erase".into(), &"operator".into())
    );
    assert_eq!(last["changes"]["userName"], json!({"before": "erased"}));
    let show = format!("user show acme {}", stage.lena);
    let (code, shown) = stage.admin.run(&show).await;
    assert_eq!(code, 0);
    assert!(shown.contains("erased"), "{shown}");

    let (code, said) = stage
        .admin
        .run(&format!("user restore acme {}", stage.lena))
        .await;
    assert_eq!(code, 1, "{said}");
    // The name is free.
    stage
        .service
        .create_user("lena.third@crew.example", json!({}))
        .await;
    stage.directory.check("acme").await;
}

#[tokio::test]
async fn a_deleted_person_is_erased_by_a_former_name() {
    let stage = Stage::set().await;
    stage.delete().await;
    let named = "user erase acme LENA.third@crew.example --reason x";
    let (code, done) = stage.admin.json(named).await;
    assert_eq!(code, 0, "{done}");
    assert_eq!(
        (&done["was"], &done["user"]),
        (&"deleted".into(), &stage.lena.clone().into())
    );
    stage.assert_erased().await;
    let (code, said) = stage.admin.run(named).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("no user of the tenant"), "{said}");
    // Once more changes nothing.
    let before = stage.directory.items("acme").await;
    let (code, done) = stage.admin.json(&stage.erasure()).await;
    assert_eq!((code, &done["was"]), (0, &"erased before".into()), "{done}");
    assert_eq!(stage.directory.items("acme").await, before);
}

#[tokio::test]
async fn a_person_of_whom_only_records_are_left_is_erased() {
    let stage = Stage::set().await;
    stage.delete().await;
    // As DynamoDB does it when the time to live is over.
    stage
        .directory
        .remove("acme", &format!("D#U#{}", stage.lena))
        .await;
    let (code, done) = stage.admin.json(&stage.erasure()).await;
    assert_eq!(
        (code, &done["was"]),
        (0, &"on record only".into()),
        "{done}"
    );
    stage.assert_erased().await;
    let nobody = "00000000-0000-4000-8000-000000000000";
    let (code, said) = stage
        .admin
        .run(&format!("user erase acme {nobody} --reason x"))
        .await;
    assert_eq!(code, 1);
    assert!(said.contains("nothing is on record"), "{said}");
}

/// Whenever it is killed, the same command does the rest.
#[tokio::test]
async fn an_erasure_that_was_killed_is_completed_by_the_next() {
    for is_deleted in [false, true] {
        let mut calls = 0;
        loop {
            let stage = Stage::set().await;
            if is_deleted {
                stage.delete().await;
            }
            let outcome = stage.admin.killed_after(calls, &stage.erasure()).await;
            if let Some((code, said)) = outcome {
                assert_eq!(code, 0, "{said}");
                stage.assert_erased().await;
                break;
            }
            let (code, said) = stage.admin.run(&stage.erasure()).await;
            assert_eq!(code, 0, "after {calls} calls: {said}");
            stage.assert_erased().await;
            calls += 1;
        }
        assert!(calls > 12, "{calls}");
    }
}

/// Clients change the person and the group until the person is gone.
#[tokio::test]
async fn a_person_is_erased_while_clients_write() {
    let stage = Stage::set().await;
    let user = format!("/Users/{}", stage.lena);
    let writes = async {
        for number in 0.. {
            let title = json!([{"op": "replace", "path": "title", "value": format!("Zaunkoenig {number}")}]);
            let status = stage.service.patch(&user, title).await.status;
            if status == 404 {
                return number;
            }
            assert_eq!(status, 200);
            let op = if number % 2 == 0 { "remove" } else { "add" };
            let members = json!([{"op": op, "path": "members", "value": [
                {"value": stage.lena, "display": "Lena as a member"}
            ]}]);
            assert!(
                stage
                    .service
                    .patch(&path(&stage.crew), members)
                    .await
                    .status
                    < 500
            );
        }
        0
    };
    let erasure = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        stage.admin.run(&stage.erasure()).await
    };
    let (written, (code, said)) = tokio::join!(Box::pin(writes), Box::pin(erasure));
    assert_eq!(code, 0, "{said}");
    assert!(written > 0);
    stage.assert_erased().await;
}

/// The table is restored to a time before the erasure, and the operator's log has it.
#[tokio::test]
async fn erasures_are_repeated_after_a_restore() {
    let stage = Stage::set().await;
    let before = stage.directory.items("acme").await;
    let (code, said) = stage.admin.run(&stage.erasure()).await;
    assert_eq!(code, 0, "{said}");
    let again = "user erase acme --again";
    assert_eq!(stage.admin.json(again).await, (0, json!([])));

    for sort_key in stage.directory.items("acme").await.keys() {
        stage.directory.remove("acme", sort_key).await;
    }
    stage
        .directory
        .put_all("acme", before.into_iter().collect())
        .await;
    assert!(stage.directory.dump().await.contains("Zaunkoenig"));
    let (code, repeated) = stage.admin.json(again).await;
    assert_eq!(
        (code, &repeated[0]["user"]),
        (0, &stage.lena.clone().into()),
        "{repeated}"
    );
    stage.assert_erased().await;
    assert_eq!(stage.admin.json(again).await, (0, json!([])));
}

/// Counters of refused requests say why without quoting anybody; the log of requests has it all.
#[tokio::test]
async fn counters_of_refused_requests_quote_no_values() {
    let stage = Stage::set().await;
    let items = stage.directory.items("acme").await;
    let details = |kind: &str| -> Vec<String> {
        let of_kind = items
            .iter()
            .filter(|(key, item)| key.starts_with(kind) && item.contains_key("detail"));
        of_kind
            .map(|(_, item)| text(item, "detail").to_owned())
            .collect()
    };
    let counted: Vec<String> = details("R#")
        .into_iter()
        .filter(|told| told.contains("the request has"))
        .collect();
    assert!(!counted.is_empty());
    for told in counted {
        assert!(told.starts_with("`active` must be"), "{told}");
        assert!(told.contains("the request has `…`"), "{told}");
    }
    assert!(
        details("P#")
            .iter()
            .any(|told| told.contains("`Lenchen perhaps`"))
    );
}

/// The log says who erased whom and why, and not what the person was called.
#[tokio::test]
async fn an_erasure_is_on_the_operator_s_log() {
    let stage = Stage::set().await;
    let (code, said) = stage
        .admin
        .run("user erase acme max --reason request-17")
        .await;
    assert_eq!(code, 0, "{said}");
    let secrets = stage.directory.secrets().await.concat();
    for said in ["request-17", "\"erase\"", &stage.max, "the user was there"] {
        assert!(secrets.contains(said), "{said} in {secrets}");
    }
    let erased = stage.directory.items("acme").await;
    let records = erased
        .values()
        .filter(|item| item.contains_key("operation"));
    assert_eq!(
        records
            .filter(|item| text(item, "operation") == "erase")
            .count(),
        1
    );
}
