//! `make abuse`: a stream of malformed requests. Every answer must be SCIM, or that of a token
//! endpoint, none may be a failure of the service, and no request may leave a trace where it has no
//! right to.
//!
//! The requests are those of `events/`, as real clients send them, randomly damaged in one to four
//! places ([`mutate`], [`text`]): the path, the query, the headers, the JSON and its text. Existing
//! users are among their targets, so that the damage gets as far as possible. Some ask for a token
//! ([`token`]). [`verdict`] judges the answers. Among them are well-formed requests that cost as
//! much as they can ([`dear`]), which may not take long either.

mod body;
mod dear;
mod dear_groups;
mod mutate;
mod text;
mod token;
mod verdict;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::settings::Settings;
use crate::tables::{Direct, environment};
use mutate::{Corpus, Target};
use stand::engine::Engine;
use stand::pool::Pool;
use stand::request::Request;
use stand::tenant::DIRECTORY_TABLE;

/// The tenant that is attacked, and one that is not.
const TENANTS: [&str; 2] = ["attacked", "spared"];

/// Number of users that exist as targets at a time.
const TARGETS: usize = 24;

/// Requests between two new targets, because old ones get deleted.
const RENEWAL: u64 = 40;

/// Requests between two for a token.
const TOKENS: u64 = 12;

/// Requests between two that are well formed and cost as much as they can.
const DEAR: u64 = 250;

/// The longest that such a request may take. Its computing takes a fifth of a second at most; its
/// reads and writes, and the other attackers on the same machine, take the rest.
const DEAREST: Duration = Duration::from_secs(6);

/// Maximum number of characters of an event shown with a wrong answer. The seed reproduces it in
/// full.
const SHOWN: usize = 6000;

/// State shared by all attackers.
struct Attack {
    pool: Pool,
    corpus: Corpus,
    keys: [String; 2],
    client: token::Client,
    targets: Mutex<Vec<Target>>,
    /// Answers by status.
    statuses: Mutex<BTreeMap<u64, u64>>,
    /// The longest time of a dear request.
    dearest: Mutex<Duration>,
}

/// Sends `requests` malformed requests.
pub async fn run(settings: &Settings, requests: u64) -> Result<()> {
    println!("{requests} malformed requests, SEED={}", settings.seed);
    let engine = Engine::start(None).await?;
    let direct = Direct::create(engine.endpoint()).await?;
    // Nobody reads it.
    stand::stream::turn_off(engine.endpoint(), DIRECTORY_TABLE).await?;
    let mut rng = Rng::with_seed(settings.seed);
    let mut keys = [String::new(), String::new()];
    for (key, tenant) in keys.iter_mut().zip(TENANTS) {
        let mut secret = [0; 32];
        rng.fill(&mut secret);
        *key = direct.add_tenant(tenant, secret).await?;
    }
    let mut secret = [0; 32];
    rng.fill(&mut secret);
    let (id, secret) = direct.add_client(TENANTS[0], secret).await?;
    let client = token::Client { id, secret };
    // The attack targets everything behind the limits that would stop it.
    let mut environment = environment(engine.endpoint());
    for (name, value) in [
        ("SCIM_DEACTIVATION_SHARE_PERCENT", "100"),
        ("SCIM_REQUESTS_PER_SECOND", "0"),
    ] {
        environment.retain(|(set, _)| set != name);
        environment.push((name.to_owned(), value.to_owned()));
    }
    let program = settings.program.clone();
    let attack = Arc::new(Attack {
        pool: Pool::start(program, environment, settings.instances).await?,
        corpus: Corpus::read(&stand::root().join("events"))?,
        keys,
        client,
        targets: Mutex::default(),
        statuses: Mutex::default(),
        dearest: Mutex::default(),
    });
    for number in 0..TARGETS {
        attack.add_target(number as u64).await?;
    }
    let spared = attack.users_of(1).await?;
    let started = Instant::now();
    let attackers = settings.instances as u64 * 2;
    let mut running = JoinSet::new();
    for attacker in 0..attackers {
        let attack = Arc::clone(&attack);
        let rng = rng.fork();
        let share = (requests + attackers - 1 - attacker) / attackers;
        running.spawn(async move { attack.attacker(attacker, share, rng).await });
    }
    while let Some(done) = running.join_next().await {
        done.context("an attacker panicked")??;
    }
    let seconds = started.elapsed().as_secs_f64();
    attack.examine(&direct, &spared).await?;
    let statuses = attack
        .statuses
        .lock()
        .map_err(|_| anyhow::anyhow!("poisoned"))?;
    println!("\n| status | answers |\n|---|--:|");
    for (status, count) in statuses.iter() {
        println!("| {status} | {count} |");
    }
    let dearest = *attack
        .dearest
        .lock()
        .map_err(|_| anyhow::anyhow!("poisoned"))?;
    println!("\nthe dearest request, with its user's creation and deletion, took {dearest:.1?}");
    println!(
        "\n{requests} malformed requests in {seconds:.0} s: every answer is SCIM, none is a failure of the service, and the check finds no defect"
    );
    Ok(())
}

