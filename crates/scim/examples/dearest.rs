//! Looks for the dearest request of each kind, by the time that computing it takes: it climbs from
//! random shapes. `cargo run --release -p scim --example dearest 60` takes a minute for each kind.

#[path = "../tests/dear/run.rs"]
mod run;

use std::error::Error;
use std::time::{Duration, Instant};

use dear::{Kind, Shape};
use fastrand::Rng;
use scim::work::Budget;

/// The time that this thread has computed, which other programs on the machine do not prolong.
fn computed() -> Result<Duration, Box<dyn Error>> {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = schedule.split(' ').next().unwrap_or_default();
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

/// What a shape came to.
struct Measured {
    shape: Shape,
    time: Duration,
    units: u64,
    answer: String,
}

fn measured(shape: Shape) -> Result<Measured, Box<dyn Error>> {
    let budget = Budget::default();
    let prepared = run::prepare(&shape.build())?;
    let started = computed()?;
    let outcome = run::answer(prepared, &budget);
    Ok(Measured {
        shape,
        time: computed()? - started,
        units: budget.spent(),
        answer: match outcome {
            Ok(()) => "done".to_owned(),
            Err(error) => format!("400 {}", error.reason()),
        },
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = std::env::args()
        .nth(1)
        .map_or(Ok(10), |text| text.parse())?;
    let mut rng = Rng::with_seed(7);
    println!("| kind | ms | million units | answer | shape |\n|---|--:|--:|---|---|");
    for kind in Kind::ALL {
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut dearest = measured(Shape::of(kind, &mut rng))?;
        while Instant::now() < until {
            let shape = match rng.u8(..4) {
                0 => Shape::of(kind, &mut rng),
                _ => dearest.shape.mutated(&mut rng),
            };
            let next = measured(shape)?;
            if next.time > dearest.time {
                dearest = next;
            }
        }
        let Measured {
            shape,
            time,
            units,
            answer,
        } = dearest;
        let (time, units) = (time.as_secs_f64() * 1e3, units as f64 / 1e6);
        println!("| {kind:?} | {time:.0} | {units:.1} | {answer} | {shape:?} |");
    }
    Ok(())
}
