//! The log of a function: one JSON object a line, panics included.

use std::error::Error;

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::panic::note_panics;

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

/// An error and its causes, outermost first.
pub fn chain(error: &(impl Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
