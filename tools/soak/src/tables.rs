//! The tables under the functions: created first, and examined at the end with the operator's
//! tools.

use std::time::Duration;

use account::pending::{FOR_ITS_REQUEST, carry_out_all};
use anyhow::{Result, bail, ensure};
use stand::tenant::{DIRECTORY_TABLE, SECRETS_TABLE};
use store::{Gate, Meter, Store, StoreError};
use tenant::{ApiKey, ClientId, ClientSecret, TenantId};
use time::OffsetDateTime;
use tokio::time::Instant;

/// Access to the tables without the function.
#[derive(Clone)]
pub struct Direct(Store);

/// What the checks of tenants in use came to.
#[derive(Debug, Default)]
pub struct Checks {
    pub number: u64,
    /// The users of all checked tenants, each time.
    pub users: u64,
    /// What was in use each time it was looked at.
    pub in_use: usize,
    pub took: Duration,
}

impl Direct {
    /// Creates the tables.
    pub async fn create(endpoint: &str) -> Result<Self> {
        let store = stand::tenant::connect(endpoint, stand::tenant::tables()).await;
        store.create_tables().await?;
        Ok(Self(store))
    }

    /// Carries out what is decided and pending, as the function does that is called every minute.
    /// Returns how many changes that was.
    pub async fn carry_out(&self) -> Result<u64> {
        // Of requests that are over, whenever that was.
        let now = OffsetDateTime::now_utc() + FOR_ITS_REQUEST * 2;
        let until = Instant::now() + Duration::from_secs(60);
        let outcome = Box::pin(carry_out_all(&self.0, now, until)).await?;
        ensure!(
            outcome.failed.is_empty() && outcome.left.is_empty(),
            "not carried out: {outcome:?}"
        );
        Ok(outcome.changes)
    }

    /// Creates a tenant and returns its API-KEY.
    pub async fn add_tenant(&self, name: &str, secret: [u8; 32]) -> Result<String> {
        let tenant = TenantId::parse(name)?;
        let key = ApiKey::from_secret(&tenant, secret);
        stand::tenant::create(&self.0, name, &key, "make soak").await?;
        Ok(key.expose().to_owned())
    }

    /// Creates an OAuth 2.0 client of a tenant and returns its id and its secret.
    pub async fn add_client(&self, name: &str, secret: [u8; 32]) -> Result<(String, String)> {
        let tenant = TenantId::parse(name)?;
        let client = ClientId::from_random(&tenant, [1; 6]);
        let secret = ClientSecret::from_secret(&tenant, secret);
        let (now, meter) = (OffsetDateTime::now_utc(), Meter::default());
        let created = self
            .0
            .create_secret(&client, &secret, "make abuse", now, None, &meter);
        created.await?;
        Ok((client.to_string(), secret.expose().to_owned()))
    }

    /// Runs the operator's check with repair in one tenant after the other while they are in use,
    /// until a time, and at least once. Nothing is damaged, so nothing may be found and nothing
    /// repaired. An engine that is too busy to answer is asked again.
    pub async fn check_until(&self, names: Vec<String>, deadline: Instant) -> Result<Checks> {
        let mut checks = Checks::default();
        let begun = Instant::now();
        for name in names.iter().cycle() {
            if Instant::now() >= deadline && checks.number > 0 {
                break;
            }
            let (meter, gate) = (Meter::default(), Gate::opened());
            let tenant = TenantId::parse(name)?;
            let directory = self.0.tenant(&tenant, &meter, &gate);
            let audit = match directory.audit(OffsetDateTime::now_utc()).await {
                Err(StoreError::Unavailable { .. }) => continue,
                audit => audit?,
            };
            let mut found = Vec::new();
            for defect in &audit.defects {
                let repaired = directory.repair(defect).await?;
                found.push(format!("{defect}, repaired: {repaired}"));
            }
            ensure!(
                found.is_empty(),
                "tenant {name} in use: the check finds {} defects:\n{}",
                found.len(),
                found.join("\n")
            );
            checks.number += 1;
            checks.users += audit.resources;
            checks.in_use += audit.in_use.len();
        }
        checks.took = begun.elapsed();
        Ok(checks)
    }

    /// Runs the operator's check, which must find no defect, and returns the number of users.
    pub async fn audit(&self, name: &str) -> Result<u64> {
        let (meter, gate) = (Meter::default(), Gate::opened());
        let tenant = TenantId::parse(name)?;
        let now = OffsetDateTime::now_utc();
        let audit = self.0.tenant(&tenant, &meter, &gate).audit(now).await?;
        if audit.defects.is_empty() {
            return Ok(audit.resources);
        }
        let defects: Vec<_> = audit.defects.iter().map(ToString::to_string).collect();
        bail!(
            "tenant {name}: the check finds {} defects:\n{}",
            defects.len(),
            defects.join("\n")
        );
    }
}

/// The template's environment, with limits that are counted but never reached. Almost all users of
/// a tenant may lose access: the workers keep count to stay below that; at 100 percent the breaker
/// would not even count. No machine sends more requests than the rate allows.
pub fn environment(endpoint: &str) -> Vec<(String, String)> {
    [
        ("SCIM_SECRETS_TABLE", SECRETS_TABLE),
        ("SCIM_DIRECTORY_TABLE", DIRECTORY_TABLE),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("SCIM_DEACTIVATION_SHARE_PERCENT", "99"),
        ("SCIM_REQUESTS_PER_SECOND", "100000"),
        ("RUST_LOG", "info"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}
