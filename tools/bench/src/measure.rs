//! Measures the requests in directories of several sizes side by side: each round samples every
//! size, so that any other load on the machine affects all of them.

use std::path::Path;

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;

use crate::directory::Directory;
use crate::distance::{DELAY, from_afar};
use crate::requests::{Progress, REQUEST_KINDS, RequestKind, UNINDEXED};
use stand::function::{Answer, Function};

/// What one kind of request costs in one directory, per request.
#[derive(Default)]
pub struct Costs {
    /// Sequential calls to DynamoDB.
    pub round_trips: Option<u64>,
    pub calls: f64,
    pub read_units: f64,
    pub write_units: f64,
    /// Microseconds of the function's processor time.
    pub cpu: f64,
    /// Microseconds from the event to the answer.
    pub wall: f64,
    /// The status, if it is not the expected one.
    pub refused: Option<u64>,
}

/// What one kind of request costs in every directory.
pub struct Row {
    pub kind: &'static RequestKind,
    pub costs: Vec<(usize, Costs)>,
}

/// A directory and its functions.
struct Setup {
    users: usize,
    function: Function,
    /// A function on the same directory, with a distant DynamoDB.
    far: Function,
    progress: Progress,
}

const ROUNDS: usize = 9;
const ROUNDS_OF_UNINDEXED: usize = 3;
const ROUNDS_FROM_AFAR: usize = 4;

/// All kinds of requests in all directories, and the peak memory of each directory's function in
/// kilobytes.
pub async fn all(program: &Path, directories: &[Directory]) -> Result<(Vec<Row>, Vec<u64>)> {
    let mut setups = Vec::new();
    for directory in directories {
        let near = directory.engine.endpoint();
        let mut function = directory.function(program, near, true).await?;
        let far = directory
            .function(program, &from_afar(near).await?, true)
            .await?;
        let key = directory.key.expose();
        setups.push(Setup {
            users: directory.users,
            progress: Progress::explore(&mut function, key, directory.users).await?,
            function,
            far,
        });
    }
    let mut rows = Vec::new();
    for kind in REQUEST_KINDS {
        eprintln!("measuring: {}", kind.name);
        rows.push(row(kind, ROUNDS, &mut setups).await?);
    }
    // Taken before the filter that reads everything.
    let memory = setups.iter().map(|setup| setup.function.memory("VmHWM"));
    let memory = memory.collect::<Result<_>>()?;
    eprintln!("measuring: {}", UNINDEXED.name);
    rows.push(row(&UNINDEXED, ROUNDS_OF_UNINDEXED, &mut setups).await?);
    Ok((rows, memory))
}

async fn row(kind: &'static RequestKind, rounds: usize, setups: &mut [Setup]) -> Result<Row> {
    let mut samples: Vec<Samples> = Vec::new();
    for setup in &mut *setups {
        let mut samples_here = Samples::default();
        for _ in 0..kind.batch / 4 {
            let answer = kind.call(&mut setup.progress, &mut setup.function).await?;
            samples_here.check(kind, &answer)?;
        }
        samples.push(samples_here);
    }
    for _ in 0..rounds {
        for (setup, samples) in setups.iter_mut().zip(&mut samples) {
            samples.take(kind, setup).await?;
        }
    }
    let mut costs: Vec<_> = samples.into_iter().map(Samples::into_costs).collect();
    if kind.batch > 1 {
        let far = setups.iter_mut().map(|setup| from_far(kind, setup));
        for (cost, far) in costs.iter_mut().zip(try_join_all(far).await?) {
            let longer = (far - cost.wall) / DELAY.as_secs_f64() / 1e6;
            cost.round_trips = Some(longer.round().max(0.0) as u64);
        }
    }
    let users = setups.iter().map(|setup| setup.users);
    Ok(Row {
        kind,
        costs: users.zip(costs).collect(),
    })
}

#[derive(Default)]
struct Samples {
    calls: Vec<f64>,
    read_units: Vec<f64>,
    write_units: Vec<f64>,
    cpu: Vec<f64>,
    wall: Vec<f64>,
    refused: Option<u64>,
}

impl Samples {
    async fn take(&mut self, kind: &RequestKind, setup: &mut Setup) -> Result<()> {
        setup.function.until_idle().await?;
        let before = setup.function.cpu()?;
        for _ in 0..kind.batch {
            let answer = kind.call(&mut setup.progress, &mut setup.function).await?;
            self.check(kind, &answer)?;
            let figure = |name| answer.line[name].as_f64().unwrap_or_default();
            self.calls.push(figure("dynamodb_calls"));
            self.read_units.push(figure("read_units"));
            self.write_units.push(figure("write_units"));
            self.wall.push(answer.wall.as_secs_f64() * 1e6);
        }
        setup.function.until_idle().await?;
        let spent = setup.function.cpu()?.since(&before);
        self.cpu.push(spent.as_secs_f64() * 1e6 / kind.batch as f64);
        Ok(())
    }

    /// The filter may be refused because of the directory's size; no other refusal is accepted.
    fn check(&mut self, kind: &RequestKind, answer: &Answer) -> Result<()> {
        if answer.status != kind.status {
            ensure!(
                kind.batch == 1,
                "{} is answered with {}: {}",
                kind.name,
                answer.status,
                answer.body
            );
            self.refused = Some(answer.status);
        }
        Ok(())
    }

    fn into_costs(self) -> Costs {
        Costs {
            round_trips: None,
            calls: mean(&self.calls),
            read_units: mean(&self.read_units),
            write_units: mean(&self.write_units),
            cpu: median(self.cpu),
            wall: median(self.wall),
            refused: self.refused,
        }
    }
}

/// How long a request takes when each call to DynamoDB takes longer, in microseconds.
async fn from_far(kind: &RequestKind, setup: &mut Setup) -> Result<f64> {
    let mut far = Vec::new();
    for _ in 0..=ROUNDS_FROM_AFAR {
        let answer = kind.call(&mut setup.progress, &mut setup.far).await?;
        far.push(answer.wall.as_secs_f64() * 1e6);
    }
    // The first request may have had to connect. Other load on the machine can only add time.
    Ok(far.into_iter().skip(1).fold(f64::INFINITY, f64::min))
}

pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

fn mean(figures: &[f64]) -> f64 {
    figures.iter().sum::<f64>() / figures.len() as f64
}
