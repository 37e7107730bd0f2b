//! The folder of an export: every file is as its manifest says, and every item can be written.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use store::partition::NotImported;
use tenant::TenantId;

use crate::Failure;
use crate::export::{FORMAT, ITEMS, KEYS, MANIFEST, file, hex};

/// The largest manifest that is read, in bytes.
const MAX_MANIFEST: u64 = 1_000_000;

/// The longest line that is read, in bytes: an item has 400 KB, and JSON escapes some of it.
const MAX_LINE: u64 = 4_000_000;

/// The longest name of a tenant, in characters.
const MAX_NAME: usize = 100;

/// An export whose files are as its manifest says.
#[derive(Debug)]
pub(super) struct Verified {
    /// What people call the tenant.
    pub name: String,
    pub items: PathBuf,
    /// Of the items.
    pub sha256: String,
}

/// Checks every file of an export, and every line that is to be imported.
pub(super) fn verify(
    folder: &Path,
    tenant: &TenantId,
    check: impl Fn(&str) -> Result<String, NotImported>,
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
        Some(1..) => {
            let why =
                "the export is of a later format; use the scim-admin that made it, or a newer one";
            return Err(refused(why.to_owned()));
        }
        Some(0) | None => return Err(refused(format!("{MANIFEST} does not say its format"))),
    }
    if text("tenant") != Some(tenant.as_str()) {
        let of = text("tenant").unwrap_or("nobody");
        let why = format!("the export is of tenant `{of}`, and can be imported as that one alone");
        return Err(refused(why));
    }
    let files = manifest.get("files").and_then(Value::as_array);
    let files = files.ok_or_else(|| refused(format!("{MANIFEST} lists no files")))?;
    let mut sha256 = None;
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
        // The keys are one JSON value.
        if name != KEYS && Some(found.lines) != count {
            return Err(refused(format!(
                "`{name}` has {} lines, and {MANIFEST} says another number",
                found.lines
            )));
        }
        if name == ITEMS {
            let mut lines = Lines::open(&path)?;
            let mut before = String::new();
            while let Some(line) = lines.next_line()? {
                let checked = check(line).and_then(|sort_key| match sort_key > before {
                    true => Ok(sort_key),
                    false => Err(NotImported::NotInOrder),
                });
                progress(lines.count);
                before = checked
                    .map_err(|why| refused(format!("line {} of `{name}` {why}", lines.count)))?;
            }
            let read = lines.end().sha256;
            if read != found.sha256 {
                return Err(refused(format!("`{name}` was changed while it was read")));
            }
            sha256 = Some(read);
        }
    }
    let name = text("name").filter(|name| is_name(name));
    Ok(Verified {
        name: name.unwrap_or(tenant.as_str()).to_owned(),
        items: folder.join(ITEMS),
        sha256: sha256.ok_or_else(|| refused(format!("{MANIFEST} does not list `{ITEMS}`")))?,
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

/// Whether a tenant can have this name: `scim-admin` takes no other.
fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

/// What a file is, as a manifest says it.
pub(super) struct Digested {
    pub sha256: String,
    bytes: u64,
    lines: u64,
}

fn digest(path: &Path) -> Result<Digested, Failure> {
    let failed = |source| file(path, source);
    let mut opened = BufReader::new(open(path).map_err(failed)?);
    let (mut hash, mut bytes, mut lines) = (Sha256::new(), 0, 0);
    loop {
        let read = opened.fill_buf().map_err(failed)?;
        if read.is_empty() {
            return Ok(Digested {
                sha256: hex(&hash.finalize()),
                bytes,
                lines,
            });
        }
        hash.update(read);
        lines += read.iter().filter(|byte| **byte == b'\n').count() as u64;
        let length = read.len();
        bytes += length as u64;
        opened.consume(length);
    }
}

/// The lines of a file, one at a time.
pub(super) struct Lines {
    path: PathBuf,
    opened: BufReader<File>,
    line: Vec<u8>,
    hash: Sha256,
    bytes: u64,
    /// How many were read.
    pub count: u64,
}

impl Lines {
    pub fn open(path: &Path) -> Result<Self, Failure> {
        Ok(Self {
            opened: BufReader::new(open(path).map_err(|source| file(path, source))?),
            path: path.to_owned(),
            line: Vec::new(),
            hash: Sha256::new(),
            bytes: 0,
            count: 0,
        })
    }

    pub fn next_line(&mut self) -> Result<Option<&str>, Failure> {
        self.line.clear();
        let mut bounded = (&mut self.opened).take(MAX_LINE);
        let read = bounded.read_until(b'\n', &mut self.line);
        let read = read.map_err(|source| file(&self.path, source))?;
        if read == 0 {
            return Ok(None);
        }
        self.count += 1;
        self.bytes += read as u64;
        self.hash.update(&self.line);
        let refused = |why: &str| Failure::Folder {
            path: self.path.clone(),
            why: format!("line {} {why}", self.count),
        };
        if read as u64 == MAX_LINE && !self.line.ends_with(b"\n") {
            return Err(refused("is longer than that of any item"));
        }
        let line = std::str::from_utf8(&self.line).map_err(|_| refused("is no text"))?;
        Ok(Some(line.trim_end_matches('\n')))
    }

    /// What was read.
    pub fn end(self) -> Digested {
        Digested {
            sha256: hex(&self.hash.finalize()),
            bytes: self.bytes,
            lines: self.count,
        }
    }
}
