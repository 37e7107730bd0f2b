//! Sessions: opened by a link, kept alive by requests, ended.

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use tenant::{KeyId, SessionToken, TenantId};
use time::{Duration, OffsetDateTime};

use super::link::RETURN_URL;
use super::{Link, Scope, Sessions};
use crate::client::attributes::{
    Item, damaged, epoch_seconds, optional_text, string, text, time, timestamp,
};
use crate::client::bulk;
use crate::client::format::Upsert as _;
use crate::client::gate::Passage;
use crate::client::tables::{EXPIRES_AT, SESSIONS_SORT_KEY};
use crate::client::transaction::settled;
use crate::client::update::Updated;
use crate::secrets::Act;
use crate::{Meter, StoreError};

const PREFIX: &str = "SESSION#";

const SCOPE: &str = "scope";
const LINK: &str = "link";
const ISSUED_FOR: &str = "issued_for";
const CREATED: &str = "created";
const SEEN: &str = "seen";

/// A session ends after so long without a request.
pub const IDLE: Duration = Duration::minutes(30);

/// A session ends after so long in any case.
pub const LONGEST: Duration = Duration::hours(4);

/// How exact it is when a session was last seen: its item is not written more often.
const EXACT: Duration = Duration::minutes(1);

/// A session of the settings page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Names it in logs.
    pub id: KeyId,
    /// Whose settings.
    pub tenant: TenantId,
    /// What it may do.
    pub scope: Scope,
    /// The link that opened it.
    pub link: KeyId,
    /// For whom the link was issued, in words.
    pub issued_for: String,
    /// Where to get another link.
    pub return_url: Option<String>,
    /// When it was opened.
    pub created: OffsetDateTime,
    /// When it was last seen, to within a minute.
    pub seen: OffsetDateTime,
}

impl Session {
    pub(super) fn opened(token: &SessionToken, link: &Link, now: OffsetDateTime) -> Self {
        Self {
            id: token.id(),
            tenant: token.tenant().clone(),
            scope: link.scope,
            link: link.id.clone(),
            issued_for: link.issued_for.clone(),
            return_url: link.return_url.clone(),
            created: now,
            seen: now,
        }
    }

    /// When it ends, if no request comes.
    pub fn ends(&self) -> OffsetDateTime {
        (self.seen + IDLE).min(self.created + LONGEST)
    }

    pub(super) fn item(&self, token: &SessionToken) -> Item {
        let mut item = Sessions::new_item(&self.tenant, sort_key(token));
        item.extend([
            (SCOPE.to_owned(), string(self.scope.as_str())),
            (LINK.to_owned(), string(self.link.as_str())),
            (ISSUED_FOR.to_owned(), string(&self.issued_for)),
            (CREATED.to_owned(), timestamp(self.created)),
            (SEEN.to_owned(), timestamp(self.seen)),
            (EXPIRES_AT.to_owned(), epoch_seconds(self.ends())),
        ]);
        if let Some(url) = &self.return_url {
            item.insert(RETURN_URL.to_owned(), string(url));
        }
        item
    }

    fn read(tenant: &TenantId, item: &Item) -> Result<Self, StoreError> {
        let digest = text(item, SESSIONS_SORT_KEY)?.strip_prefix(PREFIX);
        let id = digest
            .and_then(|digest| digest.get(..12))
            .and_then(|id| KeyId::parse(id).ok());
        let link = KeyId::parse(text(item, LINK)?).map_err(|_| damaged(item, LINK))?;
        Ok(Self {
            id: id.ok_or_else(|| damaged(item, SESSIONS_SORT_KEY))?,
            tenant: tenant.clone(),
            scope: Scope::parse(text(item, SCOPE)?).ok_or_else(|| damaged(item, SCOPE))?,
            link,
            issued_for: text(item, ISSUED_FOR)?.to_owned(),
            return_url: optional_text(item, RETURN_URL)?.map(str::to_owned),
            created: time(item, CREATED)?,
            seen: time(item, SEEN)?,
        })
    }
}

