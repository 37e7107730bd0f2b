//! What events are made of: the change records of a tenant, and how everything is.

use std::collections::{BTreeMap, HashSet};

use scim::schema::{GROUPS, USERS};
use scim::{ResourceId, ResourceType, Stored};
use serde_json::{Map, Value};
use store::directory::history::{Continuation, Span};
use store::directory::members::Since;
use store::secrets::{Act, Begun};
use time::OffsetDateTime;

use crate::{Account, Failure};

/// Something that is there.
#[derive(Debug, Clone, PartialEq)]
pub enum Present {
    /// A user or a group.
    Resource(&'static ResourceType, Box<Stored>),
    /// Members of a group.
    Members {
        /// The group.
        group: ResourceId,
        /// Since when they are: all of them, or nobody knows.
        since: OffsetDateTime,
        /// Who.
        members: Vec<ResourceId>,
    },
}

impl Account {
    /// The change records of a page as items in DynamoDB's JSON, and where the next page begins.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn outbox_page(
        &self,
        span: Span,
        from: Option<&Continuation>,
    ) -> Result<(Vec<Map<String, Value>>, Option<Continuation>), Failure> {
        Ok(self.directory().outbox_page(span, from).await?)
    }

    /// Shows `visit` everything that is there: users, groups, and who is in which group.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`store::StoreError::Damaged`].
    pub async fn present(&self, mut visit: impl FnMut(Present) + Send) -> Result<(), Failure> {
        let directory = self.directory();
        let mut users = HashSet::new();
        for resource_type in [&USERS, &GROUPS] {
            let show = |stored: Stored| {
                if resource_type.can_be_member() {
                    users.insert(stored.id.clone());
                }
                visit(Present::Resource(resource_type, Box::new(stored)));
            };
            directory.all(resource_type, show).await?;
        }
        let mut current: Option<ResourceId> = None;
        let mut by_time = BTreeMap::<OffsetDateTime, Vec<ResourceId>>::new();
        let mut show = |group: Option<ResourceId>, by_time: &mut BTreeMap<_, Vec<_>>| {
            let Some(group) = group else { return };
            for (since, members) in std::mem::take(by_time) {
                let group = group.clone();
                visit(Present::Members {
                    group,
                    since,
                    members,
                });
            }
        };
        directory
            .all_memberships(|group, user, Since { at, has_left }| {
                // Who has left and is there left before a deletion that failed.
                if has_left && users.contains(&user) {
                    return;
                }
                if current.as_ref() != Some(&group) {
                    show(current.replace(group), &mut by_time);
                }
                // Edges of earlier releases do not say.
                let since = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
                by_time.entry(since).or_default().push(user);
            })
            .await?;
        show(current, &mut by_time);
        Ok(())
    }

    /// Puts on the operator's log that events are sent again to this target, before the first is.
    ///
    /// # Errors
    /// While only a part of the tenant is there, and failures of DynamoDB.
    pub async fn begin_replay(&self, target: &str) -> Result<Begun, Failure> {
        self.begin(Act::Replay, Some(target)).await
    }

    /// Says on the operator's log how many were sent.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn complete_replay(&self, begun: &Begun, sent: u64) -> Result<(), Failure> {
        Ok(self.complete(begun, &format!("{sent} events")).await?)
    }
}
