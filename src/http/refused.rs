//! Whom a refused or failed request was for: read again from the request, since it may have been
//! refused at any point.

use lambda_http::Request;
use lambda_http::http::StatusCode;
use scim::ScimError;
use scim::list::Query;
use scim::subject::Subject;

use super::request;
use super::route::{self, Endpoint, Route, Target};
use crate::instance::Instance;
use crate::instance::noted::method_name;
use crate::log::Trace;
use crate::service::{About, Told};

/// The longest body that is read for whom it is for: the answer waits for it. Of a longer one only
/// the URL is known.
const MAX_BODY: usize = 256 * 1024;

/// What belongs into the log of requests: nothing if the request named no resource and would have
/// made none, if its key was not accepted, or if no log is kept.
pub(crate) fn told(
    instance: &Instance,
    request: &Request,
    trace: &Trace,
    error: &ScimError,
) -> Vec<Told> {
    let is_known = trace.credentials().is_some() && error.status() != StatusCode::UNAUTHORIZED;
    if !is_known || instance.config.request_log.is_none() {
        return Vec::new();
    }
    let told = about(request).map(|about| Told {
        about,
        error: Some(error.clone()),
    });
    told.into_iter().collect()
}

fn about(request: &Request) -> Option<About> {
    let target = Target::parse(request::path(request)).ok()?;
    let Ok(Route::Resources(name, endpoint)) = route::route(request.method(), &target) else {
        return None;
    };
    let mut about = About {
        method: method_name(request.method()),
        route: name.to_owned(),
        ..About::default()
    };
    let body = || request::body(request, MAX_BODY).ok()?.object().ok();
    let filter = match endpoint {
        Endpoint::List(_) | Endpoint::ListAll => request::parameters(request).filter,
        Endpoint::Search(_) => body().and_then(|body| Query::from_body(body).ok()?.filter),
        Endpoint::Bulk | Endpoint::Create(_) => {
            if let (Some(body), true) = (body(), name != "/Bulk") {
                about.read(&body);
            }
            return Some(about);
        }
        Endpoint::Get(_, id) | Endpoint::Delete(_, id) => {
            about.subject.id = Some(id);
            return Some(about);
        }
        Endpoint::Patch(_, id) | Endpoint::Replace(_, id) => {
            about.subject.id = Some(id);
            if let Some(body) = body() {
                about.read(&body);
            }
            return Some(about);
        }
    };
    about.subject = Subject::of_filter(&filter?);
    (!about.subject.is_unknown()).then_some(about)
}
