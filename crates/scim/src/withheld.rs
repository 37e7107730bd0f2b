//! Texts of errors without the values that they quote.
//!
//! What a client is told may quote what it sent, which may be about a person. Where such a text is
//! kept without being about one request, the values are left out: of what is in backticks the words
//! of the protocol and the names of attributes stay.

use crate::schema::{PROVIDED, Resolved};

/// What stands in the place of a value.
const WITHHELD: &str = "…";

/// Words of the protocol and of the service's own advice.
const WORDS: &[&str] = &[
    "/Groups",
    "/Me",
    "/Users",
    "/scim/v2",
    "Accept-Encoding",
    "Content-Encoding",
    "If-Match",
    "Operations",
    "add",
    "and",
    "application/scim+json",
    "ascending",
    "attributes",
    "breaker",
    "bulkId",
    "co",
    "count",
    "cursor",
    "data",
    "descending",
    "display",
    "eq",
    "ew",
    "excludedAttributes",
    "failOnErrors",
    "false",
    "filter",
    "ge",
    "gt",
    "gzip",
    "htscim_",
    "key",
    "le",
    "lift",
    "lt",
    "method",
    "ne",
    "not",
    "null",
    "objectId",
    "op",
    "or",
    "path",
    "pr",
    "remove",
    "replace",
    "rotate",
    "scim-admin",
    "sortBy",
    "sortOrder",
    "startIndex",
    "sw",
    "true",
    "value",
    "version",
];

/// A text without the values that it quotes.
pub fn withhold(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for (place, piece) in text.split('`').enumerate() {
        if place > 0 {
            kept.push('`');
        }
        let is_quoted = place % 2 == 1;
        kept.push_str(if is_quoted && !is_known(piece) {
            WITHHELD
        } else {
            piece
        });
    }
    kept
}

/// Whether a quotation says nothing but what every client could be told.
fn is_known(quoted: &str) -> bool {
    let words = quoted
        .split([' ', '='])
        .map(|word| word.trim_end_matches(':'));
    words.into_iter().all(is_word)
}

fn is_word(word: &str) -> bool {
    WORDS.contains(&word)
        || PROVIDED.iter().any(|resource_type| {
            let resolved = resource_type.resolve(word);
            resolved.is_ok_and(|resolved| !matches!(resolved, Resolved::Undefined))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_and_values_go() {
        for (told, kept) in [
            (
                "`userName` must be a string, and the request has `lena@crew.example`; correct it",
                "`userName` must be a string, and the request has `…`; correct it",
            ),
            (
                "none of the members is a user: `lena`, `max` and 3 more; send `value`",
                "none of the members is a user: `…`, `…` and 3 more; send `value`",
            ),
            (
                "leave them out with `excludedAttributes=members`, or `groups.value eq`",
                "leave them out with `excludedAttributes=members`, or `groups.value eq`",
            ),
            ("`name.givenName eq \"Lena\"` is none", "`…` is none"),
            ("an unfinished `lena", "an unfinished `…"),
            ("nothing quoted", "nothing quoted"),
            (
                "`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager` is complex",
                "`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager` is complex",
            ),
        ] {
            assert_eq!(withhold(told), kept);
        }
    }
}
