//! Compares the function with the bare one: cold start, processor time, size, memory. They take
//! turns, so that any other load on the machine affects both.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::directory::Directory;
use crate::measure::median;
use crate::requests::Progress;
use stand::function::{Cpu, Function};
use stand::request::Request;

/// A figure of both functions, in the unit given in its name.
pub struct Comparison {
    pub name: &'static str,
    pub function: f64,
    pub bare: f64,
    /// The highest acceptable ratio of the two.
    pub target: Option<f64>,
}

const STARTS: usize = 25;
const ROUNDS: usize = 15;
const BATCH: usize = 100;

/// Measures both functions on one directory.
pub async fn compare(
    function: &Path,
    bare: &Path,
    directory: &Directory,
) -> Result<Vec<Comparison>> {
    let key = directory.key.expose();
    let near = directory.engine.endpoint();
    let mut real = directory.function(function, near, true).await?;
    let mut other = directory.function(bare, near, false).await?;
    let mut progress = Progress::explore(&mut real, key, directory.users).await?;
    let get = progress.path_of_known();
    let get = Request {
        method: "GET",
        path: &get,
        key,
        body: None,
        if_match: None,
    };

    eprintln!("measuring: cold starts");
    let (mut starts, mut bare_starts) = (Starts::default(), Starts::default());
    for _ in 0..STARTS {
        starts.take(directory, function, true, &get).await?;
        bare_starts.take(directory, bare, false, &get).await?;
    }

    eprintln!("measuring: GET by id beside the bare function's");
    let mut spent = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        let one = gets(&mut real, &get).await?;
        let two = gets(&mut other, &get).await?;
        // The first round is for warming up.
        if round > 0 {
            spent[0].push(one);
            spent[1].push(two);
        }
    }
    let [get, bare_get] = spent.map(median);

    let size = |file: &Path| -> Result<f64> {
        let length = file.metadata().context("cannot read the program")?.len();
        Ok(length as f64 / 1e6)
    };
    let memory =
        |function: &Function| Ok::<_, anyhow::Error>(function.memory("VmHWM")? as f64 / 1e3);
    Ok(vec![
        Comparison {
            name: "cold start, exec to first answer, ms",
            function: median(starts.wall.clone()),
            bare: median(bare_starts.wall.clone()),
            target: Some(1.25),
        },
        Comparison {
            name: "the same, fastest of all, ms",
            function: fastest(&starts.wall),
            bare: fastest(&bare_starts.wall),
            target: Some(1.25),
        },
        Comparison {
            name: "its CPU, ms",
            function: median(starts.cpu),
            bare: median(bare_starts.cpu),
            target: None,
        },
        Comparison {
            name: "of that in the first invocation, ms",
            function: median(starts.cpu_of_first),
            bare: median(bare_starts.cpu_of_first),
            target: None,
        },
        Comparison {
            name: "GET by id, CPU µs",
            function: get,
            bare: bare_get,
            target: Some(2.0),
        },
        Comparison {
            name: "program, MB",
            function: size(function)?,
            bare: size(bare)?,
            target: None,
        },
        Comparison {
            name: "peak memory after GETs and two pages, MB",
            function: memory(&real)?,
            bare: memory(&other)?,
            target: None,
        },
    ])
}

fn fastest(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The start of a process and its first answer, in milliseconds.
#[derive(Default)]
struct Starts {
    /// From exec to the answer.
    wall: Vec<f64>,
    /// Processor time.
    cpu: Vec<f64>,
    /// The part of it after the function asked for the event: before, Lambda gives a function a
    /// full processor, and afterwards a share according to its memory size.
    cpu_of_first: Vec<f64>,
}

impl Starts {
    async fn take(
        &mut self,
        directory: &Directory,
        program: &Path,
        logs: bool,
        request: &Request<'_>,
    ) -> Result<()> {
        let near = directory.engine.endpoint();
        let began = Instant::now();
        let mut function = directory.function(program, near, logs).await?;
        function.until_ready().await?;
        let start = began.elapsed();
        function.until_idle().await?;
        let at_start = function.cpu()?;
        let answer = function.expect(200, request).await?;
        ensure!(answer.body != Value::Null, "the answer has no body");
        function.until_idle().await?;
        let at_end = function.cpu()?;
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        self.wall.push(milliseconds(start + answer.wall));
        self.cpu.push(milliseconds(at_end.since(&Cpu::default())));
        self.cpu_of_first
            .push(milliseconds(at_end.since(&at_start)));
        Ok(())
    }
}

/// Microseconds of processor time per request.
async fn gets(function: &mut Function, request: &Request<'_>) -> Result<f64> {
    function.until_idle().await?;
    let before = function.cpu()?;
    for _ in 0..BATCH {
        function.expect(200, request).await?;
    }
    function.until_idle().await?;
    let spent = function.cpu()?.since(&before);
    Ok(spent.as_secs_f64() * 1e6 / BATCH as f64)
}
