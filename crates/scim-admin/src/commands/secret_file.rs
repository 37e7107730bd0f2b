//! A file that nobody else can read, for a new key or client secret.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use crate::failure::Failure;

/// A new file, which goes away again unless a secret is written to it.
pub struct SecretFile {
    path: PathBuf,
    file: File,
    is_kept: bool,
}

impl SecretFile {
    /// Creates the file for its owner alone. One that exists is left as it is: it may be an older
    /// key.
    pub fn create(path: PathBuf) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        match options.open(&path) {
            Ok(file) => Ok(Self {
                path,
                file,
                is_kept: false,
            }),
            Err(source) => Err(Failure::NewFile { path, source }),
        }
    }

    /// Writes the secret, and returns where it is.
    pub fn keep(mut self, secret: &str) -> Result<PathBuf, Failure> {
        // Part of a secret is found there, should the rest not fit: it can be revoked by its id.
        self.is_kept = true;
        let written = writeln!(self.file, "{secret}").and_then(|()| self.file.sync_all());
        let path = self.path.clone();
        match written {
            Ok(()) => Ok(path),
            Err(source) => Err(Failure::NewFile { path, source }),
        }
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // It is empty.
            let _ = fs::remove_file(&self.path);
        }
    }
}
