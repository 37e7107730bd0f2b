//! The log of a function: one JSON object a line, panics included.

use std::error::Error;

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

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

/// The crates whose lines are written at the level `TRACE` too. Others write there what they send
/// and get: lambda_runtime the whole event, with the key and with people.
const OWN: &[&str] = &[
    "account",
    "federation",
    "function",
    "hellotracks",
    "member_events",
    "oauth",
    "scim",
    "settings",
    "store",
    "tenant",
];

/// One JSON object per line; `filter` uses the syntax of `RUST_LOG` and falls back to `info` if it
/// is missing or invalid. Whatever it says, no other crate than the service's own gets below
/// `DEBUG`.
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
        .with(filter_fn(may_be_written))
}

fn may_be_written(line: &Metadata<'_>) -> bool {
    let target = line.target();
    *line.level() != Level::TRACE || OWN.iter().any(|own| target.starts_with(own))
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

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What lambda_runtime says at this level is the event as it came.
    #[test]
    fn no_filter_lets_others_write_what_they_were_sent() {
        for filter in [
            "trace",
            "lambda_runtime=trace",
            "info,lambda_runtime::layers=trace",
        ] {
            let written = Written::default();
            let writer = written.clone();
            let subscriber = subscriber(move || writer.clone(), Some(filter));
            tracing::subscriber::with_default(subscriber, || {
                tracing::trace!(target: "lambda_runtime", "raw JSON event received");
                tracing::trace!(target: "lambda_runtime::layers", "raw JSON event received");
                tracing::error!(target: "lambda_runtime", "a failure");
                tracing::trace!(target: "hellotracks_scim::app", "own");
            });
            let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            assert!(!text.contains("raw JSON"), "{filter}: {text}");
            assert!(text.contains("a failure"), "{filter}: {text}");
            assert_eq!(text.contains("own"), filter == "trace", "{filter}: {text}");
        }
    }
}
