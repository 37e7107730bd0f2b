//! `key`: the API keys of a tenant.

pub mod as_in;
pub mod list;
pub mod warnings;

use std::io::Read;
use std::path::PathBuf;

use account::keys::Identified;
use account::{Account, keys};
use store::Store;
use store::secrets::Successor;
use time::OffsetDateTime;

use crate::commands::secret_file::SecretFile;
use crate::failure::Failure;
use crate::report::new_key::{Created, Rotated};

/// A key is no longer than this, nor is what somebody takes for one.
const MAX_KEY: u64 = 4096;

/// `key identify`: the key comes from standard input, because arguments are seen by others and kept
/// by shells.
pub async fn identify(store: &Store, input: &mut (dyn Read + Send)) -> Result<Identified, Failure> {
    let mut text = Vec::new();
    input.take(MAX_KEY).read_to_end(&mut text)?;
    Ok(keys::identify(text.trim_ascii(), store).await?)
}

/// `key create`.
pub async fn create(
    account: &Account,
    label: &str,
    expires: Option<OffsetDateTime>,
    to_file: Option<PathBuf>,
) -> Result<Created, Failure> {
    // A key that cannot be kept is not made.
    let file = to_file.map(SecretFile::create).transpose()?;
    let new = account.create_key(label, expires).await?;
    Ok(Created {
        file: file.map(|file| file.keep(new.key.expose())).transpose()?,
        new,
    })
}

/// `key rotate`.
pub async fn rotate(
    account: &Account,
    successor: &Successor,
    to_file: Option<PathBuf>,
) -> Result<Rotated, Failure> {
    let file = to_file.map(SecretFile::create).transpose()?;
    let (key, rotation) = account.rotate_key(successor).await?;
    Ok(Rotated {
        file: file.map(|file| file.keep(key.expose())).transpose()?,
        key,
        rotation,
    })
}
