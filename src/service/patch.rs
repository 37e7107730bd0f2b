//! PATCH (RFC 7644 §3.5.2).

use super::access::Access;
use super::{Answer, Body, Directory, Failure, IfMatch, until_settled};
use scim::patch::{PatchRequest, apply};
use scim::project::Projection;
use scim::resource::reserved_user_name;
use scim::{Resource, ResourceType, Stored};
use store::history::Operation;

impl Directory<'_> {
    /// Applies all operations of a PATCH body or none. A PATCH that changes nothing writes
    /// nothing and leaves the version as it is.
    ///
    /// # Errors
    /// 404, 412, `invalidSyntax`, `invalidPath`, `invalidValue`, `noTarget`, `mutability`,
    /// `uniqueness`, and 409 when too many users have lost access lately.
    pub async fn patch(
        &self,
        resource_type: &'static ResourceType,
        id: &str,
        body: Body<'_>,
        if_match: &IfMatch,
        projection: &Projection,
    ) -> Result<Answer, Failure> {
        let access = Access::default();
        let outcome = until_settled(|| async {
            let current = self.load(resource_type, id).await?;
            if_match.check(&current)?;
            let request = PatchRequest::parse(body.object()?)?;
            let changed = apply(resource_type, &current.resource, &request)?;
            let takes = current.resource.is_active()
                && changed.as_ref().is_some_and(|next| !next.is_active());
            self.reserve(resource_type, takes, &access).await?;
            match changed {
                None => Ok(current),
                Some(resource) => {
                    self.store_changed(resource_type, &current, resource, Operation::Patch)
                        .await
                }
            }
        })
        .await;
        self.settle(resource_type, &access, &outcome).await;
        Ok(self.answer(resource_type, outcome?, projection))
    }

    /// Writes `resource` as the next version of `current`.
    pub(super) async fn store_changed(
        &self,
        resource_type: &ResourceType,
        current: &Stored,
        resource: Resource,
        operation: Operation,
    ) -> Result<Stored, Failure> {
        let next = self.changed(current, resource);
        let origin = self.origin(operation);
        self.store
            .replace(resource_type, current, &next, &origin)
            .await?;
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
