//! The log: one JSON line per request, with what it was, whose it was, how it ended and what it
//! cost. It contains no secrets and nothing about a person: no user ids, no filters, no bodies.

mod trace;

use scim::resource::rfc3339;
use store::secrets::Expiry;

use crate::instance::principal::Principal;

pub(crate) use function::log::chain;
pub use function::log::{install, subscriber};
pub use function::panic::{Panic, note_panics};
pub use trace::Trace;

/// Warns that a key in use will soon be refused. Alarms can match the message.
pub(crate) fn key_expires(principal: &Principal, expiry: Expiry) {
    let advice = if expiry.is_replaced {
        "the client still uses the old key of a rotation: enter the new key in the identity provider before this one expires"
    } else {
        "run `scim-admin key rotate`, or `client rotate` for a client secret, or give the tenant the key that takes the place of this one, and enter it in the identity provider before this one expires"
    };
    tracing::warn!(
        tenant = %principal.tenant,
        key_id = %principal.id(),
        expires = rfc3339(expiry.at),
        advice,
        "key near expiry"
    );
}
