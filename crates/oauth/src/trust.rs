//! What a client trusts: an issuer, and which of its assertions. An administrator copies the values
//! from Entra.

use super::authority::{Authorities, Issuer, is_host};
use super::guid::is_guid;

/// Where Microsoft's documents have the keys too. It redirects to an authority; nothing is ever
/// fetched from it.
const OLD_KEYS_HOST: &str = "https://login.windows.net";

const V1_ISSUER: &str = "https://sts.windows.net/";

/// The assertions that prove to be a client: those of one issuer, about one subject, for one of the
/// audiences (RFC 7523, section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// Whose assertions. That it is an [`Issuer`] says that its authority is configured still.
    pub issuer: Issuer,
    /// The claim `sub`: the object id of the service principal that Entra provisions with.
    pub subject: String,
    /// What the claim `aud` may be, each to be matched exactly. Microsoft's documents disagree
    /// about its form, and Entra changes between the forms.
    pub audiences: Vec<String>,
}

/// Which of the values is not what Entra shows, and what to copy again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PastedError {
    /// The issuer is not one of a configured authority.
    #[error(
        "the issuer is not `{0}/` followed by a tenant id and `/v2.0`; copy Issuer again from the \
         provisioning page in Entra"
    )]
    Issuer(String),
    /// It issues tokens of version 1.
    #[error(
        "this is the issuer of tokens of version 1.0; set `requestedAccessTokenVersion` to 2 in the \
         manifest of the app registration in Entra, then copy Issuer again"
    )]
    IssuerOfV1,
    /// The keys are somewhere else than a configured authority has them.
    #[error(
        "the JWKS URL is not one of Microsoft's sign-in service; copy JWKS URL again from the \
         provisioning page in Entra"
    )]
    KeysHost,
    /// The keys are those of another Entra tenant.
    #[error(
        "the JWKS URL and the issuer name different tenant ids; copy Issuer and JWKS URL again from \
         the same provisioning page in Entra"
    )]
    KeysTenant,
    /// The subject is no object id.
    #[error(
        "the subject is not an object id, as in `3f9c1b7a-2d4e-4c11-9a55-0d5e8b7c6a21`; copy Subject \
         again from the provisioning page in Entra"
    )]
    Subject,
    /// The audience names no application.
    #[error(
        "the audience is not an application id, or `api://` followed by one; copy Audience again \
         from the provisioning page in Entra"
    )]
    Audience,
    /// The service's own host is not a host.
    #[error("`{0}` is not the name of a host")]
    Host(String),
}

impl Trust {
    /// Makes a trust of the values that Entra shows, with the space around them that copying adds.
    ///
    /// - `issuer` may lack `/v2.0`: one of Microsoft's documents has it so.
    /// - `jwks_url` is compared with the issuer and not used: the keys' place follows from the
    ///   issuer.
    /// - `audience` may be an application id, `api://<id>`, the scope `api://<id>/.default`, or
    ///   `api://<id>/<host>`. The last accepts this audience alone. Each of the others accepts the
    ///   id, `api://<id>`, and `api://<id>/<host>` if `host`, the service's own, is given.
    ///
    /// # Errors
    /// When one of the values has another form, or is one of another Entra tenant or authority.
    pub fn from_pasted(
        authorities: &Authorities,
        issuer: &str,
        jwks_url: Option<&str>,
        subject: &str,
        audience: &str,
        host: Option<&str>,
    ) -> Result<Self, PastedError> {
        let issuer = pasted_issuer(authorities, issuer)?;
        if let Some(url) = jwks_url {
            check_keys_url(authorities, &issuer, url)?;
        }
        let subject = subject.trim().to_ascii_lowercase();
        if !is_guid(&subject) {
            return Err(PastedError::Subject);
        }
        let host = host.map(audience_host).transpose()?;
        Ok(Self {
            issuer,
            subject,
            audiences: audiences(audience.trim(), host.as_deref()).ok_or(PastedError::Audience)?,
        })
    }

    /// Whether each audience names this host.
    pub fn is_bound_to(&self, host: &str) -> bool {
        let names_it = |audience: &String| {
            let path = audience.strip_prefix("api://");
            let named = path.and_then(|path| path.split_once('/'));
            named.is_some_and(|(_, named)| named.eq_ignore_ascii_case(host))
        };
        !self.audiences.is_empty() && self.audiences.iter().all(names_it)
    }

    /// Whether each audience names a host. Without one, an assertion can be replayed: a customer
    /// may use one application for several services, and each of them holds assertions that the
    /// others accept.
    pub fn is_host_bound(&self) -> bool {
        let names_host = |audience: &String| {
            let path = audience.strip_prefix("api://");
            path.is_some_and(|path| path.contains('/'))
        };
        !self.audiences.is_empty() && self.audiences.iter().all(names_host)
    }
}

