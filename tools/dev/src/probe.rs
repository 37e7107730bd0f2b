//! Entra's Test-connection request, and one of the settings page, repeated until both get the
//! answer that they should.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::settings::Settings;

/// A match query for a user that does not exist.
pub const TEST_CONNECTION: &str =
    "/Users?filter=userName+eq+%2282f7c2ab-4a5e-4f4e-9d9c-0e5d3a7c1b60%22";

/// The function may still be compiling when the first request arrives, from scratch on a slow
/// machine.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
const BETWEEN_REPORTS: Duration = Duration::from_secs(15);
const BETWEEN_TRIES: Duration = Duration::from_millis(300);
/// cargo-lambda holds a request until a function takes it, so a slow one is not an error; retrying
/// after this time avoids waiting for a lost one until the end.
const ONE_TRY: Duration = Duration::from_secs(30);

pub async fn until_answered(settings: &Settings, key: &str) -> Result<()> {
    let started = Instant::now();
    let mut last_report = started;
    loop {
        let seen = match timeout(ONE_TRY, ask_both(settings.port, key)).await {
            Ok(Ok(None)) => return Ok(()),
            Ok(Ok(Some(answer))) => {
                format!("it answers, but not as it should:\n{}", answer.trim_end())
            }
            Ok(Err(error)) => format!("no answer yet ({error})"),
            Err(_) => "no answer yet (the request waits for the function)".to_owned(),
        };
        if started.elapsed() > PATIENCE {
            bail!(
                "the service did not come up in {} minutes; {seen}",
                PATIENCE.as_secs() / 60
            );
        }
        if last_report.elapsed() > BETWEEN_REPORTS {
            last_report = Instant::now();
            println!(
                "waiting for the service, {} s: {seen}",
                started.elapsed().as_secs()
            );
        }
        sleep(BETWEEN_TRIES).await;
    }
}

/// Asks both functions, which start with their first request; returns an answer that is wrong.
async fn ask_both(port: u16, key: &str) -> Result<Option<String>> {
    let test = format!("/scim/v2{TEST_CONNECTION}");
    for (path, status) in [
        (test.as_str(), "HTTP/1.1 200"),
        ("/settings", "HTTP/1.1 401"),
    ] {
        let answer = ask(port, path, key).await?;
        if !answer.starts_with(status) {
            return Ok(Some(answer));
        }
    }
    Ok(None)
}

/// One hand-written request: a client library would be this program's largest dependency.
async fn ask(port: u16, path: &str, key: &str) -> Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\n\
         Host: 127.0.0.1:{port}\r\n\
         Authorization: Bearer {key}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .await
        .context("the connection broke")?;
    if answer.is_empty() {
        bail!("the connection closed without an answer");
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
