//! Lists (RFC 7644 §3.4.2): paging parameters in, the ListResponse envelope out.

use serde_json::{Map, Value, json};

use super::ScimError;
use super::text::quote;

/// Resources per page where the client does not say.
pub const DEFAULT_COUNT: usize = 100;

/// Resources per page at most; published in `/ServiceProviderConfig`.
pub const MAX_COUNT: usize = 1000;

/// Which part of a list a client wants (RFC 7644 §3.4.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The 1-based index of the first resource.
    pub start_index: u64,
    /// How many resources, [`MAX_COUNT`] at most; 0 asks for the total alone.
    pub count: usize,
}

impl Page {
    /// Reads `startIndex` and `count`. As the RFC says, a `startIndex` below 1 means 1, and a
    /// negative `count` means 0.
    ///
    /// # Errors
    /// `invalidValue` when either is not a whole number.
    pub fn parse(start_index: Option<&str>, count: Option<&str>) -> Result<Self, ScimError> {
        let start_index =
            number("startIndex", start_index)?.map_or(1, |index| index.max(1).unsigned_abs());
        let count = match number("count", count)? {
            Some(count) => usize::try_from(count.max(0))
                .unwrap_or(MAX_COUNT)
                .min(MAX_COUNT),
            None => DEFAULT_COUNT,
        };
        Ok(Self { start_index, count })
    }

    /// How many resources come before the page.
    pub fn skip(&self) -> u64 {
        self.start_index - 1
    }
}

fn number(name: &str, text: Option<&str>) -> Result<Option<i64>, ScimError> {
    match text.map(str::trim).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            ScimError::InvalidValue(format!(
                "`{name}` must be a whole number, and the request has {}",
                quote(text)
            ))
        }),
    }
}

/// The ListResponse message. `Resources` is there even if empty: clients read it unasked.
pub fn list_response(total: u64, start_index: u64, resources: Vec<Map<String, Value>>) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paging_parameters_are_bounded_as_the_rfc_says() {
        let page =
            |start, count| Page::parse(start, count).map(|page| (page.start_index, page.count));
        assert_eq!(page(None, None), Ok((1, DEFAULT_COUNT)));
        assert_eq!(page(Some("0"), Some("-3")), Ok((1, 0)));
        assert_eq!(page(Some("-7"), Some("0")), Ok((1, 0)));
        assert_eq!(page(Some("11"), Some("5000")), Ok((11, MAX_COUNT)));
        assert!(page(Some("x"), None).is_err());
        assert!(page(None, Some("1.5")).is_err());
    }
}
