//! An export: all that a tenant owns, in files that people and programs read, and that an import
//! takes back.
//!
//! `items.ndjson` is what an import reads; the other files are for whoever leaves with their data.
//! The manifest comes last, so an export without one is not complete.

mod files;

use std::fs;
use std::path::{Path, PathBuf};

use scim::resource::rfc3339;
use scim::schema::{GROUPS, USERS};
use scim::{ResourceId, ResourceType, Stored};
use serde_json::{Value, json};
use store::directory::history::{Record, Span};
use store::secrets::{Act, Tenant};
use time::OffsetDateTime;

use crate::history::horizon;
use crate::{Account, Failure};

pub use files::{ExportedFile, FILES, ITEMS, KEYS, MANIFEST};
use files::{Out, prepare};
pub(crate) use files::{file, hex};

/// The number of the format of an export. One that says a higher number is not imported.
pub const FORMAT: u64 = 1;

/// How many groups are read together.
const GROUPS_AT_ONCE: usize = 100;

/// An export that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Where it is.
    pub folder: PathBuf,
    /// Whether others may have written meanwhile: then the files are of different moments.
    pub was_enabled: bool,
    /// Its files, without the manifest.
    pub files: Vec<ExportedFile>,
}

impl Account {
    /// Writes all that the tenant owns to a folder that does not exist or is empty; with `force`,
    /// over an export that was ended early. `history_line` makes a line of a record. `progress` is
    /// told which file has how many lines.
    ///
    /// # Errors
    /// [`Failure::Secrets`] while only a part of the tenant is there, [`Failure::Folder`] and
    /// [`Failure::File`], and failures of DynamoDB. The folder then has no manifest.
    pub async fn export(
        &self,
        folder: &Path,
        force: bool,
        history_line: impl Fn(&Record) -> String + Send,
        mut progress: impl FnMut(&str, u64) + Send,
    ) -> Result<Exported, Failure> {
        self.is_whole()?;
        let began = OffsetDateTime::now_utc();
        prepare(folder, force)?;
        let begun = self.begin(Act::Export, None).await?;
        let mut files = Vec::new();
        for name in FILES {
            let mut out = Out::create(folder, name)?;
            let mut told = |count| progress(name, count);
            match name {
                "users.ndjson" => self.export_users(&mut out, &mut told).await?,
                "groups.ndjson" => Box::pin(self.export_groups(&mut out, &mut told)).await?,
                "deleted.ndjson" => self.export_deleted(&mut out).await?,
                "history.ndjson" => {
                    self.export_history(&mut out, &history_line, &mut told)
                        .await?;
                }
                KEYS => self.export_keys(&mut out).await?,
                _ => self.export_items(&mut out, &mut told).await?,
            }
            files.push(out.finish()?);
        }
        // What was imported meanwhile is in some of the files only.
        let now = Self::open(&self.store, &self.tenant.id).await?;
        now.is_whole()?;
        let of = |tenant: &Tenant| (tenant.created, tenant.imported.clone());
        if of(&now.tenant) != of(&self.tenant) {
            return Err(Failure::Overtaken(self.tenant.id.clone()));
        }
        let exported = Exported {
            folder: folder.to_owned(),
            // It may have been enabled and disabled again meanwhile.
            was_enabled: self.tenant.enabled || now.tenant.disabled != self.tenant.disabled,
            files,
        };
        self.write_manifest(&exported, began)?;
        let outcome = format!(
            "{} items",
            exported.files.last().map_or(0, |file| file.count)
        );
        self.complete(&begun, &outcome).await?;
        Ok(exported)
    }

    async fn export_users(
        &self,
        out: &mut Out,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), Failure> {
        let mut failed = None;
        self.directory()
            .all(&USERS, |user| {
                // What cannot be written ends the file, and is told once all are read.
                if failed.is_none() {
                    failed = out.line(&resource(&user).to_string()).err();
                    progress(out.count);
                }
            })
            .await?;
        failed.map_or(Ok(()), Err)
    }

