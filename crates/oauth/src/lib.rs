//! The token request of OAuth 2.0 client credentials (RFC 6749, section 4.4), with a client secret
//! or with an assertion of Microsoft Entra (RFC 7523, section 2.2), as pure functions.
//!
//! The way of a request: [`TokenRequest::read`] reads form and header. A secret is then compared
//! with what is stored. For an assertion, [`Authorities::issuer`] tells whose it claims to be, the
//! client's [`Trust`] in this issuer is looked up, [`decide`] picks the key, [`verify_origin`] says
//! whether it is this issuer's, and [`verify_claims`] whether all of it is true. Whatever is wrong
//! becomes a [`Refusal`].
//!
//! Architecture invariant: nothing here does I/O or reads a clock, the environment or a source
//! of randomness. The time is an argument.

mod assertion;
mod authority;
mod basic;
mod cache;
mod form;
mod guid;
mod keys;
#[cfg(test)]
mod mint;
mod object;
mod refusal;
mod request;
#[cfg(test)]
mod second_opinion;
mod trust;
mod verify;

pub use assertion::{Assertion, MAX_ASSERTION};
pub use authority::{Authorities, AuthoritiesError, Issuer};
pub use cache::{
    Cached, Decision, FRESH_FOR, Fetch, Fetches, NoKey, RETRY_AFTER, UNKNOWN_EVERY, USABLE_FOR,
    Why, decide, fresh_for,
};
pub use form::MAX_FORM;
pub use keys::{MAX_DOCUMENT, NotKeys, StoredKey, WebKey, WebKeys};
pub use refusal::{ErrorCode, Refusal};
pub use request::{Proof, TokenRequest};
pub use trust::{PastedError, Trust};
pub use verify::{verify_claims, verify_origin};
