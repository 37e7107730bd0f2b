//! POST (RFC 7644 §3.3).

use scim::members::MemberChange;
use scim::project::Projection;
use scim::schema::check::{Checked, check};
use scim::text::fold;
use scim::{Meta, Resource, ResourceId, ResourceType, ScimError, Stored};
use store::StoreError;
use store::directory::record::{ChangeKind, Origin};
use uuid::Uuid;

use super::about::Making;
use super::change::Races;
use super::changed::Changed;
use super::{Answer, Body, Cause, Directory, Existing, Failure};

impl Directory<'_> {
    /// Creates a resource from a request body.
    ///
    /// Creating a deactivated user again, with the same userName and externalId, means that the
    /// user is back, which is how Okta does it: the user is reactivated under the old id.
    ///
    /// A request that is sent again because its answer was lost is one for a taken name: the
    /// service cannot know whether the client received the first answer, and a duplicate must be
    /// 409 (RFC 7644 §3.3). The answer names the existing resource, and a match query finds it.
    ///
    /// One of a bulk request has a place in it, from 1 on.
    ///
    /// # Errors
    /// `invalidSyntax`, `invalidValue`, `uniqueness`.
    pub async fn create(
        &self,
        resource_type: &'static ResourceType,
        body: Body<'_>,
        projection: Option<&Projection>,
        part: Option<u32>,
    ) -> Result<Answer, Failure> {
        self.store.accepted().await;
        // A new user has access unless the client says otherwise.
        let making = Making::new(self, resource_type, ChangeKind::Create, None, part);
        let body = body.object()?;
        making.read(&body);
        let Checked {
            resource,
            members,
            ignored,
        } = check(resource_type, body)?;
        making.ignore(ignored);
        let resource = resource_type.with_default_access(resource, true);
        let members = members.unwrap_or_default().for_new_group();
        let mut races = Races::default();
        let created = loop {
            let added = self.add_or_revive(resource_type, &resource, &members, &making);
            match added.await {
                Err(failure) if races.run_again(&failure).await => {}
                outcome => break outcome?,
            }
        };
        let (ignored, untold) = making.made(&created);
        Ok(Answer {
            ignored,
            untold,
            ..self.answer(resource_type, created, projection).await
        })
    }

    async fn add_or_revive(
        &self,
        resource_type: &'static ResourceType,
        resource: &Resource,
        members: &MemberChange,
        making: &Making<'_>,
    ) -> Result<Changed, Failure> {
        match self.add(resource_type, resource, members, making).await {
            Err(Failure {
                cause: Some(Cause::Store(cause @ StoreError::Taken { .. })),
                ..
            }) => {
                let revived = self.revive(resource_type, resource, cause, making);
                Ok(revived.await?.into())
            }
            outcome => outcome,
        }
    }

    async fn add(
        &self,
        resource_type: &ResourceType,
        resource: &Resource,
        members: &MemberChange,
        making: &Making<'_>,
    ) -> Result<Changed, Failure> {
        let origin = self.origin(making);
        let stored = Stored {
            id: new_id()?,
            meta: Meta::new(origin.at),
            resource: resource.clone(),
            reserved: None,
        };
        if !members.is_nothing() {
            return Box::pin(self.create_with_members(stored, members, &origin)).await;
        }
        self.store.create(resource_type, &stored, &origin).await?;
        Ok(Changed {
            is_new: true,
            ..stored.into()
        })
    }

    /// The holder of the resource's unique value, with the attributes of `resource`, if it is the
    /// same user, deactivated; otherwise the error `taken`.
    async fn revive(
        &self,
        resource_type: &ResourceType,
        resource: &Resource,
        taken: StoreError,
        making: &Making<'_>,
    ) -> Result<Stored, Failure> {
        let Some(value) = resource.text(resource_type.unique) else {
            return Err(taken.into());
        };
        let Some(holder) = self.store.holder(resource_type, value).await? else {
            // The holder is gone: retry, as the name is free now.
            return Err(StoreError::Conflict.into());
        };
        let Some(current) = self.store.get(resource_type, &holder).await? else {
            return Err(StoreError::Conflict.into());
        };
        let external_id = resource.text("externalId");
        let is_same = external_id == current.resource.text("externalId");
        let has_access = resource_type.has_access(&current.resource);
        let may_be_back = is_same && external_id.is_some();
        if !may_be_back || has_access || !resource_type.has_access(resource) {
            // It may also be called otherwise, and have the name reserved.
            let name = current.resource.text(resource_type.unique);
            let is_called_so = name.is_some_and(|name| fold(name) == fold(value));
            return Err(Failure {
                existing: Some(Box::new(Existing {
                    id: current.id.to_string(),
                    location: current.location(resource_type, self.base),
                    is_the_same: is_same && is_called_so,
                })),
                ..Failure::from(taken)
            });
        }
        let origin = Origin {
            operation: ChangeKind::Revive,
            ..self.origin(making)
        };
        self.store_next(resource_type, &current, resource.clone(), &origin, None)
            .await
    }
}

/// A random id (UUID version 4): the directory's counters and parallel reads rely on evenly
/// distributed ids.
pub(super) fn new_id() -> Result<ResourceId, Failure> {
    ResourceId::parse(&Uuid::new_v4().to_string())
        .ok_or_else(|| ScimError::Internal("the service could not make an id".to_owned()).into())
}
