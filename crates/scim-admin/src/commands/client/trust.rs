//! `client trust`.

use account::Account;
use oauth::Trust;
use serde_json::{Value, json};
use store::Store;
use tenant::KeyId;

use crate::args::TrustArgs;
use crate::failure::Failure;
use crate::report::Report;

/// What an operator is told when an assertion says no more than which app it is for.
const NOT_BOUND: &str = "warning: the audience names no host. If the app registration is used for other services too, each of them gets assertions that are accepted here. Have an app registration for this service alone, or give an audience with the host of its URL, as in `api://<app id>/scim.example.com`";

/// A trust that was just made.
#[derive(Debug)]
pub struct Trusted {
    id: KeyId,
    trust: Trust,
    /// The host of the service, if it is known.
    host: Option<String>,
}

/// Reads what was pasted, and has the client trust it.
pub async fn run(arguments: &TrustArgs, store: &Store) -> Result<Trusted, Failure> {
    let trust = Trust::from_pasted(
        &arguments.entra_authority,
        &arguments.issuer,
        arguments.jwks_url.as_deref(),
        &arguments.subject,
        &arguments.audience,
        arguments.service.host(),
    )?;
    let account = Account::open(store, &arguments.tenant).await?;
    let record = account.trust(&arguments.client, &trust).await?;
    Ok(Trusted {
        id: record.id,
        trust,
        host: arguments.service.host().map(str::to_owned),
    })
}

impl Report for Trusted {
    fn text(&self) -> String {
        let mut lines = vec![
            format!("trust id   {}", self.id),
            format!("issuer     {}", self.trust.issuer.as_str()),
            format!("keys       {}", self.trust.issuer.keys_url()),
            format!("subject    {}", self.trust.subject),
        ];
        let audiences = self.trust.audiences.iter();
        lines.extend(audiences.map(|audience| format!("audience   {audience}")));
        lines.join("\n")
    }

    fn json(&self) -> Value {
        json!({
            "trustId": self.id.as_str(),
            "audiences": self.trust.audiences,
            "hostBound": self.trust.is_host_bound(),
        })
    }

    fn note(&self) -> Option<String> {
        let is_elsewhere = |host: &&String| !self.trust.is_bound_to(host);
        if !self.trust.is_host_bound() {
            return Some(NOT_BOUND.to_owned());
        }
        let host = self.host.as_ref().filter(is_elsewhere)?;
        Some(format!(
            "warning: the audience names another host than that of the service, which is `{host}`: Entra's assertions are accepted only if they are for the other one. Copy Audience again from the provisioning page in Entra"
        ))
    }
}

#[cfg(test)]
mod tests {
    use oauth::Authorities;
    use tenant::{ClientId, TenantId};

    use super::*;

    const GUID: &str = "0f5e2b0c-3c5b-4d0e-9d37-6f1c8a2b7e10";

    fn trusted(audience: &str) -> Trusted {
        let authority = "https://login.example";
        let authorities = Authorities::parse(authority).unwrap();
        let issuer = format!("{authority}/{GUID}/v2.0");
        let trust = Trust::from_pasted(&authorities, &issuer, None, GUID, audience, None).unwrap();
        let client = ClientId::from_random(&TenantId::parse("acme").unwrap(), [1; 6]);
        Trusted {
            id: client.trust_digest(&issuer).key_id(),
            trust,
            host: Some("scim.example.com".to_owned()),
        }
    }

    #[test]
    fn an_audience_without_a_host_is_warned_of() {
        let report = trusted(GUID);
        assert_eq!(report.json()["hostBound"], false);
        assert_eq!(
            report.json()["audiences"],
            json!([GUID, format!("api://{GUID}")])
        );
        assert!(report.note().unwrap().starts_with("warning: "));
        let report = trusted(&format!("api://{GUID}/scim.example.com"));
        assert_eq!(report.json()["hostBound"], true);
        assert_eq!(report.note(), None);
        assert!(report.text().contains("/discovery/v2.0/keys"));
        let report = trusted(&format!("api://{GUID}/other.example"));
        assert!(report.note().unwrap().contains("another host"));
    }
}
