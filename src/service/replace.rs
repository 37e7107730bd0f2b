//! PUT (RFC 7644 §3.5.1).

use scim::project::Projection;
use scim::schema::check::check;
use scim::schema::finish::keep_immutable;
use scim::{ResourceType, Stored};
use store::directory::record::ChangeKind;

use super::change::Decision;
use super::{Answer, Body, Directory, Failure, IfMatch};

impl Directory<'_> {
    /// Replaces the attributes of a resource by those of a request body; attributes missing from
    /// the body are cleared. Only `active` is kept if it is missing: a client that does not mention
    /// access must neither give nor remove it.
    ///
    /// # Errors
    /// 404, 412, `invalidSyntax`, `invalidValue`, `uniqueness`, and 409 when too many users have
    /// lost access recently.
    pub async fn replace(
        &self,
        resource_type: &'static ResourceType,
        id: &str,
        body: Body<'_>,
        if_match: &IfMatch,
        projection: &Projection,
    ) -> Result<Answer, Failure> {
        let changed = self.change(resource_type, id, if_match, ChangeKind::Replace, || {
            let given = check(resource_type, body.object()?)?;
            Ok(move |current: &Stored| {
                let access = resource_type.has_access(&current.resource);
                let next = resource_type.with_default_access(given.clone(), access);
                keep_immutable(resource_type, &current.resource, &next)?;
                if next == current.resource {
                    return Ok(Decision::Keep);
                }
                Ok(Decision::Replace(next))
            })
        });
        Ok(self.answer(resource_type, changed.await?, projection))
    }
}
