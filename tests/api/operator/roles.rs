//! The policies that template.yaml has for operators: each command runs with those of its role, on
//! a wire that refuses what they do not allow, and everything that they allow is used.

use account::entrance::{Opened, open};
use serde_json::json;
use store::Meter;
use tenant::LinkToken;

use crate::support::admin::Admin;
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::groups::{group, path};
use crate::support::listener::Listener;
use crate::support::oauth::another_instance;
use crate::support::permissions::{Guarded, Permission, policy};
use crate::support::service::Service;

/// Somebody with policies, and the commands of such a person.
struct Role {
    admin: Admin,
    guarded: Guarded,
}

impl Role {
    /// Somebody with these policies.
    async fn with(admin: &Admin, policies: &[&str]) -> Self {
        let allowed = policies.iter().flat_map(|name| policy(name));
        let guarded = Guarded::start(engine::endpoint(), allowed.collect()).await;
        Self {
            admin: admin.behind(&guarded.wire).await,
            guarded,
        }
    }

    /// Runs commands, which work.
    async fn runs(&self, commands: &[String]) {
        for command in commands {
            let (code, said) = self.admin.run(command).await;
            let refused = self.guarded.refused();
            assert!(refused.is_empty(), "{command}: {refused:?}");
            // Some find something.
            assert!(
                code == 0 || command.starts_with("tenant status"),
                "{command}: {said}"
            );
        }
    }

    /// Everything that the policies allow was used.
    fn is_minimal(&self) {
        let unused = self.guarded.unused();
        assert!(unused.is_empty(), "no command needs {unused:?}");
    }
}

/// A tenant with a bit of everything.
struct Stage {
    service: Service,
    directory: DirectoryTable,
    admin: Admin,
    lena: String,
    max: String,
    old: String,
}

impl Stage {
    async fn new() -> Self {
        let (service, directory, admin) = Admin::with_service().await;
        let sessions = admin.sessions_table();
        let created = admin.store().create_sessions_table(&sessions).await;
        assert!(created.unwrap().created);
        let lena = service.create_user("lena", json!({})).await;
        let max = service.create_user("max", json!({})).await;
        let north = group(&service, "North", &[lena.clone(), max.clone()]).await;
        assert!(!north.is_empty());
        let old = group(&service, "Old", std::slice::from_ref(&lena)).await;
        assert_eq!(service.delete(&path(&old)).await.status, 204);
        assert_eq!(service.delete(&format!("/Users/{max}")).await.status, 204);
        Self {
            service,
            directory,
            admin,
            lena,
            max,
            old,
        }
    }

    /// What a viewer runs.
    fn looks(&self) -> Vec<String> {
        let Self { lena, .. } = self;
        [
            "tenant list",
            "tenant list --counts",
            "tenant list --deleted",
            "tenant status acme",
            "tenant status --all",
            "tenant attributes acme",
            "key list acme",
            "client list acme",
            "key warnings",
            "key identify",
            "history acme",
            "history acme --user lena",
            "requests acme",
            "requests acme --user lena",
            "user find acme lena",
            "user show acme lena",
            "user deleted acme",
            "user reactivate acme --deactivated-since 1h --dry-run",
            "group list acme",
            "group show acme North",
            "group members acme North",
            "group members acme North --undo-since 1h --dry-run",
            "group deleted acme",
            "directory check acme",
            "directory check --all",
            "audit",
            "audit acme",
            "link list acme",
            "migrate --dry-run",
        ]
        .into_iter()
        .map(str::to_owned)
        .chain([format!("user erase acme {lena} --dry-run")])
        .collect()
    }
}

fn owned(commands: &[&str]) -> Vec<String> {
    commands.iter().map(|&command| command.to_owned()).collect()
}

#[tokio::test]
async fn viewers_see_everything_and_change_nothing() {
    let stage = Stage::new().await;
    let viewer = Role::with(&stage.admin, &["ViewerPolicy"]).await;
    viewer.runs(&stage.looks()).await;
    viewer.is_minimal();
    let before = stage.directory.items("acme").await;
    let secrets = stage.directory.secrets().await;
    for command in [
        "tenant create beta".to_owned(),
        "tenant disable acme --reason x".to_owned(),
        "key create acme --label x".to_owned(),
        "client create acme --label x".to_owned(),
        "breaker lift acme --reason x".to_owned(),
        "directory check acme --repair --reason x".to_owned(),
        format!("user restore acme {}", stage.max),
        format!("user erase acme {} --reason x", stage.lena),
        "migrate".to_owned(),
    ] {
        let (code, said) = viewer.admin.run(&command).await;
        assert_eq!(code, 1, "{command}: {said}");
        assert!(said.contains("lacks a policy"), "{command}: {said}");
    }
    assert_eq!(stage.directory.items("acme").await, before);
    assert_eq!(stage.directory.secrets().await, secrets);
}

