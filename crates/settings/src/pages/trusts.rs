//! Workload identity federation: the values that Entra shows become a trust of a client, and how
//! far a trust can be trusted is said.

use account::clients::KnownClient;
use askama::Template;
use http::StatusCode;
use oauth::{PastedError, Trust};
use uuid::Uuid;

use super::Visited;
use super::credentials::{Row, Urls, named};
use super::frame::Base;
use crate::failed::Answer;
use crate::html::Html;
use crate::label::has_key;
use crate::respond;
use crate::texts::fill;

/// The longest value that is read, in characters. An audience has a host in it at most.
const LONGEST: usize = 400;

/// A trust as it is shown.
pub struct TrustCard {
    pub row: Row,
    pub issuer: String,
    pub subject: String,
    pub audiences: Vec<String>,
    /// Whether nobody but this service can use what its issuer sends.
    pub is_bound: bool,
    /// What there is to be said of that.
    pub note: Html,
}

/// A value of Entra's, as the form asks for it.
struct Field {
    name: &'static str,
    label: &'static str,
    value: String,
    /// What is wrong with it; empty if nothing is.
    error: Html,
}

#[derive(Template)]
#[template(path = "trust.html")]
struct Form {
    base: Base,
    title: String,
    heading: Html,
    fields: Vec<Field>,
    is_wrong: bool,
    longest: usize,
    token: String,
    form: String,
}

#[derive(Template)]
#[template(path = "trusted.html")]
struct Done {
    base: Base,
    client: String,
    urls: Urls,
    is_bound: bool,
    note: Html,
}

