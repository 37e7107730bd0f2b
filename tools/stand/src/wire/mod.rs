//! A stand between the service and DynamoDB that can break the connection.

pub mod answers;
pub mod asked;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::clock::{note_question, really};
pub use answers::Trouble;
pub use asked::Asked;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// DynamoDB answers it.
    Passed,
    /// DynamoDB says that it is asked too much.
    Throttled,
    /// DynamoDB answers this instead of doing it.
    Answered(Trouble),
    /// It is read, and nothing is ever answered.
    Ignored,
    /// It reaches DynamoDB this much later.
    Held(Duration),
    /// DynamoDB carries it out, and the answer takes this long.
    Slow(Duration),
    /// DynamoDB carries it out, and the connection is reset before the answer arrives.
    AnswerLost,
    /// The connection is reset before DynamoDB hears of it.
    Refused,
    /// DynamoDB carries it out, and the connection ends in the middle of the answer.
    CutOff,
    /// DynamoDB carries it out, and the answer is a whole HTTP message with half of the JSON.
    Garbled,
    /// DynamoDB is not asked, and this JSON is its answer.
    Instead(&'static str),
    /// A BatchGetItem leaves some of its keys, or all, unprocessed.
    Unprocessed { all: bool },
    /// The rival does its work first, then DynamoDB answers.
    Overtaken,
}

/// What somebody else does through a connection of their own.
pub type Rival = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A loopback address that speaks to DynamoDB as the plan says.
pub struct Wire {
    pub endpoint: String,
    state: Arc<State>,
}

type Plan = Box<dyn Fn(&Asked) -> Fate + Send + Sync>;

struct State {
    /// Where DynamoDB is.
    target: SocketAddr,
    /// None for a wire that nothing is in the way of.
    plan: Option<Plan>,
    rival: Option<Rival>,
    seen: Mutex<Vec<Asked>>,
    /// Requests that DynamoDB is carrying out.
    under_way: AtomicUsize,
    /// Nothing more is let through.
    is_cut: AtomicBool,
    /// How often all connections have gone silent.
    silences: AtomicUsize,
    /// How many connections were opened.
    connections: AtomicUsize,
}

impl Wire {
    /// `plan` gets the operation, such as `GetItem`, and how many of it came before.
    pub async fn start(
        target: &str,
        plan: impl Fn(&str, usize) -> Fate + Send + Sync + 'static,
    ) -> Self {
        let counts = Mutex::new(std::collections::HashMap::<String, usize>::new());
        let plan = move |asked: &Asked| {
            let mut counts = counts.lock().unwrap();
            let before = counts.entry(asked.operation.clone()).or_default();
            *before += 1;
            plan(&asked.operation, *before - 1)
        };
        Self::planned(target, plan, None).await
    }

    /// Nothing is in the way, and nothing is noted.
    pub async fn passing(target: &str) -> Self {
        Self::serving(target, None, None).await
    }

    /// `plan` gets the request.
    pub async fn planned(
        target: &str,
        plan: impl Fn(&Asked) -> Fate + Send + Sync + 'static,
        rival: Option<Rival>,
    ) -> Self {
        Self::serving(target, Some(Box::new(plan)), rival).await
    }