fn pasted_issuer(authorities: &Authorities, pasted: &str) -> Result<Issuer, PastedError> {
    let text = pasted.trim().to_ascii_lowercase();
    if text.starts_with(V1_ISSUER) {
        return Err(PastedError::IssuerOfV1);
    }
    let text = text.strip_suffix('/').unwrap_or(&text);
    let base = text.strip_suffix("/v2.0").unwrap_or(text);
    let issuer = authorities.issuer(&format!("{base}/v2.0"));
    issuer.ok_or_else(|| {
        let first = authorities.iter().next().unwrap_or_default();
        PastedError::Issuer(first.to_owned())
    })
}

fn check_keys_url(
    authorities: &Authorities,
    issuer: &Issuer,
    pasted: &str,
) -> Result<(), PastedError> {
    let url = pasted.trim().to_ascii_lowercase();
    let mut bases = authorities.iter().chain([OLD_KEYS_HOST]);
    let path = bases.find_map(|base| url.strip_prefix(base)?.strip_prefix('/'));
    let tenant = path.and_then(|path| path.split('/').next());
    match tenant {
        None => Err(PastedError::KeysHost),
        Some(tenant) if tenant == issuer.entra_tenant() => Ok(()),
        Some(_) => Err(PastedError::KeysTenant),
    }
}

/// The service's own host as Entra puts it into an audience.
fn audience_host(text: &str) -> Result<String, PastedError> {
    let host = text.trim().to_ascii_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    if is_host(host) {
        Ok(host.to_owned())
    } else {
        Err(PastedError::Host(text.to_owned()))
    }
}

