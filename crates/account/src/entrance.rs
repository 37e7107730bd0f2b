//! The way into the settings page: links that are issued, opened once, and ended, with the sessions
//! that they open.

use store::secrets::SecretsError;
use store::sessions::{Link, NewLink, Redeemed, Session, Sessions};
use store::{Meter, Store};
use tenant::{LinkToken, SessionToken, TenantId};
use time::{Duration, OffsetDateTime};

use crate::Failure;

/// How long a link lives at most.
pub const LONGEST_LINK: Duration = Duration::days(7);

/// How long it lives if nothing else is said: until the person reads their mail.
pub const LINK: Duration = Duration::hours(24);

/// A link that was just issued. Its secret is not stored and cannot be shown again.
#[derive(Debug)]
pub struct Issued {
    /// The secret part.
    pub token: LinkToken,
    /// What is stored of it.
    pub link: Link,
}

/// What came of a link that somebody wanted to open.
#[derive(Debug)]
pub enum Opened {
    /// A session, with its secret.
    Session(SessionToken, Box<Session>),
    /// Nothing.
    Not(Why),
}

/// Why a link opens nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It was opened before: when, and with what.
    Used(Link),
    /// Its time is over, or it was ended.
    Ended(Link),
    /// There is none like it: another one has taken its place, or it was never issued.
    Gone,
    /// The operator has disabled the tenant, or there is none any more.
    Closed,
}

/// Issues a link for a tenant, in the place of the one of the same scope.
///
/// # Errors
/// [`SecretsError::NoTenant`], [`SecretsError::BeingDeleted`], and failures of DynamoDB.
pub async fn issue(
    sessions: &Sessions,
    tenant: &TenantId,
    new: &NewLink,
) -> Result<Issued, Failure> {
    let meter = Meter::default();
    let found = sessions.store().find_tenant(tenant, &meter).await?;
    if found.deleting.is_some() {
        return Err(SecretsError::BeingDeleted(tenant.clone()).into());
    }
    let now = OffsetDateTime::now_utc();
    let new = NewLink {
        ends: new.ends.min(now + LONGEST_LINK),
        ..new.clone()
    };
    let token = LinkToken::from_secret(tenant, random()?);
    let link = sessions.create_link(&token, &new, now, &meter).await?;
    Ok(Issued { token, link })
}

/// What would come of opening a link now, without opening it.
///
/// # Errors
/// Failures of DynamoDB.
pub async fn look(
    sessions: &Sessions,
    token: &LinkToken,
    meter: &Meter,
) -> Result<Result<(Link, String), Why>, Failure> {
    let Some(link) = sessions.find_link(token, meter).await? else {
        return Ok(Err(Why::Gone));
    };
    if link.used.is_some() {
        return Ok(Err(Why::Used(link)));
    }
    if !link.is_alive(OffsetDateTime::now_utc()) {
        return Ok(Err(Why::Ended(link)));
    }
    let name = open_tenant(sessions.store(), token.tenant(), link.created, meter).await?;
    Ok(name.map(|name| (link, name)).ok_or(Why::Closed))
}

/// Opens a link: it opens no other session.
///
/// # Errors
/// Failures of DynamoDB.
pub async fn open(
    sessions: &Sessions,
    token: &LinkToken,
    browser: &str,
    meter: &Meter,
) -> Result<Opened, Failure> {
    if let Err(why) = look(sessions, token, meter).await? {
        return Ok(Opened::Not(why));
    }
    let session = SessionToken::from_secret(token.tenant(), random()?);
    let now = OffsetDateTime::now_utc();
    let redeemed = sessions.redeem(token, &session, browser, now, meter);
    Ok(match redeemed.await? {
        Redeemed::Opened(opened) => Opened::Session(session, Box::new(opened)),
        Redeemed::Used(link) => Opened::Not(Why::Used(link)),
        Redeemed::Ended(link) => Opened::Not(Why::Ended(link)),
        Redeemed::Gone => Opened::Not(Why::Gone),
    })
}

/// The name of a tenant whose settings can be opened with something of that time: it is enabled,
/// and not another one of the same id.
async fn open_tenant(
    store: &Store,
    tenant: &TenantId,
    issued: OffsetDateTime,
    meter: &Meter,
) -> Result<Option<String>, Failure> {
    match store.find_tenant(tenant, meter).await {
        Ok(found) => {
            let is_open = found.enabled && found.deleting.is_none() && found.created <= issued;
            Ok(is_open.then_some(found.name))
        }
        Err(SecretsError::NoTenant(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Bytes that nobody can guess.
pub(crate) fn random() -> Result<[u8; 32], Failure> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    Ok(secret)
}
