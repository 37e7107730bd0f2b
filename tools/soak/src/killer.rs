//! Kills instances of the function at random times.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;
use tokio::time::{Instant, sleep};

use stand::pool::{Kills, Pool};

/// The longest time between two kills.
const PAUSE: Duration = Duration::from_millis(160);

/// Kills instances one after another until the deadline.
pub async fn kill(pool: &Pool, instances: usize, mut rng: Rng, deadline: Instant) -> Result<()> {
    while Instant::now() < deadline {
        sleep(PAUSE.mul_f64(rng.f64())).await;
        pool.kill(rng.usize(..instances)).await?;
    }
    Ok(())
}

/// The number of kills in total, and of those while a request was in progress.
pub fn count(kills: &Kills) -> (usize, usize) {
    let in_flight = kills.in_flight.load(Relaxed);
    let others = kills.starting.load(Relaxed) + kills.idle.load(Relaxed);
    (in_flight + others, in_flight)
}
