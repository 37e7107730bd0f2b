//! The items of every release: this one reads them, changes them and finds nothing wrong with them.
//!
//! `tests/api/items/<version>/items.jsonl` has what a release writes, an item of every kind of both
//! tables, as DynamoDB's JSON. The file of this release is made anew with
//!
//! ```sh
//! UPDATE_GOLDEN=1 cargo test --test api formats
//! ```
//!
//! Ids and times are others each time, so what is compared with a fresh run is which kinds there
//! are, and which attributes each has. A difference is a change of format: docs/UPGRADING.md says
//! when that is allowed, and when it takes a new number. The files of released versions stay.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::admin::{Admin, set};
use crate::support::directory::DirectoryTable;
use crate::support::every_kind::{every_kind, key};
use crate::support::groups::{
    adding, change, found, group, groups_of, members_of, path, read, removing, renaming, replacing,
};
use crate::support::items::{BothTables, Stored, shapes};
use crate::support::service::Service;

/// Every kind of item, as the keys of both tables have them.
const KINDS: &[&str] = &[
    "A#<digest>",
    "B#G",
    "B#G#<d>",
    "B#U",
    "B#U#<d>",
    "C#G#<…>",
    "C#U#<…>",
    "D#G#<…>",
    "D#U#<…>",
    "DELETED",
    "E#<time>#G#<id>#<n>",
    "E#<time>#I#<u>#<g>",
    "E#<time>#M#<g>#<c>",
    "E#<time>#M#<g>#<c>#<d>",
    "E#<time>#M#<g>#<c>#~<n>",
    "E#<time>#U#<id>#<n>",
    "F#G#<…>",
    "F#U#<…>",
    "G#<g>#<d>",
    "G#<id>",
    "H#<hour>",
    "I#<u>#<g>",
    "J#!<d>",
    "J#<g>",
    "K#<key>",
    "KEY#<digest>",
    "L#G#<…>",
    "L#U#<…>",
    "M#<g>",
    "M#<g>#<u>",
    "M#<g>#~",
    "N#G#<…>",
    "N#U#<…>",
    "O#<time>#<id>",
    "P#<time>#<request>",
    "P#<time>#<request>#<n>",
    "R#<…>",
    "TENANT",
    "U#<id>",
    "W#<issuer>",
    "X#<u>",
];

const SINCE_EVER: &str = "1970-01-01T00:00:00Z";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/items")
}

fn file(version: &str) -> PathBuf {
    folder().join(version).join("items.jsonl")
}

fn items_of(version: &str) -> Vec<Stored> {
    let text = std::fs::read_to_string(file(version)).unwrap();
    text.lines().map(Stored::from_line).collect()
}

/// The items of every kind that this release has on record.
pub fn items_on_record() -> Vec<Stored> {
    items_of(env!("CARGO_PKG_VERSION"))
}

/// The versions whose items there are.
fn versions() -> BTreeSet<String> {
    let folders = std::fs::read_dir(folder()).unwrap();
    folders
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[tokio::test]
async fn what_this_release_writes_has_a_number_and_is_as_it_is_on_record() {
    let version = env!("CARGO_PKG_VERSION");
    let (_service, _admin, tables) = Box::pin(every_kind()).await;
    let items = tables.items().await;
    for stored in &items {
        let number = stored.item.get("f").map(|number| number.as_n().unwrap());
        assert_eq!(
            number.map(String::as_str),
            Some("1"),
            "{:?}",
            stored.sort_key()
        );
    }
    let fresh = shapes(&items);
    assert!(fresh.keys().eq(KINDS), "{:?}", fresh.keys());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(folder().join(version)).unwrap();
        let lines: String = items.iter().map(|stored| stored.to_line() + "\n").collect();
        std::fs::write(file(version), lines).unwrap();
    }
    assert_eq!(
        fresh,
        shapes(&items_of(version)),
        "what is written (left) is not what {} has (right)",
        file(version).display()
    );
}

/// Items come back from their lines as they were.
#[test]
fn lines_are_the_items() {
    for version in versions() {
        let text = std::fs::read_to_string(file(&version)).unwrap();
        for line in text.lines() {
            assert_eq!(Stored::from_line(line).to_line(), line);
        }
    }
}

#[tokio::test]
async fn the_items_of_every_release_are_read_changed_and_checked() {
    let versions = versions();
    assert!(versions.contains(env!("CARGO_PKG_VERSION")));
    for version in versions {
        let release = Release::load(&version).await;
        release.reads().await;
        release.commands().await;
        release.writes().await;
        release.is_sound().await;
    }
}

