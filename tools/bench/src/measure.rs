//! Measures requests at several sizes side by side: each round samples every size, so that any
//! other load on the machine affects all of them.

use std::path::Path;

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;

use crate::directory::Directory;
use crate::distance::{DELAY, from_afar};
use crate::requests::{Progress, REQUEST_KINDS, RequestKind, State, UNINDEXED};
use stand::function::{Answer, Function};

/// What one kind of request costs at one size, per request.
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

/// What one kind of request costs at every size.
pub struct Row {
    pub name: &'static str,
    /// Whether the cost must not depend on the size.
    pub flat: bool,
    pub costs: Vec<(usize, Costs)>,
}

/// Something of a size, and functions that it is asked of.
pub struct Setup<P> {
    pub size: usize,
    pub function: Function,
    /// A function on the same directory, with a distant DynamoDB.
    far: Function,
    pub state: P,
}

const ROUNDS: usize = 9;
/// Of requests that are made a single time for each sample: they take long.
const ROUNDS_OF_ONE: usize = 3;
const ROUNDS_FROM_AFAR: usize = 4;

/// All kinds of requests in all directories, and the peak memory of each directory's function in
/// kilobytes.
pub async fn all(program: &Path, directories: &[Directory]) -> Result<(Vec<Row>, Vec<u64>)> {
    let mut setups = Vec::new();
    for directory in directories {
        let users = directory.users;
        let key = directory.key.expose();
        let explore = async |function: &mut Function| Progress::explore(function, key, users).await;
        setups.push(Setup::start(program, directory, users, explore).await?);
    }
    let mut rows = rows(REQUEST_KINDS, &mut setups).await?;
    // Taken before the filter that reads everything.
    let memory = setups.iter().map(|setup| setup.function.memory("VmHWM"));
    let memory = memory.collect::<Result<_>>()?;
    eprintln!("measuring: {}", UNINDEXED.name);
    rows.push(row(&UNINDEXED, &mut setups).await?);
    Ok((rows, memory))
}

impl<P> Setup<P> {
    /// Starts functions on a directory; `explore` learns from one what requests are made from.
    pub async fn start(
        program: &Path,
        directory: &Directory,
        size: usize,
        explore: impl AsyncFnOnce(&mut Function) -> Result<P>,
    ) -> Result<Self> {
        let near = directory.engine.endpoint();
        let mut function = directory.function(program, near, true).await?;
        let far = from_afar(near).await?;
        Ok(Self {
            size,
            state: explore(&mut function).await?,
            function,
            far: directory.function(program, &far, true).await?,
        })
    }
}

/// These kinds of requests at all sizes.
pub async fn rows<P: State>(
    kinds: &'static [RequestKind<P>],
    setups: &mut [Setup<P>],
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for kind in kinds {
        eprintln!("measuring: {}", kind.name);
        rows.push(row(kind, setups).await?);
    }
    Ok(rows)
}

async fn row<P: State>(kind: &RequestKind<P>, setups: &mut [Setup<P>]) -> Result<Row> {
    let mut samples: Vec<Samples> = Vec::new();
    for setup in &mut *setups {
        let mut samples_here = Samples::default();
        for _ in 0..kind.batch / 4 {
            let answer = kind.call(&mut setup.state, &mut setup.function).await?;
            samples_here.check(kind, &answer)?;
        }
        samples.push(samples_here);
    }
    for _ in 0..if kind.batch > 1 {
        ROUNDS
    } else {
        ROUNDS_OF_ONE
    } {
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
    let sizes = setups.iter().map(|setup| setup.size);
    Ok(Row {
        name: kind.name,
        flat: kind.flat,
        costs: sizes.zip(costs).collect(),
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
    async fn take<P: State>(&mut self, kind: &RequestKind<P>, setup: &mut Setup<P>) -> Result<()> {
        setup.function.until_idle().await?;
        let before = setup.function.cpu()?;
        for _ in 0..kind.batch {
            let answer = kind.call(&mut setup.state, &mut setup.function).await?;
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

    /// What is made a single time may be refused because of the size; no other refusal is accepted.
    fn check<P>(&mut self, kind: &RequestKind<P>, answer: &Answer) -> Result<()> {
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
async fn from_far<P: State>(kind: &RequestKind<P>, setup: &mut Setup<P>) -> Result<f64> {
    let mut far = Vec::new();
    for _ in 0..=ROUNDS_FROM_AFAR {
        let answer = kind.call(&mut setup.state, &mut setup.far).await?;
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
