//! Measuring the operations in directories of several sizes, side by side: each round samples every
//! size, so that whatever else the machine does falls on all of them.

use std::path::Path;

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;

use crate::directory::Directory;
use crate::distance::{DELAY, from_afar};
use crate::operations::{OPERATIONS, Operation, Place, UNINDEXED};
use stand::function::{Answer, Function};

/// What one operation costs in one directory, for each request.
#[derive(Default)]
pub struct Costs {
    /// Calls to DynamoDB one after the other.
    pub round_trips: Option<u64>,
    pub calls: f64,
    pub read_units: f64,
    pub write_units: f64,
    /// Microseconds of the function's processor time.
    pub cpu: f64,
    /// Microseconds from the event to the answer.
    pub wall: f64,
    /// The status, if it is another than expected.
    pub refused: Option<u64>,
}

/// What one operation costs in every directory.
pub struct Row {
    pub operation: &'static Operation,
    pub costs: Vec<(usize, Costs)>,
}

/// A directory and its functions.
struct Stand {
    users: usize,
    function: Function,
    /// The same over a DynamoDB that is far away.
    far: Function,
    place: Place,
}

const ROUNDS: usize = 9;
const ROUNDS_OF_UNINDEXED: usize = 3;
const ROUNDS_FROM_AFAR: usize = 4;

/// All operations in all directories, and the peak memory of each one's function in kilobytes.
pub async fn all(program: &Path, directories: &[Directory]) -> Result<(Vec<Row>, Vec<u64>)> {
    let mut stands = Vec::new();
    for directory in directories {
        let near = directory.engine.endpoint();
        let mut function = directory.function(program, near, true).await?;
        let far = directory
            .function(program, &from_afar(near).await?, true)
            .await?;
        let key = directory.key.expose();
        stands.push(Stand {
            users: directory.users,
            place: Place::explore(&mut function, key, directory.users).await?,
            function,
            far,
        });
    }
    let mut rows = Vec::new();
    for operation in OPERATIONS {
        eprintln!("measuring: {}", operation.name);
        rows.push(row(operation, ROUNDS, &mut stands).await?);
    }
    // Before the filter that reads everything.
    let memory = stands.iter().map(|stand| stand.function.memory("VmHWM"));
    let memory = memory.collect::<Result<_>>()?;
    eprintln!("measuring: {}", UNINDEXED.name);
    rows.push(row(&UNINDEXED, ROUNDS_OF_UNINDEXED, &mut stands).await?);
    Ok((rows, memory))
}

async fn row(operation: &'static Operation, rounds: usize, stands: &mut [Stand]) -> Result<Row> {
    let mut samples: Vec<Samples> = Vec::new();
    for stand in &mut *stands {
        let mut samples_here = Samples::default();
        for _ in 0..operation.batch / 4 {
            let answer = operation
                .call(&mut stand.place, &mut stand.function)
                .await?;
            samples_here.check(operation, &answer)?;
        }
        samples.push(samples_here);
    }
    for _ in 0..rounds {
        for (stand, samples) in stands.iter_mut().zip(&mut samples) {
            samples.take(operation, stand).await?;
        }
    }
    let mut costs: Vec<_> = samples.into_iter().map(Samples::into_costs).collect();
    if operation.batch > 1 {
        let far = stands.iter_mut().map(|stand| from_far(operation, stand));
        for (cost, far) in costs.iter_mut().zip(try_join_all(far).await?) {
            let longer = (far - cost.wall) / DELAY.as_secs_f64() / 1e6;
            cost.round_trips = Some(longer.round().max(0.0) as u64);
        }
    }
    let users = stands.iter().map(|stand| stand.users);
    Ok(Row {
        operation,
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
    async fn take(&mut self, operation: &Operation, stand: &mut Stand) -> Result<()> {
        stand.function.settled().await?;
        let before = stand.function.cpu()?;
        for _ in 0..operation.batch {
            let answer = operation
                .call(&mut stand.place, &mut stand.function)
                .await?;
            self.check(operation, &answer)?;
            let figure = |name| answer.line[name].as_f64().unwrap_or_default();
            self.calls.push(figure("dynamodb_calls"));
            self.read_units.push(figure("read_units"));
            self.write_units.push(figure("write_units"));
            self.wall.push(answer.wall.as_secs_f64() * 1e6);
        }
        stand.function.settled().await?;
        let spent = stand.function.cpu()?.since(&before);
        self.cpu
            .push(spent.as_secs_f64() * 1e6 / operation.batch as f64);
        Ok(())
    }

    /// The filter may be refused for the size of the directory; nothing else may be.
    fn check(&mut self, operation: &Operation, answer: &Answer) -> Result<()> {
        if answer.status != operation.status {
            ensure!(
                operation.batch == 1,
                "{} is answered with {}: {}",
                operation.name,
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
async fn from_far(operation: &Operation, stand: &mut Stand) -> Result<f64> {
    let mut far = Vec::new();
    for _ in 0..=ROUNDS_FROM_AFAR {
        let answer = operation.call(&mut stand.place, &mut stand.far).await?;
        far.push(answer.wall.as_secs_f64() * 1e6);
    }
    // The first may have had to connect; what the machine does beside can only make it longer.
    Ok(far.into_iter().skip(1).fold(f64::INFINITY, f64::min))
}

pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

fn mean(figures: &[f64]) -> f64 {
    figures.iter().sum::<f64>() / figures.len() as f64
}
