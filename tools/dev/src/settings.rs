//! The developer's settings, and what must be free before anything starts.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// The settings all come from the environment, because `make dev PORT=9001` and `PORT=9001 make
/// dev` both set it.
pub struct Settings {
    /// `PORT`: where the service listens, on the loopback address only; 0 means any free port.
    pub port: u16,
    /// `RELEASE=1`: build the function as for deployment.
    pub release: bool,
    /// `--engine-only`: start no function.
    pub engine_only: bool,
    /// `DATA`: the folder of the database, the keys and `dev.env`; defaults to the project's
    /// `.local/`, which is not committed. Runs with different folders and ports can coexist.
    pub data: PathBuf,
    /// `EVENTS_URL`: where each member event is sent.
    pub events_url: Option<String>,
    /// The project's own cargo-lambda, or the one on the PATH.
    pub cargo_lambda: PathBuf,
}

impl Settings {
    pub fn from_environment() -> Result<Self> {
        let port = match variable("PORT") {
            None => 9000,
            Some(text) => match text.parse() {
                Ok(0) => free_port()?,
                Ok(port) => port,
                Err(_) => bail!("PORT is `{text}`, which is no port number"),
            },
        };
        let release = variable("RELEASE").is_some_and(|text| text != "0");
        let mut engine_only = false;
        for argument in std::env::args().skip(1) {
            match argument.as_str() {
                "--engine-only" => engine_only = true,
                other => bail!("unknown argument `{other}`; there is only `--engine-only`"),
            }
        }
        let local = stand::root().join(".local");
        let data = variable("DATA").map_or_else(|| local.clone(), PathBuf::from);
        std::fs::create_dir_all(&data)
            .with_context(|| format!("cannot create {}", data.display()))?;
        let own = local.join("venv/bin/cargo-lambda");
        let cargo_lambda = if own.is_file() {
            own
        } else {
            PathBuf::from("cargo-lambda")
        };
        Ok(Self {
            port,
            release,
            engine_only,
            data,
            events_url: variable("EVENTS_URL"),
            cargo_lambda,
        })
    }

    /// Where the service is, without a path.
    pub fn public_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where clients get access tokens.
    pub fn token_url(&self) -> String {
        format!("{}/oauth2/token", self.public_url())
    }

    /// What Entra calls the Tenant URL.
    pub fn base_url(&self) -> String {
        format!("{}/scim/v2", self.public_url())
    }

    /// Held for the lifetime of this process, however it ends: two engines must not use one file.
    pub fn lock(&self) -> Result<File> {
        let path = self.data.join("dev.lock");
        let file =
            File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "it runs already from this folder; end the other `make dev` first, or give this one its own DATA folder and PORT"
                )
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    /// Checked before anything starts.
    pub fn check_port(&self) -> Result<()> {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AddrInUse => bail!(
                "port {port} is in use by another program; end it or choose another port: make dev PORT={other}",
                port = self.port,
                other = self.port.checked_add(1).unwrap_or(9000),
            ),
            Err(error) => {
                Err(error).with_context(|| format!("cannot listen on port {}", self.port))
            }
        }
    }
}

/// Whether nobody listens on this port.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port that is free now. It is released at once: another program could take it, and
/// [`Settings::check_port`] or cargo-lambda would report that.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

/// `make` exports an empty variable if none was given.
fn variable(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}
