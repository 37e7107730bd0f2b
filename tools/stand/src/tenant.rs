//! Tables and tenants in an engine, created without the function.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use store::secrets::SecretsError;
use store::{Meter, Store, Tables, Timeouts};
use tenant::{ApiKey, TenantId};
use time::OffsetDateTime;

/// The names of the local tables. Tests, which have many tables in one engine, use their own names.
pub const SECRETS_TABLE: &str = "scim-secrets";
/// See [`SECRETS_TABLE`].
pub const DIRECTORY_TABLE: &str = "scim-directory";
/// See [`SECRETS_TABLE`].
pub const SESSIONS_TABLE: &str = "scim-sessions";

/// Any region works.
pub const REGION: &str = "us-east-1";

/// The local tables.
pub fn tables() -> Tables {
    Tables {
        secrets: SECRETS_TABLE.to_owned(),
        directory: DIRECTORY_TABLE.to_owned(),
    }
}

/// The SDK's settings for a DynamoDB at `endpoint`, without access to a real account. Without TLS:
/// each client of the SDK would read the system's root certificates first.
pub async fn sdk_config(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::from_static(REGION))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .load()
        .await
}

/// A store over the tables of an engine, which may not exist yet.
pub async fn connect(endpoint: &str, tables: Tables) -> Store {
    Store::connect(&sdk_config(endpoint).await, tables, Timeouts::default())
}

/// Creates the key's tenant, unless it exists, and the key.
pub async fn create(
    store: &Store,
    name: &str,
    key: &ApiKey,
    label: &str,
) -> Result<(), SecretsError> {
    let (now, meter) = (OffsetDateTime::now_utc(), Meter::default());
    match store.create_tenant(key.tenant(), name, now, &meter).await {
        Ok(_) | Err(SecretsError::TenantExists(_)) => {}
        Err(error) => return Err(error),
    }
    store.create_key(key, label, now, None, &meter).await?;
    Ok(())
}

/// A key of this tenant with a new random secret.
pub fn new_key(tenant: &TenantId) -> Result<ApiKey, getrandom::Error> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    Ok(ApiKey::from_secret(tenant, secret))
}
