//! The settings, all from the environment: `make soak MINUTES=5` sets it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// The settings.
#[derive(Debug)]
pub struct Settings {
    /// `MINUTES`: duration of Entra's traffic after the initial cycle; defaults to 5. Fractions are
    /// allowed.
    pub mixed: Duration,
    /// `KILLED`: minutes of the same traffic while instances are killed; defaults to 1, 0 for none.
    pub killed: Duration,
    /// `USERS`: per tenant; defaults to 2,000.
    pub users: usize,
    /// `TENANTS`: defaults to 20.
    pub tenants: usize,
    /// `INSTANCES`: of the function; defaults to 4.
    pub instances: usize,
    /// `WORKERS`: clients per tenant; defaults to 3.
    pub workers: usize,
    /// `SEED`: for all random choices. Random by default.
    pub seed: u64,
    /// `RELEASE=0`: use the function's debug build.
    pub program: PathBuf,
}

impl Settings {
    pub fn from_environment() -> Result<Self> {
        let release = variable("RELEASE").is_none_or(|text| text != "0");
        let this = std::env::current_exe()?;
        let target = this.ancestors().nth(2).context("not built by Cargo")?;
        let build = if release { "release" } else { "debug" };
        let program = target.join(build).join("hellotracks-scim");
        if !program.is_file() {
            bail!("{} is missing; `make soak` builds it", program.display());
        }
        let settings = Self {
            mixed: minutes("MINUTES", 5.0)?,
            killed: minutes("KILLED", 1.0)?,
            users: number("USERS", 2000)?,
            tenants: number("TENANTS", 20)?,
            instances: number("INSTANCES", 4)?,
            workers: number("WORKERS", 3)?,
            seed: number("SEED", fastrand::u64(..))?,
            program,
        };
        let least = [settings.tenants, settings.instances, settings.workers];
        if least.contains(&0) || settings.users < settings.workers {
            bail!("each tenant needs a user for each worker, and nothing can be 0");
        }
        Ok(settings)
    }
}

fn minutes(name: &str, default: f64) -> Result<Duration> {
    let minutes = number(name, default)?;
    Duration::try_from_secs_f64(minutes * 60.0).with_context(|| format!("{name} is no time"))
}

fn number<T: std::str::FromStr>(name: &str, default: T) -> Result<T> {
    let Some(text) = variable(name) else {
        return Ok(default);
    };
    match text.parse() {
        Ok(number) => Ok(number),
        Err(_) => bail!("{name} is `{text}`, which is no number that it could be"),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
