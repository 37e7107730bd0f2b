//! An issuer of assertions on a loopback port, in Entra's place: it publishes RSA keys, and mints
//! what is signed with them.
//!
//! `POST /assertion` mints for whoever asks. The body is an object of claims, which replace those
//! of [`Issuer::claims`]; null leaves a claim out. `entraTenant`, `subject` and `audience` say what
//! those are made of.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use key::{Key, generated};

mod key;
#[cfg(test)]
mod tests;

/// For how many seconds an assertion is valid: Entra's, as captured.
pub const LIFETIME: i64 = 3900;

/// The application that asks Entra for assertions: its provisioning service.
pub const PROVISIONING: &str = "cb1d50fe-8ed0-4944-9e7d-5981aad3bc4b";

/// What `POST /assertion` takes where nothing is said.
pub const ENTRA_TENANT: &str = "0f5e2b0c-3c5b-4d0e-9d37-6f1c8a2b7e10";
/// See [`ENTRA_TENANT`].
pub const SUBJECT: &str = "5b1d7a60-7a52-4c0f-8c3e-2f9e0d4b6a11";
/// See [`ENTRA_TENANT`].
pub const AUDIENCE: &str = "a4c1e8d2-96b3-4f7a-b1d5-3e8f7c2a9b12";

/// An issuer on the runtime that starts it. Ends when dropped. It goes by that runtime's clock:
/// where a test lets time pass by itself, a slow answer costs none.
pub struct Issuer {
    state: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What the requests for keys are answered with.
#[derive(Clone)]
pub enum Behaviour {
    /// The keys.
    Normal,
    /// The keys, but not at once.
    Slow(Duration),
    /// Nothing but a status.
    Status(u16),
    /// These bytes, with status 200.
    Body(Vec<u8>),
    /// Status 302 to this URL.
    Redirect(String),
    /// The keys, and this value of `Cache-Control`.
    CacheControl(String),
}

struct Shared {
    address: SocketAddr,
    /// Those that are published, the current one last.
    keys: Mutex<Vec<Arc<Key>>>,
    behaviour: Mutex<Behaviour>,
    fetches: AtomicUsize,
    /// How many keys were taken from those of the process.
    generated: AtomicUsize,
}

impl Issuer {
    /// Starts one on a free port. All issuers of a process have the same first key, the same second
    /// one, and so on: to make a key takes long. For a signature that is another's, rotate first.
    pub async fn start() -> Self {
        let started = Self::start_at(0).await;
        started.expect("the loopback has a free port")
    }

    /// Starts one on this port.
    pub async fn start_at(port: u16) -> Result<Self> {
        Self::serve(port, generated(0), 1).await
    }

    /// Starts one with a key from [`Issuer::key_der`], so that what an earlier process issued
    /// remains valid.
    pub async fn with_key(port: u16, pkcs8: &[u8]) -> Result<Self> {
        Self::serve(port, Arc::new(Key::from_der(pkcs8)?), 0).await
    }

