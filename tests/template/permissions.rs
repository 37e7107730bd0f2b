//! The permissions of each role: exactly those that its calls need, so that no call is refused and
//! no permission is superfluous.
//!
//! For the SCIM function they are found file by file: whatever a file of `crates/store` can do, the
//! function may. The settings page shares files with `scim-admin`, and what carries out pending
//! changes shares them with both, so of these each function is listed with those who reach it
//! ([`REACHED`]). No function can be left out of those that reach secrets, sessions or an index.
//! That the list is right is for tests that run the page, what carries out pending changes, and the
//! commands (`tests/api/operator/roles.rs`), behind a wire that refuses everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use saphyr::Yaml;

use crate::calls::{code, functions, permissions, rust_files, unknown_calls};
use crate::deploy::{policy_of_function, writes_its_log};
use crate::stack::{of_type, shown};
use crate::values::identifier;
use crate::yaml::{actions, at, items, parse, source, statements, string, table_or_index};

const STORE: &str = "crates/store/src";

/// Who makes the calls in a file, and on which table.
#[derive(Debug, PartialEq, Eq)]
enum Caller {
    /// The SCIM function.
    Function(&'static str),
    /// `scim-admin`, with the permissions of the person who runs it.
    Operator,
    /// Those who are listed for each function of the file, and never the SCIM function.
    Listed,
}

/// The parts of `crates/store/src`: a folder, or a file at its top level. The longest matching name
/// decides. A file without a match is the function's, so that a new one is always checked.
const CALLERS: &[(&str, Caller)] = &[
    ("", Caller::Function("DirectoryTable")),
    ("audit/", Caller::Operator),
    ("client/", Caller::Operator),
    ("erasure/", Caller::Operator),
    ("partition/", Caller::Operator),
    ("migrate.rs", Caller::Operator),
    ("pending.rs", Caller::Listed),
    ("secrets/", Caller::Listed),
    ("secrets/clients.rs", Caller::Function("SecretsTable")),
    ("secrets/credential.rs", Caller::Function("SecretsTable")),
    ("sessions/", Caller::Listed),
];

/// Roles, as template.yaml names the functions of the settings page and of pending changes, and the
/// policies of operators.
const PAGE: &str = "SettingsFunction";
const PENDING: &str = "PendingFunction";
const VIEWER: &str = "ViewerPolicy";
const KEYS: &str = "KeysPolicy";
const REPAIR: &str = "RepairPolicy";

/// The items that a function reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Items {
    /// All of the sessions table.
    Sessions,
    /// Of the secrets table, tenants with their keys and stones.
    Tenants,
    /// Of the secrets table, the operator's log.
    Log,
    /// All of the directory table.
    Directory,
    /// The index of the directory table, and not the table.
    Pending,
}

impl Items {
    /// The table, and the start of its partition keys if IAM tells these apart.
    fn place(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Sessions => ("SessionsTable", None),
            Self::Tenants => ("SecretsTable", Some("TENANT#*")),
            Self::Log => ("SecretsTable", Some("LOG#*")),
            Self::Directory => ("DirectoryTable", None),
            Self::Pending => ("DirectoryTable/index/pending", None),
        }
    }
}

const LOG: &str = "secrets/operator_log/mod.rs";

