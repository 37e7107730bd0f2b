//! The phases of a run, one after the other.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{Client, Tally};
use crate::entra::Mode;
use crate::events::Listener;
use crate::ground::Ground;
use crate::groups::Group;
use crate::killer;
use crate::model::User;
use crate::report::{self, Growth};
use crate::settings::Settings;
use crate::tables::{Checks, Direct, environment};
use crate::tenant::Tenant;
use crate::walk;
use crate::worker::Worker;
use stand::pool::Pool;

/// The longest time between two quiet periods.
const ROUND: Duration = Duration::from_secs(60);

/// Percentage of a tenant's users that may be deactivated or deleted while active, in all phases
/// together. The function is configured to open the breaker only above that.
const DEACTIVATIONS_PERCENT: usize = 80;

/// Kilobytes by which an instance may grow from the first third of the traffic to its end. It is
/// not zero because the allocator keeps, per thread, the memory of the largest answers so far: a
/// page of 650 users is 1.3 MB, and exists as items, as JSON and as text. Five minutes at 200
/// requests per second reveal a leak of half a kilobyte per request.
const MAX_GROWTH: u64 = 5_000;

/// Minimum number of kills of busy instances per minute.
const MIN_KILLS_IN_FLIGHT: f64 = 100.0;

/// Minimum number per minute of unanswered requests that had been carried out, and of those that
/// had not.
const MIN_FATES: f64 = 10.0;

/// Everything that runs.
struct Soak {
    ground: Ground,
    direct: Direct,
    listener: Listener,
    pool: Arc<Pool>,
    tally: Arc<Tally>,
    tenants: Vec<Arc<Tenant>>,
    workers: Vec<Worker>,
    /// How many active users of a tenant may be deactivated or deleted per phase.
    deactivations: usize,
}

/// What the workers do in a phase.
#[derive(Clone, Copy)]
enum Task {
    CreateAll,
    StepsUntil(Instant),
}

/// Runs all phases. The first deviation from the model stops them, and the data is kept.
pub async fn run(settings: &Settings) -> Result<()> {
    println!("{settings:?}");
    let mut soak = Soak::start(settings).await?;
    let result = soak.run(settings).await;
    report::print(&soak.tally);
    if result.is_err() {
        match soak.ground.keep(settings.seed).await {
            Ok(file) => eprintln!("the tables are kept in {}", file.display()),
            Err(error) => eprintln!("the tables cannot be kept: {error:#}"),
        }
    }
    result.with_context(|| format!("the run with SEED={} ended early", settings.seed))
}

impl Soak {
    async fn start(settings: &Settings) -> Result<Self> {
        let ground = Ground::start().await?;
        let direct = Direct::create(ground.endpoint()).await?;
        let listener = Listener::start(ground.endpoint(), settings.seed).await?;
        let environment = environment(ground.endpoint());
        let program = settings.program.clone();
        let pool = Arc::new(Pool::start(program, environment, settings.instances).await?);
        let mut soak = Self {
            ground,
            direct,
            listener,
            pool,
            tally: Arc::new(Tally::default()),
            tenants: Vec::new(),
            workers: Vec::new(),
            deactivations: 0,
        };
        let mut rng = Rng::with_seed(settings.seed);
        for number in 0..settings.tenants {
            let name = format!("crew-{number}");
            let mut secret = [0; 32];
            rng.fill(&mut secret);
            let client = Client {
                pool: Arc::clone(&soak.pool),
                tally: Arc::clone(&soak.tally),
                key: soak.direct.add_tenant(&name, secret).await?,
                tenant: name,
            };
            let mode = [Mode::Flag, Mode::Legacy][number % 2];
            let tenant = Arc::new(Tenant::new(number, client, mode));
            for worker in 0..settings.workers {
                // The first workers take the remainder.
                let users = (settings.users + settings.workers - 1 - worker) / settings.workers;
                let worker = Worker::new(Arc::clone(&tenant), worker, users, settings.seed);
                soak.workers.push(worker);
            }
            soak.tenants.push(tenant);
        }
        Ok(soak)
    }

    async fn run(&mut self, settings: &Settings) -> Result<()> {
        self.phase("initial cycle", Task::CreateAll).await?;

        let third = settings.mixed / 3;
        let rounds = third.as_secs_f64() / ROUND.as_secs_f64();
        let rounds = rounds.ceil().max(1.0) as u32;
        let mut early = None;
        let phases = 3 * rounds as usize + 1;
        self.deactivations = settings.users * DEACTIVATIONS_PERCENT / 100 / phases;
        for number in 0..3 * rounds {
            let task = Task::StepsUntil(Instant::now() + third / rounds);
            self.phase("mixed traffic", task).await?;
            if number + 1 == rounds {
                early = Some(self.pool.read().await?);
            }
        }
        let growth: Vec<Growth> = early
            .into_iter()
            .flatten()
            .zip(self.pool.read().await?)
            .map(|(early, late)| Growth {
                early: early.memory,
                late: late.memory,
                cpu: late.cpu.since(&early.cpu),
            })
            .collect();
        report::print_instances(&growth);
        for (number, Growth { early, late, .. }) in growth.iter().enumerate() {
            ensure!(
                late.saturating_sub(*early) <= MAX_GROWTH,
                "instance {number} has grown from {early} KB to {late} KB"
            );
        }

        if !settings.killed.is_zero() {
            self.killed(settings).await?;
        }
        self.examine().await
    }

