//! What OAuth 2.0 clients ask for: tokens, and what they do with them.

use stand::issuer::{AUDIENCE, ENTRA_TENANT, Issuer, SUBJECT};
use store::secrets::Trust;
use store::{Gate, Meter, Store};
use tenant::{AccessToken, ClientId, ClientSecret, TenantId};
use time::{Duration, OffsetDateTime};

use super::operations::Operation;
use super::reply::Reply;
use super::request::{Request, user};
use super::tenants::{Fixture, Tenant, Users};
use crate::support::oauth::{assertion_fields, secret_fields, token_call};
use crate::support::service::Service;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A token, by the secret.
    BySecret,
    /// A token, by an assertion of an issuer whose keys are not known yet.
    ByAssertion,
    /// A user, with a token.
    WithToken(String),
}

fn client(tenant: &TenantId) -> ClientId {
    ClientId::from_random(tenant, [1; 6])
}

fn secret(tenant: &TenantId) -> ClientSecret {
    ClientSecret::from_secret(tenant, [2; 32])
}

fn token(tenant: &TenantId) -> AccessToken {
    AccessToken::from_secret(&client(tenant), secret(tenant).digest(), [3; 32])
}

pub fn requests(users: &Users) -> Vec<Operation> {
    let ask = |name, asked| Operation {
        request: Request::Token(asked),
        ..Operation::reads(name, "")
    };
    vec![
        ask("token by secret", Asked::BySecret),
        ask("token by assertion", Asked::ByAssertion),
        ask("GET with a token", Asked::WithToken(user(&users.lena))),
    ]
}

/// Makes a client with a secret, a trust and a token.
pub async fn prepare(fixture: &Fixture, tenant: &Tenant) {
    let store: &Store = &fixture.calm(tenant).app.store;
    let (meter, gate, now) = (Meter::default(), Gate::opened(), OffsetDateTime::now_utc());
    let (client, secret) = (client(&tenant.id), secret(&tenant.id));
    let created = store.create_secret(&client, &secret, "entra", now, None, &meter);
    created.await.unwrap();
    let trust = Trust {
        issuer: issuer(fixture).issuer(ENTRA_TENANT),
        subject: SUBJECT.to_owned(),
        audiences: vec![AUDIENCE.to_owned()],
    };
    let trusted = store.create_trust(&client, &trust, now, &meter);
    trusted.await.unwrap();
    let found = store.client_secret(&client, &secret, now, &meter);
    let since = found.await.unwrap().unwrap().created;
    let (directory, token) = (store.tenant(&tenant.id, &meter, &gate), token(&tenant.id));
    let issued = directory.issue_token(&token, since, now, now + Duration::HOUR);
    issued.await.unwrap();
}

fn issuer(fixture: &Fixture) -> &Issuer {
    fixture.issuer.as_ref().expect("a setting with clients")
}

pub async fn send(fixture: &Fixture, service: &Service, tenant: &Tenant, asked: &Asked) -> Reply {
    let (client, secret) = (client(&tenant.id), secret(&tenant.id));
    let call = match asked {
        Asked::BySecret => token_call(service, &secret_fields(client.as_str(), secret.expose())),
        Asked::ByAssertion => {
            let now = OffsetDateTime::now_utc();
            let issuer = issuer(fixture);
            let claims = issuer.claims(ENTRA_TENANT, SUBJECT, AUDIENCE, now);
            let assertion = issuer.assertion(claims);
            token_call(service, &assertion_fields(client.as_str(), &assertion))
        }
        Asked::WithToken(path) => service.call("GET", path).key(token(&tenant.id).expose()),
    };
    call.send().await.into()
}