/// The functions below `secrets/` and `sessions/`, and in `pending.rs`, that make a call, or build
/// a part of a transaction, by the role that reaches them; of what carries out pending changes,
/// also those below `directory/`. What operators may do with secrets, `roles.rs` holds.
const REACHED: &[(&str, Items, &str, &[&str])] = &[
    (
        PAGE,
        Items::Sessions,
        "sessions/link.rs",
        &["create_link", "put_new", "use_up"],
    ),
    (PAGE, Items::Sessions, "sessions/mod.rs", &["each", "read"]),
    (
        PAGE,
        Items::Sessions,
        "sessions/session.rs",
        &["end_session", "session"],
    ),
    (
        PAGE,
        Items::Tenants,
        "secrets/credential.rs",
        &["read_secret"],
    ),
    (PAGE, Items::Tenants, "secrets/keys.rs", &["query_keys"]),
    (
        PAGE,
        Items::Tenants,
        "secrets/write.rs",
        &["no_key", "put", "put_key", "update_item"],
    ),
    (PAGE, Items::Log, LOG, &["ending_entry", "entry"]),
    (
        PAGE,
        Items::Log,
        "secrets/operator_log/read.rs",
        &["latest_of_operator_log"],
    ),
    (PENDING, Items::Pending, "pending.rs", &["pending_of_all"]),
    (
        PENDING,
        Items::Tenants,
        "secrets/credential.rs",
        &["read_secret"],
    ),
    (PENDING, Items::Tenants, "secrets/hold.rs", &["hold_check"]),
    (
        PENDING,
        Items::Directory,
        "directory/members/carry.rs",
        &["end", "step"],
    ),
    (
        PENDING,
        Items::Directory,
        "directory/mod.rs",
        &["get_of_any_format", "query"],
    ),
    (
        PENDING,
        Items::Directory,
        "directory/parts.rs",
        &["delete_item", "put"],
    ),
    (VIEWER, Items::Sessions, "sessions/mod.rs", &["each"]),
    (
        KEYS,
        Items::Sessions,
        "sessions/link.rs",
        &["create_link", "revoke_links"],
    ),
    (KEYS, Items::Sessions, "sessions/mod.rs", &["each"]),
    (KEYS, Items::Sessions, "sessions/session.rs", &["remove"]),
    (REPAIR, Items::Sessions, "sessions/mod.rs", &["each"]),
];

/// The others, which only operators reach.
const OF_OPERATORS: &[(&str, &[&str])] = &[
    ("secrets/deletion.rs", &["end_deletion", "remove_secrets"]),
    (LOG, &["begun_entry", "complete_act", "completed_entry"]),
    ("secrets/operator_log/read.rs", &["operator_log"]),
    ("secrets/scan.rs", &["secrets_from", "tenant_ids"]),
    // It builds one of two parts. The page has the check, which `no_key` needs too, and not the
    // removal: it creates no tenant in the place of one that was deleted.
    ("secrets/stone.rs", &["stone_part"]),
];

/// One that only the SCIM function reaches.
const OF_THE_FUNCTION: (&str, &[&str]) = ("secrets/clients.rs", &["token_credential"]);

/// The permissions that change nothing. Of those that the SCIM function has on the directory, the
/// page has these: it reads with the same functions of `crates/store`, and calls none that writes.
const READS: &[&str] = &["BatchGetItem", "GetItem", "Query"];

/// What a role may do with a table, or with an index alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Permission {
    table: String,
    /// The start of the partition keys that it is limited to.
    partitions: Option<String>,
    /// Such as `GetItem`.
    action: String,
}

fn permission(table: &str, partitions: Option<&str>, action: &str) -> Permission {
    Permission {
        table: table.to_owned(),
        partitions: partitions.map(str::to_owned),
        action: action.to_owned(),
    }
}

fn inside_store(file: &Path) -> String {
    let path = file.to_str().unwrap().replace('\\', "/");
    let inside = path.rsplit_once("crates/store/src/");
    inside.expect("a file of the store").1.to_owned()
}

fn caller(file: &Path) -> &'static Caller {
    let inside = inside_store(file);
    let fitting = CALLERS
        .iter()
        .filter(|(prefix, _)| inside.starts_with(prefix));
    let (_, caller) = fitting
        .max_by_key(|(prefix, _)| prefix.len())
        .expect("the first fits all");
    caller
}

/// What the calls of the SCIM function need.
fn needed_by_the_function() -> BTreeSet<Permission> {
    let mut needed = BTreeSet::new();
    for file in rust_files(STORE) {
        if let Caller::Function(table) = caller(&file) {
            let code = code(&fs::read_to_string(&file).unwrap());
            let actions = permissions(&code);
            needed.extend(actions.iter().map(|action| permission(table, None, action)));
        }
    }
    needed
}

