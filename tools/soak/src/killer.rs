//! Kills instances of the function, at random moments.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;
use tokio::time::{Instant, sleep};

use stand::pool::{Kills, Pool};

/// The longest time between two kills.
const PAUSE: Duration = Duration::from_millis(160);

/// Kills one instance after the other until the deadline.
pub async fn kill(pool: &Pool, instances: usize, mut rng: Rng, deadline: Instant) -> Result<()> {
    while Instant::now() < deadline {
        sleep(PAUSE.mul_f64(rng.f64())).await;
        pool.kill(rng.usize(..instances)).await?;
    }
    Ok(())
}

/// How many kills there were in all, and how many while a request was being worked on.
pub fn count(kills: &Kills) -> (usize, usize) {
    let in_flight = kills.in_flight.load(Relaxed);
    let others = kills.starting.load(Relaxed) + kills.idle.load(Relaxed);
    (in_flight + others, in_flight)
}
