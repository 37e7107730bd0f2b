//! The log: one JSON line per request, with what it was, whose it was, how it ended and what it
//! cost. It contains no secrets and nothing about a person: no user ids, no filters, no bodies.

mod trace;

use scim::resource::rfc3339;
use store::secrets::Expiry;
use tenant::ApiKey;

pub(crate) use function::log::chain;
pub use function::log::{install, subscriber};
pub use function::panic::{Panic, note_panics};
pub use trace::Trace;

/// Warns that a key in use will soon be refused. Alarms can match the message.
pub(crate) fn key_expires(key: &ApiKey, expiry: Expiry) {
    let advice = if expiry.is_replaced {
        "the client still uses the old key of a rotation: enter the new key in the identity provider before this one expires"
    } else {
        "run `scim-admin key rotate`, or give the tenant the key that takes the place of this one, and enter it in the identity provider before this one expires"
    };
    tracing::warn!(
        tenant = %key.tenant(),
        key_id = %key.id(),
        expires = rfc3339(expiry.at),
        advice,
        "key near expiry"
    );
}
