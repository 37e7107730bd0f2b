//! A tenant leaves with its data and comes back: exported, imported, restored from another table.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::admin::{Admin, set};
use crate::support::copies::copy;
use crate::support::directory::{DirectoryTable, Items};
use crate::support::engine;
use crate::support::groups::group;
use crate::support::service::Service;

const LONG_AGO: &str = "2026-01-01T00:00:00Z";

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("export-{}", uuid::Uuid::new_v4())))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn lines(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.file(name)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A tenant with users, a group, deleted ones, changes and a refused request.
async fn stage() -> (Service, DirectoryTable, Admin) {
    let (service, directory, admin) = Admin::with_service().await;
    let mut users = Vec::new();
    for name in ["lena", "max", "kim", "zoë"] {
        let mails = json!([{"value": format!("{name}@crew.example"), "type": "work"}]);
        users.push(service.create_user(name, json!({"emails": mails})).await);
    }
    set(
        &service,
        &format!("/Users/{}", users[0]),
        "title",
        "Lead \u{2028} \"of\" all".into(),
    )
    .await;
    group(&service, "Crew", &users).await;
    let spare = group(&service, "Spare", &users[..1]).await;
    assert_eq!(
        service.delete(&format!("/Groups/{spare}")).await.status,
        204
    );
    assert_eq!(
        service.delete(&format!("/Users/{}", users[2])).await.status,
        204
    );
    service
        .post("/Users", json!({"userName": "max"}))
        .await
        .error(409, "uniqueness");
    (service, directory, admin)
}

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

async fn disable(directory: &DirectoryTable, admin: &Admin) {
    assert_eq!(admin.run("tenant disable acme --reason move").await.0, 0);
    directory.plant_disabled("acme", LONG_AGO).await;
}

fn export(folder: &Folder) -> String {
    format!("tenant export acme --to {}", folder.0.display())
}

fn import(folder: &Folder) -> String {
    format!("tenant import acme --from {}", folder.0.display())
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
            (mode(&folder.0), mode(&folder.file("items.ndjson"))),
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
    assert!(said.contains("its clients may write"), "{said}");
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
    let (code, said) = admin.run(&import(&folder)).await;
    assert_eq!(code, 1);
    assert!(said.contains("has a directory already"), "{said}");
    // And it can be replaced.
    let (code, said) = admin.run(&format!("{} --replace", import(&folder))).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(items(&second).await, items(&directory).await);
}

type Damage = fn(&Folder);

/// What is damaged, incomplete, another tenant's or of a later format is refused before anything is
/// written.
#[tokio::test]
async fn a_damaged_export_is_refused() {
    let (_, _, admin) = stage().await;
    let (_, target, other) = Admin::with_service().await;
    disable(&target, &other).await;
    let before = target.all_items("acme").await;
    let damages: [(&str, &str, Damage); 9] = [
        ("byte", "is not what was exported", |folder| {
            let path = folder.file("items.ndjson");
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes).unwrap();
        }),
        (
            "byte of a file that is not imported",
            "is not what was exported",
            |folder| {
                let path = folder.file("users.ndjson");
                let mut bytes = fs::read(&path).unwrap();
                bytes[0] ^= 1;
                fs::write(&path, bytes).unwrap();
            },
        ),
        ("end", "is not what was exported", |folder| {
            let path = folder.file("items.ndjson");
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        }),
        ("file", "history.ndjson", |folder| {
            fs::remove_file(folder.file("history.ndjson")).unwrap();
        }),
        ("manifest", "ended early", |folder| {
            fs::remove_file(folder.file("manifest.json")).unwrap();
        }),
        ("manifest's text", "it is no JSON", |folder| {
            fs::write(folder.file("manifest.json"), "{").unwrap();
        }),
        ("format", "later format", |folder| {
            replace(folder, "\"format\": 1", "\"format\": 2")
        }),
        ("tenant", "is of tenant `beta`", |folder| {
            replace(folder, "\"tenant\": \"acme\"", "\"tenant\": \"beta\"");
        }),
        ("path", "none of an export", |folder| {
            replace(folder, "\"users.ndjson\"", "\"../users.ndjson\"");
        }),
    ];
    for (name, told, damage) in damages {
        let folder = Folder::new();
        assert_eq!(admin.run(&export(&folder)).await.0, 0);
        damage(&folder);
        let (code, said) = other.run(&import(&folder)).await;
        assert_eq!(code, 1, "{name}");
        assert!(said.contains(told), "{name}: {said}");
        assert_eq!(target.all_items("acme").await, before, "{name}");
    }
}

fn replace(folder: &Folder, from: &str, to: &str) {
    let path = folder.file("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replace(from, to)).unwrap();
}

/// A part of a directory is no export of it.
#[tokio::test]
async fn what_is_half_there_is_not_exported() {
    let (_, directory, admin) = stage().await;
    let folder = Folder::new();
    directory
        .plant_text("acme", "X#!import", "source", "sha256 of another")
        .await;
    let (code, said) = admin.run(&export(&folder)).await;
    assert_eq!(code, 1);
    assert!(said.contains("was not completed"), "{said}");
    directory.remove("acme", "X#!import").await;
    assert_eq!(admin.run(&export(&folder)).await.0, 0);

    disable(&directory, &admin).await;
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
        if folder.0.exists() && !folder.file("manifest.json").exists() {
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
        let is_begun = target.all_items("acme").await.contains_key("X#!import");
        if is_begun {
            let (code, said) = other.run(&import(&different)).await;
            assert_eq!(code, 1);
            assert!(said.contains("import of something else"), "{said}");
        }
        let is_over = outcome.is_some();
        match outcome {
            Some((code, said)) => assert_eq!(code, 0, "{said}"),
            // It may have been complete but for what is said of it.
            None => {
                let (code, said) = other.run(&import(&folder)).await;
                assert!(
                    code == 0 || said.contains("has a directory already"),
                    "{said}"
                );
            }
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
    let nobody = format!("tenant import gamma --from-table {restored}");
    let no_table = format!("tenant import acme --from-table {}", admin.tables().secrets);
    for (command, told) in [
        (nobody, "has nothing of tenant"),
        (no_table, "is not a directory table"),
    ] {
        let (code, said) = admin.run(&command).await;
        assert_eq!(code, 1, "{command}");
        assert!(said.contains(told), "{said}");
    }
}
