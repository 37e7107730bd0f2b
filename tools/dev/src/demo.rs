//! Two tenants for trying out the service and their isolation from each other, and of the first an
//! OAuth 2.0 client and a link to the settings.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use account::entrance::{LINK, issue};
use anyhow::{Context, Result};
use stand::issuer::Issuer;
use stand::tenant::SESSIONS_TABLE;
use store::secrets::{Credential, SecretsError};
use store::sessions::{NewLink, Scope};
use store::{Meter, Store};
use tenant::{ApiKey, TenantId};
use time::OffsetDateTime;

use crate::demo_client::DemoClient;
use crate::env_file::write_private;

const FIRST: (&str, &str) = ("demo", "Demo");
const SECOND: (&str, &str) = ("demo-2", "Second demo");

/// The keys of the two tenants, both enabled, and a client of the first.
pub struct Demo {
    pub first: ApiKey,
    pub second: ApiKey,
    pub client: DemoClient,
}

impl Demo {
    /// Creates missing tables, tenants, keys and the client. Files in `data` keep keys and secret
    /// for the next run: the database only has their digests.
    pub async fn set_up(data: &Path, endpoint: &str, issuer: &Issuer) -> Result<Self> {
        let store = stand::tenant::connect(endpoint, stand::tenant::tables()).await;
        let mut tables = store
            .create_tables()
            .await
            .context("cannot create the tables")?;
        let sessions = store.create_sessions_table(SESSIONS_TABLE).await;
        tables.push(sessions.context("cannot create the sessions table")?);
        for table in tables {
            println!(
                "table {}: {}",
                table.name,
                if table.created { "created" } else { "kept" }
            );
        }

        let key_file = &data.join("dev-keys");
        let kept = read_keys(key_file)?;
        let first = set_up_tenant(&store, FIRST, &kept).await?;
        let second = set_up_tenant(&store, SECOND, &kept).await?;
        let lines = format!("{}\n{}\n", first.expose(), second.expose());
        write_private(key_file, lines.as_bytes())
            .with_context(|| format!("cannot write {}", key_file.display()))?;
        let file = data.join("dev-client");
        let client = DemoClient::set_up(&file, &store, first.tenant(), issuer).await;
        Ok(Self {
            client: client.context("cannot set up the demo client")?,
            first,
            second,
        })
    }
}

/// The path of a link that opens the settings of the first tenant once.
pub async fn settings_link(endpoint: &str) -> Result<String> {
    let store = stand::tenant::connect(endpoint, stand::tenant::tables()).await;
    let new = NewLink {
        scope: Scope::Setup,
        issued_for: "the developer".to_owned(),
        return_url: None,
        ends: OffsetDateTime::now_utc() + LINK,
    };
    let sessions = store.sessions(SESSIONS_TABLE);
    let issued = issue(&sessions, &TenantId::parse(FIRST.0)?, &new).await;
    let issued = issued.context("cannot issue a link to the settings")?;
    Ok(format!("/settings/open/{}", issued.token.expose()))
}

async fn set_up_tenant(store: &Store, (id, name): (&str, &str), kept: &[ApiKey]) -> Result<ApiKey> {
    let tenant = TenantId::parse(id)?;
    let meter = Meter::default();
    let now = OffsetDateTime::now_utc();
    match store.create_tenant(&tenant, name, now, &meter).await {
        Ok(_) | Err(SecretsError::TenantExists(_)) => {}
        Err(error) => return Err(error).with_context(|| format!("cannot create tenant {id}")),
    }
    // A developer may have disabled it to try that out.
    store.set_enabled(&tenant, true, &meter).await?;
    store.set_api(&tenant, true, &meter).await?;

    let kept = kept.iter().find(|key| key.tenant() == &tenant).cloned();
    let key = match kept {
        Some(key) => match store.credential(&key, now, &meter).await? {
            Credential::Accepted { .. } => return Ok(key),
            // The data was removed but the key was not: it is added again.
            Credential::Unknown => key,
            Credential::Revoked
            | Credential::Expired
            | Credential::TenantDisabled
            | Credential::ApiOff => stand::tenant::new_key(&tenant)?,
        },
        None => stand::tenant::new_key(&tenant)?,
    };
    stand::tenant::create(store, name, &key, "make dev")
        .await
        .with_context(|| format!("cannot create a key of tenant {id}"))?;
    Ok(key)
}

/// One key per line. Invalid lines, perhaps in an older format, are dropped and replaced.
fn read_keys(file: &Path) -> Result<Vec<ApiKey>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text
            .lines()
            .filter_map(|line| ApiKey::parse(line.as_bytes()).ok())
            .collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}