impl Attack {
    /// Sends requests and judges each answer, until there were enough or one is wrong.
    async fn attacker(&self, attacker: u64, requests: u64, mut rng: Rng) -> Result<()> {
        for number in 0..requests {
            if number % RENEWAL == 0 {
                self.add_target(attacker << 32 | (number + 1) << 8).await?;
            }
            if number % DEAR == DEAR - 1 {
                self.dear(&mut rng).await?;
                self.dear_group(&mut rng).await?;
            }
            let target = {
                let targets = self
                    .targets
                    .lock()
                    .map_err(|_| anyhow::anyhow!("poisoned"))?;
                rng.choice(targets.iter()).cloned().unwrap_or_default()
            };
            let event = match number % TOKENS {
                0 => self.corpus.malformed_token(&mut rng, &self.client),
                _ => self.corpus.malformed(&mut rng, &self.keys[0], &target),
            };
            let shown: String = event.to_string().chars().take(SHOWN).collect();
            let answer = self
                .pool
                .call(event.to_string())
                .await
                .with_context(|| format!("no answer to {shown}"))?;
            if let Ok(mut statuses) = self.statuses.lock() {
                *statuses.entry(answer.status).or_default() += 1;
            }
            let method = event["requestContext"]["http"]["method"].as_str();
            verdict::judge(method.unwrap_or_default(), &answer, &self.secrets())
                .with_context(|| format!("the answer to {shown}"))?;
        }
        Ok(())
    }

    /// Sends a request that costs as much as it can, and judges the answer, and its time.
    async fn dear(&self, rng: &mut Rng) -> Result<()> {
        let started = Instant::now();
        let (shape, answer) = dear::send(&self.pool, &self.keys[0], rng).await?;
        let took = started.elapsed();
        // None of them is HEAD.
        verdict::judge("", &answer, &self.secrets())
            .with_context(|| format!("the answer to {shape:?}"))?;
        ensure!(took < DEAREST, "{took:?} for {shape:?}");
        self.note(took, answer.status);
        Ok(())
    }

    /// The same of a group.
    async fn dear_group(&self, rng: &mut Rng) -> Result<()> {
        let users = self
            .targets
            .lock()
            .map_err(|_| anyhow::anyhow!("poisoned"))?
            .iter()
            .map(|target| target.user.clone())
            .collect::<Vec<_>>();
        let started = Instant::now();
        let (kind, answer) = dear_groups::send(&self.pool, &self.keys[0], &users, rng).await?;
        let took = started.elapsed();
        verdict::judge("", &answer, &self.secrets())
            .with_context(|| format!("the answer to {kind:?}"))?;
        ensure!(took < DEAREST, "{took:?} for {kind:?}");
        self.note(took, answer.status);
        Ok(())
    }

    fn note(&self, took: Duration, status: u64) {
        if let Ok(mut dearest) = self.dearest.lock()
            && took > *dearest
        {
            *dearest = took;
        }
        if let Ok(mut statuses) = self.statuses.lock() {
            *statuses.entry(status).or_default() += 1;
        }
    }

    /// What no log line and no header may have.
    fn secrets(&self) -> [&str; 3] {
        let [attacked, spared] = &self.keys;
        [attacked, spared, &self.client.secret]
    }

    /// Creates a user as a target, replacing an older one.
    async fn add_target(&self, number: u64) -> Result<()> {
        let name = format!("target-{number:x}@crew.example");
        let request = Request {
            method: "POST",
            path: "/Users",
            key: &self.keys[0],
            body: Some(json!({
                "userName": name, "externalId": format!("x-{number:x}"), "title": "Lead",
                "emails": [{"type": "work", "value": name, "primary": true}],
                "roles": [{"value": "digger"}],
            })),
            if_match: None,
        };
        let answer = self.pool.call(request.event()).await?;
        ensure!(answer.status == 201, "a target is refused: {}", answer.body);
        let user = answer.body["id"].as_str().context("no id")?.to_owned();
        let request = Request {
            method: "POST",
            path: "/Groups",
            key: &self.keys[0],
            body: Some(json!({
                "displayName": format!("Crew {number:x}"), "members": [{"value": user}],
            })),
            if_match: None,
        };
        let answer = self.pool.call(request.event()).await?;
        ensure!(answer.status == 201, "a target is refused: {}", answer.body);
        let group = answer.body["id"].as_str().context("no id")?.to_owned();
        let mut targets = self
            .targets
            .lock()
            .map_err(|_| anyhow::anyhow!("poisoned"))?;
        if targets.len() == TARGETS {
            targets.remove(0);
        }
        targets.push(Target { user, group });
        Ok(())
    }

    /// All users of a tenant; the first call creates the spared tenant's only user.
    async fn users_of(&self, tenant: usize) -> Result<Value> {
        let request = |method, path, body| Request {
            method,
            path,
            key: &self.keys[tenant],
            body,
            if_match: None,
        };
        let list = self
            .pool
            .call(request("GET", "/Users", None).event())
            .await?;
        if list.body["totalResults"] != 0 {
            return Ok(list.body);
        }
        let body = Some(json!({"userName": "spared@crew.example"}));
        self.pool
            .call(request("POST", "/Users", body).event())
            .await?;
        Ok(self
            .pool
            .call(request("GET", "/Users", None).event())
            .await?
            .body)
    }

    /// Checks that the spared tenant is unchanged, and that the attacked one is consistent.
    async fn examine(&self, direct: &Direct, spared: &Value) -> Result<()> {
        ensure!(
            self.users_of(1).await? == *spared,
            "the spared tenant has changed"
        );
        for tenant in TENANTS {
            direct.audit(tenant).await?;
        }
        Ok(())
    }
}
