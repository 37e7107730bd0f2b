//! The files of an export, for their owner alone.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{BufWriter, Write};
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::Failure;

/// The file that says what is in the others.
pub const MANIFEST: &str = "manifest.json";

/// The file that an import reads.
pub const ITEMS: &str = "items.ndjson";

/// The file that lists the keys, as one JSON value.
pub const KEYS: &str = "keys.json";

/// The files of an export, in the order in which they are written.
pub const FILES: [&str; 6] = [
    "users.ndjson",
    "groups.ndjson",
    "deleted.ndjson",
    "history.ndjson",
    KEYS,
    ITEMS,
];

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedFile {
    /// Its name.
    pub name: String,
    /// How many lines it has; of `keys.json`, how many keys.
    pub count: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
}

impl ExportedFile {
    /// What a manifest says of it.
    pub fn json(&self) -> Value {
        json!({
            "name": self.name,
            "count": self.count,
            "bytes": self.bytes,
            "sha256": self.sha256,
        })
    }
}

/// The failure of a file.
pub(crate) fn file(path: &Path, source: std::io::Error) -> Failure {
    Failure::File {
        path: path.to_owned(),
        source,
    }
}

/// Makes a folder for its owner alone, or takes one that is empty.
pub(super) fn prepare(folder: &Path, force: bool) -> Result<(), Failure> {
    if !folder.exists() {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        builder.mode(0o700);
        return builder
            .create(folder)
            .map_err(|source| file(folder, source));
    }
    let failed = |source| file(folder, source);
    let mut others = false;
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_string_lossy();
        let is_known = FILES.contains(&&*name) || name == format!("{MANIFEST}.unfinished");
        others |= !(force && is_known);
    }
    match others {
        true => Err(Failure::Folder {
            path: folder.to_owned(),
            why: "the folder is not empty; name another one, or say --force over an export that was ended early".to_owned(),
        }),
        false => {
            #[cfg(unix)]
            fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(failed)?;
            Ok(())
        }
    }
}

/// A file that is being written, for its owner alone.
pub(super) struct Out {
    path: PathBuf,
    name: String,
    out: BufWriter<File>,
    hash: Sha256,
    pub count: u64,
    bytes: u64,
}

impl Out {
    pub fn create(folder: &Path, name: &str) -> Result<Self, Failure> {
        let path = folder.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        options.mode(0o600);
        let out = options.open(&path).map_err(|source| file(&path, source))?;
        Ok(Self {
            path,
            name: name.to_owned(),
            out: BufWriter::new(out),
            hash: Sha256::new(),
            count: 0,
            bytes: 0,
        })
    }

    pub fn line(&mut self, line: &str) -> Result<(), Failure> {
        for bytes in [line.as_bytes(), b"\n"] {
            self.out
                .write_all(bytes)
                .map_err(|source| file(&self.path, source))?;
            self.hash.update(bytes);
            self.bytes += bytes.len() as u64;
        }
        self.count += 1;
        Ok(())
    }

    pub fn finish(self) -> Result<ExportedFile, Failure> {
        let path = self.path;
        let failed = |source| file(&path, source);
        let out = self
            .out
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        out.sync_all().map_err(failed)?;
        Ok(ExportedFile {
            name: self.name,
            count: self.count,
            bytes: self.bytes,
            sha256: hex(&self.hash.finalize()),
        })
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
