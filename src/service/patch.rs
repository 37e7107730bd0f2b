//! PATCH (RFC 7644 §3.5.2).

use std::sync::OnceLock;

use scim::ResourceType;
use scim::ignored::Ignored;
use scim::patch::{Applied, PatchRequest, apply};
use scim::project::Projection;
use scim::work::Budget;
use store::directory::record::ChangeKind;

use super::change::Decision;
use super::{Answer, Body, Directory, Failure, IfMatch};

impl Directory<'_> {
    /// Applies all operations of a PATCH body or none. A PATCH that changes nothing writes nothing
    /// and keeps the version.
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
    ) -> Result<Answer, Failure> {
        // The same, however often a lost race has the request decided again.
        let skipped = OnceLock::<Ignored>::new();
        let changed = self.change(resource_type, id, if_match, ChangeKind::Patch, || {
            let request = PatchRequest::parse(body.object()?)?;
            let skipped = &skipped;
            Ok(move |current: &scim::Stored| {
                // After a lost race the same is computed again, which the client can do nothing
                // about: as for a request that is sent again, with a budget of its own.
                let again = Budget::default();
                let budget = if skipped.get().is_none() {
                    &self.budget
                } else {
                    &again
                };
                let Applied {
                    resource,
                    members,
                    ignored,
                } = apply(resource_type, &current.resource, &request, budget)?;
                let _ = skipped.set(ignored);
                if !members.is_nothing() {
                    return Ok(Decision::Members(members, resource));
                }
                Ok(resource.map_or(Decision::Keep, Decision::Replace))
            })
        });
        let answer = self.answer_if_short(resource_type, changed.await?, projection);
        Ok(Answer {
            ignored: skipped.into_inner().unwrap_or_default(),
            ..answer.await
        })
    }
}
