//! `dev.env`: where the running service is and its credentials, for scripts and test programs. It
//! exists exactly as long as the service answers.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Removes the file when dropped.
pub struct EnvFile(PathBuf);

impl EnvFile {
    pub fn clear(path: PathBuf) -> Result<Self> {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", path.display()))
            }
            _ => Ok(Self(path)),
        }
    }

    /// Plain `NAME=value` lines, which both a shell's `source` and dotenv readers accept: no value
    /// needs quotes.
    pub fn write(&self, variables: &[(&str, &str)]) -> Result<()> {
        let lines: String = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        write_private(&self.0, lines.as_bytes())
    }
}

impl Drop for EnvFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Writes a file that only its owner can read, atomically: a reader that waits for the file never
/// sees part of it.
pub fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let unfinished = path.with_extension("unfinished");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    Ok(())
}
