//! What may happen before a request's API key is accepted.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::sync::SetOnce;

/// Opens when a request's API key is accepted, and stays closed otherwise. Until then it blocks all
/// of the request's calls except one.
///
/// The key names its tenant, so the tenant's data can be read during the check, which then adds no
/// latency. The call that goes ahead is the request's first point read or lookup; its result is
/// dropped if the key is refused. Which calls may go ahead is declared where they are made
/// (`Passage::Ahead`); that there is only one is enforced here, so that no filter and no code path
/// can make it two.
#[derive(Debug, Default)]
pub struct Gate {
    opened: SetOnce<()>,
    /// The one call that may go ahead has been made.
    used: AtomicBool,
}

impl Gate {
    /// A gate that is open from the start, for trusted callers.
    pub fn opened() -> Self {
        let gate = Self::default();
        gate.open();
        gate
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        // Opening an open gate changes nothing.
        let _ = self.opened.set(());
    }

    /// Waits until the gate is open.
    pub async fn passed(&self) {
        self.opened.wait().await;
    }

    /// Lets the first caller through; all others wait until the gate is open.
    pub(crate) async fn passed_or_first(&self) {
        if self.used.swap(true, Relaxed) {
            self.passed().await;
        }
    }
}

/// When a call may be made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Passage<'a> {
    /// At once. For the check of a key, and for calls outside of any client's request: the
    /// operator's, or one that opens a connection.
    Free,
    /// Once the request's API key is accepted.
    Accepted(&'a Gate),
    /// Before that, if nothing else of the request has gone ahead: one read of one resource by its
    /// id, or one lookup of resources by a value.
    Ahead(&'a Gate),
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn one_call_goes_ahead_and_no_more() {
        let gate = Gate::default();
        assert!(gate.passed().now_or_never().is_none());
        assert!(gate.passed_or_first().now_or_never().is_some());
        assert!(gate.passed_or_first().now_or_never().is_none());
        assert!(gate.passed().now_or_never().is_none());
        gate.open();
        assert!(gate.passed_or_first().now_or_never().is_some());
        assert!(gate.passed().now_or_never().is_some());
    }

    #[test]
    fn an_open_gate_holds_nobody() {
        let gate = Gate::opened();
        for _ in 0..3 {
            assert!(gate.passed().now_or_never().is_some());
            assert!(gate.passed_or_first().now_or_never().is_some());
        }
    }
}
