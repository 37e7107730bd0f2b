//! A tenant leaves with its data and comes back: exported, imported, restored from another table.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use store::Tables;

use crate::support::admin::Admin;
use crate::support::copies::copy;
use crate::support::directory::{DirectoryTable, Items};
use crate::support::engine;
use crate::support::exports::{Folder, disable, export, import, stage};
use crate::support::service::Service;

/// What clients see of everybody.
async fn answers(service: &Service) -> Vec<Value> {
    let mut all = Vec::new();
    for path in ["/Users", "/Groups"] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        all.push(answer.body);
    }
    all
}

/// The items without those of requests and keys.
async fn items(directory: &DirectoryTable) -> Items {
    let mut items = directory.items("acme").await;
    items.retain(|key, _| !key.starts_with(['K', 'R', 'P', 'H']));
    items
}

#[tokio::test]
async fn an_export_comes_back_in_other_tables() {
    let (service, directory, admin) = stage().await;
    let (before, history) = (answers(&service).await, admin.history("").await);
    disable(&directory, &admin).await;
    let folder = Folder::new();
    let (code, exported) = admin.json(&export(&folder)).await;
    assert_eq!(
        (code, &exported["wasEnabled"]),
        (0, &false.into()),
        "{exported}"
    );

    // People and programs read it; nobody else does.
    assert_eq!(folder.lines("users.ndjson").len(), 3);
    let groups = folder.lines("groups.ndjson");
    assert_eq!(
        (groups.len(), groups[0]["members"].as_array().unwrap().len()),
        (1, 3)
    );
    assert_eq!(folder.lines("deleted.ndjson").len(), 2);
    assert_eq!(folder.lines("history.ndjson"), history);
    let keys = fs::read_to_string(folder.file("keys.json")).unwrap();
    assert!(keys.contains("\"label\": \"test\""), "{keys}");
    for digest in directory
        .secrets_of("acme")
        .await
        .keys()
        .filter_map(|key| key.strip_prefix("KEY#"))
    {
        assert!(!keys.contains(digest), "{keys}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(folder.path()), mode(&folder.file("items.ndjson"))),
            (0o700, 0o600)
        );
    }
    let (code, said) = admin.run(&format!("{} --force", export(&folder))).await;
    assert_eq!(code, 1);
    assert!(said.contains("is not empty"), "{said}");

    // Into tables that know nothing of the tenant.
    let other = engine::tables(&uuid::Uuid::new_v4().simple().to_string());
    let empty = admin.over(other).await;
    assert_eq!(empty.run("tables create").await.0, 0);
    let (code, imported) = empty.json(&import(&folder)).await;
    assert_eq!(
        (code, &imported["created"]),
        (0, &true.into()),
        "{imported}"
    );
    assert_eq!(
        (&imported["resources"], &imported["defects"]),
        (&4.into(), &json!([]))
    );
    assert_eq!(empty.history("").await, history);
    let (_, keys) = empty.json("key list acme").await;
    assert_eq!(keys, json!([]));

    // Into tables where the tenant has keys: clients see the same.
    let (service, second, admin) = Admin::with_service().await;
    let (code, said) = admin.run(&import(&folder)).await;
    assert_eq!(code, 1);
    assert!(said.contains("what its clients write"), "{said}");
    disable(&second, &admin).await;
    let (code, said) = admin.run(&import(&folder)).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(items(&second).await, items(&directory).await);
    assert_eq!(admin.run("tenant enable acme").await.0, 0);
    assert_eq!(answers(&service).await, before);
    assert_eq!(second.check("acme").await, directory.check("acme").await);
    let (code, said) = admin.run(&import(&folder)).await;
    assert_eq!(code, 1, "{said}");
    disable(&second, &admin).await;
    // The same again is told, and changes nothing.
    let there = items(&second).await;
    let (code, said) = admin.run(&import(&folder)).await;
    assert_eq!(code, 0);
    assert!(said.contains("nothing was written"), "{said}");
    assert_eq!(items(&second).await, there);
    // And it can be replaced.
    let (code, said) = admin.run(&format!("{} --replace", import(&folder))).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(items(&second).await, items(&directory).await);
}

