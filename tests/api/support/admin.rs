//! `scim-admin` over the tables of a service.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use scim_admin::{Caller, Cli, Streams};
use serde_json::{Value, json};
use stand::wire::{Fate, Wire};
use store::{Store, Tables, Timeouts};
use tokio::sync::mpsc;

use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::service::Service;

/// `scim-admin` over the tables of a service.
pub struct Admin {
    prefix: String,
    store: Store,
}

impl Admin {
    pub async fn with_service() -> (Service, DirectoryTable, Self) {
        let (service, directory, prefix) = DirectoryTable::with_prefix().await;
        let store = service.app.store.clone();
        (service, directory, Self { prefix, store })
    }

    /// Over the tables with this prefix, which this store has.
    pub fn of(prefix: &str, store: &Store) -> Self {
        Self {
            prefix: prefix.to_owned(),
            store: store.clone(),
        }
    }

    /// Empty tables, and no tenant.
    pub async fn without_service() -> (DirectoryTable, Self) {
        let prefix = uuid::Uuid::new_v4().simple().to_string();
        let (store, directory) = DirectoryTable::empty(engine::endpoint(), &prefix).await;
        (directory, Self { prefix, store })
    }

    /// The store that it runs on.
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// The same in the engine at `endpoint`.
    pub async fn at(endpoint: &str) -> (Service, DirectoryTable, Self) {
        let (service, directory, prefix) = DirectoryTable::at(endpoint).await;
        let store = service.app.store.clone();
        (service, directory, Self { prefix, store })
    }

    /// The same over a wire.
    pub async fn behind(&self, wire: &Wire) -> Self {
        let sdk_config = engine::sdk_config(&wire.endpoint).await;
        let tables = engine::tables(&self.prefix);
        Self {
            prefix: self.prefix.clone(),
            store: Store::connect(&sdk_config, tables, Timeouts::default()),
        }
    }

    /// The names of the tables.
    pub fn tables(&self) -> Tables {
        engine::tables(&self.prefix)
    }

    /// The name of the sessions table, which is there once a test creates it.
    pub fn sessions_table(&self) -> String {
        format!("{}-sessions", self.prefix)
    }

    /// The prefix of the tables' names.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The same over other tables.
    pub async fn over(&self, tables: Tables) -> Self {
        Self {
            prefix: self.prefix.clone(),
            store: stand::tenant::connect(engine::endpoint(), tables).await,
        }
    }

    /// The exit code, and what is printed: results, then messages.
    pub async fn run(&self, arguments: &str) -> (u8, String) {
        let (code, results, messages) = self.output(arguments).await;
        (code, results + &messages)
    }

    /// The same, unless the program ends when it makes the call after so many: then `None`.
    pub async fn killed_after(&self, calls: usize, arguments: &str) -> Option<(u8, String)> {
        let passed = AtomicUsize::new(0);
        let wire = Wire::start(engine::endpoint(), move |_, _| {
            match passed.fetch_add(1, Relaxed) < calls {
                true => Fate::Passed,
                false => Fate::Ignored,
            }
        })
        .await;
        let admin = self.behind(&wire).await;
        let is_over = async {
            while wire.requests().len() <= calls {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            outcome = Box::pin(admin.run(arguments)) => Some(outcome),
            () = is_over => None,
        }
    }

    /// The exit code, and the JSON that is printed.
    pub async fn json(&self, arguments: &str) -> (u8, Value) {
        let (code, results, messages) = self.output(&format!("--json {arguments}")).await;
        let value = serde_json::from_str(&results);
        (
            code,
            value.unwrap_or_else(|_| panic!("{results}{messages}")),
        )
    }

    /// The lines of a command that goes on; dropping them ends it.
    pub fn follow(&self, arguments: &str) -> Lines {
        let cli = parse(arguments).expect("arguments");
        let store = self.store.clone();
        let (sender, lines) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut streams = Streams {
                input: &mut io::empty(),
                results: &mut LineWriter::new(sender),
                messages: &mut io::stderr(),
            };
            scim_admin::run(cli, &caller(), &store, &mut streams).await
        });
        Lines(lines)
    }

    /// The exit code, results and messages.
    pub async fn output(&self, arguments: &str) -> (u8, String, String) {
        self.fed(arguments, "").await
    }

    /// The same of a command that reads from standard input.
    pub async fn fed(&self, arguments: &str, input: &str) -> (u8, String, String) {
        let mut input = input.as_bytes();
        let mut cli = match parse(arguments) {
            Ok(cli) => cli,
            Err(error) => return (2, String::new(), error),
        };
        cli.sessions_table = self.sessions_table();
        let (mut results, mut messages) = (Vec::new(), Vec::new());
        let mut streams = Streams {
            input: &mut input,
            results: &mut results,
            messages: &mut messages,
        };
        // Boxed: the future is large, and tests await many of them.
        let caller = caller();
        let run = scim_admin::run(cli, &caller, &self.store, &mut streams);
        let code = Box::pin(run).await;
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (code, text(results), text(messages))
    }

    /// What `history --ndjson` prints.
    pub async fn history(&self, arguments: &str) -> Vec<Value> {
        let (code, text) = self
            .run(&format!("history acme --ndjson {arguments}"))
            .await;
        assert_eq!(code, 0, "{text}");
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn caller() -> Caller {
    Caller::Named("local user lena".to_owned())
}

fn parse(arguments: &str) -> Result<Cli, String> {
    let words = arguments.split_ascii_whitespace();
    scim_admin::parse(std::iter::once("scim-admin").chain(words))
}

/// Lines as they are printed.
pub struct Lines(mpsc::UnboundedReceiver<String>);

impl Lines {
    pub async fn next(&mut self) -> String {
        self.0.recv().await.expect("another line")
    }
}

struct LineWriter {
    unfinished: Vec<u8>,
    lines: mpsc::UnboundedSender<String>,
}

impl LineWriter {
    fn new(lines: mpsc::UnboundedSender<String>) -> Self {
        Self {
            unfinished: Vec::new(),
            lines,
        }
    }
}

impl Write for LineWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unfinished.extend_from_slice(bytes);
        while let Some(end) = self.unfinished.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unfinished.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            // Nobody listens any more, as when a pipe is closed.
            self.lines
                .send(line)
                .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn members(records: &[Value], name: &str) -> Vec<Value> {
    records.iter().map(|record| record[name].clone()).collect()
}

pub async fn set(service: &Service, path: &str, name: &str, value: Value) {
    let operation = json!([{"op": "replace", "path": name, "value": value}]);
    let answer = service.patch(path, operation).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}
