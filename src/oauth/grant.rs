//! A token for a client that proves who it is.

use oauth::{
    Assertion, ErrorCode, Proof, Refusal, TokenRequest, Trust, verify_claims, verify_origin,
};
use store::secrets::{ClientCredential, Credential};
use store::{Gate, StoreError};
use tenant::{AccessToken, ClientId, ClientSecret};
use time::{Duration, OffsetDateTime};

use super::refused::{NoToken, Refused};
use super::web_keys;
use crate::http::auth::closed;
use crate::instance::Instance;
use crate::instance::principal::Principal;
use crate::log::Trace;
use crate::service::{Cause, Failure};

/// As how many requests with its credential a token counts: each is an item that is written and
/// kept until it expires.
const WORTH: usize = 25;

/// Gives a client a token, and says how long it lives.
///
/// # Errors
/// When it does not prove who it is, or its credential is not accepted, or it asks too fast, and
/// failures of DynamoDB.
pub(super) async fn grant(
    instance: &Instance,
    request: TokenRequest,
    trace: &Trace,
) -> Result<(AccessToken, Duration), NoToken> {
    let TokenRequest { client, proof } = request;
    let now = instance.now();
    let found = match proof {
        Proof::Secret(secret) => by_secret(instance, &client, &secret, now, trace).await?,
        Proof::Assertion(assertion) => {
            if let Some(uti) = assertion.uti() {
                trace.set_assertion(uti);
            }
            by_assertion(instance, &client, &assertion, now, trace).await?
        }
    };
    let principal = Principal::of_client(&client, found.digest);
    trace.set_tenant(&principal.tenant, principal.id());
    let Credential::Accepted { expires } = found.credential else {
        return Err(not_accepted(&found, &client).into());
    };
    instance.key_accepted(&principal, expires, now);
    instance
        .charge(&principal, WORTH, now)
        .map_err(|error| NoToken::Refused(Refused::TooFast(error)))?;
    let token = AccessToken::from_secret(&client, found.digest, random()?);
    let life = instance.config.access_token_life;
    let gate = Gate::opened();
    instance
        .store
        .tenant(client.tenant(), trace.meter(), &gate)
        .issue_token(&token, found.created, now, now + life)
        .await?;
    Ok((token, life))
}

async fn by_secret(
    instance: &Instance,
    client: &ClientId,
    secret: &ClientSecret,
    now: OffsetDateTime,
    trace: &Trace,
) -> Result<ClientCredential, NoToken> {
    let found = instance
        .store
        .client_secret(client, secret, now, trace.meter())
        .await?;
    found.ok_or_else(|| Refusal::unknown("wrongSecret", Some(client.clone())).into())
}

/// The trust by which an assertion is true. What is stored is read at once: the client's trust in
/// the issuer that the assertion names, and that issuer's keys.
async fn by_assertion(
    instance: &Instance,
    client: &ClientId,
    assertion: &Assertion,
    now: OffsetDateTime,
    trace: &Trace,
) -> Result<ClientCredential, NoToken> {
    let unknown = |reason| NoToken::from(Refusal::unknown(reason, Some(client.clone())));
    // Of an issuer below another authority nothing is read, whoever trusts it.
    let Some(issuer) = instance.config.entra_authorities.issuer(assertion.issuer()) else {
        return Err(unknown("foreignIssuer"));
    };
    let (gate, meter) = (Gate::opened(), trace.meter());
    let directory = instance.store.tenant(client.tenant(), meter, &gate);
    let (found, stored) = tokio::try_join!(
        instance
            .store
            .client_trust(client, issuer.as_str(), now, meter),
        directory.web_keys(issuer.as_str()),
    )?;
    let Some((found, trusted)) = found.and_then(|found| {
        let trusted = found.trust.clone()?;
        Some((found, trusted))
    }) else {
        return Err(unknown("untrustedIssuer"));
    };
    let trust = Trust {
        issuer,
        subject: trusted.subject,
        audiences: trusted.audiences,
    };
    let sought = web_keys::Sought {
        issuer: &trust.issuer,
        kid: assertion.kid(),
    };
    let key = match found.credential {
        Credential::Accepted { .. } => {
            let key = web_keys::find(instance, &directory, sought, stored, now).await?;
            key.map_err(|none| none.refusal(Some(client.clone())))?
        }
        // Nothing is fetched for a trust that is not accepted anyway.
        _ => web_keys::at_hand(&stored, sought, now)
            .ok_or_else(|| unknown(not_accepted(&found, client).reason))?,
    };
    let of_client = |refusal: Refusal| refusal.of(Some(client.clone()));
    verify_origin(assertion, &key, &trust).map_err(of_client)?;
    // Whoever has the issuer's signature is the tenant's own client, whatever is wrong besides.
    trace.set_tenant(client.tenant(), found.digest.key_id());
    verify_claims(assertion, &trust, now).map_err(of_client)?;
    Ok(found)
}

/// The refusal of a client that has proved who it is, with a credential that is not accepted.
fn not_accepted(found: &ClientCredential, client: &ClientId) -> Refusal {
    let is_trust = found.trust.is_some();
    let (reason, text) = match &found.credential {
        Credential::Revoked if is_trust => (
            "revokedTrust",
            "the trust in this issuer was revoked; set it up again with issuer, subject and audience as Entra shows them",
        ),
        Credential::Revoked => (
            "revokedSecret",
            "the client secret was revoked; create another one and enter it in Entra's provisioning settings",
        ),
        Credential::Expired => (
            "expiredSecret",
            "the client secret has expired; create another one and enter it in Entra's provisioning settings",
        ),
        Credential::ApiOff | Credential::TenantDisabled => closed(&found.credential),
        Credential::Unknown | Credential::Accepted { .. } => {
            return Refusal::unknown("wrongSecret", Some(client.clone()));
        }
    };
    Refusal::new(ErrorCode::InvalidClient, reason, text).of(Some(client.clone()))
}

/// What nobody can guess.
fn random() -> Result<[u8; 32], NoToken> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| {
        NoToken::Failed(Box::new(Failure {
            cause: Some(Cause::Store(StoreError::Unavailable {
                message: "the system has no random numbers".to_owned(),
                source: Box::new(error),
            })),
            ..scim::ScimError::Internal("the service failed".to_owned()).into()
        }))
    })?;
    Ok(secret)
}
