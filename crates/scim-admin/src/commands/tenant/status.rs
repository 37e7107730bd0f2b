//! `tenant status`: a tenant's users and groups, latest change, breakers and refused requests.

use std::collections::BTreeMap;

use scim::ResourceType;
use scim::schema::{GROUPS, USERS};
use serde_json::{Value, json};
use store::directory::breaker::Breaker;
use store::directory::history::{Record, Span};
use store::directory::members::PendingChange;
use store::secrets::Tenant;
use store::usage::refusals::RefusalCount;
use store::{Gate, Meter, Store};
use tenant::TenantId;
use time::{Duration, OffsetDateTime};

use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::{columns, printable, stamp};

/// Why requests with a key that was issued are refused.
const ENDED: &[&str] = &["revokedKey", "expiredKey", "tenantDisabled"];

/// The state of a tenant.
#[derive(Debug)]
pub struct Status {
    tenant: Tenant,
    users: u64,
    active: u64,
    groups: u64,
    /// The large changes of members that are decided and not carried out yet.
    pending: Vec<PendingChange>,
    /// How many were to become members lately, and are no users.
    left_out: u64,
    latest_change: Option<Record>,
    breaker: Breaker,
    breaker_of_groups: Breaker,
    now: OffsetDateTime,
    /// Since when refusals are shown, and who was left out.
    since: OffsetDateTime,
    /// By kind, in the order of their first refusal.
    refusals: Vec<RefusalCount>,
}

