//! Answers that are compressed (RFC 9110 §8.4.1.3): large ones, for clients that take them so.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use lambda_http::http::StatusCode;
use lambda_http::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY,
};
use lambda_http::{Body, Request, Response};
use scim::ScimError;
use scim::page::MAX_RESPONSE;

/// From this length on, in bytes, an answer is compressed. Shorter ones are faster as they are.
const LARGE: usize = 1_000_000;

/// From this length on it is compressed as far as it goes at a reasonable price, so that it fits in
/// an answer; below, speed counts.
const VERY_LARGE: usize = 8_000_000;

/// Whether the client takes gzip.
pub(super) fn is_accepted(request: &Request) -> bool {
    let lines = request.headers().get_all(ACCEPT_ENCODING).iter();
    let lines: Vec<_> = lines
        .map(|line| String::from_utf8_lossy(line.as_bytes()))
        .collect();
    accepts_gzip(&lines.join(","))
}

/// Whether a list of codings (RFC 9110 §12.5.3) has gzip among those that are acceptable. If it
/// does not name gzip, `*` stands for it.
fn accepts_gzip(list: &str) -> bool {
    let accepted = |names: &[&str]| {
        let mut codings = list.split(',').map(|coding| coding.split(';'));
        codings.find_map(|mut coding| {
            let name = coding.next()?.trim();
            let is_named = names.iter().any(|known| name.eq_ignore_ascii_case(known));
            is_named.then(|| coding.all(|parameter| !is_zero(parameter)))
        })
    };
    accepted(&["gzip", "x-gzip"])
        .or_else(|| accepted(&["*"]))
        .unwrap_or(false)
}

/// Whether a parameter is a weight of zero: not acceptable.
fn is_zero(parameter: &str) -> bool {
    let weight = parameter.split_once('=');
    weight.is_some_and(|(name, weight)| {
        let weight = weight.trim();
        name.trim().eq_ignore_ascii_case("q")
            && weight.starts_with('0')
            && weight.chars().all(|digit| matches!(digit, '0' | '.'))
    })
}

/// The answer, compressed if it is large and the client takes that. The answer to a change that is
/// too large has no body: the change is made.
///
/// # Errors
/// `tooMany` when it is longer than an answer may be all the same, and nothing was changed.
pub(super) fn encoded(
    mut response: Response<Body>,
    is_accepted: bool,
    is_change: bool,
) -> Result<Response<Body>, ScimError> {
    let Body::Text(text) = response.body() else {
        return Ok(response);
    };
    if text.len() < LARGE {
        return Ok(response);
    }
    let compressed = is_accepted.then(|| gzip(text)).flatten();
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(compressed) = compressed {
        // Lambda takes what is no text as base64.
        let is_too_long = compressed.len().div_ceil(3).saturating_mul(4) > MAX_RESPONSE;
        if is_too_long && is_change {
            headers.remove(CONTENT_TYPE);
            *response.body_mut() = Body::Empty;
            if response.status() == StatusCode::OK {
                *response.status_mut() = StatusCode::NO_CONTENT;
            }
            return Ok(response);
        }
        if is_too_long {
            return Err(ScimError::TooMany(format!(
                "the answer is longer than {MAX_RESPONSE} bytes even if it is compressed; ask for less of each resource with `attributes`, such as `attributes=members.value`, or leave something out with `excludedAttributes=members`"
            )));
        }
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        *response.body_mut() = Body::Binary(compressed);
    }
    Ok(response)
}

/// Writing to memory cannot fail.
fn gzip(text: &str) -> Option<Vec<u8>> {
    let level = if text.len() < VERY_LARGE {
        Compression::fast()
    } else {
        Compression::default()
    };
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 6), level);
    encoder.write_all(text.as_bytes()).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_by_whoever_names_it_or_everything() {
        for list in [
            "gzip",
            "GZIP",
            "x-gzip",
            "gzip,deflate",
            "deflate, gzip;q=0.5",
            "gzip; q=1.0",
            "gzip ;Q=0.001",
            "br;q=1, *;q=0.1",
            "*",
            "*;q=0, gzip",
        ] {
            assert!(accepts_gzip(list), "{list}");
        }
        for list in [
            "",
            " ",
            "identity",
            "deflate, br",
            "gzip;q=0",
            "gzip; q=0.000",
            "*;q=0",
            "*, gzip;q=0",
            "gzipped",
        ] {
            assert!(!accepts_gzip(list), "{list}");
        }
    }

    #[test]
    fn what_is_large_is_compressed_within_the_limit() {
        let answer = |length, is_accepted| {
            let mut state = 7_u32;
            let mut digit = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                char::from_digit(state >> 28, 16).unwrap()
            };
            let text: String = (0..length).map(|_| digit()).collect();
            encoded(Response::new(Body::Text(text)), is_accepted, false)
        };
        let coding = |length, is_accepted| {
            let answer = answer(length, is_accepted).unwrap();
            let header = |name| answer.headers().get(name).is_some();
            (header(CONTENT_ENCODING), header(VARY))
        };
        assert_eq!(coding(LARGE - 1, true), (false, false));
        assert_eq!(coding(LARGE, true), (true, true));
        assert_eq!(coding(LARGE, false), (false, true));
        // Random digits take half of their length.
        let refused = answer(10_000_000, true).unwrap_err();
        assert_eq!(refused.scim_type(), Some("tooMany"));
    }
}
