//! Not tests: a stand between the service and DynamoDB that can break the connection.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::engine;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// DynamoDB answers it.
    Passed,
    /// DynamoDB says that it is asked too much.
    Throttled,
    /// It is read, and nothing is ever answered.
    Ignored,
    /// DynamoDB carries it out, and the connection breaks before the answer arrives.
    AnswerLost,
    /// The connection breaks before DynamoDB hears of it.
    Refused,
}

/// A loopback address that speaks to DynamoDB as the plan says.
pub struct Wire {
    pub endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    /// `plan` gets the operation, such as `GetItem`, and how many of it came before.
    pub async fn start(plan: impl Fn(&str, usize) -> Fate + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = requests.clone();
        let plan = Arc::new(plan);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (plan, seen) = (plan.clone(), seen.clone());
                tokio::spawn(async move {
                    // An error is a connection that the service gave up.
                    let _ = serve(stream, |operation| {
                        let mut seen = seen.lock().unwrap();
                        let before = seen.iter().filter(|other| *other == operation).count();
                        seen.push(operation.to_owned());
                        plan(operation, before)
                    })
                    .await;
                });
            }
        });
        Self { endpoint, requests }
    }

    /// The operations that were asked for, in order.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut client: TcpStream, fate: impl Fn(&str) -> Fate) -> std::io::Result<()> {
    loop {
        let Some(request) = read_message(&mut client).await? else {
            return Ok(());
        };
        let operation = header(&request, "x-amz-target")
            .and_then(|target| target.split_once('.'))
            .map_or("", |(_, operation)| operation);
        match fate(operation) {
            Fate::Passed => {
                let answer = forward(&request).await?;
                client.write_all(&answer).await?;
            }
            Fate::Throttled => client.write_all(THROTTLED.as_bytes()).await?,
            Fate::Ignored => {
                std::future::pending::<()>().await;
            }
            Fate::AnswerLost => {
                forward(&request).await?;
                return Ok(());
            }
            Fate::Refused => return Ok(()),
        }
    }
}

/// The answer of DynamoDB at its limit. 106 is the length of the body.
const THROTTLED: &str = "HTTP/1.1 400 Bad Request\r\n\
    content-type: application/x-amz-json-1.0\r\n\
    content-length: 106\r\n\r\n\
    {\"__type\":\"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException\",\"message\":\"slow down\"}";

async fn forward(request: &[u8]) -> std::io::Result<Vec<u8>> {
    let address: SocketAddr = engine::endpoint()
        .trim_start_matches("http://")
        .replace("localhost", "127.0.0.1")
        .parse()
        .expect("the engine has an address");
    let mut server = TcpStream::connect(address).await?;
    server.write_all(request).await?;
    Ok(read_message(&mut server).await?.unwrap_or_default())
}

/// One HTTP message with its body; nothing at the end of the connection.
async fn read_message(stream: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut message = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(end) = head_end(&message) {
            let length: usize = header(&message, "content-length")
                .and_then(|length| length.parse().ok())
                .unwrap_or_default();
            if message.len() >= end + length {
                return Ok(Some(message));
            }
        }
        match stream.read(&mut buffer).await? {
            0 => return Ok(None),
            read => message.extend_from_slice(&buffer[..read]),
        }
    }
}

fn head_end(message: &[u8]) -> Option<usize> {
    let end = message.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(end + 4)
}

fn header<'a>(message: &'a [u8], name: &str) -> Option<&'a str> {
    let head = message.get(..head_end(message)?)?;
    let lines = std::str::from_utf8(head).ok()?.lines();
    lines
        .filter_map(|line| line.split_once(':'))
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

#[test]
fn the_throttled_answer_is_as_long_as_it_says() {
    let end = head_end(THROTTLED.as_bytes()).unwrap();
    assert_eq!(THROTTLED.len() - end, 106);
}
