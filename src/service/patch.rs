//! PATCH (RFC 7644 §3.5.2).

use scim::ResourceType;
use scim::patch::{Applied, PatchRequest, apply};
use scim::project::Projection;
use scim::work::Budget;
use store::directory::record::ChangeKind;

use super::about::Making;
use super::change::Decision;
use super::{Answer, Body, Directory, Failure, IfMatch};

impl Directory<'_> {
    /// Applies all operations of a PATCH body or none. A PATCH that changes nothing writes nothing
    /// and keeps the version.
    ///
    /// One of a bulk request has a place in it, from 1 on.
    ///
    /// # Errors
    /// 404, 412, `invalidSyntax`, `invalidPath`, `invalidValue`, `noTarget`, `mutability`,
    /// `uniqueness`, `tooMany`, and 409 when too many users have lost access recently.
    pub async fn patch(
        &self,
        resource_type: &'static ResourceType,
        id: &str,
        body: Body<'_>,
        if_match: &IfMatch,
        projection: Option<&Projection>,
        part: Option<u32>,
    ) -> Result<Answer, Failure> {
        let making = Making::new(self, resource_type, ChangeKind::Patch, Some(id), part);
        let making = &making;
        let changed = self.change(resource_type, id, if_match, making, || {
            let body = body.object()?;
            making.read(&body);
            let request = PatchRequest::parse(body)?;
            Ok(move |current: &scim::Stored| {
                // After a lost race the same is computed again, which the client can do nothing
                // about: as for a request that is sent again, with a budget of its own.
                let again = Budget::default();
                let budget = if making.is_decided() {
                    &again
                } else {
                    &self.budget
                };
                let Applied {
                    resource,
                    members,
                    ignored,
                } = apply(resource_type, &current.resource, &request, budget)?;
                making.ignore(ignored);
                if !members.is_nothing() {
                    return Ok(Decision::Members(members, resource));
                }
                Ok(resource.map_or(Decision::Keep, Decision::Replace))
            })
        });
        let changed = changed.await?;
        let (ignored, untold) = making.made(&changed);
        let answer = self.answer_if_short(resource_type, changed, projection);
        Ok(Answer {
            ignored,
            untold,
            ..answer.await
        })
    }
}
