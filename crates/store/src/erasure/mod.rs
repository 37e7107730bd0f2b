//! The erasure of a person: nothing that was said of them is left in a tenant's directory.
//!
//! Who did what when stays: change records keep the operation, time, actor, request and version,
//! and lose their values. The user goes by a change of its own, which has a record too. For
//! operators: the function never calls this.
//!
//! Clients may write meanwhile. An erasure that was ended early leaves an item (`person`) by which
//! the next one finds everything that is left.

mod apply;
mod person;
mod trace;

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use backon::Retryable as _;
use scim::schema::USERS;
use scim::{ResourceId, Stored};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::client::attributes::{Item, string, text};
use crate::client::format;
use crate::client::tables::SORT_KEY;
use crate::client::transaction::{Outcome, RACES};
use crate::directory::keys;
use crate::directory::members::edge::LEFT;
use crate::directory::parts::{Expectation, Parts};
use crate::directory::record::{self, ChangeKind, Origin, Written};
use crate::directory::tombstone::Tombstone;
use crate::{StoreError, TenantStore};

use person::Person;
use trace::{Kind, blanked, trace};

/// How many of those are named whose manager was erased.
const MAX_REPORTED: usize = 1_000;

/// What was known of a person before an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The user was there.
    Present,
    /// The user was deleted, and could have been restored.
    Deleted,
    /// Only records were left.
    Recorded,
    /// The person was erased before, completely or up to where that was ended.
    Erased,
}

/// What an erasure has removed, or would remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// What was known before.
    pub known: Known,
    /// Whether an erasure was begun before, and not completed.
    pub is_unfinished: bool,
    /// Change records of the user that have no values any more.
    pub records: u64,
    /// Change records of others that do not name the user as their manager any more.
    pub manager_records: u64,
    /// Records of changes of groups' members that do not say any more what the person was called.
    pub member_records: u64,
    /// Memberships that the user had, or would have come back to.
    pub memberships: u64,
    /// Items that led to the user, besides those that went with it.
    pub lookups: u64,
    /// Counters of refused requests that do not quote the person any more.
    pub refusals: u64,
    /// Entries of the provisioning log.
    pub requests: u64,
    /// Whose manager the person is, in the order of ids: they are not changed. A thousand at most.
    pub managed: Vec<ResourceId>,
    /// How many those are in all.
    pub managed_count: u64,
}

impl Erased {
    fn of(known: Known, is_unfinished: bool) -> Self {
        Self {
            known,
            is_unfinished,
            records: 0,
            manager_records: 0,
            member_records: 0,
            memberships: 0,
            lookups: 0,
            refusals: 0,
            requests: 0,
            managed: Vec::new(),
            managed_count: 0,
        }
    }

    /// How many items said something of the person, besides the user's own and those that are only
    /// reported.
    pub fn items(&self) -> u64 {
        [
            self.records,
            self.manager_records,
            self.member_records,
            self.memberships,
            self.lookups,
            self.refusals,
            self.requests,
        ]
        .iter()
        .sum()
    }

    fn count(&mut self, kind: Kind) {
        let counter = match kind {
            Kind::Record => &mut self.records,
            Kind::ManagerRecord => &mut self.manager_records,
            Kind::MemberRecord => &mut self.member_records,
            Kind::Membership => &mut self.memberships,
            Kind::Lookup => &mut self.lookups,
            Kind::Refusal => &mut self.refusals,
            Kind::Request => &mut self.requests,
            Kind::Report(user) => {
                if self.managed.len() < MAX_REPORTED {
                    self.managed.push(user);
                }
                &mut self.managed_count
            }
        };
        *counter += 1;
    }
}

