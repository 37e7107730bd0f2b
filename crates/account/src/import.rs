//! An import: an export, or what another table has, becomes what a tenant owns.
//!
//! Everything is checked before anything is written. Keys are not imported: nobody has them but
//! their holders, and what is stored of them is not exported.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use store::audit::Audit;
use store::client::tables::TablesError;
use store::partition::{Counts, NotImported};
use store::secrets::{Act, Hold, SecretsError};
use store::{Gate, Meter, Store, StoreError, TenantStore};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::export::{FORMAT, ITEMS, MANIFEST, file, hex};
use crate::{Failure, now};

/// The largest manifest that is read, in bytes.
const MAX_MANIFEST: u64 = 1_000_000;

/// The longest line that is read, in bytes: an item has 400 KB, and JSON escapes some of it.
const MAX_LINE: u64 = 4_000_000;

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many lines are checked.
    Checked(u64),
    /// So many items that were there are removed.
    Removed(u64),
    /// So many items are written.
    Written(u64),
}

/// From where to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The folder of an export.
    Folder(PathBuf),
    /// A directory table.
    Table(String),
}

/// An import that is complete.
#[derive(Debug)]
pub struct Imported {
    /// Whose.
    pub tenant: TenantId,
    /// Whether the tenant was created by it.
    pub is_new: bool,
    /// How many items were written of each kind.
    pub counts: Counts,
    /// Whether it goes on with an import that was ended early.
    pub was_begun: bool,
    /// What the check of the directory says.
    pub audit: Audit,
}

/// An export whose files are as its manifest says.
#[derive(Debug)]
struct Verified {
    /// What people call the tenant.
    name: String,
    items: PathBuf,
    /// Tells this export from others.
    mark: String,
}

/// Imports a tenant. With `replace`, what the tenant owns is removed first.
///
/// # Errors
/// [`Failure::Folder`] when the export is damaged, another tenant's or of a later format;
/// [`Failure::NotEmpty`], [`Failure::OtherImport`], [`Failure::Overtaken`],
/// [`SecretsError::HasClients`], [`SecretsError::DisabledLately`], [`SecretsError::BeingDeleted`],
/// and failures of DynamoDB, after which the same call does the rest.
pub async fn import(
    store: &Store,
    tenant: &TenantId,
    source: &Source,
    replace: bool,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Imported, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let other = match source {
        Source::Folder(_) => None,
        Source::Table(table) => Some(store.over_directory(table)),
    };
    let directory = store.tenant(tenant, &meter, &gate);
    let verified = match source {
        Source::Folder(folder) => {
            let check = |line: &str| directory.check_line(line);
            let told = &mut |count| progress(Progress::Checked(count));
            Some(verify(folder, tenant, check, told)?)
        }
        Source::Table(table) => {
            check_other(other.as_ref(), tenant, table).await?;
            None
        }
    };
    let (mark, name) = match (&verified, source) {
        (Some(verified), _) => (verified.mark.clone(), verified.name.clone()),
        (None, Source::Table(table)) => (format!("table {table}"), tenant.to_string()),
        (None, Source::Folder(folder)) => (folder.display().to_string(), tenant.to_string()),
    };
    let is_new = create(store, tenant, &name, &meter).await?;
    let at = OffsetDateTime::now_utc();
    let into = store.may_be_imported(tenant, replace, at, &meter).await?;
    let goes_on = match &into.begun {
        Some(begun) if begun.source == mark => Some(begun),
        Some(_) if !replace => return Err(Failure::OtherImport(tenant.clone())),
        None if !replace && directory.has_items().await? => {
            return Err(Failure::NotEmpty(tenant.clone()));
        }
        _ => None,
    };
    let was_begun = goes_on.is_some();
    let removes = goes_on.map_or(replace, |begun| begun.removes);
    let begun = store.begin_act(tenant, Act::Import, None, &meter).await?;
    let run = async {
        let begin = store.begin_import(&into, &mark, removes, at, &meter);
        let hold = begin.await?;
        if removes {
            directory
                .remove_items(&hold, |removed| progress(Progress::Removed(removed)))
                .await?;
            store.note_removed(tenant, &hold, &meter).await?;
        }
        let written = &mut |count| progress(Progress::Written(count));
        let counts = match (&verified, &other) {
            (Some(verified), _) => write(&directory, verified, &hold, written).await?,
            (None, Some(other)) => {
                let other = other.tenant(tenant, &meter, &gate);
                directory.copy_from(&other, &hold, written).await?
            }
            (None, None) => Counts::default(),
        };
        store.end_import(tenant, &hold, &meter).await?;
        Ok(counts)
    };
    let counts = match Box::pin(run).await {
        Ok(counts) => counts,
        Err(Failure::Store(StoreError::VersionMismatch)) => {
            let outcome = "overtaken by another command";
            store.complete_act(&begun, outcome, &meter).await?;
            return Err(Failure::Overtaken(tenant.clone()));
        }
        Err(failure) => return Err(failure),
    };
    let audit = Box::pin(directory.audit(now())).await?;
    let outcome = format!("{} items, {} defects", counts.total(), audit.defects.len());
    store.complete_act(&begun, &outcome, &meter).await?;
    Ok(Imported {
        tenant: tenant.clone(),
        is_new,
        counts,
        was_begun,
        audit,
    })
}

