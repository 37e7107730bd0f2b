//! What may happen before a request's API key is accepted.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::sync::SetOnce;

/// Opens when the API key of a request is accepted, and never if it is not. Until then it is closed
/// for every call that is made in the request's name, but for one.
///
/// The key names its tenant, so the tenant's data can be read while the key is still being checked:
/// the check costs no time. What goes ahead is the first point read or lookup of the request, whose
/// result is dropped if the key is refused. The calls that may go ahead are named where they are
/// made ([`Passage::Ahead`](super::call::Passage)); that there is only one of them is counted here,
/// so that no filter and no path through the code makes it two.
#[derive(Debug, Default)]
pub struct Gate {
    opened: SetOnce<()>,
    /// The one call that may go ahead has gone.
    used: AtomicBool,
}

impl Gate {
    /// A gate that is open from the start, for callers who are trusted.
    pub fn opened() -> Self {
        let gate = Self::default();
        gate.open();
        gate
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        // Opening what is open changes nothing.
        let _ = self.opened.set(());
    }

    /// Waits until the gate is open.
    pub async fn passed(&self) {
        self.opened.wait().await;
    }

    /// Lets the first caller through, and has all others wait until the gate is open.
    pub(crate) async fn passed_or_first(&self) {
        if self.used.swap(true, Relaxed) {
            self.passed().await;
        }
    }
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
