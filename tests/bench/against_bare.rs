//! The function against the bare one: cold start, processor time, size, memory. They take turns, so
//! that whatever else the machine does falls on both.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::directory::Directory;
use crate::function::{Function, Request};
use crate::measure::median;
use crate::operations::Place;

/// A figure of both, in the unit that its name says.
pub struct Comparison {
    pub name: &'static str,
    pub function: f64,
    pub bare: f64,
    /// The highest ratio of the two that is wanted.
    pub target: Option<f64>,
}

const STARTS: usize = 25;
const ROUNDS: usize = 15;
const BATCH: usize = 100;

/// Measures both functions over one directory.
pub async fn compare(
    function: &Path,
    bare: &Path,
    directory: &Directory,
) -> Result<Vec<Comparison>> {
    let key = directory.key.expose();
    let near = directory.engine.endpoint();
    let mut real = directory.function(function, near, true).await?;
    let mut other = directory.function(bare, near, false).await?;
    let mut place = Place::explore(&mut real, key, directory.users).await?;
    let get = place.path_of_known();
    let get = Request {
        method: "GET",
        path: &get,
        key,
        body: None,
    };

    eprintln!("measuring: cold starts");
    let mut starts = [Vec::new(), Vec::new()];
    for _ in 0..STARTS {
        starts[0].push(start(directory, function, true, &get).await?);
        starts[1].push(start(directory, bare, false, &get).await?);
    }
    let [(wall, cpu), (bare_wall, bare_cpu)] = starts.map(|starts| {
        let (wall, cpu): (Vec<f64>, Vec<f64>) = starts.into_iter().unzip();
        (median(wall), median(cpu))
    });

    eprintln!("measuring: GET by id beside the bare function's");
    let mut spent = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        let one = gets(&mut real, &get).await?;
        let two = gets(&mut other, &get).await?;
        // The first warms up.
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
    let memory = |function: &Function| Ok::<_, anyhow::Error>(function.peak_memory()? as f64 / 1e3);
    Ok(vec![
        Comparison {
            name: "cold start, exec to first answer, ms",
            function: wall,
            bare: bare_wall,
            target: Some(1.25),
        },
        Comparison {
            name: "the same, CPU ms",
            function: cpu,
            bare: bare_cpu,
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

/// From the start of a process to its first answer, in milliseconds: as time, and of the processors.
async fn start(
    directory: &Directory,
    program: &Path,
    logs: bool,
    request: &Request<'_>,
) -> Result<(f64, f64)> {
    let started = std::time::Instant::now();
    let near = directory.engine.endpoint();
    let mut function = directory.function(program, near, logs).await?;
    let answer = function.expect(200, request).await?;
    anyhow::ensure!(answer.body != Value::Null, "the answer has no body");
    let wall = started.elapsed();
    function.settled().await?;
    let spent = function.cpu()?.total();
    Ok((wall.as_secs_f64() * 1e3, spent.as_secs_f64() * 1e3))
}

/// Microseconds of processor time for each of a number of requests.
async fn gets(function: &mut Function, request: &Request<'_>) -> Result<f64> {
    function.settled().await?;
    let before = function.cpu()?;
    for _ in 0..BATCH {
        function.expect(200, request).await?;
    }
    function.settled().await?;
    let spent = function.cpu()?.since(&before);
    Ok(spent.as_secs_f64() * 1e6 / BATCH as f64)
}
