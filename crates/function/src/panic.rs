//! Panics: caught where a request is handled, and reported with it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// A panic during a request.
#[derive(Debug)]
pub struct Panic {
    /// Its location in the source; known if [`note_panics`] was called.
    location: Option<String>,
    /// The message, if it is a literal in the source. A formatted one may contain a client's data.
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
            message: payload.downcast_ref::<&'static str>().copied(),
        }
    }
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