/// The audiences that a pasted one stands for.
fn audiences(pasted: &str, own_host: Option<&str>) -> Option<Vec<String>> {
    // With `/.default` behind it, an audience is a scope.
    let pasted = pasted.strip_suffix("/.default").unwrap_or(pasted);
    let uri = pasted.strip_prefix("api://");
    let path = uri.unwrap_or(pasted);
    let (id, host) = path.split_once('/').unwrap_or((path, ""));
    let id = id.to_ascii_lowercase();
    if !is_guid(&id) {
        return None;
    }
    let base = format!("api://{id}");
    if host.is_empty() {
        let bound = own_host.map(|host| format!("{base}/{host}"));
        return Some([id, base].into_iter().chain(bound).collect());
    }
    let is_bound = uri.is_some() && is_host(&host.to_ascii_lowercase());
    is_bound.then(|| vec![format!("{base}/{host}")])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mint::{APP, SUBJECT, TENANT, authorities, issuer};

    const HOST: &str = "scim.example.com";

    fn pasted(
        issuer: &str,
        jwks_url: Option<&str>,
        subject: &str,
        audience: &str,
    ) -> Result<Trust, PastedError> {
        Trust::from_pasted(&authorities(), issuer, jwks_url, subject, audience, None)
    }

    fn audiences_of(audience: &str, host: Option<&str>) -> Result<Vec<String>, PastedError> {
        let issuer = issuer();
        Trust::from_pasted(
            &authorities(),
            issuer.as_str(),
            None,
            SUBJECT,
            audience,
            host,
        )
        .map(|trust| trust.audiences)
    }

    #[test]
    fn the_issuer_is_accepted_as_microsoft_s_documents_have_it() {
        for text in [
            format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
            format!("https://login.microsoftonline.com/{TENANT}/v2.0/"),
            format!("https://login.microsoftonline.com/{TENANT}"),
            format!(
                " https://Login.MicrosoftOnline.com/{}/ \n",
                TENANT.to_uppercase()
            ),
        ] {
            let trust = pasted(&text, None, SUBJECT, APP).unwrap();
            assert_eq!(trust.issuer, issuer(), "{text}");
        }
        let v1 = format!("https://sts.windows.net/{TENANT}/");
        assert_eq!(
            pasted(&v1, None, SUBJECT, APP),
            Err(PastedError::IssuerOfV1)
        );
        for text in [
            "",
            "https://login.microsoftonline.com/common/v2.0",
            "https://login.microsoftonline.com/v2.0",
            &format!("https://login.example/{TENANT}/v2.0"),
            &format!("https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys"),
            TENANT,
        ] {
            let refused = pasted(text, None, SUBJECT, APP);
            let first = "https://login.microsoftonline.com".to_owned();
            assert_eq!(refused, Err(PastedError::Issuer(first)), "{text}");
        }
    }

    #[test]
    fn the_keys_are_those_of_the_same_tenant() {
        let issuer = issuer();
        let check = |url: &str| pasted(issuer.as_str(), Some(url), SUBJECT, APP).map(|_| ());
        let other = TENANT.replace('1', "2");
        for base in [
            "https://login.microsoftonline.com",
            "https://login.windows.net",
        ] {
            let url = format!(" {base}/{TENANT}/discovery/v2.0/keys\n");
            assert_eq!(check(&url), Ok(()), "{url}");
            for path in [&other, "common", ""] {
                let url = format!("{base}/{path}/discovery/v2.0/keys");
                assert_eq!(check(&url), Err(PastedError::KeysTenant), "{url}");
            }
        }
        for url in [
            "",
            "keys",
            &format!("http://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys"),
            &format!("https://login.microsoftonline.com.example/{TENANT}/discovery/v2.0/keys"),
            &format!("https://login.microsoftonline.com@a.example/{TENANT}/keys"),
            &format!("https://a.example/{TENANT}/discovery/v2.0/keys"),
        ] {
            assert_eq!(check(url), Err(PastedError::KeysHost), "{url}");
        }
    }

    #[test]
    fn the_subject_is_an_object_id() {
        let issuer = issuer();
        let with = |subject: &str| pasted(issuer.as_str(), None, subject, APP);
        let trust = with(&format!(" {} ", SUBJECT.to_uppercase())).unwrap();
        assert_eq!(trust.subject, SUBJECT);
        for subject in ["", "Sync Fabric", &format!("api://{SUBJECT}")] {
            assert_eq!(with(subject), Err(PastedError::Subject), "{subject}");
        }
    }

    #[test]
    fn an_audience_without_host_stands_for_each_form_of_it() {
        let plain = [APP.to_owned(), format!("api://{APP}")];
        let bound = [plain.clone().to_vec(), vec![format!("api://{APP}/{HOST}")]].concat();
        for audience in [
            APP.to_owned(),
            format!("api://{APP}"),
            format!("api://{APP}/"),
            format!("api://{APP}/.default"),
            format!(" api://{}\t", APP.to_uppercase()),
        ] {
            assert_eq!(audiences_of(&audience, None), Ok(plain.to_vec()));
            assert_eq!(audiences_of(&audience, Some(HOST)), Ok(bound.clone()));
            let capitals = Some("WWW.Scim.Example.com");
            assert_eq!(audiences_of(&audience, capitals), Ok(bound.clone()));
        }
        let refused = audiences_of(APP, Some("https://scim.example.com"));
        assert!(matches!(refused, Err(PastedError::Host(_))), "{refused:?}");
    }

    #[test]
    fn an_audience_with_a_host_stands_for_itself() {
        let bound = format!("api://{APP}/{HOST}");
        for (audience, own) in [
            (bound.clone(), None),
            (bound.clone(), Some("other.example")),
            (format!("{bound}/.default"), Some(HOST)),
        ] {
            assert_eq!(audiences_of(&audience, own), Ok(vec![bound.clone()]));
        }
    }

    #[test]
    fn anything_else_is_no_audience() {
        for audience in [
            "",
            "api://",
            "/.default",
            "api://scim.example.com",
            "00000003",
            &format!("https://{APP}"),
            &format!("API://{APP}/{HOST}"),
            &format!("{APP}/{HOST}"),
            &format!("api://{APP}/{HOST}/scim"),
            &format!("api://{APP}/{HOST}:443"),
            &format!("api://{APP}/*"),
            &format!("api://{APP}, {APP}"),
        ] {
            let refused = audiences_of(audience, None);
            assert_eq!(refused, Err(PastedError::Audience), "{audience}");
        }
    }

    #[test]
    fn a_trust_is_bound_when_every_audience_names_a_host() {
        let bound = |audiences: &[&str]| {
            let audiences = audiences.iter().map(|text| (*text).to_owned()).collect();
            Trust {
                audiences,
                ..crate::mint::trust()
            }
            .is_host_bound()
        };
        assert!(bound(&["api://a/b.example"]));
        assert!(!bound(&["api://a/b.example", "api://a"]));
        assert!(!bound(&["a"]));
        assert!(!bound(&[]));
    }

    proptest! {
        #[test]
        fn pasting_never_panics(
            issuer: String,
            url: Option<String>,
            subject: String,
            audience: String,
            host: Option<String>,
        ) {
            let (url, host) = (url.as_deref(), host.as_deref());
            let _ = Trust::from_pasted(&authorities(), &issuer, url, &subject, &audience, host);
            let _ = audiences_of(&audience, host);
        }
    }
}
