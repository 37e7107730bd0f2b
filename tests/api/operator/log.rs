//! The operator's log: who did what to a tenant, with which command and why.

use serde_json::{Value, json};

use crate::support::admin::Admin;

/// The acts on record, the oldest first.
async fn acts(admin: &Admin, arguments: &str) -> Vec<Value> {
    let (code, entries) = admin.json(&format!("audit {arguments}")).await;
    assert_eq!(code, 0);
    entries.as_array().unwrap().clone()
}

#[tokio::test]
async fn every_change_is_on_record_with_its_caller_command_and_reason() {
    let (service, _, admin) = Admin::with_service().await;
    let id = service.create_user("lena", json!({})).await;
    assert_eq!(service.delete(&format!("/Users/{id}")).await.status, 204);
    let before = acts(&admin, "acme").await.len();
    let (_, key) = admin
        .json("key create acme --label second --expires-in-days 30")
        .await;
    let second = key["id"].as_str().unwrap().to_owned();
    let secret = key["key"].as_str().unwrap().to_owned();
    let (_, rotated) = admin
        .json(&format!("key rotate acme {second} --never"))
        .await;
    let third = rotated["id"].as_str().unwrap().to_owned();
    for command in [
        format!("key revoke acme {third}"),
        "breaker lift acme --for 2h --reason a-new-scope".to_owned(),
        "directory check acme --repair --reason ticket-4711".to_owned(),
        format!("user restore acme {id}"),
        "tenant disable acme --reason unpaid".to_owned(),
        "tenant enable acme".to_owned(),
    ] {
        let (code, text) = admin.run(&command).await;
        assert!(code == 0, "{command}: {text}");
    }
    // What changes nothing leaves no trace.
    for command in [
        "tenant enable acme".to_owned(),
        format!("key revoke acme {third}"),
        "tenant list".to_owned(),
        "directory check acme".to_owned(),
        "history acme".to_owned(),
    ] {
        assert_eq!(admin.run(&command).await.0, 0, "{command}");
    }
    let entries = acts(&admin, "acme").await.split_off(before);
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
            let arguments = entry["arguments"].as_array().unwrap();
            let arguments: Vec<_> = arguments
                .iter()
                .map(|text| text.as_str().unwrap())
                .collect();
            let command = format!("{} {}", text("command"), arguments.join(" "));
            let texts = ["act", "target", "reason", "outcome"].map(text);
            (texts, command.trim_end().to_owned())
        })
        .collect();
    let expected: [([&str; 4], String); 8] = [
        (
            ["createKey", &second, "-", "-"],
            "key create --label second --expires-in-days 30".to_owned(),
        ),
        (
            ["rotateKey", &second, "-", "-"],
            format!("key rotate {second} --overlap-days 7 --never"),
        ),
        (
            ["revokeKey", &third, "-", "-"],
            format!("key revoke {third}"),
        ),
        (
            ["liftBreaker", "-", "a-new-scope", "-"],
            "breaker lift --for 7200s".to_owned(),
        ),
        (
            ["repair", "-", "ticket-4711", "0 defects repaired, 0 left"],
            "directory check --repair".to_owned(),
        ),
        (
            ["restore", "-", "-", "1 restored, 0 not"],
            format!("user restore {id}"),
        ),
        (
            ["disableTenant", "-", "unpaid", "-"],
            "tenant disable".to_owned(),
        ),
        (["enableTenant", "-", "-", "-"], "tenant enable".to_owned()),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(texts, command)| (texts.map(str::to_owned), command))
        .collect();
    assert_eq!(told, expected);
    for entry in &entries {
        assert_eq!(entry["caller"], "local user lena");
        assert_eq!(entry["tenant"], "acme");
        assert_eq!(entry["release"], env!("CARGO_PKG_VERSION"));
    }
    // A change record of the act names the entry.
    let records = admin.history("--since 1h").await;
    let restored = records
        .iter()
        .find(|record| record["operation"] == "restore");
    assert_eq!(restored.unwrap()["requestId"], entries[5]["id"]);

    let (code, text) = admin.run("audit acme").await;
    assert_eq!(code, 0);
    for told in ["because: ticket-4711", "by local user lena", "1 restored"] {
        assert!(text.contains(told), "{text}");
    }
    assert!(!text.contains(&secret), "{text}");
    assert_eq!(
        text.lines()
            .filter(|line| line.contains("not ended"))
            .count(),
        0
    );
}

