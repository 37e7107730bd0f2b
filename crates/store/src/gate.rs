//! What may happen before a request's API key is accepted.

use tokio::sync::SetOnce;

/// Opens when the API key of a request is accepted, and never if it is not.
///
/// The key names its tenant, so that the tenant's data can be read while the key is still being
/// checked: the check costs no time. What goes ahead is one point read or one lookup, whose
/// result is dropped if the key is refused. Everything else waits at the gate inside
/// [`TenantStore`](super::TenantStore): every write, and every read whose cost a stranger could
/// choose.
#[derive(Debug, Default)]
pub struct Gate(SetOnce<()>);

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
        let _ = self.0.set(());
    }

    /// Waits until the gate is open.
    pub async fn passed(&self) {
        self.0.wait().await;
    }
}
