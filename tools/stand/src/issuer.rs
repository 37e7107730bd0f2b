//! An issuer of assertions on a loopback port, in Entra's place: it publishes RSA keys, and mints
//! what is signed with them.
//!
//! `POST /assertion` mints for whoever asks. The body is an object of claims, which replace those of
//! [`Issuer::claims`]; null leaves a claim out. `entraTenant`, `subject` and `audience` say what
//! those are made of.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Context, Result};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
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

/// An issuer of this process. Ends when dropped.
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

struct Key {
    id: String,
    pair: RsaKeyPair,
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
        let pair = RsaKeyPair::from_pkcs8(pkcs8).context("the issuer's key is none")?;
        Self::serve(port, Arc::new(Key::new(pair)), 0).await
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
        let der = self.state.current().pair.as_der();
        der.expect("a key has a form").as_ref().to_vec()
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
        let number = self.state.generated.fetch_add(1, Relaxed);
        self.state.keys().push(generated(number));
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

impl Key {
    fn new(pair: RsaKeyPair) -> Self {
        // Entra's ids are fingerprints too: those of certificates, which these keys have not.
        let print = digest(&SHA1_FOR_LEGACY_USE_ONLY, pair.public_key().as_ref());
        Self {
            id: URL_SAFE_NO_PAD.encode(print),
            pair,
        }
    }

    fn published(&self, issuer: &str) -> Value {
        let (modulus, exponent) = components(self.pair.public_key().as_ref());
        json!({
            "kty": "RSA",
            "use": "sig",
            "kid": self.id,
            "x5t": self.id,
            "n": URL_SAFE_NO_PAD.encode(modulus),
            "e": URL_SAFE_NO_PAD.encode(exponent),
            "issuer": issuer,
        })
    }

    fn signed(&self, header: &str, claims: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .expect("an RSA key signs");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The key of this process with this number, which is made when it is first needed.
fn generated(number: usize) -> Arc<Key> {
    static KEYS: Mutex<Vec<Arc<Key>>> = Mutex::new(Vec::new());
    let mut keys = KEYS.lock().unwrap();
    while keys.len() <= number {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key can be made");
        keys.push(Arc::new(Key::new(pair)));
    }
    Arc::clone(&keys[number])
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017, appendix A.1.1): a sequence of two integers.
fn components(der: &[u8]) -> (&[u8], &[u8]) {
    let (sequence, _) = element(der);
    let (modulus, rest) = element(sequence);
    let (exponent, _) = element(rest);
    (positive(modulus), positive(exponent))
}

/// An integer's bytes without the zero that says that it is not negative.
fn positive(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}

/// The content of the first element, and what follows it.
fn element(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, start) = match der[1] {
        short @ ..0x80 => (usize::from(short), 2),
        long => {
            let end = 2 + usize::from(long - 0x80);
            let length = der[2..end].iter();
            let length = length.fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, end)
        }
    };
    der[start..].split_at(length)
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

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
    use federation::{FetchError, Fetched, Fetcher};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn fetch(issuer: &Issuer) -> Result<Fetched, FetchError> {
        Fetcher::new().fetch(&issuer.keys_url(ENTRA_TENANT)).await
    }

    async fn published(issuer: &Issuer) -> Vec<Value> {
        let mut keys: Value = serde_json::from_slice(&fetch(issuer).await.unwrap().body).unwrap();
        serde_json::from_value(keys["keys"].take()).unwrap()
    }