#[tokio::test]
async fn whoever_manages_keys_writes_no_directory() {
    let stage = Stage::new().await;
    let keys = Role::with(&stage.admin, &["KeysPolicy"]).await;
    keys.runs(&stage.looks()).await;
    let (_, listed) = stage.admin.json("key list acme").await;
    let key = listed[0]["id"].as_str().unwrap();
    let (_, created) = stage.admin.json("client create acme --label x").await;
    let client = created["clientId"].as_str().unwrap();
    let listener = Listener::start(another_instance(&stage.service)).await;
    keys.runs(&owned(&[
        "tenant create beta",
        "key create beta --label x",
        "key rotate beta",
        &format!("key revoke acme {key}"),
        "client create beta --label x",
        &format!("client rotate acme {client}"),
        &format!("client revoke acme {client}"),
        "tenant disable acme --reason x",
        "tenant enable acme",
        "link create acme --for x --public-url https://scim.example",
        &format!("smoke --tenant beta --url {}", listener.url),
    ]))
    .await;
    open_a_session(&stage.admin).await;
    keys.runs(&owned(&["link revoke acme"])).await;
    let before = stage.directory.items("acme").await;
    for command in [
        "breaker lift acme --reason x".to_owned(),
        format!("user erase acme {} --reason x", stage.lena),
    ] {
        assert_eq!(keys.admin.run(&command).await.0, 1, "{command}");
    }
    assert_eq!(stage.directory.items("acme").await, before);
}

/// Opens a session of the tenant's settings, for a command to end it.
async fn open_a_session(admin: &Admin) {
    let command = "link create acme --for x --public-url https://scim.example";
    let (_, created) = admin.json(command).await;
    let secret = created["url"].as_str().unwrap().rsplit('/').next().unwrap();
    let token = LinkToken::parse(secret).unwrap();
    let sessions = admin.store().sessions(&admin.sessions_table());
    let opened = open(&sessions, &token, "Firefox", &Meter::default()).await;
    assert!(matches!(opened.unwrap(), Opened::Session(..)));
}

#[tokio::test]
async fn whoever_repairs_writes_no_keys() {
    let stage = Stage::new().await;
    let repair = Role::with(&stage.admin, &["RepairPolicy"]).await;
    repair.runs(&stage.looks()).await;
    stage.directory.remove("acme", "N#U#userName#lena").await;
    let folder = std::env::temp_dir().join(format!("scim-roles-{}", uuid::Uuid::new_v4()));
    let folder = folder.display();
    repair
        .runs(&[
            "directory check acme --repair --reason x".to_owned(),
            "breaker lift acme --reason x".to_owned(),
            format!("user restore acme {}", stage.max),
            format!("group restore acme {}", stage.old),
            "group members acme North --undo-since 1h".to_owned(),
            format!("user reactivate acme {}", stage.lena),
            format!("user erase acme {} --reason x", stage.lena),
            format!("tenant export acme --to {folder}"),
        ])
        .await;
    repair.is_minimal();
    assert_eq!(stage.admin.run("tenant disable acme --reason x").await.0, 0);
    stage
        .directory
        .plant_disabled("acme", "2026-01-01T00:00:00Z")
        .await;
    for command in [
        &format!("tenant import acme --from {folder} --replace --reason x"),
        "key create acme --label x",
        "tenant enable acme",
        "tenant create gamma",
        "tenant delete acme --confirm acme --reason x",
    ] {
        let (code, said) = repair.admin.run(command).await;
        assert_eq!(code, 1, "{command}: {said}");
    }
    std::fs::remove_dir_all(folder.to_string()).unwrap();
    drop(stage.service);
}

/// A tenant comes and goes with both.
#[tokio::test]
async fn a_tenant_is_imported_and_deleted_by_whoever_may_do_both() {
    let stage = Stage::new().await;
    let policies = ["KeysPolicy", "RepairPolicy"];
    let both = Role::with(&stage.admin, &policies).await;
    both.runs(&owned(&[
        "migrate",
        "key create acme --label x",
        "tenant disable acme --reason x",
    ]))
    .await;
    stage
        .directory
        .plant_disabled("acme", "2026-01-01T00:00:00Z")
        .await;
    let folder = std::env::temp_dir().join(format!("scim-roles-{}", uuid::Uuid::new_v4()));
    let folder = folder.display().to_string();
    both.runs(&[
        format!("tenant export acme --to {folder}"),
        format!("tenant import acme --from {folder} --replace --reason x"),
        "tenant delete acme --confirm acme --reason x".to_owned(),
    ])
    .await;
    std::fs::remove_dir_all(folder).unwrap();
    let unused = both.guarded.unused();
    let of_tenants = |permission: &&Permission| {
        let deletes = ["ConditionCheckItem", "DeleteItem"];
        permission.table == "secrets" && deletes.contains(&permission.action.as_str())
    };
    let unused: Vec<_> = unused.iter().filter(of_tenants).collect();
    assert!(unused.is_empty(), "no command needs {unused:?}");
}
