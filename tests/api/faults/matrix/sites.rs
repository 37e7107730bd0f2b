//! Every place in `crates/store/src` that calls DynamoDB is in the matrix.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::cases::{Operations, labels};
use super::tenants::Setting;
use super::{groups, operations, operator, sessions, tokens};

/// What the store's rooms call through: the ways of `client/call.rs`, and those that add the tenant
/// or the table to them.
const WAYS: &[&str] = &[
    ".administer(",
    ".call(",
    ".each(",
    ".each_of_any_format(",
    ".each_when(",
    ".get_item(",
    ".get_items(",
    ".get_of_any_format(",
    ".put_item(",
    ".read_secret(",
    ".send_update(",
    ".transact(",
    ".write_while(",
];

/// The functions outside of `client/` that make a call, and a request of theirs, as the wire names
/// it.
const SITES: &[(&str, &str, &str)] = &[
    ("access/token.rs", "issue_token", "PutItem directory A"),
    (
        "access/web_keys.rs",
        "claim_fetch",
        "UpdateItem directory W",
    ),
    (
        "access/web_keys.rs",
        "note_failed_fetch",
        "UpdateItem directory W",
    ),
    (
        "access/web_keys.rs",
        "store_web_keys",
        "UpdateItem directory W",
    ),
    ("access/web_keys.rs", "web_keys", "GetItem directory W"),
    ("secrets/clients.rs", "client_key", "GetItem secrets KEY"),
    (
        "secrets/clients.rs",
        "token_credential",
        "BatchGetItem directory A",
    ),
    ("audit/judge.rs", "item", "GetItem directory L"),
    ("audit/judge.rs", "judge_count", "Query directory U"),
    ("audit/judge.rs", "judge_unreadable", "GetItem directory L"),
    ("audit/mod.rs", "audit", "Query directory"),
    ("audit/repair.rs", "mend", "TransactWriteItems directory C"),
    ("directory/breaker/mod.rs", "breaker", "Query directory B"),
    (
        "directory/breaker/mod.rs",
        "lift_breakers",
        "TransactWriteItems directory B",
    ),
    (
        "directory/breaker/mod.rs",
        "set_limit",
        "UpdateItem directory B",
    ),
    ("directory/find.rs", "find", "Query directory L"),
    ("directory/mod.rs", "one_page", "Query directory"),
    (
        "directory/mod.rs",
        "settled",
        "TransactWriteItems directory X",
    ),
    ("erasure/apply.rs", "erase_in", "GetItem directory E"),
    ("erasure/apply.rs", "make", "TransactWriteItems directory L"),
    ("erasure/mod.rs", "drop_ways_back", "Query directory I"),
    (
        "erasure/apply.rs",
        "set_unchanged",
        "TransactWriteItems directory E",
    ),
    ("erasure/person.rs", "person", "GetItem directory X"),
    (
        "erasure/person.rs",
        "unfinished_erasure_of",
        "Query directory X",
    ),
    (
        "secrets/deletion.rs",
        "begin_deletion",
        "TransactWriteItems secrets TENANT",
    ),
    ("secrets/deletion.rs", "deleting", "GetItem secrets TENANT"),
    (
        "secrets/deletion.rs",
        "note_counts",
        "TransactWriteItems secrets TENANT",
    ),
    ("secrets/deletion.rs", "remove_secrets", "Query secrets"),
    (
        "secrets/deletion.rs",
        "end_deletion",
        "TransactWriteItems secrets TENANT",
    ),
    ("secrets/stone.rs", "stone", "GetItem secrets DELETED"),
    (
        "secrets/deletion.rs",
        "has_been_disabled",
        "TransactWriteItems secrets TENANT",
    ),
    (
        "sessions/link.rs",
        "redeem",
        "TransactWriteItems sessions LINK",
    ),
    (
        "sessions/link.rs",
        "settled",
        "TransactWriteItems sessions LINK",
    ),
    ("sessions/link.rs", "find_link", "Query sessions LINK"),
    ("sessions/link.rs", "links", "Query sessions LINK"),
    ("sessions/link.rs", "revoke_links", "Query sessions LINK"),
    ("sessions/mod.rs", "each", "Query sessions LINK"),
    ("sessions/mod.rs", "read", "GetItem sessions SESSION"),
    (
        "sessions/session.rs",
        "session",
        "UpdateItem sessions SESSION",
    ),
    ("sessions/session.rs", "sessions", "Query sessions SESSION"),
    ("sessions/session.rs", "remove", "Query sessions SESSION"),
    (
        "secrets/import.rs",
        "written",
        "TransactWriteItems secrets TENANT",
    ),
    (
        "partition/mod.rs",
        "remove_items",
        "TransactWriteItems secrets TENANT",
    ),
    (
        "partition/write.rs",
        "flush",
        "TransactWriteItems secrets TENANT",
    ),
    (
        "secrets/write.rs",
        "write_end",
        "TransactWriteItems secrets TENANT",
    ),
    ("directory/mod.rs", "each", "Query directory C"),
    (
        "directory/mod.rs",
        "each_of_any_format",
        "Query directory E",
    ),
    ("directory/mod.rs", "each_when", "Query directory L"),
    ("directory/mod.rs", "get_item", "GetItem directory U"),
    (
        "directory/mod.rs",
        "get_of_any_format",
        "GetItem directory U",
    ),
    ("directory/history.rs", "history_page", "Query directory E"),
    ("directory/history.rs", "latest_change", "Query directory E"),
    ("directory/history.rs", "outbox_page", "Query directory E"),
    ("directory/history.rs", "record", "GetItem directory E"),
    (
        "directory/members/edge.rs",
        "all_memberships",
        "Query directory M",
    ),
    (
        "directory/members/edge.rs",
        "memberships_of",
        "Query directory I",
    ),
    ("directory/mod.rs", "put_item", "PutItem directory P"),
    ("directory/mod.rs", "send_update", "UpdateItem directory B"),
    (
        "directory/mod.rs",
        "transact",
        "TransactWriteItems directory U",
    ),
    ("directory/page.rs", "count_active", "Query directory C"),
    ("directory/page.rs", "counts", "Query directory C"),
    ("directory/range.rs", "walk", "Query directory U"),
    ("directory/read.rs", "get", "GetItem directory U"),
    (
        "directory/read.rs",
        "get_batch_of",
        "BatchGetItem directory U",
    ),
    ("directory/read.rs", "holder", "GetItem directory N"),
    ("directory/tombstone.rs", "tombstone", "GetItem directory D"),
    ("directory/tombstone.rs", "tombstones", "Query directory D"),
    (
        "directory/parts.rs",
        "send_once",
        "TransactWriteItems directory U",
    ),
    (
        "audit/members/compare.rs",
        "compare_edges",
        "Query directory M",
    ),
    (
        "audit/members/judge.rs",
        "judge_ended",
        "BatchGetItem directory G",
    ),
    ("audit/members/judge.rs", "judge_shard", "Query directory M"),
    (
        "audit/members/mend.rs",
        "mend_edge",
        "TransactWriteItems directory M",
    ),
    (
        "audit/members/mend.rs",
        "mend_members",
        "TransactWriteItems directory M",
    ),
    (
        "audit/members/mend.rs",
        "release",
        "TransactWriteItems directory M",
    ),
    (
        "audit/members/mend.rs",
        "sweep",
        "TransactWriteItems directory M",
    ),
    (
        "audit/members/mend.rs",
        "sweep_some",
        "TransactWriteItems directory M",
    ),
    (
        "directory/members/groups_of.rs",
        "sides_in_range",
        "Query directory I",
    ),
    (
        "directory/members/groups_of.rs",
        "sides_of",
        "Query directory I",
    ),
    ("directory/members/fence.rs", "fences", "Query directory J"),
    (
        "directory/members/known.rs",
        "member_ids",
        "Query directory M",
    ),
    (
        "directory/members/known.rs",
        "users_of_digit",
        "Query directory U",
    ),
    ("directory/members/leave.rs", "leaving", "Query directory I"),
    ("directory/members/page.rs", "cut", "Query directory M"),
    (
        "directory/members/page.rs",
        "large_changes",
        "GetItem directory M",
    ),
    (
        "directory/members/page.rs",
        "shards_of_existing",
        "Query directory G",
    ),
    (
        "directory/members/pending.rs",
        "all_pending",
        "Query directory J",
    ),
    (
        "directory/members/pending.rs",
        "fate",
        "GetItem directory E",
    ),
    (
        "directory/members/pending.rs",
        "pending",
        "GetItem directory J",
    ),
    (
        "directory/members/pending.rs",
        "decided",
        "Query directory E",
    ),
    (
        "directory/members/read.rs",
        "members_in_range",
        "Query directory M",
    ),
    (
        "directory/members/read.rs",
        "members_within",
        "Query directory M",
    ),
    (
        "directory/members/returning.rs",
        "returning",
        "Query directory I",
    ),
    ("directory/members/shard.rs", "shards", "Query directory G"),
    ("directory/read.rs", "get_assembled", "Query directory G"),
    ("directory/record.rs", "was_made", "GetItem directory E"),
    ("migrate.rs", "bring", "UpdateItem secrets TENANT"),
    ("pending.rs", "pending_of_all", "Scan directory"),
    ("migrate.rs", "migrate_all", "Query secrets"),
    ("secrets/credential.rs", "credential", "GetItem secrets KEY"),
    (
        "secrets/credential.rs",
        "has_tenant",
        "GetItem secrets TENANT",
    ),
    (
        "secrets/credential.rs",
        "read_secret",
        "GetItem secrets KEY",
    ),
    ("secrets/keys.rs", "query_keys", "Query secrets KEY"),
    (
        "secrets/operator_log/mod.rs",
        "begin_act",
        "TransactWriteItems secrets O",
    ),
    (
        "secrets/operator_log/mod.rs",
        "complete_act",
        "UpdateItem secrets O",
    ),
    (
        "secrets/operator_log/read.rs",
        "operator_log",
        "Query secrets O",
    ),
    ("secrets/scan.rs", "scan_secrets", "Scan secrets KEY"),
    ("secrets/scan.rs", "tenant_ids", "Scan secrets"),
    (
        "secrets/tenants.rs",
        "tenant_item",
        "GetItem secrets TENANT",
    ),
    (
        "secrets/write.rs",
        "put_tenant",
        "TransactWriteItems secrets TENANT",
    ),
    (
        "secrets/switch.rs",
        "write_switch",
        "TransactWriteItems secrets TENANT",
    ),
    (
        "secrets/write.rs",
        "write_key",
        "TransactWriteItems secrets TENANT",
    ),
    (
        "secrets/write.rs",
        "write_revoked",
        "TransactWriteItems secrets TENANT",
    ),
    ("usage/key_use.rs", "last_uses", "Query directory K"),
    ("usage/key_use.rs", "lease", "UpdateItem directory K"),
    ("usage/key_use.rs", "note_use", "UpdateItem directory K"),
    (
        "usage/refusals.rs",
        "count_refusals",
        "UpdateItem directory R",
    ),
    ("usage/refusals.rs", "refusals", "Query directory R"),
    (
        "usage/answers.rs",
        "count_answers",
        "UpdateItem directory H",
    ),
    ("usage/answers.rs", "answers", "Query directory H"),
    ("usage/requests.rs", "log_request", "PutItem directory P"),
    ("usage/requests.rs", "requests", "Query directory P"),
    (
        "secrets/operator_log/read.rs",
        "latest_of_operator_log",
        "Query secrets O",
    ),
    ("directory/latest.rs", "latest", "Query directory E"),
    ("directory/latest.rs", "latest", "Query directory P"),
];