/// The tables of a release, under this release's service.
struct Release {
    items: Vec<Stored>,
    service: Service,
    directory: DirectoryTable,
    admin: Admin,
}

impl Release {
    async fn load(version: &str) -> Self {
        let items = items_of(version);
        let (directory, admin) = Admin::without_service().await;
        let tables = BothTables::of(admin.prefix()).await;
        for stored in &items {
            tables.put(stored).await;
        }
        let service = Service::with_key(admin.store(), key().expose().to_owned());
        Self {
            items,
            service,
            directory,
            admin,
        }
    }

    /// The ids and documents of the users, or of the groups.
    fn resources(&self, letter: &str) -> Vec<(String, Value)> {
        let of_letter = self.items.iter().filter_map(|stored| {
            let sort_key = stored.sort_key();
            let (kind, id) = sort_key.split_once('#')?;
            let document = stored.item.get("document")?.as_s().unwrap();
            let document = serde_json::from_str(document).unwrap();
            (kind == letter && !id.contains('#')).then(|| (id.to_owned(), document))
        });
        of_letter.collect()
    }

    /// The id of the group with a name.
    fn group(&self, name: &str) -> String {
        let groups = self.resources("G");
        let named = groups.into_iter().find(|(_, of)| of["displayName"] == name);
        named.unwrap().0
    }

    fn user(&self, name: &str) -> String {
        let users = self.resources("U");
        let named = users.into_iter().find(|(_, of)| of["userName"] == name);
        named.unwrap().0
    }

    /// The only item of a kind that has this attribute, by the id in its sort key.
    fn deleted(&self, letter: &str, attribute: &str, value: &str) -> String {
        let kind = format!("D#{letter}#");
        let mut found = self.items.iter().filter_map(|stored| {
            let sort_key = stored.sort_key();
            let id = sort_key.strip_prefix(&kind)?;
            let document: Value =
                serde_json::from_str(stored.item["document"].as_s().unwrap()).unwrap();
            (document[attribute] == value).then(|| id.to_owned())
        });
        found.next().unwrap()
    }

    async fn reads(&self) {
        let service = &self.service;
        for (endpoint, letter, name) in
            [("/Users", "U", "userName"), ("/Groups", "G", "displayName")]
        {
            let all = self.resources(letter);
            for (id, document) in &all {
                let shown = read(service, &format!("{endpoint}/{id}")).await;
                for (attribute, value) in document.as_object().unwrap() {
                    assert_eq!(&shown.body[attribute], value, "{endpoint} {attribute}");
                }
                let named = document[name].as_str().unwrap();
                let filter = format!("{name} eq \"{named}\"");
                assert_eq!(
                    found(service, endpoint, &filter).await,
                    std::slice::from_ref(id)
                );
            }
            let list = service.get(&format!("{endpoint}?count=1000")).await;
            assert_eq!(list.body["totalResults"], all.len(), "{}", list.body);
            assert_eq!(list.ids().len(), all.len());
            let sorted = service
                .get(&format!("{endpoint}?sortBy={name}&count=5&startIndex=2"))
                .await;
            assert_eq!(sorted.ids().len(), 5, "{}", sorted.body);
        }
        let (lena, west) = (self.user("lena@crew.example"), self.group("West"));
        let by_values = [
            "externalId eq \"x-lena\"",
            "emails.value eq \"lena@crew.example\"",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq \"7\"",
            "name.familyName co \"erg\"",
        ];
        for filter in by_values {
            assert_eq!(
                found(service, "/Users", filter).await,
                std::slice::from_ref(&lena)
            );
        }
        // What is decided is shown, though it is not carried out.
        let members = members_of(service, &west).await;
        assert_eq!(members.len(), 33);
        let by_group = format!("groups.value eq \"{west}\"");
        assert_eq!(found(service, "/Users", &by_group).await, members);
        assert!(groups_of(service, &members[0]).await.contains(&west));
        let north = self.group("North Crew");
        let shown = read(service, &path(&north)).await;
        assert_eq!(shown.body["members"][0]["display"], Value::Null);
        let old = format!("/Groups/{}", self.deleted("G", "displayName", "Old"));
        service.get(&old).await.error(404, "");
    }

    /// Runs a command that has nothing bad to tell.
    async fn run(&self, command: &str) -> String {
        let (code, said) = self.admin.run(command).await;
        assert_eq!(code, 0, "{command}: {said}");
        said
    }

