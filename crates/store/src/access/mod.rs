//! What OAuth 2.0 clients are let in with: access tokens, and the web keys by which assertions of
//! an issuer are verified. Both are in the tenant's part of the directory table and end by time to
//! live.
//!
//! | sort key | item |
//! |---|---|
//! | `A#<digest of the token>` | access token |
//! | `W#<issuer>` | web keys of an issuer |
//!
//! A token is accepted only together with the credential by which it was issued, which is in the
//! secrets table and which the function cannot write.

mod token;
mod web_keys;

pub(crate) use token::IssuedToken;
pub use web_keys::{Fetching, StoredKey, WebKeys};
