//! `make soak`: Entra's traffic with many tenants, compressed into minutes, through several
//! concurrent instances of the function. Every answer is compared with a model, and so is the final
//! state.
//!
//! First every tenant's users are created, each after a match query ([`worker`]). Then come
//! updates, disables, restores, deletions and renames mixed with match queries and page walks, in
//! both of Entra's modes ([`entra`]), as fast as the machine can. Then the same while instances are
//! killed at random times ([`killer`]) and clients repeat unanswered requests. At the end all users
//! are read back and compared ([`walk`]). The operator's check, with repair, runs meanwhile and at
//! the end, and finds no defect ([`tables`]). The stream of the directory table is read as the
//! product's consumers read it, and says the same ([`events`]). With `SCIM_TEST_DYNAMODB_ENDPOINT`
//! all of it is on another engine than the embedded one ([`ground`]).
//!
//! `make abuse` sends malformed requests instead ([`abuse`]).

#![expect(
    clippy::indexing_slicing,
    reason = "a member that JSON lacks reads as null, and a defect here may end the run"
)]

mod abuse;
mod changes;
mod client;
mod contests;
mod crews;
mod entra;
mod events;
mod ground;
mod groups;
mod killer;
mod model;
mod reads;
mod report;
mod settings;
mod tables;
mod tenant;
mod traffic;
mod walk;
mod worker;

use std::process::ExitCode;

use anyhow::{Context, Result};

use settings::Settings;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [stand::engine::ARGUMENT] => stand::engine::serve(None).await,
        ["--abuse", requests] => {
            let requests = requests.parse().context("no number of requests")?;
            abuse::run(&Settings::from_environment()?, requests).await
        }
        _ => traffic::run(&Settings::from_environment()?).await,
    }
}
