//! `audit`: the operator's log.

use account::log::{known, operator_log};
use serde_json::{Value, json};
use store::Store;
use store::secrets::OperatorEntry;

use crate::args::AuditArgs;
use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::{self, exact, printable, stamp};

/// What operators did.
#[derive(Debug)]
pub struct Log {
    entries: Vec<OperatorEntry>,
    /// Whether programs read it line by line.
    is_lines: bool,
}

/// Reads the log of a tenant, or of all of them.
pub async fn run(arguments: &AuditArgs, store: &Store) -> Result<Log, Failure> {
    let tenant = arguments.tenant.as_ref();
    if tenant.is_none() {
        // The scan of another table would find nothing.
        store.check_tables().await?;
    }
    let entries = operator_log(store, tenant, arguments.since).await?;
    if let (Some(tenant), true) = (tenant, entries.is_empty()) {
        known(store, tenant).await?;
    }
    Ok(Log {
        entries,
        is_lines: arguments.ndjson,
    })
}

impl Report for Log {
    fn text(&self) -> String {
        let lines = self.entries.iter().map(|entry| match self.is_lines {
            true => terminal::json(&entry_json(entry).to_string()).into_owned(),
            false => entry_text(entry),
        });
        let lines: Vec<String> = lines.collect();
        match lines.is_empty() && !self.is_lines {
            true => "nothing on record".to_owned(),
            false => lines.join("\n"),
        }
    }

    fn json(&self) -> Value {
        self.entries.iter().map(entry_json).collect()
    }
}

fn entry_text(entry: &OperatorEntry) -> String {
    let target = entry.target.iter().map(|target| format!(" {target}"));
    let mut text = format!(
        "{}  {}  {}{}, by {}",
        stamp(entry.at),
        entry.tenant,
        entry.act,
        target.collect::<String>(),
        entry.caller
    );
    let arguments = entry.arguments.join(" ");
    let (command, release) = (&entry.command, &entry.release);
    let words = format!("{command} {arguments}");
    text.push_str(&format!("\n    {} ({release})", words.trim()));
    if let Some(reason) = &entry.reason {
        text.push_str(&format!("\n    because: {reason}"));
    }
    if let Some(ends) = entry.ends {
        let successor = entry.successor.iter();
        let successor = successor.map(|key| format!(", {key} takes its place"));
        let successor = successor.collect::<String>();
        text.push_str(&format!("\n    ends {}{successor}", stamp(ends)));
    }
    match &entry.outcome {
        Some((at, outcome)) => {
            text.push_str(&format!("\n    {}: {outcome}", stamp(*at)));
        }
        None if entry.has_steps => text.push_str("\n    not ended: the command was interrupted"),
        None => {}
    }
    text.lines()
        .map(|line| printable(line).into_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

fn entry_json(entry: &OperatorEntry) -> Value {
    let outcome = entry.outcome.as_ref();
    json!({
        "id": entry.id,
        "time": exact(entry.at),
        "tenant": entry.tenant.as_str(),
        "act": entry.act,
        "target": entry.target,
        "caller": entry.caller,
        "command": entry.command,
        "arguments": entry.arguments,
        "reason": entry.reason,
        "release": entry.release,
        "ends": entry.ends.map(exact),
        "successor": entry.successor,
        "hasSteps": entry.has_steps,
        "completed": outcome.map(|(at, _)| exact(*at)),
        "outcome": outcome.map(|(_, outcome)| outcome),
    })
}