    async fn commands(&self) {
        let north = self.group("North Crew");
        let lena = self.user("lena@crew.example");
        let status = format!("tenant status acme --since {SINCE_EVER}");
        let (code, status) = self.admin.json(&status).await;
        assert_eq!(code, 0, "{status}");
        assert_eq!(status["users"], self.resources("U").len());
        assert_eq!(status["groups"], self.resources("G").len());
        assert_eq!(status["leftOut"], 1);
        assert_eq!(status["refused"][0]["reason"], "uniqueness");
        assert_eq!(status["pendingChanges"].as_array().unwrap().len(), 1);
        let records = self.admin.history(&format!("--since {SINCE_EVER}")).await;
        let is_record = |stored: &&Stored| {
            let kind = stored.kind();
            let is_part = kind.ends_with("#<d>") || kind.ends_with("#~<n>");
            kind.starts_with("E#") && !is_part
        };
        let mut expected = self.items.iter().filter(is_record).count();
        // The parts of each of the two large changes are one record.
        expected += 2;
        assert_eq!(records.len(), expected);
        assert!(records.iter().all(|record| record.get("unknown").is_none()));
        for operation in ["create", "patch", "delete", "restore", "undo"] {
            let is_there = records.iter().any(|of| of["operation"] == operation);
            assert!(is_there, "{operation}");
        }
        for command in [
            &format!("history acme --since {SINCE_EVER}"),
            &format!("history acme --user {lena}"),
            &format!("history acme --since {SINCE_EVER} --group {north}"),
            "tenant list",
            "key list acme",
            "user deleted acme",
            "group list acme",
            "group deleted acme",
            &format!("group show acme {north}"),
            &format!("group members acme {north}"),
            "migrate --dry-run",
        ] {
            self.run(command).await;
        }
        // Nobody carries the pending change out while the items lie here.
        let (_, checked) = self.admin.json("directory check acme").await;
        for defect in checked["defects"].as_array().unwrap() {
            let overdue = "overdue change of members: J#";
            assert!(defect.as_str().unwrap().starts_with(overdue), "{checked}");
        }
        assert_eq!(checked["newer"], 0);
    }

    async fn writes(&self) {
        let service = &self.service;
        let lena = self.user("lena@crew.example");
        let lena_s = format!("/Users/{lena}");
        set(service, &lena_s, "title", json!("Lead")).await;
        let mut whole = read(service, &lena_s).await.body;
        whole["userName"] = "lena.berg@crew.example".into();
        let put = service.put(&lena_s, whole).await;
        assert_eq!(put.status, 200, "{}", put.body);
        set(service, &lena_s, "active", json!(false)).await;
        let new = service.create_user("new", json!({})).await;
        let [north, west] = ["North Crew", "West"].map(|name| self.group(name));
        let member = members_of(service, &west).await.remove(3);
        change(service, &west, adding(&new)).await;
        change(service, &west, removing(&member)).await;
        assert_eq!(members_of(service, &west).await.len(), 33);
        assert!(
            !self
                .directory
                .items("acme")
                .await
                .contains_key(&format!("J#{west}"))
        );
        change(service, &north, renaming("North")).await;
        change(service, &north, replacing(&[new.clone(), member])).await;
        let south = self.group("South");
        assert_eq!(service.delete(&path(&south)).await.status, 204);
        assert_eq!(service.delete(&format!("/Users/{new}")).await.status, 204);
        group(service, "Crew of today", &[lena]).await;

        let mo = self.deleted("U", "userName", "mo");
        let old = self.deleted("G", "displayName", "Old");
        for command in [
            &format!("user restore acme {mo}"),
            &format!("group restore acme {old}"),
            &format!("group restore acme {south}"),
            &format!("group members acme {north} --undo-since 1h"),
            "breaker lift acme --for 1h --reason drill",
            "key create acme --label next",
            "key rotate acme --label last --overlap-days 1 --expires-in-days 20",
            "tenant disable acme --reason drill",
            "tenant enable acme",
        ] {
            self.run(&command.replace("rotate acme", &format!("rotate acme {}", key().id())))
                .await;
        }
        assert_eq!(groups_of(service, &mo).await.len(), 20);
        service.get("/Users").await;
    }

    /// Neither the check of the raw table nor the operator's finds anything.
    async fn is_sound(&self) {
        self.run("directory check acme --repair --reason drill")
            .await;
        let checked = self.run("directory check acme").await;
        assert!(checked.contains(" 0 defects, 0 repaired"), "{checked}");
        self.directory.check("acme").await;
        let (code, migrated) = self.admin.json("migrate").await;
        assert_eq!((code, &migrated["newer"]), (0, &json!(0)), "{migrated}");
        let (_, again) = self.admin.json("migrate").await;
        assert_eq!(again["changed"], 0);
    }
}
