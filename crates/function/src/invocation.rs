//! What Lambda says of a request, and whether it is an instance's first: for its line in the log.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use lambda_http::{Request, RequestExt as _};

/// Where X-Ray's id of a request is. `lambda_http` puts Lambda's own there, if there is one.
const TRACE_HEADER: &str = "x-amzn-trace-id";

/// Lambda's id of a request, by which its own lines (`START`, `REPORT`) can be found.
pub fn lambda_request_id(request: &Request) -> Option<&str> {
    let context = request.lambda_context_ref()?;
    Some(context.request_id.as_str()).filter(|id| !id.is_empty())
}

/// The root of a request's trace, which is the part that others' lines have too. A client can send
/// the header, so nothing is taken that does not have the form of a trace id.
pub fn trace_id(request: &Request) -> Option<&str> {
    let header = request.headers().get(TRACE_HEADER)?.to_str().ok()?;
    let mut parts = header.split(';');
    let root = parts.find_map(|part| part.trim().strip_prefix("Root="));
    root.filter(|root| is_trace_id(root))
}

/// `1-6b04d1c0-00000000000000000000002b`: a version, seconds, and a random number.
fn is_trace_id(text: &str) -> bool {
    let is_number = |part: Option<&str>, digits| {
        part.is_some_and(|part| {
            part.len() == digits && part.bytes().all(|digit| digit.is_ascii_hexdigit())
        })
    };
    let mut parts = text.split('-');
    parts.next() == Some("1")
        && is_number(parts.next(), 8)
        && is_number(parts.next(), 24)
        && parts.next().is_none()
}

/// Whether an instance has had a request already.
#[derive(Debug, Default)]
pub struct FirstRequest(AtomicBool);

impl FirstRequest {
    /// `true` for an instance's first request; nothing for all others, so that their lines stay
    /// short.
    pub fn take(&self) -> Option<bool> {
        let is_first = !self.0.swap(true, Relaxed);
        is_first.then_some(true)
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::{Body, Context};

    use super::*;

    const ROOT: &str = "1-6b04d1c0-00000000000000000000002b";

    fn with_header(value: &str) -> Request {
        let request = lambda_http::http::Request::builder().header(TRACE_HEADER, value);
        request.body(Body::Empty).unwrap()
    }

    #[test]
    fn only_the_root_of_a_trace_is_taken() {
        for header in [
            format!("Root={ROOT}"),
            format!("Self=1-67891234-12456789abcdef012345678a;Root={ROOT}"),
            format!("Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:0"),
            format!("Sampled=0; Root={ROOT}"),
        ] {
            assert_eq!(trace_id(&with_header(&header)), Some(ROOT), "{header}");
        }
        assert_eq!(trace_id(&Request::default()), None);
    }

    #[test]
    fn what_is_no_trace_id_is_not_taken() {
        for header in [
            "",
            "lena@crew.example",
            ROOT,
            "Root=",
            "Root=lena@crew.example",
            "Root=1-6b04d1c0-lena",
            "Root=1-6b04d1c0-00000000000000000000002b-lena",
            "Root=1-6b04d1c0-00000000000000000000002b0",
            "Root=1-6b04d1c-000000000000000000000002b",
            "Root=2-6b04d1c0-00000000000000000000002b",
            "Root=1-6b04d1c0-0000000000000000000000-b",
        ] {
            assert_eq!(trace_id(&with_header(header)), None, "{header}");
        }
    }

    #[test]
    fn lambda_s_id_is_that_of_the_invocation() {
        assert_eq!(lambda_request_id(&Request::default()), None);
        let mut context = Context::default();
        let unknown = Request::default().with_lambda_context(context.clone());
        assert_eq!(lambda_request_id(&unknown), None);
        context.request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned();
        let request = Request::default().with_lambda_context(context.clone());
        let id = lambda_request_id(&request);
        assert_eq!(id, Some(context.request_id.as_str()));
    }

    #[test]
    fn one_request_is_the_first() {
        let first = FirstRequest::default();
        assert_eq!([first.take(), first.take()], [Some(true), None]);
    }
}
