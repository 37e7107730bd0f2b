//! What each command does: a call or two of the store.

use scim::ResourceId;
use scim::schema::USERS;
use store::client::tables::TablesError;
use store::secrets::{SecretsError, Successor};
use store::{Gate, Meter, Store, StoreError};
use tenant::{ApiKey, TenantId};
use time::{Duration, OffsetDateTime};

use crate::args::{
    BreakerCommand, Command, DirectoryCommand, KeyCommand, TablesCommand, TenantCommand,
};
use crate::output::{Report, stamp};
use crate::{Streams, history, keys, status, users};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error(transparent)]
    Tables(#[from] TablesError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no user of the tenant has the userName `{0}`; a deleted one is found by its id")]
    NoUser(String),
    #[error(
        "nothing is on record of user {0}: the id is another tenant's or wrong, or its records have ended"
    )]
    NothingOnRecord(ResourceId),
    #[error(
        "the end {} is not after the beginning {}; name a --since that is before --until",
        stamp(*.until),
        stamp(*.since)
    )]
    EmptySpan {
        since: OffsetDateTime,
        until: OffsetDateTime,
    },
    #[error("the result could not be printed: {0}")]
    Print(#[from] std::io::Error),
    #[error("the operating system gave no random bytes for a key; try again")]
    Random(#[from] getrandom::Error),
}

pub async fn run(
    command: Command,
    json: bool,
    store: &Store,
    streams: &mut Streams<'_>,
) -> Result<Report, Failure> {
    match command {
        Command::Tables(TablesCommand::Create) => Ok(Report::Tables(store.create_tables().await?)),
        Command::Tenant(command) => tenant(command, store).await,
        Command::Key(command) => key(command, store).await,
        Command::Directory(DirectoryCommand::Check { tenant, repair }) => {
            check(&tenant, repair, store).await
        }
        Command::History(arguments) => {
            history::run(&arguments, json, store, streams.results).await?;
            Ok(Report::Printed)
        }
        Command::User(command) => users::run(command, store).await,
        Command::Breaker(BreakerCommand::Lift { tenant, length }) => {
            lift(&tenant, length, store).await
        }
    }
}

async fn tenant(command: TenantCommand, store: &Store) -> Result<Report, Failure> {
    let meter = Meter::default();
    let report = match command {
        TenantCommand::Create { id, name } => {
            let name = name.as_deref().unwrap_or(id.as_str());
            Report::Tenant(store.create_tenant(&id, name, now(), &meter).await?)
        }
        TenantCommand::Status { id, since } => {
            Report::Status(Box::new(status::run(&id, since, store).await?))
        }
        TenantCommand::List => Report::Tenants(store.list_tenants(&meter).await?),
        TenantCommand::Enable { id } => Report::Tenant(store.set_enabled(&id, true, &meter).await?),
        TenantCommand::Disable { id } => {
            Report::Tenant(store.set_enabled(&id, false, &meter).await?)
        }
    };
    Ok(report)
}

async fn key(command: KeyCommand, store: &Store) -> Result<Report, Failure> {
    let meter = Meter::default();
    let report = match command {
        KeyCommand::Create {
            tenant,
            label,
            expires_in_days,
        } => {
            let key = new_key(&tenant)?;
            let now = now();
            let expires = expires_in_days.map(|days| now + Duration::days(i64::from(days)));
            let record = store.create_key(&key, &label, now, expires, &meter).await?;
            Report::NewKey { key, record }
        }
        KeyCommand::Rotate {
            tenant,
            key_id,
            overlap_days,
            label,
            expires_in_days,
        } => {
            let key = new_key(&tenant)?;
            let now = now();
            let successor = Successor {
                old: key_id,
                overlap: Duration::days(i64::from(overlap_days)),
                label,
                expires: expires_in_days.map(|days| now + Duration::days(i64::from(days))),
            };
            let rotation = store.rotate_key(&key, &successor, now, &meter).await?;
            Report::Rotation { key, rotation }
        }
        KeyCommand::List { tenant } => Report::Keys(keys::list(&tenant, now(), store).await?),
        KeyCommand::Warnings => Report::Warnings(keys::warnings(now(), store).await?),
        KeyCommand::Revoke { tenant, key_id } => {
            Report::Key(store.revoke_key(&tenant, &key_id, now(), &meter).await?)
        }
    };
    Ok(report)
}

/// Lifts the limit of a tenant's breaker, and shows how the tenant is then.
async fn lift(tenant: &TenantId, length: Duration, store: &Store) -> Result<Report, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    store.find_tenant(tenant, &meter).await?;
    let now = now();
    let until = now.saturating_add(length);
    store
        .tenant(tenant, &meter, &gate)
        .lift_breaker(&USERS, until)
        .await?;
    let status = status::run(tenant, now - Duration::DAY, store).await?;
    Ok(Report::Status(Box::new(status)))
}

fn new_key(tenant: &TenantId) -> Result<ApiKey, Failure> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    Ok(ApiKey::from_secret(tenant, secret))
}

/// Audits a tenant's directory. A repair is followed by another audit, for as long as there is
/// something to mend and it helps.
async fn check(tenant: &TenantId, repair: bool, store: &Store) -> Result<Report, Failure> {
    const ROUNDS: usize = 5;
    let (meter, gate) = (Meter::default(), Gate::opened());
    store.find_tenant(tenant, &meter).await?;
    let directory = store.tenant(tenant, &meter, &gate);
    let mut audit = directory.audit(now()).await?;
    let mut repaired = 0;
    if repair {
        for _ in 0..ROUNDS {
            for defect in &audit.defects {
                repaired += u64::from(directory.repair(defect).await?);
            }
            audit = directory.audit(now()).await?;
            if audit.defects.is_empty() {
                break;
            }
        }
    }
    Ok(Report::Audit { audit, repaired })
}

/// The time to the second, which is as exact as an operator's records need to be.
fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now)
}