impl TenantStore<'_> {
    /// Erases a person, or says what an erasure would do. `None` if nothing is known of the id.
    ///
    /// `progress` is told how many items were looked at.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], [`StoreError::Throttled`] or [`StoreError::VersionMismatch`] when
    /// every attempt failed for that reason; failures of DynamoDB, and [`StoreError::Damaged`].
    /// Called again, it does the rest.
    pub async fn erase(
        &self,
        user: &ResourceId,
        origin: &Origin,
        is_dry_run: bool,
        progress: impl FnMut(u64) + Send,
    ) -> Result<Option<Erased>, StoreError> {
        let present = self.get(&USERS, user).await?;
        let tombstone = self.tombstone(&USERS, user).await?;
        let person = self
            .person(user, present.as_ref(), tombstone.as_ref())
            .await?;
        let known = match (&present, &tombstone, &person.latest) {
            (Some(_), ..) => Known::Present,
            (None, Some(_), _) => Known::Deleted,
            (None, None, Some(latest)) if latest.operation != ChangeKind::Erase => Known::Recorded,
            (None, None, latest) if latest.is_some() || person.is_begun => Known::Erased,
            _ => return Ok(None),
        };
        let mut erased = Erased::of(known, person.is_begun);
        if is_dry_run {
            return Box::pin(self.erase_everywhere(person, erased, true, progress))
                .await
                .map(Some);
        }
        self.settled(self.put(self.begun(&person))?).await?;
        let user_goes = || Box::pin(self.erase_user(&person, origin));
        erased.memberships = user_goes.retry(RACES).when(is_race).await?;
        // One that was to make the user a member leaves an edge when it is carried out.
        for pending in self.all_pending().await? {
            if pending.gone.contains(user) {
                self.finish(&pending.group).await?;
            }
        }
        let erased = Box::pin(self.erase_everywhere(person, erased, false, progress)).await?;
        self.settled(self.delete_item(keys::erasure(user))?).await?;
        Ok(Some(erased))
    }

    /// Removes the user as it is now, or what waits for its restoration. Each is a change with a
    /// record; nothing happens if the latest one is an erasure. Returns how many memberships went.
    async fn erase_user(&self, person: &Person, origin: &Origin) -> Result<u64, StoreError> {
        let user = &person.id;
        let ways = self.drop_ways_back(user).await?;
        if let Some(present) = self.get(&USERS, user).await? {
            let left = self.erase_present(&present, person, origin).await?;
            return Ok(ways + left);
        }
        if let Some(tombstone) = self.tombstone(&USERS, user).await? {
            self.erase_deleted(&tombstone, person, origin).await?;
            return Ok(ways);
        }
        let Some(latest) = &person.latest else {
            return Ok(ways);
        };
        // The person was read before it was erased, perhaps.
        if latest.operation == ChangeKind::Erase || self.has_ended(person).await? {
            return Ok(ways);
        }
        let version = latest.version.saturating_add(1);
        let written = erasure(user, version, latest.at, origin);
        self.send_all(Parts::default(), self.record_item(origin, &written))
            .await?;
        Ok(ways)
    }

    /// Whether an erasure has a record by now, though it had none when the person was read: an
    /// attempt that took effect without an answer.
    async fn has_ended(&self, person: &Person) -> Result<bool, StoreError> {
        let now = self.person(&person.id, None, None).await?;
        Ok(now
            .latest
            .is_some_and(|latest| latest.operation == ChangeKind::Erase))
    }

    /// The user leaves its groups and goes, with everything that leads to it.
    async fn erase_present(
        &self,
        current: &Stored,
        person: &Person,
        origin: &Origin,
    ) -> Result<u64, StoreError> {
        let mut parts = Parts::default();
        self.removal(&USERS, current, &mut parts)?;
        let tombstone = keys::tombstone(&USERS, &current.id);
        parts.push(self.delete_item(tombstone)?, Expectation::Nothing);
        let mut person = person.clone();
        person.add(current);
        parts.push(self.put(self.begun(&person))?, Expectation::Nothing);
        let meta = current.meta.changed(origin.at);
        let written = Written {
            at: meta.last_modified,
            before: Some(&current.resource),
            ..erasure(
                &current.id,
                meta.version,
                current.meta.last_modified,
                origin,
            )
        };
        let mut record = self.record_item(origin, &written);
        blank(&mut record)?;
        let mut leaving = self.leaving(&current.id).await?.for_good();
        // And the record.
        let others = parts.len() + 1;
        let left = leaving.all().into_iter().cloned().collect::<Vec<_>>();
        self.leave_before(&current.id, &mut leaving, others, origin)
            .await?;
        self.leave_now(current, &leaving, meta.last_modified, &mut parts)?;
        record.extend(record::left(&left));
        self.send_all(parts, record).await?;
        Ok(left.len() as u64)
    }

    /// Removes the edges by which a user would come back to groups: without the user, or what waits
    /// for its restoration, they would lead nowhere.
    async fn drop_ways_back(&self, user: &ResourceId) -> Result<u64, StoreError> {
        let mut ways = Vec::new();
        let query = self.query_prefix(keys::members::edges_of_user(user));
        self.each(query, |item| {
            if item.contains_key(LEFT) {
                // Unless the user has become a member again meanwhile.
                let delete = Delete::builder()
                    .table_name(self.table())
                    .set_key(Some(self.key(text(item, SORT_KEY)?.to_owned())))
                    .condition_expression("attribute_not_exists(pk) OR attribute_exists(#left)")
                    .expression_attribute_names("#left", LEFT)
                    .build()?;
                ways.push(TransactWriteItem::builder().delete(delete).build());
            }
            Ok(true)
        })
        .await?;
        for ways in ways.chunks(self.room()) {
            match self.transact(ways.to_vec()).await? {
                Outcome::Written => {}
                Outcome::ConditionsFailed(_) => return Err(StoreError::Conflict),
            }
        }
        Ok(ways.len() as u64)
    }

    /// What waits for a restoration goes.
    async fn erase_deleted(
        &self,
        tombstone: &Tombstone,
        person: &Person,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let mut parts = Parts::default();
        let stored = &tombstone.stored;
        let sort_key = keys::tombstone(&USERS, &stored.id);
        self.delete_unchanged(sort_key, stored.meta.version, &mut parts)?;
        let mut person = person.clone();
        person.add(stored);
        parts.push(self.put(self.begun(&person))?, Expectation::Nothing);
        let version = tombstone.version().saturating_add(1);
        let written = erasure(&stored.id, version, tombstone.deleted, origin);
        self.send_all(parts, self.record_item(origin, &written))
            .await
    }

    /// Looks at everything the tenant has, and erases what it says of the person.
    async fn erase_everywhere(
        &self,
        mut person: Person,
        mut erased: Erased,
        is_dry_run: bool,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<Erased, StoreError> {
        let (mut start, mut seen) = (None, 0);
        loop {
            let query = self.query().key_condition_expression("pk = :pk");
            let (items, next) = self.one_page(query.set_exclusive_start_key(start)).await?;
            for item in &items {
                // What a newer release has written may name the person anywhere.
                format::check(item)?;
                // What the user was called while the erasure began.
                if keys::changed_user(text(item, SORT_KEY)?) == Some(person.id.as_str()) {
                    person.add_changes(&record::read(item)?.changes);
                }
                let kind = match is_dry_run {
                    true => trace(item, &person)?.map(|(kind, _)| kind),
                    false => Box::pin(self.erase_in(item, &person)).await?,
                };
                if let Some(kind) = kind {
                    erased.count(kind);
                }
            }
            seen += items.len() as u64;
            progress(seen);
            if next.is_none() {
                return Ok(erased);
            }
            start = next;
        }
    }
}

/// Whether another attempt may succeed.
fn is_race(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Conflict | StoreError::Throttled | StoreError::VersionMismatch
    )
}

/// The change that removes a user, made of nothing but its time and version.
fn erasure<'a>(
    id: &'a ResourceId,
    version: u64,
    previous: OffsetDateTime,
    origin: &Origin,
) -> Written<'a> {
    Written {
        resource_type: &USERS,
        id,
        version,
        // Versions follow each other in time, whatever the clocks.
        at: origin.at.max(previous + time::Duration::MILLISECOND),
        previous: Some(previous),
        created: None,
        before: None,
        after: None,
    }
}

/// Erases the values of a record that is about to be written.
fn blank(record: &mut Item) -> Result<(), StoreError> {
    let changes: Map<String, Value> = serde_json::from_str(text(record, record::CHANGES)?)
        .map_err(|_| StoreError::Damaged("a record is no JSON".to_owned()))?;
    let changes = Value::Object(blanked(&changes)).to_string();
    record.insert(record::CHANGES.to_owned(), string(changes));
    Ok(())
}
