//! The state of a tenant: what it has, what became of its requests, and whether somebody has to
//! look.

use std::collections::{BTreeMap, BTreeSet};

use scim::ResourceId;
use scim::schema::{GROUPS, PROVIDED, USERS};
use store::directory::breaker::Breaker;
use store::directory::history::{Record, Span};
use store::directory::members::PendingChange;
use store::secrets::Tenant;
use store::usage::answers::AnswerCount;
use store::usage::refusals::RefusalCount;
use store::{Meter, Store};
use time::OffsetDateTime;

use crate::deleted::name;
use crate::history::horizon;
use crate::keys::KnownKey;
use crate::requests::Asked;
use crate::verdict::{Facts, Verdict};
use crate::{Account, Failure};

/// How many of those whom an open breaker keeps are named at most.
const MAX_KEPT: usize = 1_000;

/// The reason that an open breaker gives.
const BREAKER: &str = "tooManyDeactivations";

/// The state of a tenant.
#[derive(Debug)]
pub struct Status {
    /// The tenant.
    pub tenant: Tenant,
    /// What is to be thought of it, the worst first.
    pub verdict: Verdict,
    /// Why, in sentences, with what to do.
    pub reasons: Vec<String>,
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
    /// Those who were to lose access, or be deleted, while a breaker is open.
    pub kept: Vec<Kept>,
    /// When it was read.
    pub now: OffsetDateTime,
    /// Since when answers and refusals are counted, and who was left out.
    pub since: OffsetDateTime,
    /// The answers since then.
    pub answers: Answered,
    /// By kind, in the order of their first refusal.
    pub refusals: Vec<RefusalCount>,
    /// Keys that there is a warning of.
    pub keys: Vec<KnownKey>,
}

/// The answers of a time.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Answered {
    /// How many succeeded.
    pub succeeded: u64,
    /// How many were refused.
    pub refused: u64,
    /// How many failed.
    pub failed: u64,
    /// How many belong into the log of requests and are not there.
    pub unlogged: u64,
    /// When the last was given.
    pub last: Option<OffsetDateTime>,
    /// Which release of the function gave it.
    pub release: Option<String>,
}

impl Answered {
    fn of(hours: &[AnswerCount]) -> Self {
        let mut all = Self::default();
        for hour in hours {
            all.succeeded += hour.succeeded;
            all.refused += hour.refused;
            all.failed += hour.failed;
            all.unlogged += hour.unlogged;
            if all.last.is_none_or(|last| last <= hour.last) {
                all.last = Some(hour.last);
                all.release.clone_from(&hour.release);
            }
        }
        all
    }

    /// How many there were in all.
    pub fn total(&self) -> u64 {
        self.succeeded + self.refused + self.failed
    }
}

/// Somebody, or a group, whom an open breaker keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The id.
    pub id: ResourceId,
    /// The userName or the displayName.
    pub name: String,
}

impl Account {
    /// The state of the tenant, with what became of its requests since a time.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn status(&self, since: OffsetDateTime) -> Result<Status, Failure> {
        let directory = self.directory();
        let now = OffsetDateTime::now_utc();
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
        let breaker = directory.breaker(&USERS).await?;
        let breaker_of_groups = directory.breaker(&GROUPS).await?;
        let kept = self.kept([&breaker, &breaker_of_groups], now).await?;
        let keys = self.credentials().await?;
        let answers = directory.answers(since).await?;
        let refusals = directory.refusals(since).await?;
        let (verdict, reasons) = Facts {
            tenant: &self.tenant,
            now,
            keys: &keys,
            answers: &answers,
            refusals: &refusals,
            is_open: [&breaker, &breaker_of_groups]
                .iter()
                .any(|breaker| breaker.open(now).is_some()),
            kept: kept.len(),
        }
        .judge();
        Ok(Status {
            tenant: self.tenant.clone(),
            verdict,
            reasons,
            users: directory.count(&USERS).await?,
            active: directory.count_active(&USERS).await?,
            groups: directory.count(&GROUPS).await?,
            pending: directory.pending_changes().await?,
            left_out,
            latest_change: directory.latest_change().await?,
            breaker,
            breaker_of_groups,
            kept,
            now,
            since,
            answers: Answered::of(&answers),
            refusals: by_kind(refusals, since),
            keys: keys
                .into_iter()
                .filter(|key| !key.warnings.is_empty())
                .collect(),
        })
    }

    /// Whom open breakers keep: those who were to lose access, or groups to be deleted, and have
    /// it, or are there.
    async fn kept(
        &self,
        breakers: [&Breaker; 2],
        now: OffsetDateTime,
    ) -> Result<Vec<Kept>, Failure> {
        let windows = breakers.iter().filter_map(|breaker| breaker.open(now));
        let Some(since) = windows.map(|window| window.since).min() else {
            return Ok(Vec::new());
        };
        let asked = Asked {
            reason: Some(BREAKER.to_owned()),
            ..Asked::default()
        };
        let mut ids = BTreeSet::new();
        self.visit_requests(since, horizon(), &asked, |request| {
            let id = request.subject.id.as_deref();
            ids.extend(id.and_then(ResourceId::parse));
            ids.len() < MAX_KEPT
        })
        .await?;
        let ids: Vec<ResourceId> = ids.into_iter().collect();
        let mut kept = Vec::new();
        for resource_type in PROVIDED {
            let found = self.directory().get_many(resource_type, &ids).await?;
            let still = found
                .into_iter()
                .filter(|stored| resource_type.has_access(&stored.resource));
            kept.extend(still.map(|stored| Kept {
                name: name(resource_type, &stored),
                id: stored.id,
            }));
        }
        Ok(kept)
    }
}

/// The states of all tenants, those first that need to be looked at most, with how many users each
/// has.
///
/// # Errors
/// Failures of DynamoDB.
pub async fn all(store: &Store, since: OffsetDateTime) -> Result<Vec<Status>, Failure> {
    let mut all = Vec::new();
    for tenant in store.list_tenants(&Meter::default()).await? {
        let account = Account::open(store, &tenant.id).await?;
        all.push(Box::pin(account.status(since)).await?);
    }
    all.sort_by(|one, other| (one.verdict, &one.tenant.id).cmp(&(other.verdict, &other.tenant.id)));
    Ok(all)
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
                    unlogged: sum.unlogged + hour.unlogged,
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
