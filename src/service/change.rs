//! The shared loop of PATCH, PUT and DELETE: load, decide, ask the breaker if access is taken,
//! store. After a lost race it starts again from the current state, so that no update is lost.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use scim::members::MemberChange;
use scim::resource::rfc3339;
use scim::{Resource, ResourceType, ScimError, Stored};
use store::StoreError;
use store::directory::Deletion;
use store::directory::breaker::{Admission, Grant, Window};

use super::about::Making;
use super::changed::Changed;
use super::{Directory, Failure, IfMatch};

/// What a request does to the resource it found.
pub(super) enum Decision {
    /// Nothing: the resource is already as requested.
    Keep,
    /// Store these attributes.
    Replace(Resource),
    /// Change who is a member, and store these attributes if they change.
    Members(MemberChange, Option<Resource>),
    /// Delete it.
    Delete,
}

impl Decision {
    /// Whether the decision removes access from a user who has it.
    fn takes_access(&self, resource_type: &ResourceType, current: &Stored) -> bool {
        let keeps_access = match self {
            Self::Keep | Self::Members(..) => true,
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
        making: &Making<'_>,
        prepare: impl FnOnce() -> Result<D, ScimError>,
    ) -> Result<Changed, Failure>
    where
        D: Fn(&Stored) -> Result<Decision, ScimError>,
    {
        let mut current = self.load(resource_type, id).await?;
        if_match.check(&current)?;
        self.store.accepted().await;
        let decide = prepare()?;
        let mut races = Races::default();
        loop {
            let attempt = self.attempt(resource_type, current, making, if_match, &decide);
            // Boxed, as are the larger steps within: there is room for one of them at a time.
            match Box::pin(attempt).await {
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
        making: &Making<'_>,
        if_match: &IfMatch,
        decide: &impl Fn(&Stored) -> Result<Decision, ScimError>,
    ) -> Result<Changed, Failure> {
        let decision = decide(&current)?;
        let grant = match decision.takes_access(resource_type, &current) {
            true => Some(self.admit(resource_type, &current).await?),
            false => None,
        };
        match decision {
            Decision::Keep => Ok(Changed {
                is_written: false,
                ..current.into()
            }),
            Decision::Replace(next)
                if resource_type.members.is_some() && if_match.names_a_version() =>
            {
                // The version that the client names is also that of its members.
                let members = MemberChange::default();
                Box::pin(self.change_members(current, Some(next), &members, making, true)).await
            }
            Decision::Replace(next) => {
                let grant = grant.as_ref();
                let origin = self.origin(making);
                let stored = self.store_next(resource_type, &current, next, &origin, grant);
                let stored = stored.await?;
                Box::pin(self.carry_on(&current)).await;
                Ok(stored.into())
            }
            Decision::Members(change, next) => {
                let is_conditional = if_match.names_a_version();
                Box::pin(self.change_members(current, next, &change, making, is_conditional)).await
            }
            Decision::Delete => {
                let origin = self.origin(making);
                let expires = origin.at.saturating_add(self.retention);
                let deletion = Deletion {
                    expires,
                    grant: grant.as_ref(),
                    is_conditional: if_match.names_a_version(),
                };
                let deletion = self
                    .store
                    .delete(resource_type, &current, &origin, deletion);
                Box::pin(deletion).await?;
                Ok(current.into())
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
            Admission::Refused(window) => Err(self.too_many(resource_type, &window).into()),
        }
    }

    fn too_many(&self, resource_type: &ResourceType, window: &Window) -> ScimError {
        let (lost, of) = match resource_type.access {
            Some(_) => ("users have been deactivated or deleted", "active users"),
            None => ("groups have been deleted", "groups"),
        };
        ScimError::TooManyDeactivations(format!(
            "{} {lost} since {}, the most that may be within {} hours ({} % of the {of}, and never fewer than {}); if a scope or an assignment in Entra is wrong, correct it; if all of them are to go, ask the operator of this service for `scim-admin breaker lift`, or wait until {}; creations and other updates go on",
            window.used,
            rfc3339(window.since),
            self.breaker.window.whole_hours(),
            self.breaker.share_percent,
            resource_type.breaker_floor,
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