/// What the functions need that are listed for a role.
fn needed_as_listed(role: &str) -> BTreeSet<Permission> {
    let mut needed = BTreeSet::new();
    for (_, items, file, reached) in REACHED.iter().filter(|(of, ..)| *of == role) {
        let (table, partitions) = items.place();
        let functions = functions(&source(&format!("{STORE}/{file}")));
        for function in *reached {
            let actions = permissions(&functions[*function]);
            let of_function = actions
                .iter()
                .map(|action| permission(table, partitions, action));
            needed.extend(of_function);
        }
    }
    needed
}

/// What the role of a function may do with tables.
fn allowed_to_function(name: &str) -> BTreeSet<Permission> {
    let text = source("template.yaml");
    let template = parse(&text);
    allowed(policy_of_function(&template, name))
}

/// What a policy document allows of tables.
fn allowed(document: &Yaml<'_>) -> BTreeSet<Permission> {
    let mut allowed = BTreeSet::new();
    for (condition, statement) in statements(document) {
        assert_eq!(string(at(statement, &["Effect"])), "Allow");
        if !is_of_tables(statement) {
            continue;
        }
        assert_eq!(condition, None, "the tables are always there");
        // One table, or one index, by its ARN, and the same one as in the function's variables.
        let table = match table_or_index(at(statement, &["Resource"])) {
            (table, None) => table,
            (table, Some(index)) => format!("{table}/index/{index}"),
        };
        let partitions = statement.as_mapping_get("Condition").map(|condition| {
            let keys = ["ForAllValues:StringLike", "dynamodb:LeadingKeys"];
            let keys: Vec<_> = items(at(condition, &keys)).map(string).collect();
            let [key] = &keys[..] else {
                panic!("{keys:?} of {table}");
            };
            key.clone()
        });
        for action in actions(statement) {
            let name = action.strip_prefix("dynamodb:");
            let name = name.expect("a DynamoDB action, as the first one");
            assert!(
                !name.contains('*'),
                "`{action}` allows more than the calls need"
            );
            allowed.insert(permission(&table, partitions.as_deref(), name));
        }
    }
    allowed
}

fn is_of_tables(statement: &Yaml<'_>) -> bool {
    let actions = actions(statement);
    actions.iter().any(|action| action.starts_with("dynamodb:"))
}

/// What else a policy document allows, and under which condition.
fn allowed_besides(document: &Yaml<'_>) -> Vec<String> {
    let statements = statements(document).into_iter();
    let others = statements.filter(|(_, statement)| !is_of_tables(statement));
    others
        .map(|(condition, statement)| {
            let resource = shown(at(statement, &["Resource"]));
            let condition = condition.unwrap_or_else(|| "always".to_owned());
            format!(
                "{} on {resource}: {condition}",
                actions(statement).join(", ")
            )
        })
        .collect()
}

#[test]
fn the_function_may_do_exactly_what_it_does() {
    assert_eq!(
        allowed_to_function("Function"),
        needed_by_the_function(),
        "the policy in template.yaml (left) and what the calls in crates/store/src need (right) differ; \
         a file whose calls only scim-admin makes belongs in `CALLERS` above"
    );
}

#[test]
fn the_settings_page_may_do_exactly_what_it_does() {
    let mut needed = needed_as_listed(PAGE);
    let directory = needed_by_the_function().into_iter().filter(|permission| {
        permission.table == "DirectoryTable" && READS.contains(&permission.action.as_str())
    });
    needed.extend(directory);
    assert_eq!(
        allowed_to_function(PAGE),
        needed,
        "the policy in template.yaml (left) and what the functions that `REACHED` lists need (right) differ"
    );
}

#[test]
fn what_carries_out_pending_changes_may_do_exactly_what_it_does() {
    assert_eq!(
        allowed_to_function(PENDING),
        needed_as_listed(PENDING),
        "the policy in template.yaml (left) and what the functions that `REACHED` lists need (right) differ"
    );
}

