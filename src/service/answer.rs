//! The answer to a change of a resource: what is shown of it.
//!
//! A change is made before its answer is put together, for which more may have to be read. Should
//! that fail, the request has succeeded all the same: an answer that says otherwise would be wrong,
//! so less is shown.

use std::time::Duration;

use scim::ignored::Ignored;
use scim::page::Shown;
use scim::project::Projection;
use scim::schema::GROUPS;
use scim::{ResourceType, Stored};
use store::directory::members::MembersChanged;
use tokio::time::timeout_at;

use super::Directory;
use super::about::About;
use super::changed::Changed;

/// How many members a group may have to be shown in the answer to a PATCH.
const MAX_SHOWN: u64 = 100;

/// What is left of a request's time when its answer is put together with what has been read.
const FOR_THE_ANSWER: Duration = Duration::from_millis(250);

/// A resource in an operation's answer.
#[derive(Debug)]
pub struct Answer {
    /// Its entity tag; `None` if it was not read.
    pub etag: Option<String>,
    /// Its URL.
    pub location: String,
    /// Its id.
    pub id: String,
    /// The resource, projected; `None` if it is not shown.
    pub body: Option<Shown>,
    /// What the request named and the service does not know.
    pub ignored: Ignored,
    /// What is to be logged of it beside the answer, since it left something out and nothing was
    /// written.
    pub untold: Option<Box<About>>,
    /// What became of a group's members.
    pub members: MembersChanged,
}

impl Directory<'_> {
    /// The answer with a changed resource, which is shown if there is a projection.
    pub(super) async fn answer(
        &self,
        resource_type: &'static ResourceType,
        changed: Changed,
        projection: Option<&Projection>,
    ) -> Answer {
        let Changed {
            stored,
            members,
            is_new,
            is_written: _,
        } = changed;
        let mut answer = Answer {
            etag: None,
            location: stored.location(resource_type, self.base),
            id: stored.id.to_string(),
            body: None,
            ignored: Ignored::default(),
            untold: None,
            members,
        };
        let is_known = answer.members.added + answer.members.removed == 0;
        let is_alone = is_new && is_known;
        let until = self.deadline.checked_sub(FOR_THE_ANSWER);
        let read = async {
            // Its members have changed since it was read. Somebody else may have deleted it since.
            let stored = match is_known {
                true => stored.clone(),
                false => self
                    .store
                    .get(resource_type, &stored.id)
                    .await
                    .ok()
                    .flatten()?,
            };
            let etag = stored.meta.etag();
            let Some(projection) = projection else {
                return Some((etag, None));
            };
            // Nobody can have made it a member yet, nor it anybody.
            let apart = match is_alone {
                true => Ok(None),
                false => {
                    let membership = stored.meta.membership;
                    self.apart(resource_type, &stored.id, membership, projection)
                        .await
                }
            };
            let apart = apart.ok()?;
            let shown = self.show_with(resource_type, stored, projection, apart.as_ref());
            Some((etag, Some(shown)))
        };
        let read = match until {
            Some(until) => timeout_at(until, Box::pin(read)).await.ok().flatten(),
            None => None,
        };
        match read {
            Some((etag, body)) => {
                answer.etag = Some(etag);
                answer.body = body;
            }
            // A group is better not shown than without its members.
            None if *resource_type != GROUPS || is_new => {
                let shown = |projection| {
                    let stored = stored.clone();
                    self.show_with(resource_type, stored, projection, None)
                };
                answer.body = projection.map(shown);
            }
            None => {}
        }
        answer
    }

    /// The same without the resource, if that is a group with many members of which the client did
    /// not say what to show: RFC 7644 §3.5.2 allows it for a PATCH.
    pub(super) async fn answer_if_short(
        &self,
        resource_type: &'static ResourceType,
        changed: Changed,
        projection: Option<&Projection>,
    ) -> Answer {
        let is_default = projection.is_some_and(Projection::is_default);
        if is_default && is_long(&changed) {
            let Changed {
                stored, members, ..
            } = changed;
            return Answer {
                etag: None,
                location: stored.location(resource_type, self.base),
                id: stored.id.to_string(),
                body: None,
                ignored: Ignored::default(),
                untold: None,
                members,
            };
        }
        self.answer(resource_type, changed, projection).await
    }
}

/// Whether a group has many members, as far as is known without reading it again.
fn is_long(
    Changed {
        stored, members, ..
    }: &Changed,
) -> bool {
    let Stored { meta, .. } = stored;
    let count = meta.membership.members.saturating_add(members.added);
    count.saturating_sub(members.removed) > MAX_SHOWN
}
