//! Exports that are damaged, or hold what cannot be written: refused before anything is written.

use std::fs;

use serde_json::json;

use crate::support::admin::Admin;
use crate::support::exports::{Folder, disable, export, import, stage};

type Damage = fn(&Folder);

/// What is damaged, incomplete, another tenant's or of a later format is refused before anything is
/// written.
#[tokio::test]
async fn a_damaged_export_is_refused() {
    let (_, _, admin) = stage().await;
    let (_, target, other) = Admin::with_service().await;
    disable(&target, &other).await;
    let before = target.all_items("acme").await;
    let damages: [(&str, &str, Damage); 11] = [
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
        ("no format", "does not say its format", |folder| {
            replace(folder, "\"format\": 1", "\"format\": 0")
        }),
        ("count", "says another number", |folder| {
            let count = folder.lines("users.ndjson").len();
            replace(folder, &format!("\"count\": {count}"), "\"count\": 77");
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

/// An item that DynamoDB would refuse in the middle is found before anything is written, although
/// the manifest says that all is well.
#[tokio::test]
async fn what_dynamodb_would_refuse_is_refused_before() {
    let (_, _, admin) = stage().await;
    let (_, target, other) = Admin::with_service().await;
    disable(&target, &other).await;
    let before = target.all_items("acme").await;
    let large = "x".repeat(410_000);
    for (attribute, told) in [
        (json!({"N": "one"}), "a number is none"),
        (json!({"SS": []}), "a set is empty"),
        (json!({"NULL": false}), "no item in DynamoDB's JSON"),
        (json!({"S": large}), "larger than 400 KB"),
        (json!({"X": "?"}), "no item in DynamoDB's JSON"),
        (json!("text"), "no item in DynamoDB's JSON"),
    ] {
        let folder = Folder::new();
        assert_eq!(admin.run(&export(&folder)).await.0, 0);
        folder.change_items(|items| items[1]["planted"] = attribute.clone());
        let (code, said) = other.run(&import(&folder)).await;
        assert_eq!(code, 1, "{told}");
        let line = "line 2 of `items.ndjson`";
        assert!(said.contains(line) && said.contains(told), "{said}");
    }
    let folder = Folder::new();
    assert_eq!(admin.run(&export(&folder)).await.0, 0);
    folder.change_items(|items| items[0]["f"] = json!({"N": "99"}));
    let (_, said) = other.run(&import(&folder)).await;
    assert!(
        said.contains("line 1") && said.contains("a newer one"),
        "{said}"
    );
    let folder = Folder::new();
    assert_eq!(admin.run(&export(&folder)).await.0, 0);
    folder.change_items(|items| items[0]["pk"] = json!({"S": "T#beta"}));
    let (_, said) = other.run(&import(&folder)).await;
    assert!(said.contains("another tenant"), "{said}");
    assert_eq!(target.all_items("acme").await, before);
    // Every item is there once, in order.
    let folder = Folder::new();
    assert_eq!(admin.run(&export(&folder)).await.0, 0);
    folder.change_items(|items| items[1] = items[0].clone());
    let (_, said) = other.run(&import(&folder)).await;
    assert!(said.contains("line 2") && said.contains("once"), "{said}");
    assert_eq!(target.all_items("acme").await, before);
    // The same without a change passes.
    let folder = Folder::new();
    assert_eq!(admin.run(&export(&folder)).await.0, 0);
    folder.change_items(|items| items[1]["planted"] = json!({"N": "-1.50"}));
    assert_eq!(other.run(&import(&folder)).await.0, 0);
}

/// A file that never ends is none.
#[cfg(unix)]
#[tokio::test]
async fn a_pipe_in_the_place_of_a_file_is_refused() {
    let (_, directory, admin) = stage().await;
    disable(&directory, &admin).await;
    let folder = Folder::new();
    for name in ["manifest.json", "users.ndjson", "items.ndjson"] {
        assert_eq!(
            admin.run(&format!("{} --force", export(&folder))).await.0,
            0
        );
        let path = folder.file(name);
        fs::remove_file(&path).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let (code, said) = admin.run(&import(&folder)).await;
        assert_eq!(code, 1);
        assert!(
            said.contains(name) && said.contains("it is no file"),
            "{said}"
        );
        fs::remove_dir_all(folder.path()).unwrap();
    }
}

fn replace(folder: &Folder, from: &str, to: &str) {
    let path = folder.file("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replace(from, to)).unwrap();
}
