//! A link: shown, and opened once. Looking at it changes nothing, whoever looks.

use account::entrance::{Opened, Why, look, open};
use askama::Template;
use http::StatusCode;
use store::Meter;
use store::secrets::Operator;
use tenant::LinkToken;

use super::frame::{Base, Link};
use super::message::Said;
use crate::App;
use crate::asked::{Asked, OTHER_PROGRAM, Origin};
use crate::failed::{Answer, Refused};
use crate::html::Html;
use crate::respond;

#[derive(Template)]
#[template(path = "open.html")]
struct Page {
    base: Base,
    name: String,
    issued: Html,
    until: Html,
    button: Html,
}

/// The page with the button.
pub async fn show(app: &App, asked: &Asked, secret: &str, meter: &Meter) -> Answer {
    let t = asked.language.texts();
    let Some(token) = LinkToken::parse(secret) else {
        return closed(asked, &Why::Gone);
    };
    match look(&app.sessions, &token, meter).await? {
        Err(why) => closed(asked, &why),
        Ok((link, name)) => {
            let path = format!("/settings/open/{}", token.expose());
            let page = Page {
                base: Base::of(asked, &path, None),
                issued: Html::fill(t.open_for, &[("for", &Html::foreign(&link.issued_for))]),
                until: Html::fill(t.open_until, &[("time", &Html::time(link.ends))]),
                button: Html::fill(t.open_button, &[("name", &Html::foreign(&name))]),
                name,
            };
            respond::page(StatusCode::OK, &page)
        }
    }
}

/// Opens a session. The browser has to say that its own page asks for it: otherwise somebody could
/// have people work in the settings of another company.
pub async fn redeem(app: &App, asked: &Asked, secret: &str, meter: &Meter) -> Answer {
    if asked.origin != Origin::Same {
        return Err(Refused::Elsewhere.into());
    }
    let Some(token) = LinkToken::parse(secret) else {
        return closed(asked, &Why::Gone);
    };
    let store = app.sessions.store().acting_as(Operator {
        caller: format!("settings page, link {}", token.id()),
        command: "settings".to_owned(),
        arguments: Vec::new(),
        reason: None,
        release: env!("CARGO_PKG_VERSION").to_owned(),
    });
    let sessions = store.sessions(app.sessions.table());
    match open(&sessions, &token, asked.browser, meter).await? {
        Opened::Session(token, session) => {
            let mut response = respond::see("/settings");
            respond::keep_session(&mut response, token.expose());
            respond::keep_way_back(&mut response, asked, session.return_url.as_deref());
            Ok(response)
        }
        Opened::Not(why) => closed(asked, &why),
    }
}

fn closed(asked: &Asked, why: &Why) -> Answer {
    let t = asked.language.texts();
    let another = Html::text(t.another_link_text);
    let way = |url: &Option<String>| {
        let url = url.as_ref();
        url.map(|url| Link::outside(url, t.another_link))
    };
    let (title, texts, link) = match why {
        Why::Used(link) => {
            let used = link.used.as_ref();
            let time = used.map(|used| Html::time(used.at)).unwrap_or_default();
            let browser = match used.map(|used| used.browser.as_str()) {
                None | Some(OTHER_PROGRAM) => Html::text(t.other_program),
                Some(browser) => Html::foreign(browser),
            };
            let text = Html::fill(t.used_text, &[("time", &time), ("browser", &browser)]);
            let texts = vec![text, Html::text(t.used_not_you), another];
            (t.used_title, texts, way(&link.return_url))
        }
        Why::Ended(link) => {
            let text = Html::fill(t.ended_text, &[("time", &Html::time(link.ends))]);
            (t.ended_title, vec![text, another], way(&link.return_url))
        }
        Why::Gone => (t.gone_title, vec![Html::text(t.gone_text), another], None),
        Why::Closed => (t.closed_title, vec![Html::text(t.closed_text)], None),
    };
    Said::new(StatusCode::GONE, title, texts)
        .link(link)
        .page(asked, None)
}
