//! OAuth 2.0 clients: created, their requests for tokens, and an issuer of assertions in Entra's
//! place.

use account::Account;
use hellotracks_scim::instance::Instance;
use oauth::Authorities;
use serde_json::Value;
use stand::issuer::{AUDIENCE, ENTRA_TENANT, Issuer, SUBJECT};
use tenant::{ClientId, KeyId, TenantId};
use time::{Duration, OffsetDateTime};

use crate::support::service::{Answer, Call, Service, query};

pub const TOKEN: &str = "/oauth2/token";

pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client with its secret.
pub struct Client {
    pub id: ClientId,
    pub secret: String,
    /// Names the secret.
    pub secret_id: KeyId,
}

pub async fn account(service: &Service) -> Account {
    account_of(service, "acme").await
}

pub async fn account_of(service: &Service, tenant: &str) -> Account {
    let tenant = TenantId::parse(tenant).unwrap();
    Account::open(&service.app.store, &tenant).await.unwrap()
}

/// A new client of `acme`, whose secret lives two years.
pub async fn new_client(service: &Service) -> Client {
    new_client_of(service, "acme").await
}

pub async fn new_client_of(service: &Service, tenant: &str) -> Client {
    let account = account_of(service, tenant).await;
    let new = account.create_client("entra", Duration::days(730));
    let new = new.await.unwrap();
    Client {
        id: new.client,
        secret: new.secret.expose().to_owned(),
        secret_id: new.record.id,
    }
}

/// Another instance of the function, on the same tables.
pub fn another_instance(service: &Service) -> Service {
    let (store, config) = (service.app.store.clone(), service.app.config.clone());
    let mut app = Instance::new(store, config);
    app.clock = service.app.clock;
    Service {
        app,
        key: service.key.clone(),
    }
}

/// A request for a token with these fields.
pub fn token_call<'a>(service: &'a Service, fields: &[(&str, &str)]) -> Call<'a> {
    service
        .raw_call("POST", TOKEN)
        .without_header("authorization")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(&query(fields))
}

pub fn secret_fields<'a>(id: &'a str, secret: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_secret", secret),
    ]
}

pub fn assertion_fields<'a>(id: &'a str, assertion: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion),
    ]
}

impl Client {
    /// A request for a token by the secret, as Entra's validator sends it.
    pub fn call<'a>(&self, service: &'a Service) -> Call<'a> {
        token_call(service, &secret_fields(self.id.as_str(), &self.secret))
    }

    /// A token by the secret.
    pub async fn token(&self, service: &Service) -> String {
        token_of(&self.call(service).send().await)
    }

    /// A request for a token by an assertion.
    pub async fn assert(&self, service: &Service, assertion: &str) -> Answer {
        let fields = assertion_fields(self.id.as_str(), assertion);
        token_call(service, &fields).send().await
    }
}

/// The token of an answer that has one, in the one form of such answers.
pub fn token_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("pragma"), "no-cache");
    let members: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
    let expected = ["access_token", "expires_in", "scope", "token_type"];
    assert_eq!(members, expected);
    assert_eq!(answer.body["token_type"], "Bearer");
    assert_eq!(answer.body["scope"], "scim");
    answer.body["access_token"].as_str().unwrap().to_owned()
}

/// Checks that this is an OAuth error with this status and code, and returns its description.
pub fn refused<'a>(answer: &'a Answer, status: u16, code: &str) -> &'a str {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.body["error"], code, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("pragma"), "no-cache");
    let challenge = match status {
        401 => "Basic realm=\"oauth2\"",
        _ => "",
    };
    assert_eq!(answer.header("www-authenticate"), challenge);
    let description = answer.body["error_description"].as_str().unwrap();
    let is_sendable = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    assert!(description.bytes().all(is_sendable), "{description}");
    description
}

/// A service whose clients may trust a local issuer, with a client that does.
pub struct Federation {
    pub service: Service,
    pub issuer: Issuer,
    pub client: Client,
}

impl Federation {
    pub async fn start() -> Self {
        Self::over(Service::start().await).await
    }

    pub async fn over(mut service: Service) -> Self {
        let issuer = Issuer::start().await;
        service.app.config.entra_authorities = Authorities::parse(&issuer.authority()).unwrap();
        let client = new_client(&service).await;
        let federation = Self {
            service,
            issuer,
            client,
        };
        federation.trust(&federation.client.id, AUDIENCE).await;
        federation
    }

    /// Has a client trust the issuer, as an admin does who pastes what Entra shows.
    pub async fn trust(&self, client: &ClientId, audience: &str) -> KeyId {
        let authorities = &self.service.app.config.entra_authorities;
        let issuer = self.issuer.issuer(ENTRA_TENANT);
        let keys = self.issuer.keys_url(ENTRA_TENANT);
        let host = Some("scim.hellotracks.example");
        let pasted =
            oauth::Trust::from_pasted(authorities, &issuer, Some(&keys), SUBJECT, audience, host)
                .unwrap();
        let account = account_of(&self.service, client.tenant().as_str()).await;
        account.trust(client, &pasted).await.unwrap().id
    }

    pub fn now(&self) -> OffsetDateTime {
        (self.service.app.clock)()
    }

    /// The claims that Entra's assertions have, with some others.
    pub fn claims(&self, others: Value) -> Value {
        let mut claims = self
            .issuer
            .claims(ENTRA_TENANT, SUBJECT, AUDIENCE, self.now());
        let members = claims.as_object_mut().unwrap();
        for (name, value) in others.as_object().unwrap() {
            match value.is_null() {
                true => drop(members.remove(name)),
                false => drop(members.insert(name.clone(), value.clone())),
            }
        }
        claims
    }

    /// An assertion with these claims besides Entra's.
    pub fn assertion(&self, others: Value) -> String {
        self.issuer.assertion(self.claims(others))
    }

    /// The answer to a request with an assertion that has these claims besides Entra's.
    pub async fn ask(&self, others: Value) -> Answer {
        let assertion = self.assertion(others);
        self.client.assert(&self.service, &assertion).await
    }
}
