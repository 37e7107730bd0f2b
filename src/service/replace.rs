//! PUT (RFC 7644 §3.5.1).

use super::access::Access;
use super::{Answer, Body, Directory, Failure, IfMatch, until_settled};
use scim::ResourceType;
use scim::project::Projection;
use scim::schema::check::check;
use scim::schema::settle::keep_immutable;
use store::history::Operation;

impl Directory<'_> {
    /// Replaces the attributes of a resource by those of a request body; what the body lacks is
    /// cleared. Only `active` stays as it was where the body does not say: a client that does not
    /// speak of access must neither give nor take it.
    ///
    /// # Errors
    /// 404, 412, `invalidSyntax`, `invalidValue`, `uniqueness`, and 409 when too many users have lost
    /// access lately.
    pub async fn replace(
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
            let resource = check(resource_type, body.object()?)?
                .with_default_active(resource_type, current.resource.is_active());
            keep_immutable(resource_type, &current.resource, &resource)?;
            let takes = current.resource.is_active() && !resource.is_active();
            self.reserve(resource_type, takes, &access).await?;
            if resource == current.resource {
                return Ok(current);
            }
            self.store_changed(resource_type, &current, resource, Operation::Replace)
                .await
        })
        .await;
        self.settle(resource_type, &access, &outcome).await;
        Ok(self.answer(resource_type, outcome?, projection))
    }
}
