//! The embedded DynamoDB engine, served on a free loopback port.
//!
//! - [`Engine`]: in a separate process, so that its load is not the function's. Its data is in
//!   memory; it can be loaded from a file and saved to one.
//! - [`Embedded`]: in this process, on a file that keeps the data.
//! - [`background`]: in this process, in memory, for as long as the process lives.

pub mod streams;

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use dynoxide::{Database, DynoxideError};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines, stdin};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The argument that makes this program an engine, optionally followed by the file to load.
pub const ARGUMENT: &str = "--engine";

/// The command to write the data to a new file.
pub const SAVE: &str = "save";
/// The command to replace the data by that of a file, and to forget the transactions: the engine
/// remembers each for ten minutes, as DynamoDB does, and searches them all for each new one.
pub const RESTORE: &str = "restore";

const DONE: &str = "done";

/// An engine's process. Ends when dropped.
pub struct Engine {
    endpoint: String,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Engine {
    /// Starts one, empty or with the data of a file.
    pub async fn start(file: Option<&Path>) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(ARGUMENT)
            .args(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let commands = process.stdin.take().context("the engine has no input")?;
        let output = process.stdout.take().context("the engine has no output")?;
        let mut answers = BufReader::new(output).lines();
        let endpoint = answers.next_line().await?;
        Ok(Self {
            endpoint: endpoint.context("the engine does not start")?,
            commands,
            answers,
            _process: process,
        })
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Runs a command, [`SAVE`] or [`RESTORE`].
    pub async fn command(&mut self, command: &str, file: &Path) -> Result<()> {
        let line = format!("{command} {}\n", file.display());
        self.commands.write_all(line.as_bytes()).await?;
        let answer = self.answers.next_line().await?;
        let answer = answer.context("the engine has ended")?;
        ensure!(answer == DONE, "the engine cannot {command}: {answer}");
        Ok(())
    }
}

/// The engine's process: prints its address and runs commands until its parent process is gone.
pub async fn serve(file: Option<&str>) -> Result<()> {
    let database = streams::in_memory()?;
    if let Some(file) = file {
        database.restore_from(file).map_err(failed)?;
    }
    let (listener, endpoint) = listen().await?;
    println!("{endpoint}");
    let server = serve_until(listener, database.clone(), std::future::pending());
    let commands = async {
        let mut lines = BufReader::new(stdin()).lines();
        while let Some(line) = lines.next_line().await? {
            let done = match line.split_once(' ') {
                Some((SAVE, file)) => database.vacuum_into(file),
                Some((RESTORE, file)) => database.restore_from(file),
                _ => bail!("`{line}` is no command"),
            };
            match done {
                Ok(()) => println!("{DONE}"),
                Err(error) => println!("{error}"),
            }
        }
        Ok(())
    };
    tokio::select! {
        ended = server => ended,
        ended = commands => ended,
    }
}

/// An engine in this process, on a file. The file is consistent however it ends.
pub struct Embedded {
    endpoint: String,
    shut_down: oneshot::Sender<()>,
    server: JoinHandle<Result<()>>,
}

impl Embedded {
    /// Starts one with the data of the file, or empty if it does not exist.
    pub async fn open(file: &Path) -> Result<Self> {
        let database = streams::on_file(file)?;
        let (listener, endpoint) = listen().await?;
        let (shut_down, asked) = oneshot::channel::<()>();
        let server = tokio::spawn(serve_until(listener, database, async {
            // A dropped sender means the same: this process is about to end.
            let _ = asked.await;
        }));
        Ok(Self {
            endpoint,
            shut_down,
            server,
        })
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Lets running requests finish, for at most this long.
    pub async fn stop(self, patience: Duration) {
        let _ = self.shut_down.send(());
        let _ = tokio::time::timeout(patience, self.server).await;
    }
}

/// Starts an engine with its data in memory, and returns its address. It has its own thread and
/// runtime: a test's runtime ends with the test, and the engine outlives them all.
pub fn background() -> Result<String> {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime for the engine");
        runtime.block_on(async {
            let (listener, endpoint) = listen().await.expect("a free port for the engine");
            let database = streams::in_memory().expect("an empty database");
            tell.send(endpoint).expect("somebody waits for the engine");
            serve_until(listener, database, std::future::pending())
                .await
                .expect("the engine serves until the process ends");
        });
    });
    told.recv().context("the engine does not start")
}

async fn listen() -> Result<(TcpListener, String)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    Ok((listener, endpoint))
}

async fn serve_until(
    listener: TcpListener,
    database: Database,
    asked: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let served = dynoxide::server::serve_with_shutdown(listener, database, asked).await;
    served.map_err(|error| anyhow!("{error}"))
}

fn failed(error: DynoxideError) -> anyhow::Error {
    anyhow!("{error}")
}
