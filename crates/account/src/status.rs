//! The state of a tenant: users and groups, latest change, breakers and refused requests.

use std::collections::BTreeMap;

use scim::schema::{GROUPS, USERS};
use store::directory::breaker::Breaker;
use store::directory::history::{Record, Span};
use store::directory::members::PendingChange;
use store::secrets::Tenant;
use store::usage::refusals::RefusalCount;
use time::OffsetDateTime;

use crate::history::horizon;
use crate::{Account, Failure};

/// The state of a tenant.
#[derive(Debug)]
pub struct Status {
    /// The tenant.
    pub tenant: Tenant,
    /// How many users there are.
    pub users: u64,
    /// How many of them are active.
    pub active: u64,
    /// How many groups there are.
    pub groups: u64,
    /// The large changes of members that are decided and not carried out yet.
    pub pending: Vec<PendingChange>,
    /// How many were to become members lately, and are no users.
    pub left_out: u64,
    /// The latest change.
    pub latest_change: Option<Record>,
    /// The breaker of users.
    pub breaker: Breaker,
    /// The breaker of groups.
    pub breaker_of_groups: Breaker,
    /// When it was read.
    pub now: OffsetDateTime,
    /// Since when refusals are counted, and who was left out.
    pub since: OffsetDateTime,
    /// By kind, in the order of their first refusal.
    pub refusals: Vec<RefusalCount>,
}

impl Account {
    /// The state of the tenant, with what was refused since a time.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn status(&self, since: OffsetDateTime) -> Result<Status, Failure> {
        let directory = self.directory();
        let mut left_out = 0;
        let lately = Span {
            from: since,
            to: horizon(),
        };
        directory
            .history(lately, |record| {
                if let Record::Members(record) = record {
                    left_out += record.left_out;
                }
                true
            })
            .await?;
        Ok(Status {
            tenant: self.tenant.clone(),
            users: directory.count(&USERS).await?,
            active: directory.count_active(&USERS).await?,
            groups: directory.count(&GROUPS).await?,
            pending: directory.pending_changes().await?,
            left_out,
            latest_change: directory.latest_change().await?,
            breaker: directory.breaker(&USERS).await?,
            breaker_of_groups: directory.breaker(&GROUPS).await?,
            now: OffsetDateTime::now_utc(),
            since,
            refusals: by_kind(directory.refusals(since).await?, since),
        })
    }
}

/// Adds up the hours of each kind of refusal.
fn by_kind(hours: Vec<RefusalCount>, since: OffsetDateTime) -> Vec<RefusalCount> {
    let mut kinds: BTreeMap<(u16, String, String), RefusalCount> = BTreeMap::new();
    for hour in hours.into_iter().filter(|hour| hour.last >= since) {
        let kind = (hour.status, hour.reason.clone(), hour.route.clone());
        kinds
            .entry(kind)
            .and_modify(|sum| {
                *sum = RefusalCount {
                    count: sum.count + hour.count,
                    first: sum.first,
                    ..hour.clone()
                };
            })
            .or_insert(hour);
    }
    let mut refusals: Vec<RefusalCount> = kinds.into_values().collect();
    refusals.sort_by_key(|refusal| refusal.first);
    refusals
}
