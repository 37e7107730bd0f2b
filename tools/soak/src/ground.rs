//! The engine under a run: one of its own, or another at `SCIM_TEST_DYNAMODB_ENDPOINT`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use stand::engine::{Engine, RESTORE, SAVE, streams};

/// The variable by which tests find another engine too.
const OTHER: &str = "SCIM_TEST_DYNAMODB_ENDPOINT";

/// An engine.
pub enum Ground {
    Own(Box<Engine>),
    Other(String),
}

impl Ground {
    pub async fn start() -> Result<Self> {
        match std::env::var(OTHER) {
            Ok(endpoint) if !endpoint.is_empty() => Ok(Self::Other(endpoint)),
            _ => Ok(Self::Own(Box::new(Engine::start(None).await?))),
        }
    }

    pub fn endpoint(&self) -> &str {
        match self {
            Self::Own(engine) => engine.endpoint(),
            Self::Other(endpoint) => endpoint,
        }
    }

    /// Saves the tables to a file for inspection.
    pub async fn keep(&mut self, seed: u64) -> Result<PathBuf> {
        let Self::Own(engine) = self else {
            bail!("they are in an engine that is not this program's");
        };
        let folder = stand::root().join(".local/soak");
        std::fs::create_dir_all(&folder)?;
        let process = std::process::id();
        let file = folder.join(format!("seed-{seed}-process-{process}.sqlite"));
        engine.command(SAVE, &file).await?;
        Ok(file)
    }

    /// Forgets what nobody asks for again, in a quiet period. The embedded engine searches all
    /// transactions of the last ten minutes for each new one, which would take most of its time,
    /// and never ends a stream.
    pub async fn forget(&mut self) -> Result<()> {
        let Self::Own(engine) = self else {
            return Ok(());
        };
        let file = std::env::temp_dir().join(format!("soak-{}.sqlite", std::process::id()));
        engine.command(SAVE, &file).await?;
        streams::clear(&file)?;
        let restored = engine.command(RESTORE, &file).await;
        std::fs::remove_file(&file)?;
        restored
    }
}
