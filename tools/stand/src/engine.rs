//! The embedded DynamoDB engine in a process of its own, so that its work is not the function's. Its
//! data is in memory; a file can be where it begins and what it leaves.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, anyhow, bail, ensure};
use dynoxide::Database;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines, stdin};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The argument that makes this program an engine. The file to begin with may follow.
pub const ARGUMENT: &str = "--engine";

/// The command that has the data written to a file that does not exist.
pub const SAVE: &str = "save";
/// The command that has the data replaced by that of a file, and the transactions forgotten: the engine
/// remembers each for ten minutes, as DynamoDB does, and looks through them all at the next.
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

    /// Has it obey a command, [`SAVE`] or [`RESTORE`].
    pub async fn obey(&mut self, command: &str, file: &Path) -> Result<()> {
        let line = format!("{command} {}\n", file.display());
        self.commands.write_all(line.as_bytes()).await?;
        let answer = self.answers.next_line().await?;
        let answer = answer.context("the engine has ended")?;
        ensure!(answer == DONE, "the engine cannot {command}: {answer}");
        Ok(())
    }
}

/// What the engine's process does: says where it listens, and obeys, until the process that started it
/// is gone.
pub async fn serve(file: Option<&str>) -> Result<()> {
    let failed = |error: dynoxide::DynoxideError| anyhow!("{error}");
    let database = Database::memory().map_err(failed)?;
    if let Some(file) = file {
        database.restore_from(file).map_err(failed)?;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("http://{}", listener.local_addr()?);
    let server = dynoxide::server::serve_with_shutdown(
        listener,
        database.clone(),
        std::future::pending::<()>(),
    );
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
        ended = server => ended.map_err(|error| anyhow!("{error}")),
        ended = commands => ended,
    }
}
