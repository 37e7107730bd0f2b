//! `scim-admin`: the operator's command line. It creates the tables, manages tenants and their API
//! keys, and shows, checks and mends what tenants own.
//!
//! Results go to one stream, everything else to another. The exit code is 0 on success, 1 when a
//! command failed or found what it was to look for (defects, warnings), 2 when it was not
//! understood.

mod args;
mod commands;
mod failure;
mod lines;
mod operator;
mod progress;
mod report;
mod terminal;

use std::io::{Read, Write};

use clap::{CommandFactory as _, Parser as _};
use commands::Done;
use store::Store;

pub use args::Cli;
pub use operator::{Caller, local_user};

/// Where a command reads and writes: standard input, standard output and standard error of the
/// program.
pub struct Streams<'a> {
    /// What `key identify` reads.
    pub input: &'a mut (dyn Read + Send),
    /// What was asked for.
    pub results: &'a mut (dyn Write + Send),
    /// Everything else: notes, failures, hints.
    pub messages: &'a mut (dyn Write + Send),
}

impl std::fmt::Debug for Streams<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams").finish_non_exhaustive()
    }
}

/// Reads a command line, the program's name first.
///
/// # Errors
/// What to print when it is not understood, or asks for help.
pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Cli, String> {
    Cli::try_parse_from(words).map_err(|error| error.to_string())
}

/// The commands there are, as they are typed, sorted.
pub fn commands() -> Vec<String> {
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        for inner in command.get_subcommands() {
            let path = format!("{path} {}", inner.get_name());
            if inner.has_subcommands() {
                leaves(inner, &path, found);
            } else {
                found.push(path.trim_start().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    leaves(&Cli::command(), "", &mut found);
    found.sort();
    found
}

/// Runs a command of a caller on a store; returns the exit code. What it changes is on the
/// operator's log.
pub async fn run(cli: Cli, caller: &Caller, store: &Store, streams: &mut Streams<'_>) -> u8 {
    let store = &match operator::operator(&cli, caller).await {
        Some(operator) => store.acting_as(operator),
        None => store.clone(),
    };
    let run = commands::run(
        cli.command,
        cli.json,
        store,
        &cli.sessions_table,
        streams.input,
        streams.results,
    );
    match Box::pin(run).await {
        Ok(Done::Printed { is_bad_news }) => u8::from(is_bad_news),
        Ok(Done::Report(report)) => {
            let result = if cli.json {
                terminal::json(&format!("{:#}", report.json())).into_owned()
            } else {
                report.text()
            };
            let printed = print(&result, report.note().as_deref(), streams);
            if report.is_bad_news() { 1 } else { printed }
        }
        Err(failure) => {
            let failure = failure.or_other_table(store).await;
            // The messages are the last resort: when they are gone there is nobody to tell.
            let _ = writeln!(streams.messages, "{}", failure::explain(&failure));
            1
        }
    }
}

fn print(result: &str, note: Option<&str>, streams: &mut Streams<'_>) -> u8 {
    let printed = writeln!(streams.results, "{result}");
    if let Some(note) = note {
        let _ = writeln!(streams.messages, "{note}");
    }
    match printed {
        Ok(()) => 0,
        Err(error) => {
            let _ = writeln!(
                streams.messages,
                "error: the result could not be printed: {error}"
            );
            1
        }
    }
}
