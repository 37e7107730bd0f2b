//! Pages that say one thing: why something was not done, and what to do.

use askama::Template;
use http::StatusCode;
use lambda_http::{Body, Response};

use super::frame::{Base, Link};
use crate::asked::Asked;
use crate::failed::{Answer, Failed, Refused};
use crate::html::Html;
use crate::respond;

#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    base: Base,
    title: &'static str,
    texts: Vec<Html>,
    number: Option<String>,
    link: Option<Link>,
}

/// A title and a text.
pub fn plain(asked: &Asked, status: StatusCode, [title, text]: [&'static str; 2]) -> Answer {
    tell(asked, status, title, vec![Html::text(text)], None, None)
}

/// A title, texts, and the way on.
pub fn tell(
    asked: &Asked,
    status: StatusCode,
    title: &'static str,
    texts: Vec<Html>,
    number: Option<String>,
    link: Option<Link>,
) -> Answer {
    let message = Message {
        base: Base::of(asked.language.texts(), "/settings", None),
        title,
        texts,
        number,
        link,
    };
    respond::page(status, &message)
}

/// The page of a request that was refused or failed.
pub fn failed(asked: &Asked, failed: &Failed) -> Response<Body> {
    let t = asked.language.texts();
    let number = Some(asked.request_id.clone());
    let told = match failed {
        Failed::Refused(refused) => told(asked, *refused),
        Failed::Said(failure) => {
            let texts = vec![Html::text(&failure.to_string())];
            let link = Some(Link::to("/settings", t.back));
            tell(
                asked,
                StatusCode::CONFLICT,
                t.problem_key,
                texts,
                None,
                link,
            )
        }
        Failed::Store(_) | Failed::TooLate => {
            let texts = vec![Html::text(t.failed_text)];
            let status = StatusCode::SERVICE_UNAVAILABLE;
            tell(asked, status, t.failed_title, texts, number, None)
        }
        Failed::Template(_) | Failed::Panic(_) => {
            let texts = vec![Html::text(t.failed_text)];
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            tell(asked, status, t.failed_title, texts, number, None)
        }
    };
    told.unwrap_or_else(|_| {
        let mut response = Response::new(Body::Text(t.failed_title.to_owned()));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

fn told(asked: &Asked, refused: Refused) -> Answer {
    let t = asked.language.texts();
    let (status, title, text) = match refused {
        Refused::NoSession => {
            let texts = vec![
                Html::text(t.no_session_text),
                Html::text(t.another_link_text),
            ];
            let status = StatusCode::UNAUTHORIZED;
            return tell(asked, status, t.no_session_title, texts, None, None);
        }
        Refused::Closed => (StatusCode::FORBIDDEN, t.closed_title, t.closed_text),
        Refused::Elsewhere => (StatusCode::FORBIDDEN, t.elsewhere_title, t.elsewhere_text),
        Refused::ViewOnly => (StatusCode::FORBIDDEN, t.view_title, t.view_text),
        Refused::Stale => {
            let texts = vec![Html::text(t.stale_text), Html::text(t.another_link_text)];
            return tell(
                asked,
                StatusCode::FORBIDDEN,
                t.stale_title,
                texts,
                None,
                None,
            );
        }
        Refused::SentBefore => {
            let link = Some(Link::to("/settings/keys", t.see_keys));
            let texts = vec![Html::text(t.once_text)];
            return tell(asked, StatusCode::CONFLICT, t.once_title, texts, None, link);
        }
        Refused::NotFound => (StatusCode::NOT_FOUND, t.not_found_title, t.not_found_text),
        Refused::Method => {
            let texts = [t.not_found_title, t.not_found_text];
            let mut response = plain(asked, StatusCode::METHOD_NOT_ALLOWED, texts)?;
            respond::allow(&mut response, "GET, HEAD, POST");
            return Ok(response);
        }
    };
    let link = Some(Link::to("/settings", t.back));
    tell(asked, status, title, vec![Html::text(text)], None, link)
}