pub async fn run(id: &TenantId, since: OffsetDateTime, store: &Store) -> Result<Status, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let tenant = store.find_tenant(id, &meter).await?;
    let directory = store.tenant(id, &meter, &gate);
    let mut left_out = 0;
    let lately = Span {
        from: since,
        to: OffsetDateTime::now_utc() + Duration::DAY,
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
        tenant,
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

/// What a record is about.
fn what(record: &Record) -> String {
    match record {
        Record::Change(change) => format!(
            "{} of {} {}",
            printable(change.operation.as_str()),
            change.resource_type,
            change.id
        ),
        Record::Members(record) => format!(
            "{} of the members of Group {}",
            printable(record.operation.as_str()),
            record.group
        ),
        Record::Groups(record) => format!(
            "{} of the groups of User {}",
            printable(record.operation.as_str()),
            record.user
        ),
        Record::Unknown { .. } => "of a kind that this version does not know".to_owned(),
    }
}

impl Report for Status {
    fn text(&self) -> String {
        let state = if self.tenant.enabled {
            "enabled"
        } else {
            "disabled, all of its keys are refused"
        };
        let latest = match &self.latest_change {
            Some(record) => format!("{}, {}", stamp(record.at()), what(record)),
            None => "none on record".to_owned(),
        };
        let mut text = format!(
            "tenant       {}, {state}\nkeys         {} not revoked\nusers        {}, {} of them active\ngroups       {}{}\nlast change  {latest}\nbreaker      {}\n  of groups  {}\n",
            self.tenant.id,
            self.tenant.active_keys,
            self.users,
            self.active,
            self.groups,
            self.pending_text(),
            self.breaker_text(&USERS, &self.breaker),
            self.breaker_text(&GROUPS, &self.breaker_of_groups),
        );
        if self.left_out > 0 {
            text.push_str(&format!(
                "left out     {} who were to become members of groups and are no users, since {}; `scim-admin history` names them\n",
                self.left_out,
                stamp(self.since)
            ));
        }
        text.push_str("refused      ");
        if self.refusals.is_empty() {
            text.push_str(&format!("nothing since {}", stamp(self.since)));
            return text;
        }
        let total: u64 = self.refusals.iter().map(|refusal| refusal.count).sum();
        text.push_str(&format!("{total} requests since {}\n\n", stamp(self.since)));
        let rows = self.refusals.iter().map(|refusal| {
            [
                refusal.status.to_string(),
                refusal.reason.clone(),
                refusal.route.clone(),
                refusal.count.to_string(),
                stamp(refusal.first),
                stamp(refusal.last),
                refusal.request_id.clone(),
                refusal.detail.clone(),
            ]
        });
        let header = [
            "STATUS",
            "REASON",
            "REQUEST",
            "COUNT",
            "SINCE",
            "LAST",
            "LAST REQUEST ID",
            "LAST DETAIL",
        ];
        text.push_str(&columns(header, rows));
        text
    }

    fn json(&self) -> Value {
        let refusals: Value = self
            .refusals
            .iter()
            .map(|refusal| {
                json!({
                    "status": refusal.status,
                    "reason": refusal.reason,
                    "request": refusal.route,
                    "count": refusal.count,
                    "first": stamp(refusal.first),
                    "last": stamp(refusal.last),
                    "lastRequestId": refusal.request_id,
                    "lastDetail": refusal.detail,
                })
            })
            .collect();
        json!({
            "tenant": self.tenant.id.as_str(),
            "enabled": self.tenant.enabled,
            "activeKeys": self.tenant.active_keys,
            "users": self.users,
            "activeUsers": self.active,
            "groups": self.groups,
            "pendingChanges": self.pending.iter().map(|pending| json!({
                "group": pending.group.as_str(),
                "time": stamp(pending.at),
                "memberships": pending.size,
            })).collect::<Value>(),
            "leftOut": self.left_out,
            "lastChange": self.latest_change.as_ref().map(|record| stamp(record.at())),
            "breaker": self.breaker_json(&self.breaker),
            "breakerOfGroups": self.breaker_json(&self.breaker_of_groups),
            "refused": refusals,
        })
    }

    /// Whether somebody should look: the tenant or a key that it uses has ended, or a breaker is
    /// open. Keys that were never issued are no news: anybody can invent them.
    fn is_bad_news(&self) -> bool {
        !self.tenant.enabled
            || self.breaker.open(self.now).is_some()
            || self.breaker_of_groups.open(self.now).is_some()
            || self
                .refusals
                .iter()
                .any(|refusal| ENDED.contains(&refusal.reason.as_str()))
    }
}

impl Status {
    fn pending_text(&self) -> String {
        let oldest = self.pending.iter().map(|pending| pending.at).min();
        oldest.map_or(String::new(), |oldest| {
            format!(
                "; {} large changes of members are being carried out, the oldest since {}",
                self.pending.len(),
                stamp(oldest)
            )
        })
    }

    fn breaker_text(&self, resource_type: &ResourceType, breaker: &Breaker) -> String {
        let (nobody, lost, refused) = match resource_type.access {
            Some(_) => (
                "nobody lost access lately",
                "users lost access",
                "deactivations and deletions",
            ),
            None => ("none was deleted lately", "were deleted", "deletions"),
        };
        if let Some(until) = breaker.lifted_until
            && breaker.is_lifted(self.now)
        {
            return format!("lifted until {}", stamp(until));
        }
        let Some(window) = breaker.window(self.now) else {
            return nobody.to_owned();
        };
        let state = match breaker.open(self.now) {
            Some(_) => format!("OPEN: further {refused} are refused; "),
            None => String::new(),
        };
        format!(
            "{state}{} of {} {lost} since {}; the first places are free again {}",
            window.used,
            window.limit,
            stamp(window.since),
            stamp(window.frees)
        )
    }

    fn breaker_json(&self, breaker: &Breaker) -> Value {
        let window = breaker.window(self.now);
        json!({
            "open": breaker.open(self.now).is_some(),
            "liftedUntil": breaker.lifted_until.map(stamp),
            "used": window.map(|window| window.used),
            "limit": window.map(|window| window.limit),
            "since": window.map(|window| stamp(window.since)),
            "frees": window.map(|window| stamp(window.frees)),
        })
    }
}
