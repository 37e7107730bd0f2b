//! The embedded DynamoDB engine, in this process, on a file.

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, Result};
use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::PATIENCE;

pub struct Engine {
    endpoint: String,
    shut_down: oneshot::Sender<()>,
    server: JoinHandle<Result<(), String>>,
}

impl Engine {
    /// Starts it on a free loopback port. The data of earlier runs is there.
    pub async fn start(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let file = folder.join("directory.sqlite");
        let name = file.to_str().context("the project's path is not UTF-8")?;
        let database = Database::new(name)
            .map_err(|error| anyhow::anyhow!("{error}"))
            .with_context(|| format!("cannot open {name}; `make clean-data` starts anew"))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let (shut_down, asked) = oneshot::channel::<()>();
        let server = tokio::spawn(dynoxide::server::serve_with_shutdown(
            listener,
            database,
            async {
                // A dropped sender means the same: this process is about to end.
                let _ = asked.await;
            },
        ));
        println!(
            "DynamoDB engine on {endpoint}, data in {}",
            folder.display()
        );
        Ok(Self {
            endpoint,
            shut_down,
            server,
        })
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Lets running requests finish. The file is consistent without this as well.
    pub async fn stop(self) {
        let _ = self.shut_down.send(());
        let _ = tokio::time::timeout(PATIENCE, self.server).await;
    }
}
