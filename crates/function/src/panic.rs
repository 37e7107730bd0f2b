//! Panics: caught where a request is handled, and reported with it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::release;

/// A panic during a request.
#[derive(Debug)]
pub struct Panic {
    /// Its location in the source; known if [`note_panics`] was called.
    location: Option<String>,
    /// Its message, if that is a [`literal`].
    message: Option<&'static str>,
}

thread_local! {
    /// Whether the thread is working on a request.
    static IS_AT_WORK: Cell<bool> = const { Cell::new(false) };
    /// Where the latest panic during a request happened.
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Makes the process remember where a request panics, for its log line. Other panics are passed to
/// `other_panics`.
pub fn note_panics(other_panics: impl Fn(&PanicHookInfo<'_>) + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |panic| {
        if IS_AT_WORK.get() {
            LOCATION.set(panic.location().map(ToString::to_string));
        } else {
            other_panics(panic);
        }
    }));
}

impl Panic {
    /// Runs a request's work.
    ///
    /// # Errors
    /// The panic that ended it.
    pub async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Self> {
        let mut work = pin!(work);
        poll_fn(|context| {
            let was_at_work = IS_AT_WORK.replace(true);
            let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
            IS_AT_WORK.set(was_at_work);
            match polled {
                Ok(polled) => polled.map(Ok),
                Err(payload) => Poll::Ready(Err(Self::of(payload.as_ref()))),
            }
        })
        .await
    }

    fn of(payload: &(dyn Any + Send)) -> Self {
        Self {
            location: LOCATION.take(),
            message: literal(payload),
        }
    }
}

/// The message of a panic, if it is a literal in the source. A formatted one may contain a client's
/// data.
pub(crate) fn literal(payload: &(dyn Any + Send)) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

/// The work of an invocation that is no request ended with a panic, of which the log has a line.
#[derive(Debug)]
pub struct Panicked;

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the function panicked; its log says where")
    }
}

impl Error for Panicked {}

/// Does the work of an invocation that is no request. A panic ends it with one line in the log; the
/// invocation fails without what the panic says, which may be someone's data.
///
/// # Errors
/// [`Panicked`].
pub async fn reported<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    Panic::caught(work).await.map_err(|panic| {
        tracing::error!(
            cause = %panic,
            version = release::version(),
            commit = release::COMMIT,
            "the invocation panicked"
        );
        Panicked
    })
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = self.location.as_deref().unwrap_or("an unknown place");
        write!(f, "panic at {location}")?;
        match self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}
