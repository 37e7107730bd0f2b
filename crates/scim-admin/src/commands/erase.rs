//! `user erase`: what is known of a person is removed, or is removed again.

use account::Account;
use account::erase::Erasure;
use serde_json::{Value, json};
use store::Store;
use store::erasure::Known;
use time::OffsetDateTime;

use crate::args::EraseArgs;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::report::Report;
use crate::terminal::{columns, exact, stamp};

/// Erases one person, or says what that would do.
pub async fn run(arguments: &EraseArgs, store: &Store) -> Result<Erasure, Failure> {
    let account = Account::open(store, &arguments.tenant).await?;
    let named = arguments.user.as_deref().unwrap_or_default();
    let user = account.find_person(named).await?;
    Ok(match arguments.dry_run {
        true => Box::pin(account.erase_dry(&user)).await?,
        false => {
            let mut progress = Progress::new();
            let told = |items| progress.say(|| format!("looked at: {items} items"));
            Box::pin(account.erase(&user, arguments.history.length(), told)).await?
        }
    })
}

/// Erases all those again that were erased before.
pub async fn again(arguments: &EraseArgs, store: &Store) -> Result<Vec<Erasure>, Failure> {
    let account = Account::open(store, &arguments.tenant).await?;
    let since = arguments.since.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let repeated = account.erase_again(since, arguments.history.length(), |_| {});
    Ok(Box::pin(repeated).await?)
}

/// What is counted, by name in JSON and in text.
fn counts(erasure: &Erasure) -> [(&'static str, &'static str, u64); 7] {
    let erased = &erasure.erased;
    [
        ("records", "change records", erased.records),
        (
            "managerRecords",
            "change records of others, as their manager",
            erased.manager_records,
        ),
        ("memberRecords", "records of members", erased.member_records),
        ("memberships", "memberships", erased.memberships),
        ("lookups", "items that led to the user", erased.lookups),
        ("refusals", "counters of refused requests", erased.refusals),
        (
            "requests",
            "entries of the log of requests",
            erased.requests,
        ),
    ]
}

fn known(erasure: &Erasure) -> &'static str {
    match erasure.erased.known {
        Known::Present => "there",
        Known::Deleted => "deleted",
        Known::Recorded => "on record only",
        Known::Erased => "erased before",
    }
}

impl Report for Erasure {
    fn text(&self) -> String {
        let title = match self.is_dry_run {
            true => "WOULD BE ERASED",
            false => "ERASED",
        };
        let of = |name: &str, value: String| [name.to_owned(), value];
        let mut rows = vec![
            of("tenant", self.tenant.to_string()),
            of("user", self.user.to_string()),
            of("at", stamp(self.at)),
            of("the user was", known(self).to_owned()),
        ];
        rows.extend(counts(self).map(|(_, name, count)| of(name, count.to_string())));
        let mut text = columns([title, ""], rows.into_iter());
        if self.erased.managed_count > 0 {
            text.push_str(&format!(
                "\nusers whose `manager` is still this user, by id; what they say of the manager is theirs to change: {}",
                self.erased.managed_count
            ));
            for user in &self.erased.managed {
                text.push_str(&format!("\n  {user}"));
            }
        }
        text
    }

    fn json(&self) -> Value {
        let mut value = json!({
            "tenant": self.tenant.as_str(),
            "user": self.user.as_str(),
            "at": exact(self.at),
            "dryRun": self.is_dry_run,
            "was": known(self),
            "managedCount": self.erased.managed_count,
            "managed": self.erased.managed.iter().map(scim::ResourceId::as_str).collect::<Vec<_>>(),
        });
        if let Value::Object(members) = &mut value {
            for (name, _, count) in counts(self) {
                members.insert(name.to_owned(), count.into());
            }
        }
        value
    }

    fn note(&self) -> Option<String> {
        (!self.is_dry_run).then(|| {
            "note: point-in-time recovery and copies of the table keep the person until they end, 35 days at most for the first; after a restore, `scim-admin user erase TENANT --again` repeats the erasure"
                .to_owned()
        })
    }
}

impl Report for Vec<Erasure> {
    fn text(&self) -> String {
        let rows = self.iter().map(|erasure| {
            [
                erasure.user.to_string(),
                known(erasure).to_owned(),
                erasure.erased.items().to_string(),
            ]
        });
        columns(["USER", "WAS", "ITEMS"], rows)
    }

    fn json(&self) -> Value {
        self.iter().map(Report::json).collect()
    }
}
