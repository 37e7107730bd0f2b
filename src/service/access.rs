//! Taking access from users, within the limits of the circuit breaker.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::{Directory, Failure};
use scim::resource::rfc3339;
use scim::{ResourceType, ScimError};
use store::StoreError;
use store::breaker::{NEVER_BELOW, Place, Reservation, Window};

/// The place of one request in the breaker's window: reserved at most once, however often a lost race
/// has the request begin again.
#[derive(Debug, Default)]
pub(super) struct Access {
    place: OnceLock<Place>,
    /// Whether the latest attempt takes access.
    is_taken: AtomicBool,
}

impl Directory<'_> {
    /// Makes sure that a user may lose access, if this attempt takes it.
    ///
    /// # Errors
    /// [`ScimError::TooManyDeactivations`], and failures of DynamoDB.
    pub(super) async fn reserve(
        &self,
        resource_type: &ResourceType,
        takes_access: bool,
        access: &Access,
    ) -> Result<(), Failure> {
        access.is_taken.store(takes_access, Relaxed);
        if !takes_access || access.place.get().is_some() {
            return Ok(());
        }
        let reservation = self
            .store
            .reserve_deactivation(resource_type, self.breaker, self.now)
            .await?;
        match reservation {
            Reservation::Granted(place) => {
                let _ = access.place.set(place);
                Ok(())
            }
            Reservation::Refused(window) => Err(self.refused(&window).into()),
        }
    }

    /// Gives the place back if no user has lost access after all.
    pub(super) async fn settle<T>(
        &self,
        resource_type: &ResourceType,
        access: &Access,
        outcome: &Result<T, Failure>,
    ) {
        let is_needed = access.is_taken.load(Relaxed)
            && match outcome {
                Ok(_) => true,
                // The user may have lost access all the same.
                Err(failure) => matches!(failure.cause, Some(StoreError::Unavailable { .. })),
            };
        if let (Some(place), false) = (access.place.get(), is_needed) {
            // A place that cannot be given back is free again when the window ends.
            let _ = self.store.release_deactivation(resource_type, *place).await;
        }
    }

    fn refused(&self, window: &Window) -> ScimError {
        ScimError::TooManyDeactivations(format!(
            "{} users have been deactivated or deleted since {}, the most that may be within {} hours ({} % of the active users, and never fewer than {NEVER_BELOW}); if a scope or an assignment in Entra is wrong, correct it; if all of them are to go, ask the operator of this service for `scim-admin breaker lift`, or wait until {}; creations and other updates go on",
            window.used,
            rfc3339(window.since),
            self.breaker.window.whole_hours(),
            self.breaker.share_percent,
            rfc3339(window.frees),
        ))
    }
}
