//! `scim-admin`: the operator's command line. It creates the tables, manages tenants and their API
//! keys, and shows, checks and mends what tenants own. Build it with the feature `operator`.
//!
//! Results go to standard output, everything else to standard error. The exit code is 0 on
//! success, 1 when a command failed or found what it was to look for (defects, warnings), 2 when it
//! was not understood.

mod args;
mod commands;
mod history;
mod keys;
mod output;
mod status;
mod users;

use std::io::{self, Write as _};
use std::process::ExitCode;

use aws_config::BehaviorVersion;
use clap::Parser as _;
use hellotracks_scim::storage::{Store, Tables, Timeouts};

use args::Cli;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Cli {
        json,
        secrets_table,
        directory_table,
        endpoint_url,
        command,
    } = Cli::parse();
    let mut aws = aws_config::defaults(BehaviorVersion::latest());
    if let Some(url) = endpoint_url {
        aws = aws.endpoint_url(url);
    }
    let tables = Tables {
        secrets: secrets_table,
        directory: directory_table,
    };
    let store = Store::connect(&aws.load().await, tables, Timeouts::default());
    match commands::run(command, &store).await {
        Ok(report) => {
            let printed = print(
                &if json { report.json() } else { report.text() },
                report.note().as_deref(),
            );
            if report.is_bad_news() {
                ExitCode::FAILURE
            } else {
                printed
            }
        }
        Err(failure) => {
            // Standard error is the last resort: when it is gone there is nobody to tell.
            let _ = writeln!(io::stderr(), "{}", output::explain(&failure));
            ExitCode::FAILURE
        }
    }
}

fn print(result: &str, note: Option<&str>) -> ExitCode {
    let printed = match result {
        "" => Ok(()),
        result => writeln!(io::stdout(), "{result}"),
    };
    if let Some(note) = note {
        let _ = writeln!(io::stderr(), "{note}");
    }
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(
                io::stderr(),
                "error: the result could not be printed: {error}"
            );
            ExitCode::FAILURE
        }
    }
}
