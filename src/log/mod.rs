//! The log: one JSON line per request, with what it was, whose it was, how it ended and what it
//! cost. It contains no secrets and nothing about a person: no user ids, no filters, no bodies.

mod panic;
mod trace;

use std::error::Error;

use scim::resource::rfc3339;
use store::secrets::Expiry;
use tenant::ApiKey;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

pub use panic::{Panic, note_panics};
pub use trace::Trace;

/// Installs the log for the process, in the form of [`subscriber`], including panics.
pub fn install(writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static, filter: Option<&str>) {
    // Fails if a log is already installed.
    let _ = tracing::subscriber::set_global_default(subscriber(writer, filter));
    note_panics(|panic| {
        let location = panic.location().map(tracing::field::display);
        tracing::error!(location, "panic beside a request");
    });
}

/// One JSON object per line; `filter` uses the syntax of `RUST_LOG` and falls back to `info` if it
/// is missing or invalid.
pub fn subscriber(
    writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
    filter: Option<&str>,
) -> impl Subscriber + Send + Sync {
    let filter = filter.and_then(|filter| EnvFilter::try_new(filter).ok());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new("info")))
        .with_writer(writer)
        .finish()
}

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

/// An error and its causes, outermost first.
pub(crate) fn chain(error: &(impl Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