    fn decode(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// Header and claims of an assertion, if it is signed with the published key that it names.
    fn verified(assertion: &str, keys: &[Value]) -> Option<(Value, Value)> {
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let json = |text: &str| serde_json::from_slice::<Value>(&decode(text)).unwrap();
        let (header, claims) = (json(header), json(claims));
        let key = keys.iter().find(|key| key["kid"] == header["kid"])?;
        let part = |name: &str| decode(key[name].as_str().unwrap());
        let (n, e) = (part("n"), part("e"));
        assert_eq!((n.len(), e.as_slice()), (256, [1, 0, 1].as_slice()));
        RsaPublicKeyComponents { n, e }
            .verify(
                &RSA_PKCS1_2048_8192_SHA256,
                signed.as_bytes(),
                &decode(signature),
            )
            .ok()?;
        Some((header, claims))
    }

    fn minted(issuer: &Issuer) -> String {
        let now = OffsetDateTime::now_utc();
        issuer.assertion(issuer.claims(ENTRA_TENANT, SUBJECT, AUDIENCE, now))
    }

    #[tokio::test]
    async fn what_is_minted_is_signed_with_the_published_key() {
        let issuer = Issuer::start().await;
        let now = OffsetDateTime::from_unix_timestamp(1_785_194_666).unwrap();
        let claims = issuer.claims(ENTRA_TENANT, SUBJECT, AUDIENCE, now);
        let assertion = issuer.assertion(claims.clone());
        assert_eq!(issuer.fetches(), 0);
        let keys = published(&issuer).await;
        assert_eq!(issuer.fetches(), 1);
        let key = &keys[0];
        for (member, value) in [("kty", "RSA"), ("use", "sig"), ("kid", &issuer.key_id())] {
            assert_eq!(key[member], value);
        }
        assert_eq!(key["x5t"], key["kid"]);
        let pattern = key["issuer"].as_str().unwrap();
        let expected = issuer.issuer(ENTRA_TENANT);
        assert_eq!(pattern.replace("{tenantid}", ENTRA_TENANT), expected);

        let (header, verified) = verified(&assertion, &keys).unwrap();
        let kid = issuer.key_id();
        assert_eq!(header, json!({ "typ": "JWT", "alg": "RS256", "kid": kid }));
        assert_eq!(verified, claims);
        assert_eq!(verified["iss"], expected);
        assert_eq!(verified["tid"], ENTRA_TENANT);
        assert_eq!(verified["exp"], 1_785_198_566);
        assert_eq!(verified["sub"], verified["oid"]);
    }

    #[tokio::test]
    async fn keys_are_rotated_and_withdrawn() {
        let issuer = Issuer::start().await;
        let before = minted(&issuer);
        issuer.rotate();
        let after = minted(&issuer);
        let keys = published(&issuer).await;
        assert_eq!(keys.len(), 2);
        assert!(verified(&before, &keys).is_some());
        assert!(verified(&after, &keys).is_some());
        issuer.withdraw();
        let keys = published(&issuer).await;
        assert_eq!(keys.len(), 1);
        assert!(verified(&before, &keys).is_none());
        assert!(verified(&after, &keys).is_some());
        assert_eq!(issuer.fetches(), 2);
    }

    #[tokio::test]
    async fn another_key_s_signature_is_none() {
        let (issuer, other) = (Issuer::start().await, Issuer::start().await);
        let keys = published(&issuer).await;
        assert!(verified(&minted(&other), &keys).is_some());
        other.rotate();
        assert!(verified(&minted(&other), &keys).is_none());
        let header = json!({ "alg": "RS256", "kid": issuer.key_id() });
        let forged = other.assertion_with(header, json!({}));
        assert!(verified(&forged, &keys).is_none());
    }

    #[tokio::test]
    async fn any_header_and_any_text_can_be_signed() {
        let issuer = Issuer::start().await;
        let keys = published(&issuer).await;
        let header = json!({ "alg": "none", "kid": issuer.key_id(), "jku": "https://a.example" });
        let assertion = issuer.assertion_with(header.clone(), json!([1]));
        assert_eq!(verified(&assertion, &keys), Some((header, json!([1]))));
        let twice = issuer.signed("{}", r#"{"sub":"a","sub":"b"}"#);
        let claims = twice.split('.').nth(1).unwrap();
        assert_eq!(decode(claims), br#"{"sub":"a","sub":"b"}"#);
    }

    #[tokio::test]
    async fn a_key_outlives_its_issuer() {
        let first = Issuer::start().await;
        first.rotate();
        let (assertion, key) = (minted(&first), first.key_der());
        drop(first);
        let second = Issuer::with_key(0, &key).await.unwrap();
        assert!(verified(&assertion, &published(&second).await).is_some());
        assert_eq!(second.key_der(), key);
        assert!(Issuer::with_key(0, b"none").await.is_err());
    }

    #[tokio::test]
    async fn a_port_is_taken_once() {
        let first = Issuer::start().await;
        let port = first.state.address.port();
        assert_eq!(first.authority(), format!("http://127.0.0.1:{port}"));
        assert!(Issuer::start_at(port).await.is_err());
    }

    #[tokio::test]
    async fn it_behaves_as_it_is_told() {
        let issuer = Issuer::start().await;
        issuer.behave(Behaviour::Status(503));
        assert_eq!(fetch(&issuer).await, Err(FetchError::Status(503)));
        issuer.behave(Behaviour::Redirect("https://a.example/keys".to_owned()));
        assert_eq!(fetch(&issuer).await, Err(FetchError::Status(302)));
        issuer.behave(Behaviour::Body(b"{\"keys\":".to_vec()));
        assert_eq!(fetch(&issuer).await.unwrap().body, b"{\"keys\":");
        issuer.behave(Behaviour::Body(vec![b' '; 2 * 1024 * 1024]));
        assert_eq!(fetch(&issuer).await, Err(FetchError::TooLarge));
        issuer.behave(Behaviour::CacheControl("no-store".to_owned()));
        let fetched = fetch(&issuer).await.unwrap();
        assert_eq!(fetched.cache_control.as_deref(), Some("no-store"));
        issuer.behave(Behaviour::Slow(Duration::from_millis(50)));
        assert_eq!(published(&issuer).await.len(), 1);
        issuer.behave(Behaviour::Slow(Duration::from_secs(60)));
        assert_eq!(fetch(&issuer).await, Err(FetchError::TimedOut));
        issuer.behave(Behaviour::Normal);
        assert_eq!(published(&issuer).await.len(), 1);
        assert_eq!(issuer.fetches(), 8);
    }

    /// Status and body of what `POST /assertion` answers.
    async fn ask(issuer: &Issuer, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(issuer.state.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "POST /assertion HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap();
        (status.parse().unwrap(), body.to_owned())
    }

    #[tokio::test]
    async fn assertions_are_minted_for_whoever_asks() {
        let issuer = Issuer::start().await;
        let keys = published(&issuer).await;
        let (status, assertion) = ask(&issuer, "").await;
        assert_eq!(status, 200);
        let (_, claims) = verified(&assertion, &keys).unwrap();
        assert_eq!(claims["sub"], SUBJECT);
        assert_eq!(claims["aud"], AUDIENCE);
        assert_eq!(claims["iss"], issuer.issuer(ENTRA_TENANT));

        let said = json!({
            "entraTenant": "other", "subject": "s", "audience": "a",
            "oid": "o", "exp": 7, "uti": null, "scp": "x",
        });
        let (_, assertion) = ask(&issuer, &said.to_string()).await;
        let (_, claims) = verified(&assertion, &keys).unwrap();
        assert_eq!(claims["iss"], issuer.issuer("other"));
        assert_eq!(claims["tid"], "other");
        assert_eq!((&claims["sub"], &claims["oid"]), (&json!("s"), &json!("o")));
        assert_eq!((&claims["aud"], &claims["exp"]), (&json!("a"), &json!(7)));
        assert_eq!(claims["scp"], "x");
        assert_eq!(claims.get("uti"), None);
        assert_eq!(claims.get("entraTenant"), None);

        for body in ["[]", "{", "sub=a"] {
            assert_eq!(ask(&issuer, body).await.0, 400);
        }
    }
}
