//! PATCH (RFC 7644 §3.5.2).

use super::{Answer, Body, Directory, Failure, IfMatch, until_settled};
use crate::scim::patch::{PatchRequest, apply};
use crate::scim::project::Projection;
use crate::scim::resource::reserved_user_name;
use crate::scim::{Resource, ResourceType, Stored};

impl Directory<'_> {
    /// Applies all operations of a PATCH body or none. A PATCH that changes nothing writes
    /// nothing and leaves the version as it is.
    ///
    /// # Errors
    /// 404, 412, `invalidSyntax`, `invalidPath`, `invalidValue`, `noTarget`, `mutability`,
    /// `uniqueness`.
    pub async fn patch(
        &self,
        resource_type: &'static ResourceType,
        id: &str,
        body: Body<'_>,
        if_match: &IfMatch,
        projection: &Projection,
    ) -> Result<Answer, Failure> {
        let stored = until_settled(|| async {
            let current = self.load(resource_type, id).await?;
            if_match.check(&current)?;
            let request = PatchRequest::parse(body.object()?)?;
            match apply(resource_type, &current.resource, &request)? {
                None => Ok(current),
                Some(resource) => self.store_changed(resource_type, &current, resource).await,
            }
        })
        .await?;
        Ok(self.answer(resource_type, stored, projection))
    }

    /// Writes `resource` as the next version of `current`.
    pub(super) async fn store_changed(
        &self,
        resource_type: &ResourceType,
        current: &Stored,
        resource: Resource,
    ) -> Result<Stored, Failure> {
        let next = self.changed(current, resource);
        self.store.replace(resource_type, current, &next).await?;
        Ok(next)
    }

    /// The next version of `current`.
    pub(super) fn changed(&self, current: &Stored, resource: Resource) -> Stored {
        Stored {
            id: current.id.clone(),
            meta: current.meta.changed(self.now),
            reserved_user_name: reserved_user_name(current, &resource),
            resource,
        }
    }
}