/// It lists all tenants' items in the index alone, where it sees keys and nothing else, and writes
/// nothing but the directory, in which it may do no more than the SCIM function.
#[test]
fn what_carries_out_pending_changes_writes_the_directory_alone() {
    let allowed = allowed_to_function(PENDING);
    let scans: Vec<_> = allowed
        .iter()
        .filter(|permission| permission.action == "Scan")
        .map(|permission| permission.table.as_str())
        .collect();
    assert_eq!(scans, ["DirectoryTable/index/pending"]);
    let writes = ["DeleteItem", "PutItem", "UpdateItem"];
    let written: BTreeSet<_> = allowed
        .iter()
        .filter(|permission| writes.contains(&permission.action.as_str()))
        .map(|permission| permission.table.as_str())
        .collect();
    assert_eq!(written, ["DirectoryTable"].into());
    let of_the_directory: BTreeSet<_> = allowed
        .into_iter()
        .filter(|permission| permission.table == "DirectoryTable")
        .collect();
    assert!(of_the_directory.is_subset(&allowed_to_function("Function")));
}

/// What strangers send by the hundred a second reaches no key, and what the page is asked no
/// directory; neither function reads what is of all tenants.
#[test]
fn the_two_functions_write_different_tables() {
    let (scim, page) = (allowed_to_function("Function"), allowed_to_function(PAGE));
    let tables = |allowed: &BTreeSet<Permission>, is_write: bool| -> BTreeSet<String> {
        let actions = allowed
            .iter()
            .filter(|permission| is_write != READS.contains(&permission.action.as_str()));
        actions.map(|permission| permission.table.clone()).collect()
    };
    let named = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let [secrets, directory, sessions] = ["SecretsTable", "DirectoryTable", "SessionsTable"];
    assert_eq!(tables(&scim, true), named(&[directory]));
    assert_eq!(tables(&scim, false), named(&[secrets, directory]));
    assert_eq!(tables(&page, true), named(&[secrets, sessions]));
    assert_eq!(tables(&page, false), named(&[secrets, directory, sessions]));
    let mut both = scim.union(&page);
    assert!(both.all(|permission| permission.action != "Scan"));
}

#[test]
fn operators_may_do_with_sessions_exactly_what_their_commands_do() {
    let text = source("template.yaml");
    let template = parse(&text);
    for role in [VIEWER, KEYS, REPAIR] {
        let path = ["Resources", role, "Properties", "PolicyDocument"];
        let mut allowed = allowed(at(&template, &path));
        allowed.retain(|permission| permission.table == "SessionsTable");
        assert_eq!(allowed, needed_as_listed(role), "{role}");
    }
}

/// `scim-admin events --replay` makes one call of each, and is written down like a repair.
#[test]
fn whoever_repairs_may_send_events_again_and_nobody_else_sends_any() {
    let sends = code(&source("crates/scim-admin/src/commands/send.rs"));
    let calls: Vec<_> = sends
        .match_indices("client.")
        .map(|(position, client)| identifier(&sends[position + client.len()..]))
        .collect();
    assert_eq!(calls, ["send_message_batch", "put_events"]);
    let text = source("template.yaml");
    let template = parse(&text);
    for (role, policy) in of_type(&template, "AWS::IAM::ManagedPolicy") {
        let wanted: &[&str] = match role.as_str() {
            REPAIR => &[
                "sqs:SendMessage on !GetAtt MemberEventQueue.Arn: HasMemberQueue",
                "events:PutEvents on !GetAtt MemberEventBus.Arn: HasMemberBus",
            ],
            _ => &[],
        };
        let besides = allowed_besides(at(policy, &["PolicyDocument"]));
        assert_eq!(besides, wanted, "{role}");
    }
    // Functions send none either: besides, they write their own log.
    for name in of_type(&template, "AWS::Serverless::Function").into_keys() {
        let besides = allowed_besides(policy_of_function(&template, &name));
        assert_eq!(besides, [writes_its_log(&template, &name)], "{name}");
    }
}

