//! `tenant status`: a tenant's users, latest change, breaker and refused requests.

use std::collections::BTreeMap;

use scim::schema::USERS;
use serde_json::{Value, json};
use store::directory::breaker::Breaker;
use store::directory::record::ChangeRecord;
use store::secrets::Tenant;
use store::usage::refusals::RefusalCount;
use store::{Gate, Meter, Store};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::{columns, stamp};

/// Why requests with a key that was issued are refused.
const ENDED: &[&str] = &["revokedKey", "expiredKey", "tenantDisabled"];

/// The state of a tenant.
#[derive(Debug)]
pub struct Status {
    tenant: Tenant,
    users: u64,
    active: u64,
    latest_change: Option<ChangeRecord>,
    breaker: Breaker,
    now: OffsetDateTime,
    /// Since when refusals are shown.
    since: OffsetDateTime,
    /// By kind, in the order of their first refusal.
    refusals: Vec<RefusalCount>,
}

pub async fn run(id: &TenantId, since: OffsetDateTime, store: &Store) -> Result<Status, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let tenant = store.find_tenant(id, &meter).await?;
    let directory = store.tenant(id, &meter, &gate);
    Ok(Status {
        tenant,
        users: directory.count(&USERS).await?,
        active: directory.count_active(&USERS).await?,
        latest_change: directory.latest_change().await?,
        breaker: directory.breaker(&USERS).await?,
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

impl Report for Status {
    fn text(&self) -> String {
        let state = if self.tenant.enabled {
            "enabled"
        } else {
            "disabled, all of its keys are refused"
        };
        let latest = match &self.latest_change {
            Some(change) => format!(
                "{}, {} of {} {}",
                stamp(change.at),
                change.operation.as_str(),
                change.resource_type,
                change.id
            ),
            None => "none on record".to_owned(),
        };
        let mut text = format!(
            "tenant       {}, {state}\nkeys         {} not revoked\nusers        {}, {} of them active\nlast change  {latest}\nbreaker      {}\nrefused      ",
            self.tenant.id,
            self.tenant.active_keys,
            self.users,
            self.active,
            self.breaker_text(),
        );
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
        let window = self.breaker.window(self.now);
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
            "lastChange": self.latest_change.as_ref().map(|change| stamp(change.at)),
            "breaker": {
                "open": self.breaker.open(self.now).is_some(),
                "liftedUntil": self.breaker.lifted_until.map(stamp),
                "used": window.map(|window| window.used),
                "limit": window.map(|window| window.limit),
                "since": window.map(|window| stamp(window.since)),
                "frees": window.map(|window| stamp(window.frees)),
            },
            "refused": refusals,
        })
    }

    /// Whether somebody should look: the tenant or a key that it uses has ended, or the breaker is
    /// open. Keys that were never issued are no news: anybody can invent them.
    fn is_bad_news(&self) -> bool {
        !self.tenant.enabled
            || self.breaker.open(self.now).is_some()
            || self
                .refusals
                .iter()
                .any(|refusal| ENDED.contains(&refusal.reason.as_str()))
    }
}

impl Status {
    fn breaker_text(&self) -> String {
        if let Some(until) = self.breaker.lifted_until
            && self.breaker.is_lifted(self.now)
        {
            return format!("lifted until {}", stamp(until));
        }
        let Some(window) = self.breaker.window(self.now) else {
            return "nobody lost access lately".to_owned();
        };
        let state = match self.breaker.open(self.now) {
            Some(_) => "OPEN: further deactivations and deletions are refused; ",
            None => "",
        };
        format!(
            "{state}{} of {} users lost access since {}; the first places are free again {}",
            window.used,
            window.limit,
            stamp(window.since),
            stamp(window.frees)
        )
    }
}
