//! An issuer of assertions in Entra's place. Its key is kept, so that what it has issued is good
//! for the next run too.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use stand::issuer::Issuer;

use crate::env_file::write_private;
use crate::settings::is_free;

/// How far its port is from the service's. A trust names the issuer's URL, so the port should be
/// the same each time.
const BEHIND: u16 = 100;

/// Starts it with the key in this file, which is made if it is not there.
pub async fn start(key_file: &Path, service_port: u16) -> Result<Issuer> {
    let port = service_port.checked_add(BEHIND);
    let port = port.filter(|port| is_free(*port)).unwrap_or(0);
    match fs::read(key_file) {
        Ok(key) => Issuer::with_key(port, &key).await.with_context(|| {
            let file = key_file.display();
            format!("cannot start the issuer with the key in {file}; if it is damaged, remove it")
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let issuer = Issuer::start_at(port).await?;
            write_private(key_file, &issuer.key_der())
                .with_context(|| format!("cannot write {}", key_file.display()))?;
            Ok(issuer)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", key_file.display())),
    }
}