/// That the tests above see what they are there for.
#[test]
fn what_a_policy_allows_too_much_is_seen() {
    let arn = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${DirectoryTableName}";
    let of_index = format!(
        "!If [HasDirectoryTableName, !Sub \"{arn}/index/pending\", !Sub \"${{DirectoryTable.Arn}}/index/pending\"]"
    );
    let of_table =
        format!("!If [HasDirectoryTableName, !Sub \"{arn}\", !GetAtt DirectoryTable.Arn]");
    let scan = |resource: &str| {
        let text = format!(
            "Statement: [{{Effect: Allow, Action: ['dynamodb:Scan'], Resource: {resource}}}]"
        );
        allowed(&parse(&text))
    };
    let index = permission("DirectoryTable/index/pending", None, "Scan");
    assert_eq!(scan(&of_index), [index.clone()].into());
    let table = permission("DirectoryTable", None, "Scan");
    assert_eq!(scan(&of_table), [table].into());
    let other = of_index.replace("/index/pending", "/index/other");
    assert_ne!(scan(&other), [index].into());
    let sends = "Statement: [!If [HasMemberBus, {Effect: Allow, Action: 'events:PutEvents', \
                 Resource: !GetAtt MemberEventBus.Arn}, !Ref AWS::NoValue]]";
    let sends = parse(sends);
    assert!(allowed(&sends).is_empty());
    let besides = ["events:PutEvents on !GetAtt MemberEventBus.Arn: HasMemberBus"];
    assert_eq!(allowed_besides(&sends), besides);
}

#[test]
fn all_that_is_reached_is_listed() {
    let mut found = BTreeMap::new();
    for file in rust_files(STORE) {
        let inside = inside_store(&file);
        if is_listed(&inside) {
            for (function, code) in functions(&fs::read_to_string(&file).unwrap()) {
                let needed = permissions(&code);
                if !needed.is_empty() {
                    found.insert((inside.clone(), function), needed);
                }
            }
        }
    }
    let reached = REACHED
        .iter()
        .map(|(_, _, file, reached)| (*file, *reached));
    let listed: BTreeSet<_> = reached
        .chain(OF_OPERATORS.iter().copied())
        .chain([OF_THE_FUNCTION])
        .flat_map(|(file, functions)| functions.iter().map(move |name| (file, name)))
        .filter(|(file, _)| is_listed(file))
        .map(|(file, name)| (file.to_owned(), (*name).to_owned()))
        .collect();
    let unlisted: Vec<_> = found
        .iter()
        .filter(|(at, _)| !listed.contains(at))
        .collect();
    assert!(
        unlisted.is_empty(),
        "who reaches these? `REACHED` and `OF_OPERATORS` say it: {unlisted:?}"
    );
    let gone: Vec<_> = listed.iter().filter(|at| !found.contains_key(at)).collect();
    assert!(gone.is_empty(), "these make no call any more: {gone:?}");
}

/// Whether each function of a file is listed that makes a call.
fn is_listed(inside: &str) -> bool {
    let places = ["secrets/", "sessions/", "pending.rs"];
    places.iter().any(|place| inside.starts_with(place))
}

/// A call of an unknown kind would be overlooked by the tests above.
#[test]
fn every_call_of_the_function_is_known_here() {
    let mut found = 0;
    for file in rust_files(STORE) {
        if *caller(&file) == Caller::Operator {
            continue;
        }
        let code = code(&fs::read_to_string(&file).unwrap());
        let (unknown, known) = unknown_calls(&code);
        assert!(
            unknown.is_empty(),
            "{}: unknown calls {unknown:?}",
            file.display()
        );
        found += known;
    }
    assert!(
        found >= 5,
        "only {found} calls were found: they are written in a way unknown here"
    );
}
