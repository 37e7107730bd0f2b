//! The program behind `make dev`: everything the service needs, on this machine, with one command.
//!
//! In order: the embedded DynamoDB engine on a file ([`Embedded`]), an issuer of assertions in
//! Entra's place ([`issuer`]), the tables and two demo tenants with one key each, the first with an
//! OAuth 2.0 client too ([`demo`]), the function under `cargo lambda watch` ([`watch`]) behind
//! a replacement for API Gateway ([`gateway`]), a Test-connection request until it succeeds
//! ([`probe`]), only then `dev.env` ([`env_file`]), and the member events from then on
//! ([`events`]), also of changes that are carried out later ([`pending`]). All files are in
//! `.local/`, or in the folder named by `DATA`. Ctrl-C, SIGTERM, SIGHUP and the end of the parent
//! process stop everything ([`stop`]).
//!
//! With `--engine-only` it stops after the tenants and prints the variables to export for a
//! function that the developer starts separately.

mod demo;
mod demo_client;
mod env_file;
mod events;
mod gateway;
mod issuer;
mod pending;
mod probe;
mod processes;
mod settings;
mod stop;
mod watch;
mod webhook;
mod welcome;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use demo::Demo;
use env_file::EnvFile;
use events::Events;
use settings::Settings;
use stand::engine::Embedded;
use stop::Stop;
use watch::Watch;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let settings = Settings::from_environment()?;
    // From here on a signal leads to an orderly shutdown at any time.
    let mut stop = Stop::listen()?;
    let _lock = settings.lock()?;
    // A file left behind by a killed run would claim that the service answers.
    let env_file = EnvFile::clear(settings.data.join("dev.env"))?;
    if !settings.engine_only {
        settings.check_port()?;
    }

    let engine = open_engine(&settings.data.join("dynamodb")).await?;
    let outcome = tokio::select! {
        outcome = serve(&settings, &engine, env_file) => outcome,
        why = stop.requested() => {
            println!("\nmake dev: {why}, stopped");
            Ok(())
        }
    };
    engine.stop(PATIENCE).await;
    outcome
}

/// Opens the engine with the data of earlier runs.
async fn open_engine(folder: &Path) -> Result<Embedded> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let file = folder.join("directory.sqlite");
    let engine = Embedded::open(&file).await.with_context(|| {
        let file = file.display();
        format!(
            "cannot open {file}; `make clean-data` starts anew, with the same DATA if it has one"
        )
    })?;
    let endpoint = engine.endpoint();
    println!(
        "DynamoDB engine on {endpoint}, data in {}",
        folder.display()
    );
    Ok(engine)
}

/// Runs until something fails. Dropping it, which a signal does, stops the function and removes the
/// environment file.
async fn serve(settings: &Settings, engine: &Embedded, env_file: EnvFile) -> Result<()> {
    let issuer = issuer::start(&settings.data.join("issuer-key.der"), settings.port).await?;
    let authority = issuer.authority();
    let demo = Demo::set_up(&settings.data, engine.endpoint(), &issuer).await?;
    let environment = watch::environment(engine.endpoint(), &authority);
    let events = Events::open(settings, engine.endpoint()).await?;
    let events = events.follow();
    tokio::pin!(events);
    let pending = pending::carry_out(engine.endpoint());
    tokio::pin!(pending);
    if settings.engine_only {
        welcome::print_exports(settings, &environment);
        tokio::select! {
            Err(failed) = events => return Err(failed),
            never = pending => match never {},
        }
    }

    let listener = gateway::listen(settings.port).await?;
    let function_port = settings::free_port()?;
    let mut watch = Watch::start(settings, function_port, &environment)?;
    let gateway = gateway::serve(listener, function_port);
    tokio::pin!(gateway);
    tokio::select! {
        stopped = &mut gateway => return stopped,
        why = watch.failed() => bail!("{why} before the service answered; the lines above say why"),
        answered = probe::until_answered(settings, demo.first.expose()) => answered?,
    }
    let link = demo::settings_link(engine.endpoint()).await?;
    let link = format!("{}{link}", settings.public_url());
    env_file
        .write(&[
            ("SCIM_BASE_URL", &settings.base_url()),
            ("SCIM_API_KEY", demo.first.expose()),
            ("SCIM_API_KEY_2", demo.second.expose()),
            ("SCIM_CLIENT_ID", demo.client.id.as_str()),
            ("SCIM_CLIENT_SECRET", demo.client.secret.expose()),
            ("SCIM_TOKEN_URL", &settings.token_url()),
            ("SCIM_TEST_ISSUER", &authority),
            ("SCIM_SETTINGS_LINK", &link),
            ("SCIM_DYNAMODB_ENDPOINT", engine.endpoint()),
        ])
        .context("cannot write dev.env")?;
    welcome::print(settings, &demo, &authority, &link);
    welcome::print_environment(&environment);

    tokio::select! {
        why = watch.ended() => bail!("{why}"),
        stopped = gateway => stopped,
        Err(failed) = events => Err(failed),
        never = pending => match never {},
    }
}

/// How long a process that was told to stop may take before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);
