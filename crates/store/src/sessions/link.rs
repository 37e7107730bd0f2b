//! Links: issued, shown, redeemed once, ended.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use backon::Retryable as _;
use tenant::{KeyId, LinkToken, SessionToken, TenantId};
use time::{Duration, OffsetDateTime};

use super::{Session, Sessions};
use crate::client::attributes::{
    Item, damaged, epoch_seconds, optional_text, optional_time, string, text, time, timestamp,
};
use crate::client::bulk;
use crate::client::gate::Passage;
use crate::client::tables::{EXPIRES_AT, SESSIONS_SORT_KEY};
use crate::client::transaction::{self, Outcome, RACES};
use crate::secrets::Act;
use crate::{Meter, StoreError};

const PREFIX: &str = "LINK#";

const DIGEST: &str = "digest";
const ISSUED_FOR: &str = "issued_for";
const ISSUER: &str = "issuer";
const CREATED: &str = "created";
const ENDS: &str = "ends";
/// That somebody has ended it: clocks differ, so its end does not tell for sure.
const REVOKED: &str = "revoked";
const USED: &str = "used";
const BROWSER: &str = "browser";
pub(super) const RETURN_URL: &str = "return_url";

/// How long it is told of a link that has ended.
const REMEMBERED: Duration = Duration::days(7);

/// What a link and its session are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Setup,
    /// Nothing is changed.
    View,
}

impl Scope {
    /// In items and commands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::View => "view",
        }
    }

    /// The scope of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Setup, Self::View]
            .into_iter()
            .find(|scope| scope.as_str() == name)
    }
}

/// What a new link is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLink {
    /// What it is for.
    pub scope: Scope,
    /// For whom, in words.
    pub issued_for: String,
    /// Where to get another one.
    pub return_url: Option<String>,
    /// When it ends.
    pub ends: OffsetDateTime,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Names it in logs and commands.
    pub id: KeyId,
    /// What it is for.
    pub scope: Scope,
    /// For whom, in words.
    pub issued_for: String,
    /// Who issued it.
    pub issuer: String,
    /// Where to get another one.
    pub return_url: Option<String>,
    /// When it was issued.
    pub created: OffsetDateTime,
    /// When it ends.
    pub ends: OffsetDateTime,
    /// Whether somebody has ended it.
    pub is_revoked: bool,
    /// When and with what it was opened.
    pub used: Option<Used>,
}

/// When and with what a link was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// When.
    pub at: OffsetDateTime,
    /// The family of the browser.
    pub browser: String,
}

/// What came of a link that somebody wants to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redeemed {
    /// It has opened this session.
    Opened(Session),
    /// It was opened before.
    Used(Link),
    /// It has ended.
    Ended(Link),
    /// There is none, or another one has taken its place.
    Gone,
}

impl Link {
    /// Whether it can be opened.
    pub fn is_alive(&self, now: OffsetDateTime) -> bool {
        self.used.is_none() && !self.is_revoked && now < self.ends
    }

    fn read(item: &Item) -> Result<(Self, &str), StoreError> {
        let scope = text(item, SESSIONS_SORT_KEY)?.strip_prefix(PREFIX);
        let scope = scope.and_then(Scope::parse);
        let digest = text(item, DIGEST)?;
        let id = digest.get(..12).and_then(|id| KeyId::parse(id).ok());
        let used = optional_time(item, USED)?.map(|at| {
            let browser = optional_text(item, BROWSER)?.unwrap_or_default();
            Ok::<_, StoreError>(Used {
                at,
                browser: browser.to_owned(),
            })
        });
        let link = Self {
            id: id.ok_or_else(|| damaged(item, DIGEST))?,
            scope: scope.ok_or_else(|| damaged(item, SESSIONS_SORT_KEY))?,
            issued_for: text(item, ISSUED_FOR)?.to_owned(),
            issuer: text(item, ISSUER)?.to_owned(),
            return_url: optional_text(item, RETURN_URL)?.map(str::to_owned),
            created: time(item, CREATED)?,
            ends: time(item, ENDS)?,
            is_revoked: item.contains_key(REVOKED),
            used: used.transpose()?,
        };
        Ok((link, digest))
    }
}

impl Sessions {
    /// Issues a link. The one of the same scope that the tenant had is no more.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn create_link(
        &self,
        token: &LinkToken,
        new: &NewLink,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Link, StoreError> {
        let tenant = token.tenant();
        let link = Link {
            id: token.id(),
            scope: new.scope,
            issued_for: new.issued_for.clone(),
            issuer: self.store.operator().caller.clone(),
            return_url: new.return_url.clone(),
            created: now,
            ends: new.ends,
            is_revoked: false,
            used: None,
        };
        let mut item = Self::new_item(tenant, sort_key(new.scope));
        item.extend([
            (DIGEST.to_owned(), string(token.digest().to_hex())),
            (ISSUED_FOR.to_owned(), string(&link.issued_for)),
            (ISSUER.to_owned(), string(&link.issuer)),
            (CREATED.to_owned(), timestamp(now)),
            (ENDS.to_owned(), timestamp(link.ends)),
            (EXPIRES_AT.to_owned(), epoch_seconds(link.ends + REMEMBERED)),
        ]);
        if let Some(url) = &link.return_url {
            item.insert(RETURN_URL.to_owned(), string(url));
        }
        let put = bulk::put(&self.table, item)?;
        let entry = self
            .store
            .entry(tenant, Act::CreateLink, Some(link.id.as_str()))?;
        self.settled(&[put, entry], meter).await?;
        Ok(link)
    }

