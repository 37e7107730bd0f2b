//! The log of a function: one JSON object a line, panics included.

use std::error::Error;
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::panic::{literal, note_panics};
use crate::release;

/// Installs the log for the process, in the form of [`subscriber`], including panics.
pub fn install(writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static, filter: Option<&str>) {
    // Fails if a log is already installed.
    let _ = tracing::subscriber::set_global_default(subscriber(writer, filter));
    note_panics(tell_panic);
}

/// Reports a panic outside of any request.
fn tell_panic(panic: &PanicHookInfo<'_>) {
    tracing::error!(
        location = panic.location().map(tracing::field::display),
        cause = literal(panic.payload()),
        version = release::version(),
        commit = release::COMMIT,
        "panic beside a request"
    );
}

/// Ends the program. Why it could not start, or not go on, becomes a line like all others.
pub fn exit(outcome: Result<(), lambda_http::Error>) -> ExitCode {
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    tracing::error!(
        cause = chain(error.as_ref()),
        version = release::version(),
        commit = release::COMMIT,
        "the function cannot run"
    );
    ExitCode::FAILURE
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
/// `DEBUG`, and nothing is said twice.
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

/// What says once more that an invocation failed or panicked, after the function has said so. It
/// prints a failure with all that it has, and so perhaps what someone has sent.
const ECHO: &str = "lambda_runtime::layers::panic";

fn may_be_written(line: &Metadata<'_>) -> bool {
    let target = line.target();
    let is_own = || OWN.iter().any(|own| target.starts_with(own));
    target != ECHO && (*line.level() != Level::TRACE || is_own())
}

/// An error and its causes, outermost first.
pub fn chain<E: Error + ?Sized>(error: &E) -> String {
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
    use crate::panic::reported;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        /// What `work` says at the level `info`.
        fn by<T>(work: impl FnOnce() -> T) -> (T, String) {
            let written = Self::default();
            let writer = written.clone();
            let subscriber = subscriber(move || writer.clone(), None);
            let done = tracing::subscriber::with_default(subscriber, work);
            (done, written.text())
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

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
                tracing::error!(target: ECHO, "user handler panicked: raw JSON");
                tracing::trace!(target: "hellotracks_scim::app", "own");
            });
            let text = written.text();
            assert!(!text.contains("raw JSON"), "{filter}: {text}");
            assert!(text.contains("a failure"), "{filter}: {text}");
            assert_eq!(text.contains("own"), filter == "trace", "{filter}: {text}");
        }
    }

    #[derive(Debug)]
    struct Outer(io::Error);

    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("no start")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn what_ends_the_function_is_one_line() {
        let refused = Outer(io::Error::other("the address\nis taken"));
        let (code, text) = Written::by(|| exit(Err(refused.into())));
        assert_eq!(code, ExitCode::FAILURE);
        assert_eq!(text.lines().count(), 1, "{text}");
        for told in [
            r#""level":"ERROR""#,
            r#""message":"the function cannot run""#,
            r#""cause":"no start: the address\nis taken""#,
            concat!("\"version\":\"", env!("CARGO_PKG_VERSION")),
        ] {
            assert!(text.contains(told), "{told}: {text}");
        }
        let (code, text) = Written::by(|| exit(Ok(())));
        assert_eq!((code, text.as_str()), (ExitCode::SUCCESS, ""));
    }

    fn panicking(_: &str) {
        panic!("planted");
    }

    #[test]
    fn a_panic_is_one_line_without_data() {
        // As `install` does.
        note_panics(tell_panic);
        let name = "lena@crew.example";
        for (panic, is_literal) in [
            (panicking as fn(&str), true),
            (|name| panic!("planted for {name}"), false),
        ] {
            // Beside an invocation, and in one.
            let (_, beside) = Written::by(|| std::panic::catch_unwind(|| panic(name)));
            let (outcome, within) = Written::by(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                runtime.block_on(reported(async { panic(name) }))
            });
            assert!(!outcome.unwrap_err().to_string().contains("planted"));
            for (text, message) in [
                (&beside, "panic beside a request"),
                (&within, "the invocation panicked"),
            ] {
                assert_eq!(text.lines().count(), 1, "{text}");
                assert!(
                    text.contains(&format!(r#""message":"{message}""#)),
                    "{text}"
                );
                assert!(text.contains(r#""level":"ERROR""#), "{text}");
                assert!(text.contains(file!()), "{text}");
                assert_eq!(text.contains("planted"), is_literal, "{text}");
                assert!(!text.contains("lena"), "{text}");
            }
        }
    }
}