/// Requests of the functions above for other kinds of items.
const REQUESTS: &[&str] = &[
    "Scan secrets DELETED",
    "Scan secrets TENANT",
    "TransactWriteItems sessions FORM",
    "TransactWriteItems sessions SESSION",
    "GetItem directory C",
    "GetItem directory I",
    "Query directory F",
    "BatchGetItem directory M",
    "BatchGetItem directory N",
    "TransactWriteItems directory G",
    "TransactWriteItems directory J",
    "Scan secrets O",
    "TransactWriteItems directory D",
    "UpdateItem directory U",
];

/// The one function that sends.
const SENDER: (&str, &str) = ("client/call.rs", "dispatch");

#[tokio::test]
async fn every_call_site_is_in_the_matrix() {
    let owned = |(file, function): (&str, &str)| (file.to_owned(), function.to_owned());
    let (mut senders, mut callers) = (BTreeSet::new(), BTreeSet::new());
    for (file, text) in sources() {
        for function in functions_with(&text, &[".send()"]) {
            senders.insert((file.clone(), function));
        }
        if !file.starts_with("client/") {
            for function in functions_with(&text, WAYS) {
                callers.insert((file.clone(), function));
            }
        }
    }
    assert_eq!(senders, BTreeSet::from([owned(SENDER)]));
    let sites = SITES
        .iter()
        .map(|(file, function, _)| owned((file, function)));
    let known: BTreeSet<_> = sites.collect();
    assert_eq!(
        callers, known,
        "the functions that make a call (left) and those known here (right) differ: give a new one \
         an operation in the matrix and a line here"
    );

    let parts: [(Setting, Operations); 19] = [
        (Setting::Users, operations::finds),
        (Setting::Users, operations::lists),
        (Setting::Users, operations::creations),
        (Setting::Users, operations::changes),
        (Setting::Users, operations::bulk),
        (Setting::Users, operator::reads),
        (Setting::Users, operator::changes),
        (Setting::Users, operator::of_data),
        (Setting::Users, sessions::steps),
        (Setting::Groups, groups::reads),
        (Setting::Groups, groups::changes),
        (Setting::Groups, operator::of_groups),
        (Setting::Crowd(30), groups::large_changes),
        (Setting::Crowd(52), groups::steps),
        (Setting::Pending(30), groups::reads_of_pending),
        (Setting::Pending(30), groups::changes_of_pending),
        (Setting::Pending(30), operator::of_pending),
        (Setting::ManyGroups(31), groups::departures),
        (Setting::Clients, tokens::requests),
    ];
    let mut seen = BTreeSet::new();
    for (setting, operations) in parts {
        seen.extend(labels(setting, operations).await);
    }
    let wanted = SITES.iter().map(|(_, _, label)| label).chain(REQUESTS);
    let wanted: BTreeSet<_> = wanted.map(|label| (*label).to_owned()).collect();
    assert_eq!(
        seen, wanted,
        "the requests of the matrix (left) and those known here (right) differ"
    );
}