/// Whoever lifts a limit, locks a tenant out, or mends data says why.
#[tokio::test]
async fn some_commands_ask_why() {
    let (_, _, admin) = Admin::with_service().await;
    for command in [
        "breaker lift acme",
        "tenant disable acme",
        "directory check acme --repair",
    ] {
        let (code, text) = admin.run(command).await;
        assert_eq!(code, 2, "{command}: {text}");
        assert!(text.contains("--reason"), "{command}: {text}");
    }
}

#[tokio::test]
async fn the_log_of_all_tenants_is_one() {
    let (_, _, admin) = Admin::with_service().await;
    assert_eq!(admin.run("tenant create beta").await.0, 0);
    let entries = acts(&admin, "").await;
    let of_beta = entries.iter().filter(|entry| entry["tenant"] == "beta");
    assert_eq!(of_beta.count(), 1);
    let of_acme = entries.iter().filter(|entry| entry["tenant"] == "acme");
    assert!(of_acme.count() >= 2);
    assert_eq!(
        acts(&admin, "beta --since 2199-01-01T00:00:00Z")
            .await
            .len(),
        0
    );
    let (_, lines) = admin.run("audit beta --ndjson").await;
    let line: Value = serde_json::from_str(lines.trim()).unwrap();
    assert_eq!(line["act"], "createTenant");
}

/// A key is never shown in two places, and a file that exists is left alone.
#[tokio::test]
async fn a_key_goes_to_a_file_of_its_owner() {
    let (_, _, admin) = Admin::with_service().await;
    let folder = std::env::temp_dir().join(format!("scim-key-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("key");
    let create = format!("key create acme --label file --to-file {}", file.display());
    let (code, text) = admin.run(&create).await;
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("htscim_"), "{text}");
    let key = std::fs::read_to_string(&file).unwrap();
    assert!(key.starts_with("htscim_acme_"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let keys = admin
        .json("key list acme")
        .await
        .1
        .as_array()
        .unwrap()
        .len();
    let (code, text) = admin.run(&create).await;
    assert_eq!(code, 1);
    assert!(text.contains("does not exist yet"), "{text}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), key);
    // A key that could not be kept was not made, and a file without one is not left.
    let (_, now) = admin.json("key list acme").await;
    assert_eq!(now.as_array().unwrap().len(), keys);
    let other = folder.join("other");
    let unknown = format!("key rotate acme 0123456789ab --to-file {}", other.display());
    assert_eq!(admin.run(&unknown).await.0, 1);
    assert!(!other.exists());
    std::fs::remove_dir_all(folder).unwrap();
}

/// Whoever wants a key without end has to say so.
#[tokio::test]
async fn keys_end_after_a_year_unless_told_otherwise() {
    let (_, _, admin) = Admin::with_service().await;
    let year = time::OffsetDateTime::now_utc() + time::Duration::days(365);
    let (_, key) = admin.json("key create acme --label default").await;
    let end = key["expires"].as_str().unwrap();
    assert_eq!(
        end.get(..10),
        Some(&*scim::resource::rfc3339(year)[..10].to_owned())
    );
    let (_, key) = admin.json("key create acme --label for-ever --never").await;
    assert_eq!(key["expires"], Value::Null);
    let (code, _) = admin
        .run("key create acme --label both --never --expires-in-days 7")
        .await;
    assert_eq!(code, 2);
}
