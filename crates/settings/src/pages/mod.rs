//! The pages, one file each, and what they have in common.

mod activity;
mod clients;
mod connect;
mod credentials;
mod events;
mod frame;
mod keys;
mod links;
mod message;
mod open;
mod overview;
mod people;
mod requests;
mod revocation;
mod safety;
mod trusts;
mod values;
mod warnings;

use std::sync::{Arc, OnceLock};

use askama::Template;
use http::StatusCode;
use store::Meter;

use crate::App;
use crate::asked::{Asked, Origin};
use crate::assets::ASSETS;
use crate::failed::{Answer, Refused};
use crate::guard::Visit;
use crate::html::Html;
use crate::respond;
use crate::route::{OfClient, Route};
use crate::texts::Language;
use frame::{Base, Link};
use message::Said;
pub use message::failed;

/// Answers a request. Whose it is, is known from then on, also to the page of a failure.
pub async fn answer(
    app: &App,
    asked: &Asked,
    meter: &Arc<Meter>,
    known: &OnceLock<Visit>,
) -> Answer {
    let refused = match asked.route.takes(&asked.method) {
        _ if asked.route == Route::Unknown => Some(Refused::NotFound),
        true => None,
        false => Some(Refused::Method),
    };
    if let Some(refused) = refused {
        // Who has a session is still in it: the page of the error has its header.
        if asked.session.is_some()
            && let Ok(visit) = Visit::of(app, asked, meter).await
        {
            known.get_or_init(|| visit);
        }
        return Err(refused.into());
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
                visit: known.get_or_init(|| visit),
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
            Route::Revoke(key) => Box::pin(self.ask_to_revoke(key, Html::default())).await,
            Route::Clients => self.all_clients(is_post).await,
            Route::Client(client, what) => self.client(client, what, is_post).await,
            Route::Activity => Box::pin(self.activity()).await,
            Route::Requests => Box::pin(self.requests()).await,
            Route::People => Box::pin(self.people()).await,
            Route::Person(id) => Box::pin(self.person(id)).await,
            Route::Safety => Box::pin(self.safety()).await,
            Route::End => self.end().await,
            _ => Err(Refused::NotFound.into()),
        }
    }

    async fn all_clients(&self, is_post: bool) -> Answer {
        match is_post {
            true => Box::pin(self.create_client()).await,
            false => Box::pin(self.clients()).await,
        }
    }

    async fn client(&self, client: &str, what: &OfClient, is_post: bool) -> Answer {
        match what {
            OfClient::Secret if is_post => Box::pin(self.create_secret(client)).await,
            OfClient::Secret => Box::pin(self.ask_for_secret(client)).await,
            OfClient::Rotate(id) if is_post => Box::pin(self.rotate_secret(client, id)).await,
            OfClient::Rotate(id) => Box::pin(self.ask_to_rotate_secret(client, id)).await,
            OfClient::Trust if is_post => Box::pin(self.create_trust(client)).await,
            OfClient::Trust => Box::pin(self.ask_for_trust(client)).await,
            OfClient::Revoke(id) if is_post => {
                Box::pin(self.revoke_client(client, id.as_deref())).await
            }
            OfClient::Revoke(id) => {
                Box::pin(self.ask_to_revoke_client(client, id.as_deref())).await
            }
        }
    }

    /// What every page has, for the page under this path.
    fn base(&self, path: &str) -> Base {
        Base::of(self.asked, path, Some(self.visit))
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
        let texts = vec![Html::text(t.ended_session_text)];
        let way = frame::way_back(self.asked, Some(self.visit));
        let link = way.map(|way| Link::outside(&way, t.way_back));
        let said = Said::new(StatusCode::OK, t.ended_session_title, texts).link(link);
        let mut response = said.page(self.asked, None)?;
        respond::forget(&mut response);
        Ok(response)
    }
}

/// The way back that a form names: a page of this one, and nothing else.
fn back(path: &str) -> &str {
    let (page, _) = path.split_once('?').unwrap_or((path, ""));
    let is_own = (page == "/settings" || page.starts_with("/settings/"))
        && !page.contains("//")
        && path.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    match is_own {
        true => path,
        false => "/settings",
    }
}