    /// The link that a token belongs to, used and ended ones too.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn find_link(
        &self,
        token: &LinkToken,
        meter: &Meter,
    ) -> Result<Option<Link>, StoreError> {
        let (mut found, sought) = (None, token.digest().to_hex());
        self.each(token.tenant(), PREFIX, meter, |item| {
            let (link, digest) = Link::read(item)?;
            if digest == sought {
                found = Some(link);
            }
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// The links of a tenant.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn links(&self, tenant: &TenantId, meter: &Meter) -> Result<Vec<Link>, StoreError> {
        let mut links = Vec::new();
        self.each(tenant, PREFIX, meter, |item| {
            links.push(Link::read(item)?.0);
            Ok(())
        })
        .await?;
        Ok(links)
    }

    /// Opens a session with a link, which is used up by that.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn redeem(
        &self,
        token: &LinkToken,
        session: &SessionToken,
        browser: &str,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Redeemed, StoreError> {
        let attempt = || async {
            let Some(link) = self.find_link(token, meter).await? else {
                return Ok(Redeemed::Gone);
            };
            if link.used.is_some() {
                return Ok(Redeemed::Used(link));
            }
            if !link.is_alive(now) {
                return Ok(Redeemed::Ended(link));
            }
            let opened = Session::opened(session, &link, now);
            let writes = [
                self.use_up(token, &link, browser, now)?,
                self.put_new(opened.item(session))?,
                self.store
                    .entry(token.tenant(), Act::OpenLink, Some(link.id.as_str()))?,
            ];
            match self.store.transact(writes, meter, Passage::Free).await? {
                Outcome::Written => Ok(Redeemed::Opened(opened)),
                // Somebody else was faster: the next look tells how.
                Outcome::ConditionsFailed(_) => Err(StoreError::VersionMismatch),
            }
        };
        attempt
            .retry(RACES)
            .when(|error| {
                matches!(
                    error,
                    StoreError::Conflict | StoreError::Throttled | StoreError::VersionMismatch
                )
            })
            .await
    }

    fn use_up(
        &self,
        token: &LinkToken,
        link: &Link,
        browser: &str,
        now: OffsetDateTime,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(Self::key(token.tenant(), sort_key(link.scope))))
            .update_expression("SET #used = :now, #browser = :browser")
            .condition_expression(
                "#digest = :digest AND attribute_not_exists(#used) \
                 AND attribute_not_exists(#revoked)",
            )
            .expression_attribute_names("#revoked", REVOKED)
            .expression_attribute_names("#used", USED)
            .expression_attribute_names("#browser", BROWSER)
            .expression_attribute_names("#digest", DIGEST)
            .expression_attribute_values(":now", timestamp(now))
            .expression_attribute_values(":browser", string(browser))
            .expression_attribute_values(":digest", string(token.digest().to_hex()));
        Ok(TransactWriteItem::builder().update(update.build()?).build())
    }

    /// An item that must not exist yet.
    pub(super) fn put_new(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(sessions_pk)");
        Ok(TransactWriteItem::builder().put(put.build()?).build())
    }

    /// Ends all links of a tenant, and all sessions. Returns how many sessions those were.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn revoke_links(
        &self,
        tenant: &TenantId,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<usize, StoreError> {
        let mut links = Vec::new();
        self.each(tenant, PREFIX, meter, |item| {
            let (link, digest) = Link::read(item)?;
            links.push((link, digest.to_owned()));
            Ok(())
        })
        .await?;
        let mut writes = vec![self.store.entry(tenant, Act::RevokeLinks, None)?];
        for (link, digest) in &links {
            // A link that was issued meanwhile is another one's.
            let end = Update::builder()
                .table_name(&self.table)
                .set_key(Some(Self::key(tenant, sort_key(link.scope))))
                .update_expression("SET #ends = :now, #revoked = :revoked")
                .condition_expression("#digest = :digest")
                .expression_attribute_names("#ends", ENDS)
                .expression_attribute_names("#revoked", REVOKED)
                .expression_attribute_values(":revoked", AttributeValue::Bool(true))
                .expression_attribute_names("#digest", DIGEST)
                .expression_attribute_values(":now", timestamp(now.min(link.ends)))
                .expression_attribute_values(":digest", string(digest));
            writes.push(TransactWriteItem::builder().update(end.build()?).build());
        }
        self.settled(&writes, meter).await?;
        self.end_sessions(tenant, meter).await
    }

    /// Writes all or nothing, and tries again what meets another transaction.
    ///
    /// # Errors
    /// [`StoreError::VersionMismatch`] when a condition fails, and failures of DynamoDB.
    pub(super) async fn settled(
        &self,
        writes: &[TransactWriteItem],
        meter: &Meter,
    ) -> Result<(), StoreError> {
        let attempt = || self.store.transact(writes, meter, Passage::Free);
        transaction::settled(attempt)
            .await?
            .or(StoreError::VersionMismatch)
    }
}

fn sort_key(scope: Scope) -> String {
    format!("{PREFIX}{}", scope.as_str())
}