    async fn serve(port: u16, key: Arc<Key>, generated: usize) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.with_context(|| format!("the issuer cannot have port {port}"))?;
        let address = listener.local_addr()?;
        let state = Arc::new(Shared {
            address,
            keys: Mutex::new(vec![key]),
            behaviour: Mutex::new(Behaviour::Normal),
            fetches: AtomicUsize::new(0),
            generated: AtomicUsize::new(generated),
        });
        let router = Router::new()
            .route("/{tenant}/discovery/v2.0/keys", get(keys))
            .route("/assertion", post(assertion))
            .with_state(Arc::clone(&state));
        let server = tokio::spawn(async {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the issuer ended: {error}");
            }
        });
        Ok(Self { state, server })
    }

    /// What every URL of it begins with, as `http://127.0.0.1:9102`.
    pub fn authority(&self) -> String {
        self.state.authority()
    }

    /// The claim `iss` of what it issues for a tenant of Entra.
    pub fn issuer(&self, entra_tenant: &str) -> String {
        self.state.issuer(entra_tenant)
    }

    /// Where the keys for a tenant of Entra are.
    pub fn keys_url(&self, entra_tenant: &str) -> String {
        format!("{}/{entra_tenant}/discovery/v2.0/keys", self.authority())
    }

    /// How often keys were asked for, whatever the answer.
    pub fn fetches(&self) -> usize {
        self.state.fetches.load(Relaxed)
    }

    /// The `kid` of the current key.
    pub fn key_id(&self) -> String {
        self.state.current().id.clone()
    }

    /// The current key in PKCS #8, for [`Issuer::with_key`].
    pub fn key_der(&self) -> Vec<u8> {
        self.state.current().der()
    }

    /// An assertion with these claims.
    pub fn assertion(&self, claims: Value) -> String {
        self.state.assertion(&claims)
    }

    /// An assertion with any header. It is signed as RS256 whatever that says.
    pub fn assertion_with(&self, header: Value, claims: Value) -> String {
        self.signed(&header.to_string(), &claims.to_string())
    }

    /// Any two texts in the place of header and claims, signed: JSON with a member twice, or none.
    pub fn signed(&self, header: &str, claims: &str) -> String {
        self.state.current().signed(header, claims)
    }

    /// The claims of an assertion that Entra's provisioning service sends for the service principal
    /// `subject`.
    pub fn claims(
        &self,
        entra_tenant: &str,
        subject: &str,
        audience: &str,
        now: OffsetDateTime,
    ) -> Value {
        self.state.claims(entra_tenant, subject, audience, now)
    }

    /// Signs with a new key from now on. The keys before remain published.
    pub fn rotate(&self) {
        let mut keys = self.state.keys();
        loop {
            let key = generated(self.state.generated.fetch_add(1, Relaxed));
            // The first key of this issuer may have been another one's in this process.
            if keys.iter().all(|published| published.id != key.id) {
                keys.push(key);
                break;
            }
        }
    }

    /// Publishes the current key only.
    pub fn withdraw(&self) {
        let mut keys = self.state.keys();
        let old = keys.len() - 1;
        keys.drain(..old);
    }

    /// Answers requests for keys like this from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.state.behaviour.lock().unwrap() = behaviour;
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn authority(&self) -> String {
        format!("http://{}", self.address)
    }

    fn issuer(&self, entra_tenant: &str) -> String {
        format!("{}/{entra_tenant}/v2.0", self.authority())
    }

    /// Like a token that was captured: without `jti` and `roles`, and with `oid` equal to `sub`.
    fn claims(
        &self,
        entra_tenant: &str,
        subject: &str,
        audience: &str,
        now: OffsetDateTime,
    ) -> Value {
        let now = now.unix_timestamp();
        let mut random = [0; 16];
        getrandom::fill(&mut random).expect("the system has random bytes");
        json!({
            "aud": audience,
            "iss": self.issuer(entra_tenant),
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "aio": URL_SAFE_NO_PAD.encode([7; 36]),
            "azp": PROVISIONING,
            "azpacr": "1",
            "oid": subject,
            "rh": "1.AAAA.",
            "sub": subject,
            "tid": entra_tenant,
            "uti": URL_SAFE_NO_PAD.encode(random),
            "ver": "2.0",
            "xms_ftd": URL_SAFE_NO_PAD.encode([9; 48]),
        })
    }

    fn keys(&self) -> MutexGuard<'_, Vec<Arc<Key>>> {
        self.keys.lock().unwrap()
    }

    fn current(&self) -> Arc<Key> {
        let keys = self.keys();
        Arc::clone(keys.last().expect("an issuer has a key"))
    }

    fn assertion(&self, claims: &Value) -> String {
        let key = self.current();
        let header = json!({ "typ": "JWT", "alg": "RS256", "kid": key.id });
        key.signed(&header.to_string(), &claims.to_string())
    }

    /// The published keys with Entra's members (RFC 7517, section 5).
    fn published(&self) -> Value {
        // The text in braces is what is published: a key is for all tenants of Entra.
        let issuer = self.issuer("{tenantid}");
        let keys = self.keys();
        let keys = keys.iter().map(|key| key.published(&issuer));
        json!({ "keys": keys.collect::<Vec<_>>() })
    }
}

async fn keys(State(state): State<Arc<Shared>>) -> Response {
    state.fetches.fetch_add(1, Relaxed);
    let behaviour = state.behaviour.lock().unwrap().clone();
    let json = (CONTENT_TYPE, "application/json; charset=utf-8".to_owned());
    // A day: longer than anybody should rely on keys without asking again.
    let mut lifetime = "max-age=86400, private".to_owned();
    match behaviour {
        Behaviour::Normal => {}
        Behaviour::Slow(pause) => sleep(pause).await,
        Behaviour::Status(status) => {
            return StatusCode::from_u16(status)
                .expect("a status")
                .into_response();
        }
        Behaviour::Body(body) => return ([json], body).into_response(),
        Behaviour::Redirect(url) => {
            return (StatusCode::FOUND, [(LOCATION, url)]).into_response();
        }
        Behaviour::CacheControl(value) => lifetime = value,
    }
    let headers = [json, (CACHE_CONTROL, lifetime)];
    (headers, state.published().to_string()).into_response()
}

async fn assertion(State(state): State<Arc<Shared>>, body: String) -> Response {
    let said = if body.trim().is_empty() { "{}" } else { &body };
    let Ok(mut said) = serde_json::from_str::<Map<String, Value>>(said) else {
        return (StatusCode::BAD_REQUEST, "send an object of claims\n").into_response();
    };
    let mut part = |name: &str, otherwise: &str| match said.remove(name) {
        Some(Value::String(text)) => text,
        _ => otherwise.to_owned(),
    };
    let entra_tenant = part("entraTenant", ENTRA_TENANT);
    let subject = part("subject", SUBJECT);
    let audience = part("audience", AUDIENCE);
    let now = OffsetDateTime::now_utc();
    let mut claims = state.claims(&entra_tenant, &subject, &audience, now);
    let all = claims.as_object_mut().expect("claims are an object");
    all.extend(said);
    all.retain(|_, value| !value.is_null());
    state.assertion(&claims).into_response()
}
