//! The policies that template.yaml has for operators: each command runs with those of its role, on
//! a wire that refuses what they do not allow, and everything that they allow is used.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use account::entrance::{Opened, open};
use serde_json::{Value, json};
use stand::wire::{Fate, Trouble, Wire};
use store::Meter;
use tenant::LinkToken;

use crate::support::admin::Admin;
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::groups::{group, path};
use crate::support::service::Service;
use crate::template::{at, items, parse, source, string};

/// What somebody may do with a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Permission {
    /// `secrets` or `directory`.
    table: &'static str,
    /// Such as `GetItem`.
    action: String,
    /// Whether only the operator's log is meant.
    is_of_log: bool,
}

/// What a policy of the template allows.
fn policy(name: &str) -> BTreeSet<Permission> {
    let text = source("template.yaml");
    let template = parse(&text);
    let document = at(
        &template,
        &["Resources", name, "Properties", "PolicyDocument"],
    );
    let mut allowed = BTreeSet::new();
    for statement in items(at(document, &["Statement"])) {
        assert_eq!(string(at(statement, &["Effect"])), "Allow");
        let way = |name: &str| {
            format!(
                "arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/${{{name}}}"
            )
        };
        let table = crate::template::table_by(at(statement, &["Resource"]), "GetAtt", way);
        let table = match table.as_str() {
            "SecretsTable" => "secrets",
            "DirectoryTable" => "directory",
            "SessionsTable" => "sessions",
            other => panic!("{other}"),
        };
        let condition = statement.as_mapping_get("Condition");
        if let Some(condition) = condition {
            let keys = at(
                condition,
                &["ForAllValues:StringLike", "dynamodb:LeadingKeys"],
            );
            let keys: Vec<_> = items(keys).map(string).collect();
            assert_eq!(keys, ["LOG#*"]);
        }
        for action in items(at(statement, &["Action"])) {
            let action = string(action);
            allowed.insert(Permission {
                table,
                action: action.strip_prefix("dynamodb:").unwrap().to_owned(),
                is_of_log: condition.is_some(),
            });
        }
    }
    allowed
}

/// What a request of the SDK needs: for each item its action, its table, and its partition.
fn needs(operation: &str, body: &Value) -> Vec<(String, String, String)> {
    let partition = |of: &Value| {
        let named = [&of["Key"], &of["Item"]].map(|item| &item["secrets_pk"]["S"]);
        let value = &of["ExpressionAttributeValues"][":tenant"]["S"];
        let found = named.into_iter().chain([value]).find_map(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let table = |of: &Value| of["TableName"].as_str().unwrap().to_owned();
    match operation {
        "TransactWriteItems" => {
            let parts = body["TransactItems"].as_array().unwrap();
            parts
                .iter()
                .flat_map(|part| part.as_object().unwrap())
                .map(|(kind, part)| {
                    let action = match kind.as_str() {
                        "ConditionCheck" => "ConditionCheckItem".to_owned(),
                        kind => format!("{kind}Item"),
                    };
                    (action, table(part), partition(part))
                })
                .collect()
        }
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object().unwrap().keys();
            tables
                .map(|table| (operation.to_owned(), table.clone(), String::new()))
                .collect()
        }
        _ => vec![(operation.to_owned(), table(body), partition(body))],
    }
}

/// A role, and what it was seen to need.
struct Role {
    admin: Admin,
    used: Arc<Mutex<BTreeSet<Permission>>>,
    refused: Arc<Mutex<Vec<String>>>,
    wire: Wire,
}

impl Role {
    /// Somebody with these policies.
    async fn with(admin: &Admin, policies: &[&str]) -> Self {
        let allowed: BTreeSet<Permission> = policies.iter().flat_map(|name| policy(name)).collect();
        let used = Arc::new(Mutex::new(BTreeSet::new()));
        let refused = Arc::new(Mutex::new(Vec::new()));
        let (seen, denied) = (used.clone(), refused.clone());
        let wire = Wire::planned(
            engine::endpoint(),
            move |asked| {
                for (action, table, partition) in needs(&asked.operation, &asked.body) {
                    let tables = ["secrets", "sessions", "directory"];
                    let table = tables.into_iter().find(|name| table.ends_with(name));
                    let table = table.expect("a table of the service");
                    let permission = |is_of_log| Permission {
                        table,
                        action: action.clone(),
                        is_of_log,
                    };
                    let ways = [permission(false), permission(true)];
                    let way = ways.into_iter().find(|way| {
                        let fits = !way.is_of_log || partition.starts_with("LOG#");
                        fits && allowed.contains(way)
                    });
                    match way {
                        Some(way) => {
                            seen.lock().unwrap().insert(way);
                        }
                        None => {
                            let told = format!("{action} {table} {partition}");
                            denied.lock().unwrap().push(told);
                            return Fate::Answered(Trouble::AccessDenied);
                        }
                    }
                }
                Fate::Passed
            },
            None,
        )
        .await;
        Self {
            admin: admin.behind(&wire).await,
            used,
            refused,
            wire,
        }
    }

    /// Runs commands, which work.
    async fn runs(&self, commands: &[String]) {
        for command in commands {
            let (code, said) = self.admin.run(command).await;
            let refused = self.refused.lock().unwrap().clone();
            assert!(refused.is_empty(), "{command}: {refused:?}");
            // Some find something.
            assert!(
                code == 0 || command.starts_with("tenant status"),
                "{command}: {said}"
            );
        }
    }

    /// Everything that the policies allow was used.
    fn is_minimal(&self, policies: &[&str]) {
        let allowed: BTreeSet<Permission> = policies.iter().flat_map(|name| policy(name)).collect();
        let used = self.used.lock().unwrap();
        let unused: Vec<_> = allowed.difference(&used).collect();
        assert!(
            unused.is_empty(),
            "{policies:?} allow what no command needs: {unused:?}"
        );
        drop(used);
        let _ = &self.wire;
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
    viewer.is_minimal(&["ViewerPolicy"]);
    let before = stage.directory.items("acme").await;
    let secrets = stage.directory.secrets().await;
    for command in [
        "tenant create beta".to_owned(),
        "tenant disable acme --reason x".to_owned(),
        "key create acme --label x".to_owned(),
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
    keys.runs(&owned(&[
        "tenant create beta",
        "key create beta --label x",
        "key rotate beta",
        &format!("key revoke acme {key}"),
        "tenant disable acme --reason x",
        "tenant enable acme",
        "link create acme --for x --public-url https://scim.example",
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
    repair.is_minimal(&["RepairPolicy"]);
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
    let used = both.used.lock().unwrap();
    let deletes = ["ConditionCheckItem", "DeleteItem"].map(|action| Permission {
        table: "secrets",
        action: action.to_owned(),
        is_of_log: false,
    });
    for permission in deletes {
        assert!(used.contains(&permission), "{permission:?} is not needed");
    }
}
