//! `user reactivate`: what becomes of each is printed as soon as it is known.

use std::io::Write;

use account::Account;
use account::deleted::name;
use account::reactivate::Outcome;
use scim::ResourceId;
use scim::schema::USERS;
use serde_json::json;
use tenant::KeyId;
use time::{Duration, OffsetDateTime};

use crate::failure::Failure;
use crate::lines::{Form, Printer};
use crate::terminal::{self, printable};

/// Whom to activate.
#[derive(Debug)]
pub struct Asked {
    pub ids: Vec<ResourceId>,
    /// All who were deactivated since this time.
    pub since: Option<OffsetDateTime>,
    /// Of these only those whom this key has deactivated.
    pub by: Option<KeyId>,
    pub is_dry_run: bool,
    /// How long the records are kept.
    pub history: Duration,
}

/// Activates users, and returns whether all of them are active.
pub async fn run(
    asked: Asked,
    json: bool,
    account: &Account,
    out: &mut (dyn Write + Send),
) -> Result<bool, Failure> {
    let ids = match asked.since {
        Some(since) => account.deactivated(since, asked.by.as_ref()).await?,
        None => asked.ids,
    };
    let mut printer = Printer::new(out, Form::of(false, json, false));
    if asked.is_dry_run {
        for id in ids {
            print(&mut printer, &id, "would be reactivated", None, None);
        }
        printer.finish()?;
        return Ok(true);
    }
    let mut reactivation = account.begin_reactivation(asked.history).await?;
    let mut all_active = true;
    for id in ids {
        let outcome = reactivation.reactivate(&id).await;
        let (state, user, reason) = match &outcome {
            Outcome::Reactivated(user) => ("reactivated", Some(user), None),
            Outcome::Active(user) => ("active already", Some(user), None),
            Outcome::Refused(reason) => ("not reactivated", None, Some(reason.as_str())),
        };
        all_active &= reason.is_none();
        let named = user.map(|user| name(&USERS, user));
        let goes_on = print(&mut printer, &id, state, named.as_deref(), reason);
        if !(goes_on && printer.flush()) {
            break;
        }
    }
    printer.finish()?;
    reactivation.complete().await?;
    Ok(all_active)
}

fn print(
    printer: &mut Printer<'_>,
    id: &ResourceId,
    state: &str,
    name: Option<&str>,
    reason: Option<&str>,
) -> bool {
    if printer.form() == Form::Text {
        let said = name.or(reason).unwrap_or_default();
        let line = format!("{id}  {state:20}  {}", printable(said));
        return printer.print(line.trim_end());
    }
    let value = json!({
        "id": id.as_str(),
        "state": state,
        "userName": name,
        "reason": reason,
    });
    printer.print(&terminal::json(&value.to_string()))
}
