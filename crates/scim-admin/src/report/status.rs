//! `tenant status`: a tenant's users and groups, latest change, breakers and refused requests.

use account::status::Status;
use account::verdict::Verdict;
use scim::ResourceType;
use scim::schema::{GROUPS, USERS};
use serde_json::{Value, json};
use store::directory::breaker::Breaker;
use store::directory::history::Record;

use crate::report::{Report, key, known_key};
use crate::terminal::{columns, exact, printable, stamp};

/// How many of those whom an open breaker keeps the text names.
const NAMED: usize = 20;

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
        let mut text = format!("verdict      {}\n", self.verdict.as_str());
        for reason in &self.reasons {
            text.push_str(&format!("             {}\n", printable(reason)));
        }
        text.push_str(&format!(
            "tenant       {}, {state}\nkeys         {} not revoked\nusers        {}, {} of them active\ngroups       {}{}\nlast change  {latest}\nbreaker      {}\n  of groups  {}\n",
            self.tenant.id,
            self.tenant.active_keys,
            self.users,
            self.active,
            self.groups,
            pending_text(self),
            breaker_text(self, &USERS, &self.breaker),
            breaker_text(self, &GROUPS, &self.breaker_of_groups),
        ));
        text.push_str(&kept_text(self));
        for key in &self.keys {
            let line = format!("{} {}", key::named(&key.record), known_key::state(key));
            let advice =
                known_key::advice(key).map_or(String::new(), |advice| format!("; {advice}"));
            text.push_str(&format!("warning      {}{advice}\n", printable(&line)));
        }
        text.push_str(&format!("answers      {}\n", answers_text(self)));
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
                    "first": exact(refusal.first),
                    "last": exact(refusal.last),
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
                "time": exact(pending.at),
                "memberships": pending.size,
            })).collect::<Value>(),
            "leftOut": self.left_out,
            "verdict": self.verdict.as_str(),
            "reasons": self.reasons,
            "answers": {
                "succeeded": self.answers.succeeded,
                "refused": self.answers.refused,
                "failed": self.answers.failed,
                "unlogged": self.answers.unlogged,
                "last": self.answers.last.map(exact),
                "release": self.answers.release,
            },
            "kept": self.kept.iter().map(|kept| json!({
                "id": kept.id.as_str(),
                "name": kept.name,
            })).collect::<Value>(),
            "keyWarnings": self.keys.iter().map(known_key::json).collect::<Value>(),
            "lastChange": self.latest_change.as_ref().map(|record| exact(record.at())),
            "breaker": breaker_json(self, &self.breaker),
            "breakerOfGroups": breaker_json(self, &self.breaker_of_groups),
            "refused": refusals,
        })
    }

    /// Whether somebody should look.
    fn is_bad_news(&self) -> bool {
        self.verdict != Verdict::Ok
    }
}

fn pending_text(status: &Status) -> String {
    let oldest = status.pending.iter().map(|pending| pending.at).min();
    oldest.map_or(String::new(), |oldest| {
        format!(
            "; {} large changes of members are being carried out, the oldest since {}",
            status.pending.len(),
            stamp(oldest)
        )
    })
}

fn breaker_text(status: &Status, resource_type: &ResourceType, breaker: &Breaker) -> String {
    let (nobody, lost, refused) = match resource_type.access {
        Some(_) => (
            "nobody lost access lately",
            "users lost access",
            "deactivations and deletions",
        ),
        None => ("none was deleted lately", "were deleted", "deletions"),
    };
    if let Some(until) = breaker.lifted_until
        && breaker.is_lifted(status.now)
    {
        return format!("lifted until {}", stamp(until));
    }
    let Some(window) = breaker.window(status.now) else {
        return nobody.to_owned();
    };
    let state = match breaker.open(status.now) {
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

fn breaker_json(status: &Status, breaker: &Breaker) -> Value {
    let window = breaker.window(status.now);
    json!({
        "open": breaker.open(status.now).is_some(),
        "liftedUntil": breaker.lifted_until.map(exact),
        "used": window.map(|window| window.used),
        "limit": window.map(|window| window.limit),
        "since": window.map(|window| exact(window.since)),
        "frees": window.map(|window| exact(window.frees)),
    })
}

/// Whom an open breaker keeps.
fn kept_text(status: &Status) -> String {
    let kept = &status.kept;
    if kept.is_empty() {
        return String::new();
    }
    let named: Vec<String> = kept
        .iter()
        .take(NAMED)
        .map(|kept| format!("{} ({})", kept.name, kept.id))
        .collect();
    let more = match kept.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more; `scim-admin requests --reason tooManyDeactivations`"),
    };
    let named = named.join(", ");
    format!("kept         {}{more}\n", printable(&named))
}

fn answers_text(status: &Status) -> String {
    let answers = &status.answers;
    let last = match answers.last {
        Some(last) => {
            let release = answers.release.as_deref().unwrap_or("?");
            format!(
                ", the last at {} by release {}",
                stamp(last),
                printable(release)
            )
        }
        None => String::new(),
    };
    let unlogged = match answers.unlogged {
        0 => String::new(),
        unlogged => format!("; {unlogged} are not in `scim-admin requests`"),
    };
    format!(
        "{} served, {} refused, {} failed since {}{last}{unlogged}",
        answers.succeeded,
        answers.refused,
        answers.failed,
        stamp(status.since)
    )
}

impl Report for Vec<Status> {
    fn text(&self) -> String {
        let rows = self.iter().map(|status| {
            let last = status.answers.last;
            [
                status.tenant.id.to_string(),
                status.verdict.as_str().to_owned(),
                status.users.to_string(),
                status.active.to_string(),
                status.answers.total().to_string(),
                (status.answers.refused + status.answers.failed).to_string(),
                last.map_or_else(|| "-".to_owned(), stamp),
                status.reasons.first().cloned().unwrap_or_default(),
            ]
        });
        let header = [
            "TENANT", "VERDICT", "USERS", "ACTIVE", "REQUESTS", "REFUSED", "LAST", "WHY",
        ];
        columns(header, rows)
    }

    fn json(&self) -> Value {
        self.iter().map(Report::json).collect()
    }

    fn is_bad_news(&self) -> bool {
        self.iter().any(Report::is_bad_news)
    }
}
