//! Changing who is a member of a group: what fits is made, what does not is decided and carried out
//! as far as the request's time goes.

use std::time::Duration;

use scim::members::MemberChange;
use scim::schema::GROUPS;
use scim::{Resource, ScimError, Stored};
use store::StoreError;
use store::directory::members::{Attributes, ChangeOfMembers, MembersChanged};
use store::directory::record::Origin;
use tokio::time::{Instant, timeout_at};

use super::about::Making;
use super::changed::Changed;
use super::create::new_id;
use super::{Directory, Failure};

/// What a request leaves of its time for its answer when it carries out a change.
const FOR_THE_ANSWER: Duration = Duration::from_millis(1500);

/// How long a request that does not wait for a pending change carries it out all the same.
const FOR_OTHERS: Duration = Duration::from_millis(500);

impl Directory<'_> {
    /// Changes the members of a group, and its attributes if `next` has others.
    ///
    /// # Errors
    /// A lost race when another change is pending or came in between, 503 when another one cannot
    /// be carried out in time, `invalidValue` when nobody of those to be added is a user,
    /// `tooMany`, and those of storing attributes.
    pub(super) async fn change_members(
        &self,
        current: Stored,
        next: Option<Resource>,
        change: &MemberChange,
        making: &Making<'_>,
        is_conditional: bool,
    ) -> Result<Changed, Failure> {
        if current.meta.membership.pending {
            self.finish_pending(&current).await?;
            // What is read now is not what was decided on.
            return Err(StoreError::VersionMismatch.into());
        }
        let origin = self.origin(making);
        let next = next.map(|resource| self.next(&GROUPS, &current, resource, origin.at));
        let attributes = match &next {
            Some(next) => Attributes::Next(next),
            None => Attributes::Unchanged,
        };
        let id = new_id()?;
        let members = ChangeOfMembers {
            group: &current,
            attributes,
            members: change,
            id: &id,
            origin: &origin,
            is_conditional,
        };
        let members = self.store.change_members(members).await?;
        let is_written =
            next.is_some() || members.added + members.removed > 0 || !members.left_out.is_empty();
        let stored = next.unwrap_or(current);
        self.after(&stored, &members).await;
        Ok(Changed {
            stored,
            members,
            is_new: false,
            is_written,
        })
    }

    /// Creates a group with members.
    pub(super) async fn create_with_members(
        &self,
        group: Stored,
        change: &MemberChange,
        origin: &Origin,
    ) -> Result<Changed, Failure> {
        let id = new_id()?;
        let members = ChangeOfMembers {
            group: &group,
            attributes: Attributes::New,
            members: change,
            id: &id,
            origin,
            is_conditional: false,
        };
        let members = self.store.change_members(members).await?;
        self.after(&group, &members).await;
        Ok(Changed {
            stored: group,
            members,
            is_new: true,
            is_written: true,
        })
    }

    /// Carries out a change, which is made, whatever follows, as far as there is time.
    async fn after(&self, group: &Stored, changed: &MembersChanged) {
        if changed.is_pending {
            // Whoever changes the group next carries out the rest.
            let _ = self.store.carry_out(&group.id, self.carry_until()).await;
        }
    }

    /// Carries out a part of the pending change of a group, if there is one: after a change that
    /// does not wait for it.
    pub(super) async fn carry_on(&self, group: &Stored) {
        if group.meta.membership.pending {
            let until = self.carry_until().min(Instant::now() + FOR_OTHERS);
            // Whoever changes the group next carries out the rest.
            let _ = timeout_at(until, self.store.carry_out(&group.id, until)).await;
        }
    }

    /// Carries out the pending change of a group, before another one.
    async fn finish_pending(&self, group: &Stored) -> Result<(), Failure> {
        let until = self.carry_until();
        if self.store.carry_out(&group.id, until).await? {
            return Ok(());
        }
        let text = "a large change of this group's members is still being carried out; nothing was changed by this request, send it again";
        Err(ScimError::Unavailable(text.to_owned()).into())
    }

    fn carry_until(&self) -> Instant {
        self.deadline
            .checked_sub(FOR_THE_ANSWER)
            .unwrap_or(self.deadline)
    }
}
