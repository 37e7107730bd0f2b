//! Directories of a given size, filled through the function as Entra fills them, and kept in files
//! for the next run.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use hellotracks_scim::storage::{Meter, Store, Tables, Timeouts};
use hellotracks_scim::tenant::{ApiKey, TenantId};
use serde_json::Value;
use time::OffsetDateTime;

use crate::engine::Engine;
use crate::function::{Function, Request};

const SECRETS_TABLE: &str = "scim-secrets";
const DIRECTORY_TABLE: &str = "scim-directory";
const TENANT: &str = "bench";

/// More would wait for the engine.
const SEEDING_FUNCTIONS: usize = 3;
const BETWEEN_REPORTS: Duration = Duration::from_secs(5);

/// What decides how a directory looks in DynamoDB. A file that another version filled is not used.
const LAYOUT: &[&str] = &[
    include_str!("../../src/storage/keys.rs"),
    include_str!("../../src/storage/item.rs"),
    include_str!("../../src/storage/write.rs"),
    TEMPLATE,
];
const TEMPLATE: &str = include_str!("../../events/create-default-mapping.json");

/// An engine with one tenant that has a number of users.
pub struct Directory {
    pub users: usize,
    pub engine: Engine,
    pub key: ApiKey,
}

impl Directory {
    /// From the file of an earlier run, or filled now.
    pub async fn open(folder: &Path, program: &Path, users: usize) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let key = ApiKey::from_secret(&TenantId::parse(TENANT)?, [7; 32]);
        let file = file(folder, users);
        if !file.is_file() {
            let mut engine = Engine::start(None).await?;
            set_up_tenant(engine.endpoint(), &key).await?;
            seed(program, engine.endpoint(), key.expose(), users).await?;
            // Whole or not at all.
            let unfinished = file.with_extension(format!("{}", std::process::id()));
            engine.save(&unfinished).await?;
            std::fs::rename(&unfinished, &file)?;
        }
        let engine = Engine::start(Some(&file)).await?;
        Ok(Self { users, engine, key })
    }

    /// Starts a function over it, or over its engine under another address.
    pub async fn function(&self, program: &Path, endpoint: &str, logs: bool) -> Result<Function> {
        Function::start(program, &environment(endpoint), logs).await
    }
}

/// What the template gives the function beside what Lambda does, and what the bare one needs.
fn environment(endpoint: &str) -> [(&str, &str); 5] {
    [
        ("SCIM_SECRETS_TABLE", SECRETS_TABLE),
        ("SCIM_DIRECTORY_TABLE", DIRECTORY_TABLE),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("RUST_LOG", "info"),
        ("BARE_PARTITION", "T#bench"),
    ]
}

/// A user as Entra creates it with its default mapping.
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
    let mut hasher = DefaultHasher::new();
    LAYOUT.hash(&mut hasher);
    folder.join(format!("{users}-users-{:016x}.sqlite", hasher.finish()))
}

async fn set_up_tenant(endpoint: &str, key: &ApiKey) -> Result<()> {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
        .load()
        .await;
    let tables = Tables {
        secrets: SECRETS_TABLE.to_owned(),
        directory: DIRECTORY_TABLE.to_owned(),
    };
    let store = Store::connect(&config, tables, Timeouts::default());
    store.create_tables().await?;
    let (now, meter) = (OffsetDateTime::now_utc(), Meter::default());
    store
        .create_tenant(key.tenant(), TENANT, now, &meter)
        .await?;
    store
        .create_key(key, "make bench", now, None, &meter)
        .await?;
    Ok(())
}

/// Creates the users, each with a POST of its own.
async fn seed(program: &Path, endpoint: &str, key: &str, users: usize) -> Result<()> {
    let started = Instant::now();
    let begun = Arc::new(AtomicUsize::new(0));
    let mut seeders = tokio::task::JoinSet::new();
    for _ in 0..SEEDING_FUNCTIONS {
        let mut function = Function::start(program, &environment(endpoint), true).await?;
        let (begun, key) = (Arc::clone(&begun), key.to_owned());
        seeders.spawn(async move {
            loop {
                let number = begun.fetch_add(1, Relaxed);
                if number >= users {
                    return Ok::<_, anyhow::Error>(());
                }
                let request = Request {
                    method: "POST",
                    path: "/Users",
                    key: &key,
                    body: Some(user(number)?),
                };
                function.expect(201, &request).await?;
            }
        });
    }
    let mut report = tokio::time::interval(BETWEEN_REPORTS);
    loop {
        tokio::select! {
            ended = seeders.join_next() => match ended {
                Some(ended) => ended??,
                None => break,
            },
            _ = report.tick() => {
                let done = begun.load(Relaxed).min(users);
                eprintln!("creating {users} users: {done}, {} s", started.elapsed().as_secs());
            }
        }
    }
    eprintln!("created {users} users in {} s", started.elapsed().as_secs());
    Ok(())
}
