//! Directories of a given size, filled through the function the way Entra fills them, and kept in
//! files for later runs.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use ::tenant::{ApiKey, TenantId};
use anyhow::{Context, Result};
use serde_json::Value;
use tokio::task::JoinSet;

use stand::engine::{Engine, SAVE};
use stand::function::Function;
use stand::request::Request;
use stand::tenant::{self, DIRECTORY_TABLE, SECRETS_TABLE};

pub const TENANT: &str = "bench";

/// More would only wait for the engine.
const SEEDING_FUNCTIONS: usize = 3;
/// How many users are created with one engine.
const STEP: usize = 5_000;

/// The files that determine how a directory is stored in DynamoDB. A file filled by another version
/// is not used.
const LAYOUT: &[&str] = &[
    include_str!("../../../crates/store/src/directory/keys/mod.rs"),
    include_str!("../../../crates/store/src/directory/document.rs"),
    include_str!("../../../crates/store/src/directory/write.rs"),
    TEMPLATE,
];
const TEMPLATE: &str = include_str!("../../../events/create-default-mapping.json");

/// An engine with one tenant that has the given number of users.
pub struct Directory {
    pub users: usize,
    pub engine: Engine,
    pub key: ApiKey,
}

impl Directory {
    /// Uses the file of an earlier run, grows the largest smaller one, or fills a new one.
    pub async fn open(folder: &Path, program: &Path, users: usize) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let key = ApiKey::from_secret(&TenantId::parse(TENANT)?, [7; 32]);
        let mut done = largest(folder, users)?;
        let begun = Instant::now();
        // Whether the previous file was created by this run, and can be removed.
        let mut grown = false;
        while done < users {
            // The engine remembers every transaction for ten minutes and searches them all for each
            // new one: starting a new engine now and then is faster.
            let mut engine = if done == 0 {
                let engine = Engine::start(None).await?;
                set_up_tenant(engine.endpoint(), &key).await?;
                engine
            } else {
                Engine::start(Some(&file(folder, done))).await?
            };
            let next = users.min(done + STEP);
            seed(program, engine.endpoint(), key.expose(), done..next).await?;
            // Renamed once complete, so that the file is never partial.
            let unfinished = folder.join(format!("unfinished-{}", std::process::id()));
            engine.command(SAVE, &unfinished).await?;
            std::fs::rename(&unfinished, file(folder, next))?;
            if std::mem::replace(&mut grown, true) {
                std::fs::remove_file(file(folder, done))?;
            }
            done = next;
            let seconds = begun.elapsed().as_secs();
            eprintln!("creating {users} users: {done} after {seconds} s");
        }
        let engine = Engine::start(Some(&file(folder, users))).await?;
        Ok(Self { users, engine, key })
    }

    /// Starts a function on it, or on its engine under another address.
    pub async fn function(&self, program: &Path, endpoint: &str, logs: bool) -> Result<Function> {
        Function::start(program, &environment(endpoint), logs).await
    }
}

/// The template's environment variables, and what the bare function needs.
fn environment(endpoint: &str) -> [(&str, &str); 7] {
    [
        ("SCIM_SECRETS_TABLE", SECRETS_TABLE),
        ("SCIM_DIRECTORY_TABLE", DIRECTORY_TABLE),
        // More users are deleted than the default allows. At 100 the breaker would not even count.
        ("SCIM_DEACTIVATION_SHARE_PERCENT", "99"),
        // Requests are counted, and never too many.
        ("SCIM_REQUESTS_PER_SECOND", "100000"),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("RUST_LOG", "info"),
        ("BARE_PARTITION", "T#bench"),
    ]
}

/// A user as created by Entra's default mapping.
pub fn user(number: usize) -> Result<Value> {
    let event: Value = serde_json::from_str(TEMPLATE)?;
    let body = event["body"].as_str().context("the event has no body")?;
    let mut user: Value = serde_json::from_str(body)?;
    user["userName"] = user_name(number).into();
    user["externalId"] = external_id(number).into();
    user["displayName"] = format!("Lena Ortiz {number}").into();
    user["emails"][0]["value"] = user_name(number).into();
    user["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["employeeNumber"] =
        format!("E-{number}").into();
    Ok(user)
}

pub fn user_name(number: usize) -> String {
    format!("lena.ortiz.{number}@fieldcrew.example")
}

pub fn external_id(number: usize) -> String {
    format!("7b0d0c1e-5f2a-4b53-9f0e-{number:012}")
}

fn file(folder: &Path, users: usize) -> PathBuf {
    folder.join(format!("{users}{}", suffix()))
}

fn suffix() -> String {
    let mut hasher = DefaultHasher::new();
    LAYOUT.hash(&mut hasher);
    format!("-users-{:016x}.sqlite", hasher.finish())
}

/// The size of the largest kept directory with at most this number of users.
fn largest(folder: &Path, users: usize) -> Result<usize> {
    let mut largest = 0;
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(&suffix()));
        match number.and_then(|number| number.parse().ok()) {
            Some(number) if number <= users => largest = largest.max(number),
            _ => {}
        }
    }
    Ok(largest)
}

async fn set_up_tenant(endpoint: &str, key: &ApiKey) -> Result<()> {
    let store = tenant::connect(endpoint, tenant::tables()).await;
    store.create_tables().await?;
    // Nobody reads it.
    stand::stream::turn_off(endpoint, tenant::DIRECTORY_TABLE).await?;
    tenant::create(&store, TENANT, key, "make bench").await?;
    Ok(())
}

/// Creates the users with these numbers, one POST each.
async fn seed(program: &Path, endpoint: &str, key: &str, numbers: Range<usize>) -> Result<()> {
    let end = numbers.end;
    let begun = Arc::new(AtomicUsize::new(numbers.start));
    let mut seeders = JoinSet::new();
    for _ in 0..SEEDING_FUNCTIONS {
        let mut function = Function::start(program, &environment(endpoint), true).await?;
        let (begun, key) = (Arc::clone(&begun), key.to_owned());
        seeders.spawn(async move {
            loop {
                let number = begun.fetch_add(1, Relaxed);
                if number >= end {
                    return Ok::<_, anyhow::Error>(());
                }
                let request = Request {
                    method: "POST",
                    path: "/Users",
                    key: &key,
                    body: Some(user(number)?),
                    if_match: None,
                };
                function.expect(201, &request).await?;
            }
        });
    }
    while let Some(ended) = seeders.join_next().await {
        ended??;
    }
    Ok(())
}
