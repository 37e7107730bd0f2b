//! A distant DynamoDB: every call takes a fixed time longer, however many run concurrently. The
//! added duration of a request then shows how many calls it makes sequentially.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Much longer than a call takes, and much shorter than the function's timeouts.
pub const DELAY: Duration = Duration::from_millis(300);

/// The endpoint seen from afar.
pub async fn from_afar(endpoint: &str) -> Result<String> {
    let address = endpoint
        .strip_prefix("http://")
        .context("no http")?
        .to_owned();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let far = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(&address).await else {
                return;
            };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::spawn(carry(from_client, to_server, DELAY));
            tokio::spawn(carry(from_server, to_client, Duration::ZERO));
        }
    });
    Ok(far)
}

/// Delivers everything `delay` after it was sent: data sent in several parts waits only once.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (under_way, mut arriving) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((at, bytes)) = arriving.recv().await {
            sleep_until(at).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let bytes = buffer.iter().take(length).copied().collect();
        if under_way.send((Instant::now() + delay, bytes)).is_err() {
            return;
        }
    }
}
