//! What takes real time while a test lets time pass by itself.
//!
//! A test may pause tokio's clock and let it go on only while nothing is under way, so that no
//! outcome depends on how fast the machine is. What leaves the test's own thread, such as a request
//! to the engine, is under way until it comes back: it is wrapped in [`really`].

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;

use tokio::sync::Notify;

thread_local! {
    static UNDER_WAY: Cell<usize> = const { Cell::new(0) };
    static ASKED: Cell<usize> = const { Cell::new(0) };
    static DONE: RefCell<Rc<Notify>> = RefCell::new(Rc::new(Notify::new()));
}

/// Does something that takes real time.
pub async fn really<T>(work: impl Future<Output = T>) -> T {
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            UNDER_WAY.set(UNDER_WAY.get() - 1);
            DONE.with_borrow(|done| done.notify_waiters());
        }
    }
    UNDER_WAY.set(UNDER_WAY.get() + 1);
    let _guard = Guard;
    work.await
}

/// Whether something on this thread takes real time.
pub fn is_under_way() -> bool {
    UNDER_WAY.get() > 0
}

/// How often a wire on this thread was asked, whatever it answered.
pub fn asked() -> usize {
    ASKED.get()
}

/// Counts a question to a wire.
pub(crate) fn note_question() {
    ASKED.set(ASKED.get() + 1);
}

/// Waits until nothing on this thread takes real time.
pub async fn nothing_under_way() {
    while is_under_way() {
        let done = DONE.with_borrow(Rc::clone);
        let notified = done.notified();
        if is_under_way() {
            notified.await;
        }
    }
}
