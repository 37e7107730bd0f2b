//! What template.yaml allows people and functions, and a wire that refuses everything else.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use saphyr::Yaml;
use serde_json::Value;
use stand::wire::{Fate, Trouble, Wire};

use crate::template::{actions, at, items, parse, source, statements, string, table_or_index};

/// What somebody may do with a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// `secrets`, `sessions` or `directory`, or the index of the directory table.
    pub table: &'static str,
    /// Such as `GetItem`.
    pub action: String,
    /// What the partition keys begin with, of those that are meant; empty if all are.
    pub partitions: String,
}

impl Permission {
    fn allows(&self, needed: &Self) -> bool {
        self.table == needed.table
            && self.action == needed.action
            && needed.partitions.starts_with(&self.partitions)
    }
}

/// What a policy of the template allows.
pub fn policy(name: &str) -> BTreeSet<Permission> {
    let text = source("template.yaml");
    let template = parse(&text);
    let place = ["Resources", name, "Properties", "PolicyDocument"];
    allowed(at(&template, &place))
}

/// What the role of a function of the template allows.
pub fn role(function: &str) -> BTreeSet<Permission> {
    let text = source("template.yaml");
    let template = parse(&text);
    let role = format!("{function}Role");
    let policies = at(&template, &["Resources", &role, "Properties", "Policies"]);
    let documents = items(policies).map(|policy| at(policy, &["PolicyDocument"]));
    documents.flat_map(allowed).collect()
}

/// The index of the directory table, which a Scan names besides the table.
const PENDING: &str = "directory/index/pending";

/// What a policy allows of tables. What it allows besides, `tests/template` holds.
fn allowed(document: &Yaml<'_>) -> BTreeSet<Permission> {
    let mut allowed = BTreeSet::new();
    for (_, statement) in statements(document) {
        assert_eq!(string(at(statement, &["Effect"])), "Allow");
        let actions: Vec<_> = actions(statement)
            .iter()
            .filter_map(|action| action.strip_prefix("dynamodb:"))
            .map(str::to_owned)
            .collect();
        if actions.is_empty() {
            continue;
        }
        let (table, index) = table_or_index(at(statement, &["Resource"]));
        let table = match (table.as_str(), index.as_deref()) {
            ("SecretsTable", None) => "secrets",
            ("DirectoryTable", None) => "directory",
            ("DirectoryTable", Some("pending")) => PENDING,
            ("SessionsTable", None) => "sessions",
            other => panic!("{other:?}"),
        };
        let condition = statement.as_mapping_get("Condition").map(|condition| {
            let keys = ["ForAllValues:StringLike", "dynamodb:LeadingKeys"];
            let keys: Vec<_> = items(at(condition, &keys)).map(string).collect();
            let [key] = &keys[..] else {
                panic!("{keys:?}");
            };
            let (partitions, _) = key.split_once('*').expect("a beginning");
            partitions.to_owned()
        });
        let partitions = condition.unwrap_or_default();
        allowed.extend(actions.into_iter().map(|action| Permission {
            table,
            action,
            partitions: partitions.clone(),
        }));
    }
    allowed
}

/// What a request of the SDK needs: for each item its action, its table, and its partition, where
/// that is one of the secrets table.
fn needs(operation: &str, body: &Value) -> Vec<Permission> {
    let partition = |of: &Value| {
        let named = [&of["Key"], &of["Item"]].map(|item| &item["secrets_pk"]["S"]);
        let value = &of["ExpressionAttributeValues"][":tenant"]["S"];
        let found = named.into_iter().chain([value]).find_map(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let needed = |action: String, name: &str, of: &Value| {
        let tables = ["secrets", "sessions", "directory"];
        let table = tables.into_iter().find(|table| name.ends_with(table));
        let table = table.expect("a table of the service");
        Permission {
            table: match (table, of["IndexName"].as_str()) {
                ("directory", Some("pending")) => PENDING,
                (table, None) => table,
                other => panic!("{other:?}"),
            },
            action,
            partitions: partition(of),
        }
    };
    let table = |of: &Value| of["TableName"].as_str().unwrap().to_owned();
    match operation {
        "TransactWriteItems" => {
            let parts = body["TransactItems"].as_array().unwrap();
            let parts = parts.iter().flat_map(|part| part.as_object().unwrap());
            let needs = parts.map(|(kind, part)| {
                let action = match kind.as_str() {
                    "ConditionCheck" => "ConditionCheckItem".to_owned(),
                    kind => format!("{kind}Item"),
                };
                needed(action, &table(part), part)
            });
            needs.collect()
        }
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object().unwrap().keys();
            let needs = tables.map(|name| needed(operation.to_owned(), name, &Value::Null));
            needs.collect()
        }
        _ => vec![needed(operation.to_owned(), &table(body), body)],
    }
}

/// A way to DynamoDB that lets pass what is allowed, and keeps what was asked for.
pub struct Guarded {
    pub wire: Wire,
    allowed: BTreeSet<Permission>,
    used: Arc<Mutex<BTreeSet<Permission>>>,
    refused: Arc<Mutex<Vec<String>>>,
}

impl Guarded {
    pub async fn start(endpoint: &str, allowed: BTreeSet<Permission>) -> Self {
        let used = Arc::new(Mutex::new(BTreeSet::new()));
        let refused = Arc::new(Mutex::new(Vec::new()));
        let (seen, denied, known) = (used.clone(), refused.clone(), allowed.clone());
        let wire = Wire::planned(
            endpoint,
            move |asked| {
                for needed in needs(&asked.operation, &asked.body) {
                    match known.iter().find(|allowed| allowed.allows(&needed)) {
                        Some(allowed) => {
                            seen.lock().unwrap().insert(allowed.clone());
                        }
                        None => {
                            denied.lock().unwrap().push(format!("{needed:?}"));
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
            wire,
            allowed,
            used,
            refused,
        }
    }

    /// What was refused.
    pub fn refused(&self) -> Vec<String> {
        self.refused.lock().unwrap().clone()
    }

    /// What is allowed and nobody asked for.
    pub fn unused(&self) -> Vec<Permission> {
        let used = self.used.lock().unwrap();
        self.allowed.difference(&used).cloned().collect()
    }
}