    async fn export_groups(
        &self,
        out: &mut Out,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), Failure> {
        let directory = self.directory();
        let mut ids: Vec<ResourceId> = Vec::new();
        directory.all(&GROUPS, |group| ids.push(group.id)).await?;
        for ids in ids.chunks(GROUPS_AT_ONCE) {
            for group in directory.get_many(&GROUPS, ids).await? {
                let members = self.members_of(&group).await?;
                let members: Vec<Value> = members
                    .iter()
                    .map(|member| json!({"value": member.id.as_str(), "display": member.display}))
                    .collect();
                let mut line = resource(&group);
                insert(&mut line, "members", members.into());
                out.line(&line.to_string())?;
                progress(out.count);
            }
        }
        Ok(())
    }

    async fn export_deleted(&self, out: &mut Out) -> Result<(), Failure> {
        for resource_type in [&USERS, &GROUPS] {
            let resource_type: &ResourceType = resource_type;
            let mut failed = None;
            self.directory()
                .tombstones(resource_type, |tombstone| {
                    let mut line = resource(&tombstone.stored);
                    insert(&mut line, "resourceType", resource_type.name.into());
                    insert(&mut line, "deleted", rfc3339(tombstone.deleted).into());
                    insert(&mut line, "keptUntil", rfc3339(tombstone.expires).into());
                    if failed.is_none() {
                        failed = out.line(&line.to_string()).err();
                    }
                })
                .await?;
            if let Some(failed) = failed {
                return Err(failed);
            }
        }
        Ok(())
    }

    async fn export_history(
        &self,
        out: &mut Out,
        line: &(impl Fn(&Record) -> String + Send),
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), Failure> {
        let everything = Span {
            from: OffsetDateTime::UNIX_EPOCH,
            to: horizon(),
        };
        let mut failed = None;
        self.directory()
            .history(everything, |record| {
                failed = out.line(&line(&record)).err();
                progress(out.count);
                failed.is_none()
            })
            .await?;
        failed.map_or(Ok(()), Err)
    }

    async fn export_keys(&self, out: &mut Out) -> Result<(), Failure> {
        let keys = self.store.list_keys(&self.tenant.id, &self.meter).await?;
        let count = keys.len() as u64;
        let keys: Vec<Value> = keys
            .iter()
            .map(|key| {
                json!({
                    "id": key.id.as_str(),
                    "client": key.kind.client().map(tenant::ClientId::as_str),
                    "label": key.label,
                    "created": rfc3339(key.created),
                    "expires": key.expires.map(rfc3339),
                    "revoked": key.revoked.map(rfc3339),
                    "replacedBy": key.replaced_by.as_ref().map(tenant::KeyId::as_str),
                })
            })
            .collect();
        out.line(&format!("{:#}", Value::from(keys)))?;
        out.count = count;
        Ok(())
    }

    async fn export_items(
        &self,
        out: &mut Out,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), Failure> {
        self.directory()
            .lines(|line| {
                out.line(line)?;
                progress(out.count);
                Ok::<_, Failure>(())
            })
            .await
    }

    /// Under another name first: a manifest is there as a whole or not at all.
    fn write_manifest(&self, exported: &Exported, began: OffsetDateTime) -> Result<(), Failure> {
        let files: Value = exported.files.iter().map(ExportedFile::json).collect();
        let manifest = json!({
            "format": FORMAT,
            "tenant": self.tenant.id.as_str(),
            "name": self.tenant.name,
            "began": rfc3339(began),
            "completed": rfc3339(OffsetDateTime::now_utc()),
            "release": env!("CARGO_PKG_VERSION"),
            "wasEnabled": exported.was_enabled,
            "files": files,
        });
        let unfinished = format!("{MANIFEST}.unfinished");
        let mut out = Out::create(&exported.folder, &unfinished)?;
        out.line(&format!("{manifest:#}"))?;
        out.finish()?;
        let path = exported.folder.join(MANIFEST);
        fs::rename(exported.folder.join(unfinished), &path).map_err(|source| file(&path, source))
    }
}

/// A resource with its id and metadata.
fn resource(stored: &Stored) -> Value {
    let mut line = json!({
        "id": stored.id.as_str(),
        "meta": {
            "created": rfc3339(stored.meta.created),
            "lastModified": rfc3339(stored.meta.last_modified),
        },
    });
    for (name, value) in stored.resource.attributes() {
        insert(&mut line, name, value.clone());
    }
    line
}

fn insert(line: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = line {
        members.insert(name.to_owned(), value);
    }
}