/// The files of `crates/store/src` and their text.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/store/src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let file = path.strip_prefix(&root).unwrap().to_str().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            sources.push((file.replace('\\', "/"), text));
        }
    }
    sources
}

/// The functions that take one of the `ways`, but for those in tests. The SDK's builders, such as
/// `.get_item()`, take nothing.
fn functions_with(text: &str, ways: &[&str]) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut function = String::new();
    let mut found = BTreeSet::new();
    for line in code.lines() {
        let line = line.split("//").next().unwrap_or_default();
        if let Some((_, rest)) = line.split_once("fn ") {
            let name = rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            function = name.into_iter().next().unwrap_or_default().to_owned();
        }
        let is_taken = |way: &&str| {
            line.match_indices(*way).any(|(position, _)| {
                way.ends_with(')') || !line[position + way.len()..].starts_with(')')
            })
        };
        if ways.iter().any(is_taken) {
            found.insert(function.clone());
        }
    }
    found
}

#[test]
fn callers_are_found_in_code_of_any_layout() {
    let text = "
        pub async fn one(&self) { self.client.scan().send().await }
        fn none() {} // .send() .call(x)
        async fn two<T>(
            &self,
        ) {
            query
                .send()
                .await
        }
        fn builder(&self) { self.client.get_item() }
        async fn three(&self) {
            self.get_item(key).await;
            self.store
                .call(
                    request,
                )
        }
        #[cfg(test)]
        fn of_a_test() { store.call(request) }
    ";
    let found = |ways: &[&str]| functions_with(text, ways).into_iter().collect::<Vec<_>>();
    assert_eq!(found(&[".send()"]), ["one", "two"]);
    assert_eq!(found(&[".get_item("]), ["three"]);
    assert_eq!(found(&[".call("]), ["three"]);
}