/// A part of a directory is no export of it.
#[tokio::test]
async fn what_is_half_there_is_not_exported() {
    let (_, directory, admin) = stage().await;
    let folder = Folder::new();
    assert_eq!(admin.run(&export(&folder)).await.0, 0);
    disable(&directory, &admin).await;
    let replacing = format!("{} --replace", import(&folder));
    let is_under_way = async || {
        let item = directory.secrets_of("acme").await.remove("TENANT").unwrap();
        item.contains_key("importing")
    };
    for calls in 1.. {
        assert_eq!(admin.killed_after(calls, &replacing).await, None);
        if is_under_way().await {
            break;
        }
    }
    let elsewhere = Folder::new();
    let user = format!("user erase acme {} --reason x", uuid::Uuid::new_v4());
    for command in [
        &export(&elsewhere),
        "tenant enable acme",
        "key create acme --label x",
        "key rotate acme",
        "directory check acme --repair --reason x",
        "user reactivate acme --deactivated-since 1h",
        &user,
    ] {
        let (code, said) = admin.run(command).await;
        assert_eq!(code, 1, "{command}: {said}");
        assert!(said.contains("was not completed"), "{command}: {said}");
    }
    assert_eq!(admin.run("directory check acme").await.0, 0);
    let (code, status) = admin.json("tenant status acme").await;
    assert_eq!(code, 1);
    let reasons = status["reasons"].to_string();
    assert!(reasons.contains("import was not completed"), "{reasons}");
    let (_, listed) = admin.run("tenant list").await;
    assert!(listed.contains("import not completed"), "{listed}");
    assert_eq!(admin.run(&import(&folder)).await.0, 0);
    assert!(!is_under_way().await);
    assert_eq!(admin.run(&export(&elsewhere)).await.0, 0);

    // Ended after the call that begins it.
    let delete = "tenant delete acme --confirm acme --reason drill";
    for calls in 1.. {
        admin.killed_after(calls, delete).await;
        let (_, status) = admin.json("tenant status acme").await;
        let reasons = status["reasons"].to_string();
        if !reasons.contains("being deleted") {
            continue;
        }
        let (code, said) = admin.run(&export(&Folder::new())).await;
        assert_eq!(code, 1);
        assert!(said.contains("being deleted"), "{said}");
        break;
    }
}

/// Whenever an export is killed, it has no manifest, and it can be made again in the same folder.
#[tokio::test]
async fn an_export_that_was_killed_is_none() {
    let (_, _, admin) = stage().await;
    let (_, target, other) = Admin::with_service().await;
    disable(&target, &other).await;
    let mut calls = 0;
    loop {
        let folder = Folder::new();
        if let Some((code, said)) = admin.killed_after(calls, &export(&folder)).await {
            assert_eq!(code, 0, "{said}");
            break;
        }
        assert!(
            !folder.file("manifest.json").exists() || calls >= 9,
            "after {calls} calls"
        );
        if folder.path().exists() && !folder.file("manifest.json").exists() {
            let (code, said) = other.run(&import(&folder)).await;
            assert_eq!(code, 1);
            assert!(said.contains("ended early"), "{said}");
            if folder.file("users.ndjson").exists() {
                assert_eq!(admin.run(&export(&folder)).await.0, 1);
            }
            let (code, said) = admin.run(&format!("{} --force", export(&folder))).await;
            assert_eq!(code, 0, "{said}");
        }
        calls += 1;
    }
    assert!(calls > 8, "{calls}");
}

/// Whenever an import is killed, the same command does the rest, and no other one mixes with it.
#[tokio::test]
async fn an_import_that_was_killed_is_completed_by_the_next() {
    let (_, directory, admin) = stage().await;
    let (folder, different) = (Folder::new(), Folder::new());
    assert_eq!(admin.run(&export(&folder)).await.0, 0);
    let expected = items(&directory).await;
    export_of_more(&directory, &admin, &different).await;
    let mut calls = 0;
    loop {
        let (_, target, other) = Admin::with_service().await;
        disable(&target, &other).await;
        let outcome = other.killed_after(calls, &import(&folder)).await;
        let tenant = target.secrets_of("acme").await.remove("TENANT").unwrap();
        let is_begun = tenant.contains_key("importing");
        if is_begun {
            let (code, said) = other.run(&import(&different)).await;
            assert_eq!(code, 1);
            assert!(said.contains("import of something else"), "{said}");
        }
        let is_over = outcome.is_some();
        match outcome {
            Some((code, said)) => assert_eq!(code, 0, "{said}"),
            None => {
                let (code, said) = other.run(&import(&folder)).await;
                assert_eq!(code, 0, "after {calls} calls: {said}");
            }
        }
        // No entry is left open by a run that was completed.
        if is_over {
            let (_, log) = other.json("audit acme").await;
            let last = log.as_array().unwrap().last().unwrap();
            assert!(!last["completed"].is_null(), "{last}");
        }
        assert_eq!(items(&target).await, expected, "after {calls} calls");
        assert_eq!(other.run("directory check acme").await.0, 0);
        if is_over {
            break;
        }
        calls += 1;
    }
    assert!(calls > 10, "{calls}");
}

async fn export_of_more(directory: &DirectoryTable, admin: &Admin, folder: &Folder) {
    directory.plant("acme", "Z#", &[]).await;
    assert_eq!(admin.run(&export(folder)).await.0, 0);
    directory.remove("acme", "Z#").await;
}

