//! The keys of what OAuth 2.0 clients are let in with.

use tenant::KeyDigest;

/// The start of the sort keys of all access tokens.
const TOKENS: &str = "A#";

/// The start of the sort keys of the web keys of all issuers.
const WEB_KEYS: &str = "W#";

/// The sort key of an access token.
pub(crate) fn token(digest: &KeyDigest) -> String {
    format!("{TOKENS}{}", digest.to_hex())
}

/// The sort key of the web keys of an issuer.
pub(crate) fn web_keys(issuer: &str) -> String {
    format!("{WEB_KEYS}{issuer}")
}

/// Whether the item with this sort key decides who is let in. It belongs to the running service and
/// not to the data of the tenant: no export has it, and no import brings it.
pub(crate) fn is_access(sort_key: &str) -> bool {
    sort_key.starts_with(TOKENS) || sort_key.starts_with(WEB_KEYS)
}
