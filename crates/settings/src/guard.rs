//! Whose request it is, and whether it may do what it asks for.

use std::sync::Arc;

use account::Account;
use store::Meter;
use store::secrets::{Operator, SecretsError};
use store::sessions::{Scope, Session};
use tenant::{KeyDigest, SessionToken};
use time::{Duration, OffsetDateTime};

use crate::App;
use crate::asked::{Asked, Origin};
use crate::failed::{Failed, Refused};
use crate::route::Route;

/// How old a session may be that changes keys.
const FRESH: Duration = Duration::minutes(15);

/// A request of a session.
#[derive(Debug)]
pub struct Visit {
    pub token: SessionToken,
    pub session: Session,
    /// What the session is about; its changes are the session's.
    pub account: Account,
}

impl Visit {
    /// The visit of a request.
    ///
    /// # Errors
    /// [`Refused::NoSession`], [`Refused::Closed`], and failures of DynamoDB.
    pub async fn of(app: &App, asked: &Asked, meter: &Arc<Meter>) -> Result<Self, Failed> {
        let token = asked.session.clone().ok_or(Refused::NoSession)?;
        let now = OffsetDateTime::now_utc();
        // What the script asks by itself says nothing of whether somebody is there.
        let session = match asked.route == Route::Status {
            true => app.sessions.peek(&token, now, meter).await,
            false => app.sessions.session(&token, now, meter).await,
        };
        let session = session?.ok_or(Refused::NoSession)?;
        let store = app.sessions.store().acting_as(operator(&session));
        let account = match Account::open_metered(&store, &session.tenant, meter.clone()).await {
            Ok(account) => account,
            Err(account::Failure::Secrets(SecretsError::NoTenant(_))) => {
                return Err(Refused::NoSession.into());
            }
            Err(failure) => return Err(failure.into()),
        };
        let tenant = account.tenant();
        // Another tenant of that id is none of the session's business.
        if tenant.created > session.created {
            return Err(Refused::NoSession.into());
        }
        if !tenant.enabled || tenant.deleting.is_some() {
            return Err(Refused::Closed.into());
        }
        Ok(Self {
            token,
            session,
            account,
        })
    }

    /// Lets a form pass that this session's pages have made.
    ///
    /// # Errors
    /// [`Refused::Elsewhere`] and [`Refused::ViewOnly`].
    pub fn may_post(&self, asked: &Asked) -> Result<(), Refused> {
        if asked.origin == Origin::Other || asked.field("token") != self.form_token() {
            return Err(Refused::Elsewhere);
        }
        match self.session.scope {
            Scope::Setup => Ok(()),
            Scope::View => Err(Refused::ViewOnly),
        }
    }

    /// Lets pass what concerns keys.
    ///
    /// # Errors
    /// As [`Self::may_post`], and [`Refused::Stale`] when the session is too old for it.
    pub fn may_change_keys(&self, asked: &Asked) -> Result<(), Refused> {
        self.may_post(asked)?;
        self.unlocked()
    }

    /// Whether this session can change keys: one for that, and young enough.
    ///
    /// # Errors
    /// [`Refused::ViewOnly`] and [`Refused::Stale`].
    pub fn unlocked(&self) -> Result<(), Refused> {
        let age = OffsetDateTime::now_utc() - self.session.created;
        match self.session.scope {
            Scope::View => Err(Refused::ViewOnly),
            Scope::Setup if age >= FRESH => Err(Refused::Stale),
            Scope::Setup => Ok(()),
        }
    }

    /// Whose changes those of the session are.
    pub fn operator(&self) -> Operator {
        operator(&self.session)
    }

    /// What each form of this session has, and nobody else can know.
    pub fn form_token(&self) -> String {
        let text = format!("form {}", self.token.expose());
        KeyDigest::of(text.as_bytes()).to_hex()
    }
}

/// Whose changes those of a session are: the link's, which is on the log with who issued it. For
/// whom it was, is a person's name and not on the log.
fn operator(session: &Session) -> Operator {
    Operator {
        caller: format!("settings page, link {}", session.link),
        command: "settings".to_owned(),
        arguments: Vec::new(),
        reason: None,
        release: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
