//! The pages, one file each, and what they have in common.

mod activity;
mod connect;
mod events;
mod frame;
mod keys;
mod links;
mod message;
mod open;
mod overview;
mod people;
mod requests;
mod safety;

use std::sync::Arc;

use askama::Template;
use function::log::chain;
use function::panic::Panic;
use http::StatusCode;
use lambda_http::{Body, Response};
use store::secrets::SecretsError;
use store::{Meter, StoreError};

use crate::App;
use crate::asked::{Asked, Origin};
use crate::assets::ASSETS;
use crate::guard::Visit;
use crate::respond;
use crate::route::Route;
use crate::texts::Language;
pub use events::Sort;
use frame::Base;
pub use message::failed;

/// Why a request is refused: the page says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// There is no session, or it has ended.
    NoSession,
    /// The operator has disabled the tenant.
    Closed,
    /// The form is not of this page, or of another session.
    Elsewhere,
    /// The session may only look.
    ViewOnly,
    /// The session is too old for keys.
    Stale,
    /// The form was sent before.
    SentBefore,
    /// There is no such page.
    NotFound,
    /// The page does not take this method.
    Method,
}

/// Why there is no answer as it was asked for.
#[derive(Debug)]
pub enum Failed {
    /// It was refused.
    Refused(Refused),
    /// A use case refused it, and says why.
    Said(account::Failure),
    /// DynamoDB failed.
    Store(StoreError),
    /// A template cannot be shown.
    Template(askama::Error),
    /// It took too long.
    TooLate,
    /// A panic.
    Panic(Panic),
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<account::Failure> for Failed {
    fn from(failure: account::Failure) -> Self {
        match failure {
            account::Failure::Secrets(SecretsError::Store(error))
            | account::Failure::Store(error) => Self::Store(error),
            other => Self::Said(other),
        }
    }
}

impl Failed {
    /// What belongs into the log: a failure of the service, and no refusal.
    pub fn cause(&self) -> Option<String> {
        match self {
            Self::Store(error) => Some(chain(error)),
            Self::Template(error) => Some(chain(error)),
            Self::Panic(panic) => Some(panic.to_string()),
            Self::TooLate => Some("the deadline has passed".to_owned()),
            Self::Refused(_) | Self::Said(_) => None,
        }
    }
}

type Answer = Result<Response<Body>, Failed>;

/// Answers a request.
pub async fn answer(app: &App, asked: &Asked, meter: &Arc<Meter>) -> Answer {
    if asked.route == Route::Unknown {
        return Err(Refused::NotFound.into());
    }
    if !asked.route.takes(&asked.method) {
        return Err(Refused::Method.into());
    }
    let is_post = asked.method == http::Method::POST;
    match &asked.route {
        Route::Asset(name) => {
            let asset = ASSETS.find(name).ok_or(Refused::NotFound)?;
            Ok(respond::asset(asset))
        }
        Route::Links => links::issue_for_product(app, asked).await,
        Route::Open(secret) => match is_post {
            false => open::show(app, asked, secret, meter).await,
            true => open::redeem(app, asked, secret, meter).await,
        },
        Route::Language => {
            if asked.origin == Origin::Other {
                return Err(Refused::Elsewhere.into());
            }
            let mut response = respond::see(back(asked.field("back")));
            if let Some(language) = Language::parse(asked.field("language")) {
                respond::keep_language(&mut response, language);
            }
            Ok(response)
        }
        route => {
            let visit = Visit::of(app, asked, meter).await?;
            let visited = Visited {
                app,
                asked,
                meter,
                visit: &visit,
            };
            visited.answer(route, is_post).await
        }
    }
}

/// A request of a session.
struct Visited<'v> {
    app: &'v App,
    asked: &'v Asked,
    meter: &'v Meter,
    visit: &'v Visit,
}

impl Visited<'_> {
    async fn answer(&self, route: &Route, is_post: bool) -> Answer {
        match route {
            Route::Overview => Box::pin(self.overview()).await,
            Route::Connect => Box::pin(self.connect()).await,
            Route::Status => Box::pin(self.status()).await,
            Route::Api => Box::pin(self.turn_api()).await,
            Route::Keys if is_post => Box::pin(self.create_key()).await,
            Route::Keys => Box::pin(self.keys()).await,
            Route::Rotate(key) if is_post => Box::pin(self.rotate(key)).await,
            Route::Rotate(key) => Box::pin(self.ask_to_rotate(key)).await,
            Route::Revoke(key) if is_post => Box::pin(self.revoke(key)).await,
            Route::Revoke(key) => Box::pin(self.ask_to_revoke(key, String::new())).await,
            Route::Activity => Box::pin(self.activity()).await,
            Route::Requests => Box::pin(self.requests()).await,
            Route::People => Box::pin(self.people()).await,
            Route::Person(id) => Box::pin(self.person(id)).await,
            Route::Safety => Box::pin(self.safety()).await,
            Route::End => self.end().await,
            _ => Err(Refused::NotFound.into()),
        }
    }

    /// What every page has, for the page under this path.
    fn base(&self, path: &str) -> Base {
        Base::of(self.asked.language.texts(), path, Some(self.visit))
    }

    fn page(&self, template: &impl Template) -> Answer {
        respond::page(StatusCode::OK, template)
    }

    /// Ends the session. One that is for looking may do that too.
    async fn end(&self) -> Answer {
        match self.visit.may_post(self.asked) {
            Ok(()) | Err(Refused::ViewOnly) => {}
            Err(refused) => return Err(refused.into()),
        }
        let sessions = self.app.sessions.store().acting_as(self.visit.operator());
        let sessions = sessions.sessions(self.app.sessions.table());
        sessions.end_session(&self.visit.token, self.meter).await?;
        let t = self.asked.language.texts();
        let texts = [t.ended_session_title, t.ended_session_text];
        let mut response = message::plain(self.asked, StatusCode::OK, texts)?;
        respond::forget(&mut response);
        Ok(response)
    }
}

/// The way back that a form names: a page of this one, and nothing else.
fn back(path: &str) -> &str {
    let is_own = path.starts_with("/settings")
        && !path.contains("//")
        && path.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    match is_own {
        true => path,
        false => "/settings",
    }
}
