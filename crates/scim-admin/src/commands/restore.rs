//! `user restore` and `group restore`: what becomes of each is printed as soon as it is known.

use std::io::Write;

use account::Account;
use account::deleted::name;
use account::restore::{Outcome, Which};
use scim::schema::GROUPS;
use scim::{ResourceId, ResourceType};
use serde_json::json;
use time::Duration;

use crate::failure::Failure;
use crate::terminal::{self, printable};

/// What to restore.
#[derive(Debug)]
pub struct Asked {
    pub resource_type: &'static ResourceType,
    pub which: Which,
    /// How long the records of the restores are kept.
    pub history: Duration,
}

/// Restores resources, and returns whether all of them are there, with all that belongs to them.
///
/// Each is printed before the next one is restored, so that a run that is ended has told what it
/// did; run again, it does the rest. What cannot be printed ends it too.
pub async fn run(
    asked: &Asked,
    json: bool,
    account: &Account,
    out: &mut (dyn Write + Send),
) -> Result<bool, Failure> {
    let ids = account
        .to_restore(asked.resource_type, &asked.which)
        .await?;
    let mut restoration = account
        .begin_restoration(asked.resource_type, asked.history)
        .await?;
    let mut printer = Printer {
        resource_type: asked.resource_type,
        out,
        json,
        total: ids.len(),
        done: 0,
    };
    printer.begin()?;
    let mut all_there = true;
    for id in ids {
        let outcome = restoration.restore(&id).await;
        all_there &= match &outcome {
            Outcome::Restored(_, back) | Outcome::Present(_, back) => back.failure.is_none(),
            Outcome::Refused(_) => false,
        };
        printer.print(&id, &outcome)?;
    }
    printer.end()?;
    restoration.complete().await?;
    Ok(all_there)
}

/// Prints a line for each resource: of a table, or of a JSON array.
struct Printer<'a> {
    resource_type: &'static ResourceType,
    out: &'a mut (dyn Write + Send),
    json: bool,
    total: usize,
    done: usize,
}

impl Printer<'_> {
    fn begin(&mut self) -> Result<(), Failure> {
        if self.json {
            writeln!(self.out, "[")?;
        } else {
            let width = self.progress(self.total).len();
            let names = [self.resource_type.name, self.resource_type.unique];
            let [kind, unique] = names.map(str::to_uppercase);
            writeln!(
                self.out,
                "{:width$}  {kind:36}  {:13}  {unique} OR REASON",
                "NO", "STATE"
            )?;
        }
        Ok(self.out.flush()?)
    }

    fn print(&mut self, id: &ResourceId, outcome: &Outcome) -> Result<(), Failure> {
        self.done += 1;
        let (state, resource, back, reason) = match outcome {
            Outcome::Restored(stored, back) => ("restored", Some(stored), Some(back), None),
            Outcome::Present(stored, back) => ("there already", Some(stored), Some(back), None),
            Outcome::Refused(reason) => ("not restored", None, None, Some(reason)),
        };
        let reason = reason.or(back.and_then(|back| back.failure.as_ref()));
        let resource = resource.map(|stored| name(self.resource_type, stored));
        let count = back.map_or(0, |back| back.count);
        let deleted = back.map_or(0, |back| back.deleted);
        let has_members = *self.resource_type == GROUPS;
        if self.json {
            let counted = if has_members { "members" } else { "groups" };
            let mut value = json!({
                "id": id.as_str(),
                "restored": matches!(outcome, Outcome::Restored(..)),
                "state": state,
                self.resource_type.unique: resource,
                counted: count,
                "reason": reason,
            });
            if let (1.., Some(members)) = (deleted, value.as_object_mut()) {
                members.insert("deletedGroups".to_owned(), deleted.into());
            }
            // The lines of an array that was ended early are still told apart.
            let comma = if self.done < self.total { "," } else { "" };
            writeln!(self.out, "{}{comma}", terminal::json(&value.to_string()))?;
        } else {
            let mut said: Vec<String> = resource.into_iter().collect();
            if count > 0 {
                said.push(match has_members {
                    true => format!("{count} members"),
                    false => format!("back in {count} groups"),
                });
            }
            if deleted > 0 {
                said.push(format!("and in {deleted} that are deleted themselves"));
            }
            let is_part = back.is_some_and(|back| back.failure.is_some());
            said.extend(reason.map(|reason| match is_part {
                true => format!("not in all of its groups: {reason}"),
                false => reason.clone(),
            }));
            let (number, id) = (self.progress(self.done), id.to_string());
            let width = self.progress(self.total).len();
            let said = said.join(", ");
            let said = printable(&said);
            writeln!(self.out, "{number:width$}  {id:36}  {state:13}  {said}")?;
        }
        Ok(self.out.flush()?)
    }

    fn progress(&self, done: usize) -> String {
        format!("{done}/{}", self.total)
    }

    fn end(&mut self) -> Result<(), Failure> {
        if self.json {
            writeln!(self.out, "]")?;
        }
        Ok(self.out.flush()?)
    }
}
