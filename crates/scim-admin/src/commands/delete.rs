//! `tenant delete` and `tenant list --deleted`.

use account::delete::{Deletion, Progress as Of, delete};
use serde_json::{Map, Value, json};
use store::secrets::Stone;
use store::sessions::Sessions;
use store::{Meter, Store};
use time::OffsetDateTime;

use crate::args::DeleteArgs;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::report::Report;
use crate::terminal::{columns, exact, stamp};

/// Deletes a tenant, or goes on with that.
pub async fn run(
    arguments: DeleteArgs,
    store: &Store,
    sessions: &Sessions,
) -> Result<Deletion, Failure> {
    let DeleteArgs {
        tenant,
        confirm,
        reason: _,
    } = arguments;
    if confirm != tenant {
        return Err(Failure::NotConfirmed {
            tenant,
            confirmed: confirm,
        });
    }
    let now = OffsetDateTime::now_utc();
    let mut progress = Progress::new();
    let told = |far| {
        progress.say(|| match far {
            Of::Counting => "counting".to_owned(),
            Of::Removed(items) => format!("removed: {items} items"),
        });
    };
    let deletion = Box::pin(delete(store, &tenant, now, told)).await?;
    sessions.forget(&tenant, &Meter::default()).await?;
    Ok(deletion)
}

/// The tenants that were deleted.
pub async fn list(store: &Store) -> Result<Vec<Stone>, Failure> {
    Ok(store.list_deleted_tenants(&Meter::default()).await?)
}

impl Report for Deletion {
    fn text(&self) -> String {
        let stone = &self.stone;
        let of = |name: &str, value: String| [name.to_owned(), value];
        let mut rows = vec![
            of("tenant", stone.tenant.to_string()),
            of("created", stamp(stone.created)),
            of("disabled", stamp(stone.disabled)),
            of("deletion began", stamp(stone.began)),
            of("deletion complete", stamp(stone.completed)),
            of("by", stone.caller.clone()),
            of("reason", stone.reason.clone().unwrap_or_default()),
            of("scim-admin", stone.release.clone()),
            of("keys", stone.keys.to_string()),
        ];
        rows.extend(
            stone
                .counts
                .iter()
                .map(|(kind, count)| of(kind, count.to_string())),
        );
        rows.push(of("items in all", stone.counts.total().to_string()));
        let title = match self.was_complete {
            true => "DELETED BEFORE",
            false => "DELETED",
        };
        columns([title, ""], rows.into_iter())
    }

    fn json(&self) -> Value {
        let mut value = stone_json(&self.stone);
        if let Value::Object(members) = &mut value {
            members.insert("wasComplete".to_owned(), self.was_complete.into());
        }
        value
    }

    fn note(&self) -> Option<String> {
        Some(
            "note: point-in-time recovery and copies of the tables keep the tenant until they end, 35 days at most for the first"
                .to_owned(),
        )
    }
}

fn stone_json(stone: &Stone) -> Value {
    let counts = stone.counts.iter();
    let counts: Map<String, Value> = counts
        .map(|(kind, count)| (kind.to_owned(), count.into()))
        .collect();
    json!({
        "tenant": stone.tenant.as_str(),
        "created": exact(stone.created),
        "disabled": exact(stone.disabled),
        "began": exact(stone.began),
        "completed": exact(stone.completed),
        "caller": stone.caller,
        "reason": stone.reason,
        "release": stone.release,
        "keys": stone.keys,
        "items": counts,
    })
}

impl Report for Vec<Stone> {
    fn text(&self) -> String {
        let rows = self.iter().map(|stone| {
            [
                stone.tenant.to_string(),
                exact(stone.completed),
                stone.counts.total().to_string(),
                stone.keys.to_string(),
                stone.caller.clone(),
                stone.reason.clone().unwrap_or_default(),
            ]
        });
        columns(["TENANT", "DELETED", "ITEMS", "KEYS", "BY", "REASON"], rows)
    }

    fn json(&self) -> Value {
        self.iter().map(stone_json).collect()
    }
}