/// One tenant goes back to what a restored table has; the others stay.
#[tokio::test]
async fn one_tenant_is_restored_from_a_table() {
    let (service, directory, admin) = stage().await;
    let beta = service.add_tenant("beta").await;
    let of_beta = service
        .call("POST", "/Users")
        .key(&beta)
        .json(json!({"userName": "bo"}));
    assert_eq!(of_beta.send().await.status, 201);
    let restored = copy(&admin.tables()).await.directory;
    let (before, expected) = (answers(&service).await, items(&directory).await);
    let id = before[0]["Resources"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(service.delete(&format!("/Users/{id}")).await.status, 204);
    service.create_user("later", json!({})).await;
    let others = directory.items("beta").await;

    let command = format!("tenant import acme --from-table {restored}");
    assert_eq!(admin.run(&command).await.0, 1);
    disable(&directory, &admin).await;
    let (code, said) = admin.run(&command).await;
    assert_eq!(code, 1);
    assert!(said.contains("--replace"), "{said}");
    let (code, said) = admin.run(&format!("{command} --replace")).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(items(&directory).await, expected);
    assert_eq!(admin.run("tenant enable acme").await.0, 0);
    assert_eq!(answers(&service).await, before);
    directory.check("acme").await;
    assert_eq!(directory.items("beta").await, others);
    // The command is on the operator's log, and so is the table.
    let (_, log) = admin.run("audit acme").await;
    assert!(log.contains("import") && log.contains(&restored), "{log}");

    disable(&directory, &admin).await;
    let kept = items(&directory).await;
    let nobody = format!("tenant import gamma --from-table {restored}");
    let Tables {
        secrets,
        directory: own,
    } = admin.tables();
    let no_table = format!("tenant import acme --from-table {secrets}");
    let itself = format!("tenant import acme --from-table {own} --replace");
    for (command, told) in [
        (nobody, "has nothing of tenant"),
        (no_table, "is not a directory table"),
        (itself, "it is the directory table itself"),
        (
            "tenant import acme --from-table nope".to_owned(),
            "there is no table `nope`",
        ),
    ] {
        let (code, said) = admin.run(&command).await;
        assert_eq!(code, 1, "{command}");
        assert!(said.contains(told), "{said}");
    }
    assert_eq!(admin.run("tenant status gamma").await.0, 1);

    // What a later release wrote is found before anything is removed.
    let other = copy(&admin.tables()).await;
    let later = DirectoryTable::over(&other).await;
    later.plant_count("acme", "ZZ#later", "f", 99).await;
    let command = format!(
        "tenant import acme --from-table {} --replace",
        other.directory
    );
    let (code, said) = admin.run(&command).await;
    assert_eq!(code, 1);
    assert!(said.contains("newer"), "{said}");
    assert_eq!(items(&directory).await, kept);
}

/// With --replace an import begins anew, whatever was begun; and what is left of an id of which
/// nothing else is known is no empty tenant.
#[tokio::test]
async fn what_is_replaced_is_gone() {
    let (_, directory, admin) = stage().await;
    disable(&directory, &admin).await;
    let folder = Folder::new();
    assert_eq!(admin.run(&export(&folder)).await.0, 0);
    let expected = items(&directory).await;
    let (target, other) = Admin::without_service().await;
    target.plant("acme", "Z#left", &[]).await;
    let (code, said) = other.run(&import(&folder)).await;
    assert_eq!(code, 1);
    assert!(said.contains("has a directory already"), "{said}");
    let replace = format!("{} --replace", import(&folder));
    for calls in 1.. {
        let outcome = other.killed_after(calls, &replace).await;
        target.plant("acme", "Z#foreign", &[]).await;
        let (code, said) = other.run(&replace).await;
        assert_eq!(code, 0, "{said}");
        assert_eq!(items(&target).await, expected, "after {calls} calls");
        if outcome.is_some() {
            break;
        }
    }
}

/// A tenant that an import creates waits until the operator lets it in.
#[tokio::test]
async fn an_import_creates_a_tenant_that_is_disabled() {
    let (_, directory, admin) = stage().await;
    disable(&directory, &admin).await;
    let folder = Folder::new();
    assert_eq!(admin.run(&export(&folder)).await.0, 0);
    let (_, empty) = Admin::without_service().await;
    // Whichever call it ended at, with --replace or without.
    let commands = [import(&folder), format!("{} --replace", import(&folder))];
    for calls in 1.. {
        assert_eq!(empty.killed_after(calls, &commands[0]).await, None);
        let (_, listed) = empty.json("tenant list").await;
        if listed != json!([]) {
            assert_eq!(listed[0]["enabled"], false, "{listed}");
            break;
        }
    }
    for command in [
        "tenant enable acme",
        "key create acme --label x",
        "breaker lift acme --reason x",
    ] {
        let (code, said) = empty.run(command).await;
        assert_eq!(code, 1, "{command}");
        assert!(said.contains("was not completed"), "{said}");
    }
    for command in &commands {
        let (code, said) = empty.run(command).await;
        assert_eq!(code, 0, "{said}");
    }
    let (_, listed) = empty.json("tenant list").await;
    assert_eq!(listed[0]["enabled"], false, "{listed}");
    assert_eq!(empty.run("tenant enable acme").await.0, 0);

    // The id of a tenant that was deleted is not given again by an import.
    disable(&directory, &admin).await;
    let delete = "tenant delete acme --confirm acme --reason x";
    assert_eq!(admin.run(delete).await.0, 0);
    let (code, said) = admin.run(&commands[0]).await;
    assert_eq!(code, 1);
    assert!(
        said.contains("was deleted") && said.contains("--again"),
        "{said}"
    );
}
