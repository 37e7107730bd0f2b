//! Replaces API Gateway, in front of cargo-lambda.
//!
//! Entra sends the quotes of a filter unencoded. The HTTP library of cargo-lambda refuses such a
//! request before the function sees it, with an answer that is not SCIM. So the request line is
//! encoded here; everything else passes unchanged.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use hellotracks_scim::http::UNFIT;
use percent_encoding::percent_encode;
use tokio::io::{self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Listens on the port that developers use.
pub async fn listen(port: u16) -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| format!("cannot listen on port {port}"))
}

/// Forwards connections to cargo-lambda until the process ends.
pub async fn serve(listener: TcpListener, function_port: u16) -> Result<()> {
    loop {
        let (client, _) = listener
            .accept()
            .await
            .context("no connection can be accepted")?;
        tokio::spawn(async move {
            // An error means that one side closed the connection, which the other side notices.
            let _ = connection(client, function_port).await;
        });
    }
}

async fn connection(client: TcpStream, function_port: u16) -> io::Result<()> {
    let function = TcpStream::connect((Ipv4Addr::LOCALHOST, function_port)).await?;
    client.set_nodelay(true)?;
    function.set_nodelay(true)?;
    let (from_client, mut to_client) = client.into_split();
    let (mut from_function, to_function) = function.into_split();
    let answers = async {
        io::copy(&mut from_function, &mut to_client).await?;
        to_client.shutdown().await
    };
    let (asked, answered) = tokio::join!(requests(from_client, to_function), answers);
    asked.and(answered)
}

/// Forwards one request after another.
async fn requests(from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
    let mut from = BufReader::new(from);
    loop {
        let mut first_line = Vec::new();
        if from.read_until(b'\n', &mut first_line).await? == 0 {
            return to.shutdown().await;
        }
        let mut head = fit(&first_line);
        let mut length = 0;
        let mut is_chunked = false;
        loop {
            let start = head.len();
            let read = from.read_until(b'\n', &mut head).await?;
            let line =
                String::from_utf8_lossy(head.get(start..).unwrap_or_default()).to_ascii_lowercase();
            if read == 0 || line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            is_chunked |= line.starts_with("transfer-encoding:");
        }
        to.write_all(&head).await?;
        if is_chunked {
            // The start of the next request is unknown: the rest is forwarded unread.
            io::copy(&mut from, &mut to).await?;
            return to.shutdown().await;
        }
        io::copy(&mut (&mut from).take(length), &mut to).await?;
    }
}

/// `GET /path?query HTTP/1.1` with a target that every HTTP library accepts.
fn fit(line: &[u8]) -> Vec<u8> {
    let text = line.trim_ascii_end();
    let space = |byte: &u8| *byte == b' ';
    let (Some(first), Some(last)) = (text.iter().position(space), text.iter().rposition(space))
    else {
        return line.to_vec();
    };
    let (method, target) = text.split_at(first + 1);
    let (target, version) = target.split_at((last - first).saturating_sub(1));
    let mut fit = method.to_vec();
    fit.extend(percent_encode(target, UNFIT).to_string().into_bytes());
    fit.extend_from_slice(version);
    fit.extend_from_slice(b"\r\n");
    fit
}
