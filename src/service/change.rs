//! The shared loop of PATCH, PUT and DELETE: load, decide, ask the breaker if access is taken,
//! store. After a lost race it starts again from the current state, so that no update is lost.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use scim::resource::rfc3339;
use scim::{Resource, ResourceType, ScimError, Stored};
use store::StoreError;
use store::directory::breaker::{Admission, Grant, NEVER_BELOW, Window};
use store::directory::record::ChangeKind;

use super::{Directory, Failure, IfMatch};

/// What a request does to the resource it found.
pub(super) enum Decision {
    /// Nothing: the resource is already as requested.
    Keep,
    /// Store these attributes.
    Replace(Resource),
    /// Delete it.
    Delete,
}

impl Decision {
    /// Whether the decision removes access from a user who has it.
    fn takes_access(&self, resource_type: &ResourceType, current: &Stored) -> bool {
        let keeps_access = match self {
            Self::Keep => true,
            Self::Replace(next) => resource_type.has_access(next),
            Self::Delete => false,
        };
        resource_type.has_access(&current.resource) && !keeps_access
    }
}

impl Directory<'_> {
    /// Changes the resource with this id as `prepare` decides, and returns its new state.
    ///
    /// The first read may go ahead of the check of the key. `prepare`, which reads the body, is
    /// called once, after the key was accepted and the resource found: an unknown id is 404
    /// whatever the body says.
    ///
    /// # Errors
    /// 404, 412, the errors of `prepare` and of the decision, and 409 when too many users have lost
    /// access recently.
    pub(super) async fn change<D>(
        &self,
        resource_type: &ResourceType,
        id: &str,
        if_match: &IfMatch,
        kind: ChangeKind,
        prepare: impl FnOnce() -> Result<D, ScimError>,
    ) -> Result<Stored, Failure>
    where
        D: Fn(&Stored) -> Result<Decision, ScimError>,
    {
        let mut current = self.load(resource_type, id).await?;
        if_match.check(&current)?;
        self.store.accepted().await;
        let decide = prepare()?;
        let mut races = Races::default();
        loop {
            let attempt = self.attempt(resource_type, current, kind, &decide);
            match attempt.await {
                Err(failure) if races.run_again(&failure).await => {}
                outcome => return outcome,
            }
            current = self.load(resource_type, id).await?;
            if_match.check(&current)?;
        }
    }

    async fn attempt(
        &self,
        resource_type: &ResourceType,
        current: Stored,
        kind: ChangeKind,
        decide: &impl Fn(&Stored) -> Result<Decision, ScimError>,
    ) -> Result<Stored, Failure> {
        let decision = decide(&current)?;
        let grant = match decision.takes_access(resource_type, &current) {
            true => Some(self.admit(resource_type, &current).await?),
            false => None,
        };
        match decision {
            Decision::Keep => Ok(current),
            Decision::Replace(next) => {
                self.store_next(resource_type, &current, next, kind, grant.as_ref())
                    .await
            }
            Decision::Delete => {
                let origin = self.origin(kind);
                let expires = origin.at.saturating_add(self.retention);
                self.store
                    .delete(resource_type, &current, &origin, expires, grant.as_ref())
                    .await?;
                Ok(current)
            }
        }
    }

    /// The breaker's permission to take a user's access.
    async fn admit(
        &self,
        resource_type: &ResourceType,
        current: &Stored,
    ) -> Result<Grant, Failure> {
        let admission = self
            .store
            .admit(resource_type, current, self.breaker, self.now)
            .await?;
        match admission {
            Admission::Granted(grant) => Ok(grant),
            Admission::Refused(window) => Err(self.too_many(&window).into()),
        }
    }

    fn too_many(&self, window: &Window) -> ScimError {
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

/// How often a lost race is retried, and after which pauses: two to five seconds in total, within
/// the request's deadline. The random part keeps the racers from colliding again.
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(4))
    .with_max_delay(Duration::from_millis(250))
    .with_max_times(14)
    .with_jitter();

/// The races that a request may still lose.
pub(super) struct Races(ExponentialBackoff);

impl Default for Races {
    fn default() -> Self {
        Self(PAUSES.build())
    }
}

impl Races {
    /// Whether to start again after a failure: only after a lost race, and while retries remain.
    /// Waits for the pause before it returns true.
    pub(super) async fn run_again(&mut self, failure: &Failure) -> bool {
        let is_lost_race = matches!(
            failure.store_error(),
            Some(StoreError::VersionMismatch | StoreError::Conflict | StoreError::Throttled)
        );
        if !is_lost_race {
            return false;
        }
        let Some(pause) = self.0.next() else {
            return false;
        };
        tokio::time::sleep(pause).await;
        true
    }
}
