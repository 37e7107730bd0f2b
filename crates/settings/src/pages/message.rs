//! Pages that say one thing: why something was not done, and what to do.

use askama::Template;
use http::StatusCode;
use lambda_http::{Body, Response};
use store::secrets::MAX_ACTIVE_KEYS;

use super::frame::{Base, Link};
use crate::asked::Asked;
use crate::failed::{Answer, Failed, Known, Refused};
use crate::guard::Visit;
use crate::html::Html;
use crate::respond;
use crate::texts::fill;

#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    base: Base,
    title: &'static str,
    texts: Vec<Html>,
    number: Option<String>,
    link: Option<Link>,
}

/// What a page says: a title, texts, and the way on.
pub struct Said {
    status: StatusCode,
    title: &'static str,
    texts: Vec<Html>,
    /// The request's number, for the support.
    number: Option<String>,
    link: Option<Link>,
}

impl Said {
    pub fn new(status: StatusCode, title: &'static str, texts: Vec<Html>) -> Self {
        Self {
            status,
            title,
            texts,
            number: None,
            link: None,
        }
    }

    pub fn link(self, link: Option<Link>) -> Self {
        Self { link, ..self }
    }

    fn number(self, asked: &Asked) -> Self {
        Self {
            number: Some(asked.request_id.clone()),
            ..self
        }
    }

    /// The page, with the session's header if there is one.
    pub fn page(self, asked: &Asked, visit: Option<&Visit>) -> Answer {
        let message = Message {
            base: Base::message(asked, visit),
            title: self.title,
            texts: self.texts,
            number: self.number,
            link: self.link,
        };
        respond::page(self.status, &message)
    }
}

/// The page of a request that was refused or failed.
pub fn failed(asked: &Asked, failed: &Failed, visit: Option<&Visit>) -> Response<Body> {
    let t = asked.language.texts();
    let broken = |status| {
        let texts = vec![Html::text(t.failed_text)];
        Said::new(status, t.failed_title, texts).number(asked)
    };
    let said = match failed {
        Failed::Refused(refused) => refusal(asked, *refused, visit),
        Failed::Said(failure) => match Known::of(failure) {
            Some(known) => told(asked, known, visit),
            None => broken(StatusCode::INTERNAL_SERVER_ERROR),
        },
        Failed::Store(_) | Failed::TooLate => broken(StatusCode::SERVICE_UNAVAILABLE),
        Failed::Template(_) | Failed::Panic(_) => broken(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let mut page = said.page(asked, visit).unwrap_or_else(|_| {
        let mut response = Response::new(Body::Text(t.failed_title.to_owned()));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    });
    if matches!(failed, Failed::Refused(Refused::Method)) {
        respond::allow(&mut page, asked.route.allow());
    }
    page
}

/// The way out of this page, as far as it is known.
fn out(asked: &Asked, visit: Option<&Visit>) -> Option<Link> {
    let t = asked.language.texts();
    let way = super::frame::way_back(asked, visit)?;
    Some(Link::outside(&way, t.way_back))
}

fn refusal(asked: &Asked, refused: Refused, visit: Option<&Visit>) -> Said {
    let t = asked.language.texts();
    let say = |status, title, text| Said::new(status, title, vec![Html::text(text)]);
    let back = Some(Link::to("/settings", t.back));
    let with_another = |status, title, text: &str| {
        let texts = [text, t.another_link_text].map(Html::text);
        Said::new(status, title, texts.into()).link(out(asked, visit))
    };
    let (forbidden, conflict) = (StatusCode::FORBIDDEN, StatusCode::CONFLICT);
    match refused {
        Refused::NoSession => {
            let status = StatusCode::UNAUTHORIZED;
            with_another(status, t.no_session_title, t.no_session_text)
        }
        // Every page of it says the same, so none of them is the way on.
        Refused::Closed => say(forbidden, t.closed_title, t.closed_text).link(out(asked, visit)),
        Refused::Elsewhere => say(forbidden, t.elsewhere_title, t.elsewhere_text).link(back),
        Refused::ViewOnly => {
            let link = out(asked, visit).or(back);
            say(forbidden, t.view_title, t.view_text).link(link)
        }
        Refused::Stale => with_another(forbidden, t.stale_title, t.stale_text),
        Refused::SentBefore => {
            let text = match asked.route.is_of_clients() {
                true => t.clients.sent_before,
                false => t.once_text,
            };
            say(conflict, t.once_title, text).link(Some(list(asked)))
        }
        Refused::KeyEnded => told(asked, Known::KeyEnded, visit),
        Refused::NotFound => {
            say(StatusCode::NOT_FOUND, t.not_found_title, t.not_found_text).link(back)
        }
        Refused::Method => {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            say(status, t.not_found_title, t.not_found_text).link(back)
        }
    }
}

/// The list that has what the request was about: clients or keys.
fn list(asked: &Asked) -> Link {
    let t = asked.language.texts();
    match asked.route.is_of_clients() {
        true => Link::to("/settings/clients", t.clients.see),
        false => Link::to("/settings/keys", t.see_keys),
    }
}

/// What an admin is told of a refusal of a use case.
fn told(asked: &Asked, known: Known, visit: Option<&Visit>) -> Said {
    let t = asked.language.texts();
    let say = |text: Html| Said::new(StatusCode::CONFLICT, t.problem_key, vec![text]);
    let keys = Some(list(asked));
    let start = Some(Link::to("/settings", t.back));
    match known {
        Known::TooManyKeys => {
            let count = MAX_ACTIVE_KEYS.to_string();
            let text = fill(t.said_too_many, &[("count", &count)]);
            say(Html::text(&text)).link(keys)
        }
        Known::KeyEnded => {
            let text = match asked.route.is_of_clients() {
                true => t.clients.said_ended,
                false => t.said_key_ended,
            };
            say(Html::text(text)).link(keys)
        }
        Known::NoKey => refusal(asked, Refused::NotFound, visit),
        Known::AmbiguousKey => say(Html::text(t.said_ambiguous)).link(start),
        Known::NewKeyEndsFirst { new, old } => {
            let (new, old) = (Html::time(new), Html::time(old));
            let text = Html::fill(t.said_new_ends_first, &[("new", &new), ("old", &old)]);
            say(text).link(keys)
        }
        Known::Closed => refusal(asked, Refused::Closed, visit),
        Known::Importing => say(Html::text(t.said_importing)).link(start),
        Known::Replaced => say(Html::text(t.said_replaced)).link(out(asked, visit)),
        Known::Overtaken => say(Html::text(t.said_changed)).link(start),
    }
}
