//! When to stop: Ctrl-C, SIGTERM, a closed terminal, or a parent that is gone.

use std::os::unix::process::parent_id;
use std::time::Duration;

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    parent: u32,
}

impl Stop {
    pub fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            parent: parent_id(),
        })
    }

    /// Returns when it is time to stop, with the reason.
    pub async fn requested(&mut self) -> &'static str {
        let parent = self.parent;
        tokio::select! {
            _ = self.interrupt.recv() => "interrupted",
            _ = self.terminate.recv() => "told to end",
            _ = self.hang_up.recv() => "the terminal is gone",
            () = orphaned(parent) => "what started it is gone",
        }
    }
}

/// A killed `make` cannot forward signals, but its child gets a new parent, which is visible.
async fn orphaned(parent: u32) {
    while parent_id() == parent {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
