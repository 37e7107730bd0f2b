//! `smoke`: tries a running service as Entra would. Each step is printed when it is done.

mod answer;
mod client;
mod steps;

use std::io::{self, Write};

use account::Account;
use account::keys::{NewKey, new_key};
use time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::SmokeArgs;
use crate::failure::{Failure, explain};
use crate::lines::{Form, Printer};
use crate::terminal::stamp;
use client::Client;
use steps::{Line, Steps};

/// How long the key lives if it cannot be revoked.
const LIFE: Duration = Duration::minutes(10);

/// What asks a program to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on they do not end the program.
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Tries the service, and returns whether all is as it should be. Whatever happens, the key is
/// revoked in the end.
pub async fn run(
    arguments: &SmokeArgs,
    json: bool,
    account: &Account,
    out: &mut (dyn Write + Send),
) -> Result<bool, Failure> {
    // Before there is a key, so that none is left behind.
    let mut signals = Signals::listen()?;
    let wrong = new_key(&arguments.tenant)?;
    let ends = account::now() + LIFE;
    let NewKey { key, record } = account.create_key("smoke test", Some(ends)).await?;
    let mut printer = Printer::new(out, Form::of(false, json, false));
    let client = Client::new(&arguments.url);
    let mut steps = Steps::new(&arguments.url, &client, &key, &wrong, &mut printer);
    let works = tokio::select! {
        outcome = steps.walk() => outcome.is_ok(),
        () = signals.next() => {
            steps.say(&Line::failed("stopped", "it was told to end before it was done"));
            false
        }
    };
    steps.tidy().await;
    let what = format!("key {} is revoked", record.id);
    let revoked = account.revoke_key(&record.id).await.map_err(|failure| {
        let why = explain(&failure.into());
        format!("{why}; it ends by itself at {}", stamp(ends))
    });
    let line = match &revoked {
        Ok(_) => Line::done(&what),
        Err(problem) => Line::failed(&what, problem),
    };
    let is_revoked = line.is_ok();
    steps.say(&line);
    printer.finish()?;
    Ok(works && is_revoked)
}