    async fn serving(target: &str, plan: Option<Plan>, rival: Option<Rival>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let target = target
            .trim_start_matches("http://")
            .replace("localhost", "127.0.0.1");
        let state = Arc::new(State {
            target: target.parse().expect("the engine has an address"),
            plan,
            rival,
            seen: Mutex::default(),
            under_way: AtomicUsize::new(0),
            is_cut: AtomicBool::new(false),
            silences: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
        });
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                tokio::spawn(async move {
                    // An error is a connection that the service gave up.
                    let _ = state.serve(stream).await;
                });
            }
        });
        Self { endpoint, state }
    }

    /// The operations that were asked for, in order.
    pub fn requests(&self) -> Vec<String> {
        let seen = self.state.seen.lock().unwrap();
        seen.iter().map(|asked| asked.operation.clone()).collect()
    }

    /// The labels of the requests, in order.
    pub fn labels(&self) -> Vec<String> {
        let seen = self.state.seen.lock().unwrap();
        seen.iter().map(|asked| asked.label.clone()).collect()
    }

    /// How many actions each transaction had, in order.
    pub fn actions(&self) -> Vec<usize> {
        let seen = self.state.seen.lock().unwrap();
        seen.iter().map(|asked| asked.actions).collect()
    }

    /// How many requests there were with this label.
    pub fn asked(&self, label: &str) -> usize {
        let seen = self.state.seen.lock().unwrap();
        seen.iter().filter(|asked| asked.label == label).count()
    }

    /// From now on nothing is answered on any connection that is open, and none of them is closed,
    /// as if the other side had vanished. New connections are as before.
    pub fn silence_open_connections(&self) {
        self.state.silences.fetch_add(1, SeqCst);
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.state.connections.load(SeqCst)
    }

    /// Lets nothing more through and waits until DynamoDB is done with what came through before.
    pub async fn cut(&self) {
        self.state.is_cut.store(true, SeqCst);
        while self.state.under_way.load(SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl State {
    async fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        self.connections.fetch_add(1, SeqCst);
        let silences = self.silences.load(SeqCst);
        while let Some(request) = read_message(&mut client).await? {
            if self.silences.load(SeqCst) != silences {
                std::future::pending::<()>().await;
            }
            match self.answer(&request).await? {
                Some(Reply { bytes, is_last }) => {
                    client.write_all(&bytes).await?;
                    if is_last {
                        client.shutdown().await?;
                        return Ok(());
                    }
                }
                None => {
                    // A reset, and not the end of the stream that a closed socket sends.
                    client.set_zero_linger()?;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The answer to a request; nothing to reset the connection.
    async fn answer(&self, request: &[u8]) -> std::io::Result<Option<Reply>> {
        note_question();
        let whole = |bytes| {
            Ok(Some(Reply {
                bytes,
                is_last: false,
            }))
        };
        let Some(plan) = &self.plan else {
            return whole(self.forward(request).await?);
        };
        let operation = header(request, "x-amz-target")
            .and_then(|target| target.split_once('.'))
            .map_or("", |(_, operation)| operation);
        let body = head_end(request).map_or(&[][..], |end| &request[end..]);
        let mut asked = Asked::new(operation, body);
        let fate = {
            let mut seen = self.seen.lock().unwrap();
            asked.before = seen
                .iter()
                .filter(|other| other.label == asked.label)
                .count();
            seen.push(asked.clone());
            plan(&asked)
        };
        match fate {
            Fate::Passed => whole(self.forward(request).await?),
            Fate::Throttled => self.trouble(Trouble::ProvisionedThroughput, &asked),
            Fate::Answered(trouble) => self.trouble(trouble, &asked),
            Fate::Ignored => std::future::pending().await,
            Fate::Held(pause) => {
                tokio::time::sleep(pause).await;
                whole(self.forward(request).await?)
            }
            Fate::Slow(pause) => {
                let answer = self.forward(request).await?;
                tokio::time::sleep(pause).await;
                whole(answer)
            }
            Fate::AnswerLost => {
                self.forward(request).await?;
                Ok(None)
            }
            Fate::Refused => Ok(None),
            Fate::CutOff => {
                let mut answer = self.forward(request).await?;
                answer.truncate(middle(&answer));
                Ok(Some(Reply {
                    bytes: answer,
                    is_last: true,
                }))
            }
            Fate::Garbled => {
                let answer = self.forward(request).await?;
                let body = &answer[head_end(&answer).unwrap_or_default()..middle(&answer)];
                whole(answers::message("200 OK", &String::from_utf8_lossy(body)))
            }
            Fate::Instead(body) => whole(answers::message("200 OK", body)),
            Fate::Unprocessed { all } => {
                let (left, rest) = answers::left(&asked, all);
                let mut body = match rest {
                    None => serde_json::json!({"Responses": {}}),
                    Some(rest) => {
                        let answer = self.forward(&replaced(request, &rest.to_string())).await?;
                        let end = head_end(&answer).unwrap_or_default();
                        serde_json::from_slice(&answer[end..])?
                    }
                };
                body["UnprocessedKeys"] = left;
                whole(answers::message("200 OK", &body.to_string()))
            }
            Fate::Overtaken => {
                if let Some(rival) = &self.rival {
                    rival().await;
                }
                whole(self.forward(request).await?)
            }
        }
    }

    fn trouble(&self, trouble: Trouble, asked: &Asked) -> std::io::Result<Option<Reply>> {
        let (status, body) = trouble.answer(asked);
        Ok(Some(Reply {
            bytes: answers::message(status, &body),
            is_last: false,
        }))
    }

    async fn forward(&self, request: &[u8]) -> std::io::Result<Vec<u8>> {
        self.under_way.fetch_add(1, SeqCst);
        let answer = if self.is_cut.load(SeqCst) {
            Err(std::io::ErrorKind::ConnectionReset.into())
        } else {
            really(exchange(self.target, request)).await
        };
        self.under_way.fetch_sub(1, SeqCst);
        answer
    }
}

struct Reply {
    bytes: Vec<u8>,
    /// The connection ends after it.
    is_last: bool,
}

async fn exchange(target: SocketAddr, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(target).await?;
    server.write_all(request).await?;
    Ok(read_message(&mut server).await?.unwrap_or_default())
}

/// One HTTP message with its body; nothing at the end of the connection.
async fn read_message(stream: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut message = Vec::new();
    // On the heap: each future that waits for this one would hold it, and tests nest many.
    let mut buffer = vec![0; 16 * 1024];
    loop {
        if head_end(&message).is_some_and(|end| is_whole(&message, end)) {
            return Ok(Some(message));
        }
        match stream.read(&mut buffer).await? {
            0 => return Ok(None),
            read => message.extend_from_slice(&buffer[..read]),
        }
    }
}

/// Whether a message whose head ends here has all of its body. DynamoDB's JSON has no line breaks,
/// so what ends like the last chunk is the last chunk.
fn is_whole(message: &[u8], head_end: usize) -> bool {
    let body = &message[head_end..];
    if header(message, "transfer-encoding").is_some_and(|coding| coding == "chunked") {
        return body == b"0\r\n\r\n" || body.ends_with(b"\r\n0\r\n\r\n");
    }
    let length = header(message, "content-length").and_then(|length| length.parse().ok());
    body.len() >= length.unwrap_or_default()
}

/// The request with another body.
fn replaced(request: &[u8], body: &str) -> Vec<u8> {
    let end = head_end(request).unwrap_or_default();
    let head = String::from_utf8_lossy(&request[..end]);
    let mut replaced = String::new();
    for line in head.split_inclusive("\r\n") {
        if line.to_ascii_lowercase().starts_with("content-length:") {
            replaced.push_str(&format!("content-length: {}\r\n", body.len()));
        } else {
            replaced.push_str(line);
        }
    }
    replaced.push_str(body);
    replaced.into_bytes()
}

/// The middle of a message's body.
fn middle(message: &[u8]) -> usize {
    let end = head_end(message).unwrap_or_default();
    end + (message.len() - end) / 2
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
