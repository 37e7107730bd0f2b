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

use std::pin::Pin;
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
            visited.work(route, is_post).await
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

/// The work for an answer.
type Work<'w> = Pin<Box<dyn Future<Output = Answer> + Send + 'w>>;

impl Visited<'_> {
    /// The page that a route is, or what its form does. It is no `async` function, which would keep
    /// room on the stack for each of them while one of them works.
    fn work<'w>(&'w self, route: &'w Route, is_post: bool) -> Work<'w> {
        match route {
            Route::Overview => Box::pin(self.overview()),
            Route::Connect => Box::pin(self.connect()),
            Route::Status => Box::pin(self.status()),
            Route::Api => Box::pin(self.turn_api()),
            Route::Keys if is_post => Box::pin(self.create_key()),
            Route::Keys => Box::pin(self.keys()),
            Route::Rotate(key) if is_post => Box::pin(self.rotate(key)),
            Route::Rotate(key) => Box::pin(self.ask_to_rotate(key)),
            Route::Revoke(key) if is_post => Box::pin(self.revoke(key)),
            Route::Revoke(key) => Box::pin(self.ask_to_revoke(key, Html::default())),
            Route::Clients if is_post => Box::pin(self.create_client()),
            Route::Clients => Box::pin(self.clients()),
            Route::Client(client, what) => self.of_client(client, what, is_post),
            Route::Activity => Box::pin(self.activity()),
            Route::Requests => Box::pin(self.requests()),
            Route::People => Box::pin(self.people()),
            Route::Person(id) => Box::pin(self.person(id)),
            Route::Safety => Box::pin(self.safety()),
            Route::End => Box::pin(self.end()),
            _ => Box::pin(std::future::ready(Err(Refused::NotFound.into()))),
        }
    }

    fn of_client<'w>(&'w self, client: &'w str, what: &'w OfClient, is_post: bool) -> Work<'w> {
        match what {
            OfClient::Secret if is_post => Box::pin(self.create_secret(client)),
            OfClient::Secret => Box::pin(self.ask_for_secret(client)),
            OfClient::Rotate(id) if is_post => Box::pin(self.rotate_secret(client, id)),
            OfClient::Rotate(id) => Box::pin(self.ask_to_rotate_secret(client, id)),
            OfClient::Trust if is_post => Box::pin(self.create_trust(client)),
            OfClient::Trust => Box::pin(self.ask_for_trust(client)),
            OfClient::Revoke(id) if is_post => Box::pin(self.revoke_client(client, id.as_deref())),
            OfClient::Revoke(id) => Box::pin(self.ask_to_revoke_client(client, id.as_deref())),
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
