//! A tenant is deleted: nothing of it is left but a stone and the operator's log, whenever the
//! command was killed, and no other tenant is touched.

use hellotracks_scim::instance::Instance;
use serde_json::json;

use crate::support::admin::Admin;
use crate::support::directory::DirectoryTable;
use crate::support::groups::group;
use crate::support::service::Service;

const DELETE: &str = "tenant delete acme --confirm acme --reason contract-ended";
const LONG_AGO: &str = "2026-01-01T00:00:00Z";

/// The tenant `acme`, with users, a group, a deleted user and a refused request, which is disabled.
async fn stage() -> (Service, DirectoryTable, Admin) {
    let (service, directory, admin) = Admin::with_service().await;
    let mut users = Vec::new();
    for name in ["lena", "max", "kim"] {
        users.push(service.create_user(name, json!({})).await);
    }
    group(&service, "Crew", &users).await;
    let kim = format!("/Users/{}", users[2]);
    assert_eq!(service.delete(&kim).await.status, 204);
    service
        .post("/Users", json!({"userName": "max"}))
        .await
        .error(409, "uniqueness");
    assert_eq!(admin.run("tenant disable acme --reason x").await.0, 0);
    (service, directory, admin)
}

/// Nothing is left but the stone and the log.
async fn assert_gone(directory: &DirectoryTable, admin: &Admin) {
    let left = directory.all_items("acme").await;
    assert!(left.is_empty(), "{left:?}");
    let left: Vec<_> = directory.secrets_of("acme").await.into_keys().collect();
    assert_eq!(left, ["DELETED"]);
    let (_, log) = admin.json("audit acme").await;
    let acts: Vec<&str> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["act"].as_str().unwrap())
        .collect();
    assert_eq!(acts[..3], ["createTenant", "createKey", "disableTenant"]);
    assert!(
        acts.len() > 3 && acts[3..].iter().all(|act| *act == "deleteTenant"),
        "{acts:?}"
    );
}

#[tokio::test]
async fn only_a_tenant_that_has_been_disabled_for_a_while_is_deleted() {
    let (service, directory, admin) = Admin::with_service().await;
    service.create_user("lena", json!({})).await;
    let before = directory.items("acme").await;
    let refused = async |command: &str, reason: &str| {
        let (code, said) = admin.run(command).await;
        assert_ne!(code, 0, "{command}");
        assert!(said.contains(reason), "{said}");
    };
    refused(DELETE, "`acme` is enabled").await;
    assert_eq!(admin.run("tenant disable acme --reason x").await.0, 0);
    refused(DELETE, "run the command again in a minute").await;
    directory.plant_disabled("acme", LONG_AGO).await;
    refused(
        "tenant delete acme --confirm beta --reason x",
        "nothing was deleted",
    )
    .await;
    refused("tenant delete acme --reason x", "--confirm").await;
    refused("tenant delete acme --confirm acme", "--reason").await;
    refused(
        "tenant delete beta --confirm beta --reason x",
        "does not exist",
    )
    .await;
    assert_eq!(directory.items("acme").await, before);
    assert_eq!(admin.run("tenant enable acme").await.0, 0);
    assert_eq!(service.get("/Users").await.status, 200);
}

#[tokio::test]
async fn a_tenant_is_deleted_while_another_writes() {
    let (service, directory, admin) = stage().await;
    directory.plant_disabled("acme", LONG_AGO).await;
    // More than a transaction takes.
    directory.plant_users("acme", 300).await;
    let key = service.add_tenant("beta").await;
    let other = Service {
        app: Instance::new(service.app.store.clone(), service.app.config.clone()),
        key,
    };
    let writes = async {
        for number in 0..40 {
            other.create_user(&format!("user{number}"), json!({})).await;
        }
    };
    let ((), (code, done)) = tokio::join!(Box::pin(writes), Box::pin(admin.json(DELETE)));
    assert_eq!(code, 0, "{done}");
    assert_gone(&directory, &admin).await;
    assert_eq!(directory.check("beta").await.users.len(), 40);
    for (kind, count) in [
        ("users", 302),
        ("deletedUsers", 1),
        ("groups", 1),
        ("refusals", 1),
    ] {
        assert_eq!(done["items"][kind], count, "{kind} of {done}");
    }
    assert_eq!(
        (&done["keys"], &done["reason"]),
        (&1.into(), &"contract-ended".into())
    );

    // Its key is like one that was never issued, and leaves nothing behind.
    service.get("/Users").await.error(401, "");
    assert_gone(&directory, &admin).await;
    let (_, tenants) = admin.json("tenant list").await;
    assert_eq!(tenants.as_array().unwrap().len(), 1, "{tenants}");
    let (_, deleted) = admin.json("tenant list --deleted").await;
    assert_eq!(deleted[0]["tenant"], "acme");
    for command in [
        "tenant status acme",
        "history acme",
        "tenant enable acme",
        "key list acme",
    ] {
        let (code, said) = admin.run(command).await;
        assert_eq!(code, 1, "{command}");
        assert!(said.contains("`acme` does not exist"), "{said}");
    }

    // The certificate is printed again.
    let (code, again) = admin.json(DELETE).await;
    assert_eq!((code, &again["wasComplete"]), (0, &true.into()));
    assert_eq!(again["completed"], done["completed"]);

    // The id is not given again by accident.
    let (code, said) = admin.run("tenant create acme").await;
    assert_eq!(code, 1);
    assert!(
        said.contains("was deleted 20") && said.contains("--again"),
        "{said}"
    );
    let (code, said) = admin.run("tenant create acme --again").await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(admin.run("tenant create acme --again").await.0, 1);
    assert_eq!(admin.json("tenant list --deleted").await.1, json!([]));
    assert_eq!(admin.run("directory check acme").await.0, 0);
}

/// Whenever it is killed, the tenant is locked, and the same command does the rest.
#[tokio::test]
async fn a_deletion_that_was_killed_is_completed_by_the_next() {
    let mut calls = 0;
    loop {
        let (_, directory, admin) = stage().await;
        directory.plant_disabled("acme", LONG_AGO).await;
        let outcome = admin.killed_after(calls, DELETE).await;
        if let Some((code, said)) = outcome {
            assert_eq!(code, 0, "{said}");
            assert_gone(&directory, &admin).await;
            break;
        }
        let item = directory.secrets_of("acme").await.remove("TENANT");
        if item.is_some_and(|item| item.contains_key("deleting")) {
            for command in [
                "tenant enable acme",
                "key create acme --label x",
                "key rotate acme",
            ] {
                let (code, said) = admin.run(command).await;
                assert_eq!(code, 1, "{command} after {calls} calls: {said}");
            }
            let (_, tenants) = admin.run("tenant list").await;
            assert!(tenants.contains("being deleted"), "{tenants}");
        }
        let (code, done) = admin.json(DELETE).await;
        assert_eq!(code, 0, "after {calls} calls: {done}");
        assert_eq!(
            (&done["items"]["users"], &done["keys"]),
            (&2.into(), &1.into()),
            "{done}"
        );
        assert_gone(&directory, &admin).await;
        calls += 1;
    }
    assert!(calls > 12, "{calls}");
}
