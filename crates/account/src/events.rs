//! What events are made of: the change records of a tenant, and how everything is.

use std::collections::{BTreeMap, HashSet};

use scim::schema::{GROUPS, USERS};
use scim::{ResourceId, ResourceType, Stored};
use serde_json::{Map, Value};
use store::directory::history::{Continuation, Record, Span};
use store::directory::record::ChangeKind;
use store::secrets::{Act, Begun};
use time::{Duration, OffsetDateTime};

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

/// By how much a record may be written later than its time says.
const LATE: Duration = Duration::seconds(60);

/// Members of one group, by the time since when they are.
type ByTime = BTreeMap<OffsetDateTime, Vec<ResourceId>>;

fn show_members(
    group: Option<ResourceId>,
    by_time: &mut ByTime,
    visit: &mut (impl FnMut(Present) + Send),
) {
    let Some(group) = group else { return };
    for (since, members) in std::mem::take(by_time) {
        visit(Present::Members {
            group: group.clone(),
            since,
            members,
        });
    }
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

    /// Shows `visit` everything that is there: users, groups, and who is in which group, also of
    /// users and groups that can be restored. What changes meanwhile is told by its events.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`store::StoreError::Damaged`].
    pub async fn present(&self, mut visit: impl FnMut(Present) + Send) -> Result<(), Failure> {
        let directory = self.directory();
        let begun = OffsetDateTime::now_utc();
        for resource_type in [&USERS, &GROUPS] {
            let show = |stored| visit(Present::Resource(resource_type, Box::new(stored)));
            directory.all(resource_type, show).await?;
        }
        let mut current = None;
        let mut by_time = ByTime::new();
        let show = |group, user, at: Option<OffsetDateTime>| {
            if current.as_ref() != Some(&group) {
                show_members(current.replace(group), &mut by_time, &mut visit);
            }
            // Edges of earlier releases do not say.
            let since = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
            by_time.entry(since).or_default().push(user);
        };
        directory.all_memberships(show).await?;
        show_members(current, &mut by_time, &mut visit);
        // Memberships of deleted users are found elsewhere than those of others, so whoever was
        // restored in between was found nowhere.
        for user in self.restored_since(begun - LATE).await? {
            let show = |group, at: Option<OffsetDateTime>| {
                visit(Present::Members {
                    group,
                    since: at.unwrap_or(OffsetDateTime::UNIX_EPOCH),
                    members: vec![user.clone()],
                });
            };
            directory.memberships_of(&user, show).await?;
        }
        Ok(())
    }

    /// The users that were restored since a time.
    async fn restored_since(&self, since: OffsetDateTime) -> Result<HashSet<ResourceId>, Failure> {
        let span = Span {
            from: since,
            to: OffsetDateTime::now_utc() + Duration::DAY,
        };
        let mut restored = HashSet::new();
        let history = self.directory();
        let read = history.history(span, |record| {
            if let Record::Change(record) = record
                && record.operation == ChangeKind::Restore
                && record.resource_type == USERS.name
            {
                restored.insert(record.id);
            }
            true
        });
        read.await?;
        Ok(restored)
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
