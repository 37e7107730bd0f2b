//! Exports of a tenant, in folders of their own.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::admin::{Admin, set};
use super::directory::DirectoryTable;
use super::groups::group;
use super::service::Service;

const LONG_AGO: &str = "2026-01-01T00:00:00Z";

/// A folder that goes when the test ends.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        Self(std::env::temp_dir().join(format!("export-{}", uuid::Uuid::new_v4())))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn lines(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.file(name)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Folder {
    /// Changes the items of an export, and what its manifest says of them.
    pub fn change_items(&self, change: impl Fn(&mut [Value])) {
        let mut items = self.lines("items.ndjson");
        change(&mut items);
        let text: String = items.iter().map(|item| format!("{item}\n")).collect();
        fs::write(self.file("items.ndjson"), &text).unwrap();
        let manifest = self.file("manifest.json");
        let mut said: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
        let files = said["files"].as_array_mut().unwrap();
        let listed = files.iter_mut().find(|file| file["name"] == "items.ndjson");
        let listed = listed.unwrap();
        listed["bytes"] = text.len().into();
        let digest = Sha256::digest(&text);
        let digits = digest.iter().map(|byte| format!("{byte:02x}"));
        listed["sha256"] = digits.collect::<String>().into();
        fs::write(&manifest, said.to_string()).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A tenant with users, a group, deleted ones, changes and a refused request.
pub async fn stage() -> (Service, DirectoryTable, Admin) {
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

/// Disables the tenant, long ago.
pub async fn disable(directory: &DirectoryTable, admin: &Admin) {
    assert_eq!(admin.run("tenant disable acme --reason move").await.0, 0);
    directory.plant_disabled("acme", LONG_AGO).await;
}

/// The command that exports the tenant.
pub fn export(folder: &Folder) -> String {
    format!("tenant export acme --to {}", folder.0.display())
}

/// The command that imports it.
pub fn import(folder: &Folder) -> String {
    format!("tenant import acme --from {}", folder.0.display())
}
