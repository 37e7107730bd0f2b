//! The keys of what is noted about requests: of the use of keys, of refusals and answers, and of
//! the log of requests.

use scim::resource::rfc3339;
use tenant::KeyId;
use time::OffsetDateTime;

use super::{cut, escape};

/// The longest part of a request's id in a key, in bytes: API Gateway's have sixteen.
const MAX_REQUEST_ID: usize = 64;

/// The start of the sort keys of what is known of the use of the tenant's API keys.
pub(crate) const KEY_USES: &str = "K#";

/// The sort key of what is known of the use of an API key.
pub(crate) fn key_use(key: &KeyId) -> String {
    format!("{KEY_USES}{key}")
}

/// The start of the sort keys of all counters of refused requests.
pub(crate) const REFUSALS: &str = "R#";

/// The start of the sort keys of the counters of requests that were refused in the hour of `at`.
pub(crate) fn refusals_of(at: OffsetDateTime) -> String {
    format!("{REFUSALS}{}", hour(at))
}

/// The hour of a time, such as `2026-11-24T09`.
fn hour(at: OffsetDateTime) -> String {
    let mut hour = rfc3339(at);
    hour.truncate(13);
    hour
}

/// The sort key of the counter of requests that were refused in the hour of `at`.
pub(crate) fn refusal(at: OffsetDateTime, status: u16, reason: &str, route: &str) -> String {
    format!("{}#{status}#{reason}#{route}", refusals_of(at))
}

/// The start of the sort keys of all counters of answers.
pub(crate) const ANSWERS: &str = "H#";

/// The sort key of the counter of answers in the hour of `at`.
pub(crate) fn answers(at: OffsetDateTime) -> String {
    format!("{ANSWERS}{}", hour(at))
}

/// The start of the sort keys of all logged requests.
pub(crate) const REQUESTS: &str = "P#";

/// A sort key at or below those of all logged requests from this time on, and above all others.
pub(crate) fn requests_from(at: OffsetDateTime) -> String {
    format!("{REQUESTS}{}", rfc3339(at))
}

/// The sort key of a logged request; of an operation of a bulk request with its place.
pub(crate) fn logged_request(at: OffsetDateTime, request_id: &str, part: Option<u32>) -> String {
    let request_id = escape(cut(request_id, MAX_REQUEST_ID));
    let part = part.map_or(String::new(), |part| format!("#{part}"));
    format!("{}#{request_id}{part}", requests_from(at))
}

/// The time, the request's id and the place of a logged request's sort key.
pub(crate) fn of_logged_request(sort_key: &str) -> Option<(&str, String, Option<u32>)> {
    let (at, rest) = sort_key.strip_prefix(REQUESTS)?.split_once('#')?;
    let (request_id, part) = match rest.split_once('#') {
        Some((request_id, part)) => (request_id, Some(part.parse().ok()?)),
        None => (rest, None),
    };
    let request_id = request_id.replace("%23", "#").replace("%25", "%");
    Some((at, request_id, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_of_an_hour() {
        let second = OffsetDateTime::from_unix_timestamp(1_795_512_816).unwrap();
        assert_eq!(
            refusal(second, 409, "uniqueness", "/Users"),
            "R#2026-11-24T09#409#uniqueness#/Users"
        );
        assert_eq!(answers(second), "H#2026-11-24T09");
    }

    #[test]
    fn logged_requests_tell_their_request_whatever_its_id() {
        let at = OffsetDateTime::from_unix_timestamp(1_795_512_816).unwrap();
        let long = "é".repeat(100);
        for (id, part, told) in [
            ("JKJaXmPLvHcESHA=", None, "JKJaXmPLvHcESHA="),
            ("a#b%23%", Some(1000), "a#b%23%"),
            ("", Some(0), ""),
            (&long, None, &"é".repeat(MAX_REQUEST_ID / 2)),
        ] {
            let sort_key = logged_request(at, id, part);
            let read = of_logged_request(&sort_key).unwrap();
            assert_eq!(read, ("2026-11-24T09:33:36.000Z", told.to_owned(), part));
        }
        for other in ["P#", "P#x", "R#x#y", "P#x#y#z", "P#x#y#1#2"] {
            assert_eq!(of_logged_request(other), None, "{other}");
        }
    }
}
