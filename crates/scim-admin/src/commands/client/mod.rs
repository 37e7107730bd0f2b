//! `client`: the OAuth 2.0 clients of a tenant.

pub mod list;
pub mod revoke;
pub mod trust;

use std::path::PathBuf;

use account::Account;
use tenant::{ClientId, KeyId};
use time::Duration;

use crate::args::{PublicUrl, SecretLife};
use crate::commands::secret_file::SecretFile;
use crate::failure::Failure;
use crate::report::new_secret::{Created, Rotated, Shown};

/// Which secret is to be replaced, and how long it still gives tokens.
pub struct Rotation {
    pub client: ClientId,
    pub old: Option<KeyId>,
    pub overlap: Duration,
}

/// `client create`.
pub async fn create(
    account: &Account,
    label: &str,
    life: &SecretLife,
    to_file: Option<PathBuf>,
    service: &PublicUrl,
) -> Result<Created, Failure> {
    // A secret that cannot be kept is not made.
    let file = to_file.map(SecretFile::create).transpose()?;
    let new = account.create_client(label, life.length()).await?;
    Ok(Created(Shown {
        file: kept(file, new.secret.expose())?,
        token_url: service.token_url(),
        new,
    }))
}

/// `client rotate`.
pub async fn rotate(
    account: &Account,
    asked: Rotation,
    life: &SecretLife,
    to_file: Option<PathBuf>,
    service: &PublicUrl,
) -> Result<Rotated, Failure> {
    let file = to_file.map(SecretFile::create).transpose()?;
    let rotated = account.rotate_secret(&asked.client, asked.old, asked.overlap, life.length());
    let new = rotated.await?;
    Ok(Rotated(Shown {
        file: kept(file, new.secret.expose())?,
        token_url: service.token_url(),
        new,
    }))
}

fn kept(file: Option<SecretFile>, secret: &str) -> Result<Option<PathBuf>, Failure> {
    file.map(|file| file.keep(secret)).transpose()
}
