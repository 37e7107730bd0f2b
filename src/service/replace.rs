//! PUT (RFC 7644 §3.5.1).

use super::{Answer, Failure, IfMatch, Resources, parse_object, until_settled};
use crate::scim::project::Projection;
use crate::scim::schema::check::check;

impl Resources<'_> {
    /// Replaces the attributes of a resource by those of a request body; what the body lacks is
    /// cleared. Only `active` stays as it was where the body does not say: a client that does not
    /// speak of access must neither give nor take it.
    ///
    /// # Errors
    /// 404, 412, `invalidSyntax`, `invalidValue`, `uniqueness`.
    pub async fn replace(
        &self,
        id: &str,
        body: &[u8],
        if_match: &IfMatch,
        projection: &Projection,
    ) -> Result<Answer, Failure> {
        let stored = until_settled(|| async {
            let current = self.load(id).await?;
            if_match.check(&current)?;
            let resource = check(self.resource_type, parse_object(body)?)?
                .with_default_active(self.resource_type, current.resource.is_active());
            if resource == current.resource {
                return Ok(current);
            }
            self.store_changed(&current, resource).await
        })
        .await?;
        Ok(self.answer(stored, projection))
    }
}