impl Sessions {
    /// The session of a token, if it has not ended. This keeps it alive.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn session(
        &self,
        token: &SessionToken,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Option<Session>, StoreError> {
        let Some(mut session) = self.peek(token, now, meter).await? else {
            return Ok(None);
        };
        if now - session.seen >= EXACT {
            session.seen = now;
            let update = self
                .store
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(Self::key(token.tenant(), sort_key(token))))
                .upsert_expression("SET #seen = :now, #expires = :expires")
                .condition_expression("attribute_exists(sessions_pk)")
                .expression_attribute_names("#seen", SEEN)
                .expression_attribute_names("#expires", EXPIRES_AT)
                .expression_attribute_values(":now", timestamp(now))
                .expression_attribute_values(":expires", epoch_seconds(session.ends()));
            let touch = || self.store.call(update.clone(), meter, Passage::Free);
            let touched = settled(touch).await?;
            match touched {
                Updated::Done(_) => {}
                // It was ended meanwhile.
                Updated::ConditionFailed => return Ok(None),
            }
        }
        Ok(Some(session))
    }

    /// The session of a token, if it has not ended. This does not keep it alive.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn peek(
        &self,
        token: &SessionToken,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Option<Session>, StoreError> {
        let item = self.read(token.tenant(), &sort_key(token), meter).await?;
        let Some(item) = item else { return Ok(None) };
        let session = Session::read(token.tenant(), &item)?;
        Ok((now < session.ends()).then_some(session))
    }

    /// The sessions of a tenant that have not ended, oldest first.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn sessions(
        &self,
        tenant: &TenantId,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<Vec<Session>, StoreError> {
        let mut sessions = Vec::new();
        self.each(tenant, PREFIX, meter, |item| {
            sessions.push(Session::read(tenant, item)?);
            Ok(())
        })
        .await?;
        sessions.retain(|session| now < session.ends());
        sessions.sort_by_key(|session| session.created);
        Ok(sessions)
    }

    /// Ends a session, as its owner asks.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn end_session(&self, token: &SessionToken, meter: &Meter) -> Result<(), StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(Self::key(token.tenant(), sort_key(token))))
            .condition_expression("attribute_exists(sessions_pk)")
            .build()?;
        let id = token.id();
        let entry = self
            .store
            .entry(token.tenant(), Act::EndSession, Some(id.as_str()))?;
        let delete = TransactWriteItem::builder().delete(delete).build();
        match self.settled(&[delete, entry], meter).await {
            // It has ended already.
            Ok(()) | Err(StoreError::VersionMismatch) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn end_sessions(
        &self,
        tenant: &TenantId,
        meter: &Meter,
    ) -> Result<usize, StoreError> {
        self.remove(tenant, PREFIX, meter).await
    }

    /// Removes all that there is of a tenant that was deleted, with the names of those whom links
    /// were for. Without the table there is nothing.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn forget(&self, tenant: &TenantId, meter: &Meter) -> Result<(), StoreError> {
        for prefix in ["LINK#", PREFIX, "FORM#"] {
            match self.remove(tenant, prefix, meter).await {
                Ok(_) => {}
                Err(StoreError::Refused { message, .. })
                    if message.starts_with("ResourceNotFoundException") => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn remove(
        &self,
        tenant: &TenantId,
        prefix: &str,
        meter: &Meter,
    ) -> Result<usize, StoreError> {
        let mut deletes = Vec::new();
        self.each(tenant, prefix, meter, |item| {
            let key = Self::key(tenant, text(item, SESSIONS_SORT_KEY)?);
            deletes.push(bulk::delete(&self.table, key)?);
            Ok(())
        })
        .await?;
        for deletes in deletes.chunks(bulk::BATCH) {
            self.settled(deletes, meter).await?;
        }
        Ok(deletes.len())
    }
}

fn sort_key(token: &SessionToken) -> String {
    format!("{PREFIX}{}", token.digest().to_hex())
}