/// Writes the items of an export.
async fn write(
    directory: &TenantStore<'_>,
    verified: &Verified,
    hold: &Hold,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Counts, Failure> {
    let mut written = directory.writing(hold)?;
    let mut lines = Lines::open(&verified.items)?;
    while let Some(line) = lines.next_line()? {
        progress(written.add_line(line).await?);
    }
    Ok(written.end().await?)
}

/// The other table is a directory table, and has something of the tenant.
async fn check_other(other: Option<&Store>, tenant: &TenantId, table: &str) -> Result<(), Failure> {
    let Some(other) = other else { return Ok(()) };
    match other.check_tables().await {
        Ok(()) => {}
        Err(TablesError::Store(error)) => return Err(error.into()),
        Err(error) => {
            return Err(Failure::Folder {
                path: table.into(),
                why: error.to_string(),
            });
        }
    }
    let (meter, gate) = (Meter::default(), Gate::opened());
    match other.tenant(tenant, &meter, &gate).has_items().await? {
        false => Err(Failure::NothingThere {
            table: table.to_owned(),
            tenant: tenant.clone(),
        }),
        true => Ok(()),
    }
}

/// Creates the tenant if there is none. Returns whether it did.
async fn create(
    store: &Store,
    tenant: &TenantId,
    name: &str,
    meter: &Meter,
) -> Result<bool, SecretsError> {
    match store.find_tenant(tenant, meter).await {
        Ok(_) => Ok(false),
        Err(SecretsError::NoTenant(_)) => {
            store.create_tenant(tenant, name, now(), meter).await?;
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// Checks every file of an export, and every line that is to be imported.
fn verify(
    folder: &Path,
    tenant: &TenantId,
    check: impl Fn(&str) -> Result<(), NotImported>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Verified, Failure> {
    let manifest = manifest(folder)?;
    let refused = |why: String| Failure::Folder {
        path: folder.to_owned(),
        why,
    };
    let text = |name: &str| manifest.get(name).and_then(Value::as_str);
    match manifest.get("format").and_then(Value::as_u64) {
        Some(format) if (1..=FORMAT).contains(&format) => {}
        Some(_) => {
            let why =
                "the export is of a later format; use the scim-admin that made it, or a newer one";
            return Err(refused(why.to_owned()));
        }
        None => return Err(refused(format!("{MANIFEST} does not say its format"))),
    }
    if text("tenant") != Some(tenant.as_str()) {
        let of = text("tenant").unwrap_or("nobody");
        let why = format!("the export is of tenant `{of}`, and can be imported as that one alone");
        return Err(refused(why));
    }
    let files = manifest.get("files").and_then(Value::as_array);
    let files = files.ok_or_else(|| refused(format!("{MANIFEST} lists no files")))?;
    let mut mark = None;
    for listed in files {
        let said = |name: &str| listed.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = said("name");
        // A name is no path: nothing outside of the folder is read.
        if Path::new(name).file_name().and_then(|name| name.to_str()) != Some(name) {
            return Err(refused(format!(
                "{MANIFEST} names a file that is none of an export"
            )));
        }
        let path = folder.join(name);
        let found = digest(&path)?;
        let count = listed.get("count").and_then(Value::as_u64);
        let bytes = listed.get("bytes").and_then(Value::as_u64);
        if found.sha256 != said("sha256") || Some(found.bytes) != bytes {
            return Err(refused(format!(
                "`{name}` is not what was exported; take another copy"
            )));
        }
        if name == ITEMS {
            let mut lines = Lines::open(&path)?;
            let mut lines_of = 0;
            while let Some(line) = lines.next_line()? {
                lines_of += 1;
                progress(lines_of);
                if let Err(why) = check(line) {
                    return Err(refused(format!("line {lines_of} of `{name}` {why}")));
                }
            }
            if Some(lines_of) != count {
                return Err(refused(format!(
                    "`{name}` has {lines_of} lines, and {MANIFEST} says another number"
                )));
            }
            mark = Some(format!("sha256 {}", found.sha256));
        }
    }
    Ok(Verified {
        name: text("name").unwrap_or(tenant.as_str()).to_owned(),
        items: folder.join(ITEMS),
        mark: mark.ok_or_else(|| refused(format!("{MANIFEST} does not list `{ITEMS}`")))?,
    })
}

fn manifest(folder: &Path) -> Result<Value, Failure> {
    let path = folder.join(MANIFEST);
    let failed = |source| file(&path, source);
    let opened = open(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Failure::Folder {
            path: folder.to_owned(),
            why: format!("there is no {MANIFEST}: it is no export, or one that was ended early"),
        },
        _ => failed(source),
    })?;
    let mut text = String::new();
    let read = opened.take(MAX_MANIFEST).read_to_string(&mut text);
    read.map_err(failed)?;
    serde_json::from_str(&text).map_err(|_| Failure::Folder {
        path: path.clone(),
        why: "it is no JSON".to_owned(),
    })
}

/// Opens a file. What is none, like a pipe, might never end.
fn open(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    File::open(path)
}

/// What a file is, as a manifest says it.
struct Digested {
    sha256: String,
    bytes: u64,
}

fn digest(path: &Path) -> Result<Digested, Failure> {
    let failed = |source| file(path, source);
    let mut opened = BufReader::new(open(path).map_err(failed)?);
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    loop {
        let read = opened.fill_buf().map_err(failed)?;
        if read.is_empty() {
            return Ok(Digested {
                sha256: hex(&hash.finalize()),
                bytes,
            });
        }
        hash.update(read);
        let length = read.len();
        bytes += length as u64;
        opened.consume(length);
    }
}

/// The lines of a file, one at a time.
struct Lines {
    path: PathBuf,
    opened: BufReader<File>,
    line: String,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, Failure> {
        Ok(Self {
            opened: BufReader::new(open(path).map_err(|source| file(path, source))?),
            path: path.to_owned(),
            line: String::new(),
        })
    }

    fn next_line(&mut self) -> Result<Option<&str>, Failure> {
        self.line.clear();
        let mut bounded = (&mut self.opened).take(MAX_LINE);
        let read = bounded.read_line(&mut self.line);
        let read = read.map_err(|source| file(&self.path, source))?;
        Ok((read > 0).then_some(self.line.trim_end_matches('\n')))
    }
}