/// What is wrong with the values, and at which field.
type Wrong = (&'static str, Html);

impl Visited<'_> {
    /// Asks for the values, with what was wrong with those before.
    pub(super) async fn ask_for_trust(&self, client: &str) -> Answer {
        self.visit.unlocked()?;
        let client = self.find_client(client).await?;
        self.trust_form(StatusCode::OK, &client, None)
    }

    pub(super) async fn create_trust(&self, client: &str) -> Answer {
        self.visit.may_change_keys(self.asked)?;
        let client = self.find_client(client).await?;
        let trust = match self.pasted() {
            Ok(trust) => trust,
            Err(wrong) => return self.trust_form(StatusCode::BAD_REQUEST, &client, Some(&wrong)),
        };
        self.use_form().await?;
        self.visit.account.trust(&client.id, &trust).await?;
        let (is_bound, note) = self.bound(&trust);
        let page = Done {
            base: self.base("/settings/clients"),
            client: client.id.to_string(),
            urls: self.urls(),
            is_bound,
            note,
        };
        self.page(&page)
    }

    fn trust_form(
        &self,
        status: StatusCode,
        client: &KnownClient,
        wrong: Option<&Wrong>,
    ) -> Answer {
        let t = self.asked.language.texts().clients;
        let field = |name, label| {
            let value = self.asked.field(name);
            let error = wrong.filter(|(at, _)| *at == name);
            // What may be a key, and what nobody can have typed, is not repeated.
            let is_kept = !has_key(value) && value.chars().count() <= LONGEST;
            Field {
                name,
                label,
                value: if is_kept {
                    value.to_owned()
                } else {
                    String::new()
                },
                error: error.map(|(_, error)| error.clone()).unwrap_or_default(),
            }
        };
        let page = Form {
            base: self.base(&format!("/settings/clients/{}/trust", client.id)),
            title: fill(t.trust_title, &[("client", client.id.as_str())]),
            heading: Html::fill(t.trust_title, &[("client", &named(client))]),
            fields: vec![
                field("issuer", t.issuer),
                field("jwks", t.jwks_url),
                field("subject", t.subject),
                field("audience", t.audience),
            ],
            is_wrong: wrong.is_some(),
            longest: LONGEST,
            token: self.visit.form_token(),
            form: Uuid::new_v4().to_string(),
        };
        respond::page(status, &page)
    }

    /// The trust that the values of the form make.
    fn pasted(&self) -> Result<Trust, Wrong> {
        let t = self.asked.language.texts().clients;
        for name in ["issuer", "jwks", "subject", "audience"] {
            let value = self.asked.field(name);
            if has_key(value) {
                return Err((name, Html::text(t.at_secret)));
            }
            if value.chars().count() > LONGEST {
                let count = LONGEST.to_string();
                return Err((name, Html::text(&fill(t.at_long, &[("count", &count)]))));
            }
        }
        let [issuer, jwks, subject, audience] =
            ["issuer", "jwks", "subject", "audience"].map(|name| self.asked.field(name));
        let made = |host: Option<&str>| {
            let authorities = &self.app.authorities;
            Trust::from_pasted(authorities, issuer, Some(jwks), subject, audience, host)
        };
        let trust = match made(own_host(&self.asked.base)) {
            // An address such as `[::1]`, in a local run: no audience can name it.
            Err(PastedError::Host(_)) => made(None),
            made => made,
        };
        trust.map_err(|error| match error {
            PastedError::Issuer(first) => {
                let first = Html::text(&first);
                ("issuer", Html::fill(t.at_issuer, &[("issuer", &first)]))
            }
            PastedError::IssuerOfV1 => ("issuer", Html::text(t.at_issuer_of_v1)),
            PastedError::KeysHost => ("jwks", Html::text(t.at_keys_host)),
            PastedError::KeysTenant => ("jwks", Html::text(t.at_keys_tenant)),
            PastedError::Subject => ("subject", Html::text(t.at_subject)),
            PastedError::Audience | PastedError::Host(_) => ("audience", Html::text(t.at_audience)),
        })
    }

    /// A trust as it is shown.
    pub(super) fn trust_card(&self, trust: &store::secrets::Trust, row: Row) -> TrustCard {
        let (is_bound, note) = self.binding(trust);
        TrustCard {
            row,
            issuer: trust.issuer.clone(),
            subject: trust.subject.clone(),
            audiences: trust.audiences.clone(),
            is_bound,
            note,
        }
    }

    /// Whether a trust is bound to this service, and what there is to be said of it.
    fn binding(&self, trust: &store::secrets::Trust) -> (bool, Html) {
        let t = self.asked.language.texts().clients;
        let Some(issuer) = self.app.authorities.issuer(&trust.issuer) else {
            return (false, Html::text(t.other_authority));
        };
        self.bound(&Trust {
            issuer,
            subject: trust.subject.clone(),
            audiences: trust.audiences.clone(),
        })
    }

    /// The same of a trust in an issuer that may be trusted.
    fn bound(&self, trust: &Trust) -> (bool, Html) {
        let t = self.asked.language.texts().clients;
        let host = own_host(&self.asked.base).unwrap_or_default();
        let host = host.strip_prefix("www.").unwrap_or(host);
        let shown = [("host", &Html::code(host))];
        match (trust.is_host_bound(), trust.is_bound_to(host)) {
            (true, true) => (true, Html::text(t.is_bound)),
            (true, false) => (false, Html::fill(t.bound_elsewhere, &shown)),
            (false, _) => (false, Html::fill(t.not_bound, &shown)),
        }
    }
}

/// The host of an address, without its port; none if it is an address of IPv6.
fn own_host(base: &str) -> Option<&str> {
    let (_, host) = base.split_once("://")?;
    let host = host.split('/').next()?;
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    (!host.is_empty() && !host.contains([':', '[', ']'])).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_address() {
        for (base, host) in [
            ("https://scim.example", Some("scim.example")),
            ("https://www.scim.example/", Some("www.scim.example")),
            ("http://127.0.0.1:3000", Some("127.0.0.1")),
            ("http://[::1]:3000", None),
            ("http://[::1]", None),
            ("https://", None),
            ("scim.example", None),
        ] {
            assert_eq!(own_host(base), host, "{base}");
        }
    }
}
