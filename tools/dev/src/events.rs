//! Member events, as the product gets them: read from the engine's stream, made by the same
//! function as on AWS, printed, kept in a file, and sent on.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use member_events::{Content, Event, Publisher};
use stand::stream::Stream;
use stand::tenant::DIRECTORY_TABLE;

use crate::env_file::write_private;
use crate::settings::Settings;
use crate::webhook::Webhook;

/// How often the stream is read: as often as a pipe reads a shard.
const PAUSE: Duration = Duration::from_millis(250);

/// The file of all events, one a line.
const FILE: &str = "events.ndjson";

/// How far the stream was read.
const POSITIONS: &str = "events.position";

/// Follows the stream from where the last run ended.
pub struct Events {
    stream: Stream,
    publisher: Publisher,
    file: File,
    positions: PathBuf,
    webhook: Option<Webhook>,
}

impl Events {
    pub async fn open(settings: &Settings, endpoint: &str) -> Result<Self> {
        let file = settings.data.join(FILE);
        let positions = settings.data.join(POSITIONS);
        let stream = Stream::open(endpoint, DIRECTORY_TABLE, read_positions(&positions)?);
        let mut options = OpenOptions::new();
        // It holds what the database does.
        let options = options.create(true).append(true).mode(0o600);
        let opened = options.open(&file);
        let webhook = settings.events_url.as_deref().map(Webhook::start);
        Ok(Self {
            stream: stream.await?,
            publisher: Publisher::new(Some(&settings.public_url()), Content::Full),
            file: opened.with_context(|| format!("cannot open {}", file.display()))?,
            positions,
            webhook: webhook.transpose()?,
        })
    }

    /// Follows it until it fails.
    pub async fn follow(mut self) -> Result<Infallible> {
        loop {
            let events = self.stream.events(&self.publisher).await;
            for event in events.context("cannot read the engine's stream")? {
                self.tell(&event)?;
            }
            if let Some(positions) = self.stream.take_moved() {
                write_positions(&self.positions, &positions)?;
                continue;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn tell(&mut self, event: &Event) -> Result<()> {
        println!("event  {:<22} {}", event.kind.short(), event.id);
        let json = event.json();
        let line = format!("{json}\n");
        let written = self.file.write_all(line.as_bytes());
        written.with_context(|| format!("cannot write {FILE}"))?;
        if let Some(webhook) = &self.webhook {
            webhook.send(json);
        }
        Ok(())
    }
}

/// By shard, the last record that was read. One that is gone is read from its beginning.
fn read_positions(file: &Path) -> Result<BTreeMap<String, String>> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error).context(format!("cannot read {}", file.display())),
    };
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    Ok(lines
        .map(|(shard, position)| (shard.to_owned(), position.to_owned()))
        .collect())
}

fn write_positions(file: &Path, positions: &BTreeMap<String, String>) -> Result<()> {
    let lines: String = positions
        .iter()
        .map(|(shard, position)| format!("{shard} {position}\n"))
        .collect();
    write_private(file, lines.as_bytes())
        .with_context(|| format!("cannot write {}", file.display()))
}
