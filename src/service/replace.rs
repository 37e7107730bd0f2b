//! PUT (RFC 7644 §3.5.1).

use scim::project::Projection;
use scim::schema::check::{Checked, check};
use scim::schema::finish::keep_immutable;
use scim::{ResourceType, Stored};
use store::directory::record::ChangeKind;

use super::about::Making;
use super::change::Decision;
use super::{Answer, Body, Directory, Failure, IfMatch};

impl Directory<'_> {
    /// Replaces the attributes of a resource by those of a request body; attributes missing from
    /// the body are cleared. Only `active` is kept if it is missing: a client that does not mention
    /// access must neither give nor remove it. So are the members of a group, for the same reason.
    ///
    /// One of a bulk request has a place in it, from 1 on.
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
        projection: Option<&Projection>,
        part: Option<u32>,
    ) -> Result<Answer, Failure> {
        let making = Making::new(self, resource_type, ChangeKind::Replace, Some(id), part);
        let making = &making;
        let changed = self.change(resource_type, id, if_match, making, || {
            let body = body.object()?;
            making.read(&body);
            let Checked {
                resource: given,
                members,
                ignored,
            } = check(resource_type, body)?;
            making.ignore(ignored);
            let members = members.unwrap_or_default();
            Ok(move |current: &Stored| {
                let access = resource_type.has_access(&current.resource);
                let next = resource_type.with_default_access(given.clone(), access);
                keep_immutable(resource_type, &current.resource, &next)?;
                let next = (next != current.resource).then_some(next);
                if !members.is_nothing() {
                    return Ok(Decision::Members(members.clone(), next));
                }
                Ok(next.map_or(Decision::Keep, Decision::Replace))
            })
        });
        let changed = changed.await?;
        let (ignored, untold) = making.made(&changed);
        Ok(Answer {
            ignored,
            untold,
            ..self.answer(resource_type, changed, projection).await
        })
    }
}