    /// Runs all workers until each has finished its task. Afterwards the tenants are quiet.
    async fn phase(&mut self, name: &str, task: Task) -> Result<()> {
        let (begun, before) = (Instant::now(), self.tally.requests());
        for tenant in &self.tenants {
            tenant.allow_deactivations(self.deactivations);
        }
        let checking = match task {
            Task::CreateAll => None,
            Task::StepsUntil(deadline) => {
                let (direct, tenants) = (self.direct.clone(), self.tenants.iter());
                let names = tenants.map(|tenant| tenant.client.tenant.clone()).collect();
                Some(tokio::spawn(async move {
                    direct.check_until(names, deadline).await
                }))
            }
        };
        let mut running = JoinSet::new();
        for mut worker in self.workers.drain(..) {
            running.spawn(async move {
                match task {
                    Task::CreateAll => worker.create_all().await?,
                    Task::StepsUntil(deadline) => {
                        while Instant::now() < deadline {
                            worker.step().await?;
                        }
                    }
                }
                Ok::<_, anyhow::Error>(worker)
            });
        }
        while let Some(ended) = running.join_next().await {
            self.workers.push(ended??);
        }
        let (requests, seconds) = (
            self.tally.requests() - before,
            begun.elapsed().as_secs_f64(),
        );
        println!(
            "{name}: {requests} requests in {seconds:.1} s, {:.0} a second",
            requests as f64 / seconds
        );
        if let Some(checking) = checking {
            let Checks {
                number,
                users,
                in_use,
                took,
            } = checking.await??;
            println!(
                "meanwhile {number} checks with repair of {users} users in {:.1} s: no defect, nothing repaired, {in_use} not judged",
                took.as_secs_f64()
            );
        }
        for tenant in &self.tenants {
            walk::total(tenant, self.users(tenant).len()).await?;
        }
        let late = self.direct.carry_out().await?;
        let told = self.listener.listen().await?;
        println!("meanwhile {told} events; {late} large changes were carried out afterwards");
        // Nobody repeats a transaction now, and all of the stream is read.
        self.ground.forget().await
    }

    /// Traffic while instances are killed.
    async fn killed(&mut self, settings: &Settings) -> Result<()> {
        let deadline = Instant::now() + settings.killed;
        self.tally.may_be_killed.store(true, Relaxed);
        let pool = Arc::clone(&self.pool);
        let rng = Rng::with_seed(settings.seed.rotate_left(32));
        let instances = settings.instances;
        let killer =
            tokio::spawn(async move { killer::kill(&pool, instances, rng, deadline).await });
        self.phase("traffic with kills", Task::StepsUntil(deadline))
            .await?;
        killer.await??;
        let (all, in_flight) = killer::count(self.pool.kills());
        println!("{all} instances were killed, {in_flight} of them with a request in work");
        let minutes = settings.killed.as_secs_f64() / 60.0;
        ensure!(
            in_flight as f64 >= MIN_KILLS_IN_FLIGHT * minutes,
            "{in_flight} kills with a request in work are too few to prove anything"
        );
        for end in ["had been done", "had not been done"] {
            let count = self.tally.fates(end);
            ensure!(
                count as f64 >= MIN_FATES * minutes,
                "{count} requests without an answer that {end} are too few to prove anything"
            );
        }
        Ok(())
    }

    /// Compares the final state with the model, and runs the operator's check.
    async fn examine(&mut self) -> Result<()> {
        let (mut all, mut memberships) = (0, 0);
        for tenant in &self.tenants.clone() {
            let users = self.users(tenant);
            for by_cursor in [false, true] {
                walk::when_quiet(tenant, &users, by_cursor).await?;
            }
            let name = &tenant.client.tenant;
            let count = users.len();
            let workers = self.workers.iter_mut();
            let groups = workers
                .filter(|worker| worker.tenant.number == tenant.number)
                .flat_map(|worker| &mut worker.crews)
                .filter_map(|crew| crew.group.as_mut())
                .collect::<Vec<_>>();
            memberships += groups
                .iter()
                .map(|group| group.members.len())
                .sum::<usize>();
            let resources = count + groups.len();
            walk::groups_when_quiet(tenant, groups).await?;
            let found = self.direct.audit(name).await?;
            ensure!(
                found == resources as u64,
                "tenant {name}: the check finds {found} users and groups instead of {resources}",
            );
            all += count;
            let users = of_tenant(&self.workers, tenant);
            let workers = self.workers.iter();
            let crews = workers
                .filter(|worker| worker.tenant.number == tenant.number)
                .flat_map(|worker| &worker.crews);
            let groups: Vec<&Group> = crews.filter_map(|crew| crew.group.as_ref()).collect();
            self.listener.must_know(name, &users, &groups)?;
        }
        println!(
            "{all} users of {} tenants and their {memberships} memberships are as the model has them on both sides and in the events, and the check finds no defect",
            self.tenants.len()
        );
        Ok(())
    }

    fn users(&self, tenant: &Tenant) -> Vec<&User> {
        of_tenant(&self.workers, tenant)
    }
}

fn of_tenant<'w>(workers: &'w [Worker], tenant: &Tenant) -> Vec<&'w User> {
    workers
        .iter()
        .filter(|worker| worker.tenant.number == tenant.number)
        .flat_map(|worker| worker.places.iter().filter_map(|place| place.user.as_ref()))
        .collect()
}
