//! The authorities whose assertions may be trusted at all, and their issuers. Where keys are
//! fetched follows from them alone, never from what a request or an administrator says.

use super::guid::is_guid;

/// How many authorities there can be. Entra has one for each national cloud.
const MAX_AUTHORITIES: usize = 8;

/// The hosts that can be reached without TLS: an issuer on the developer's own machine.
const LOOPBACK: &[&str] = &["127.0.0.1", "localhost", "[::1]"];

/// The configured authorities, as `https://login.microsoftonline.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorities(Vec<String>);

/// Why a text is not a list of authorities.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthoritiesError {
    /// One of them is not the beginning of a URL that can be used.
    #[error(
        "`{0}` is not an authority, which is `https://` and a host, as in \
         `https://login.microsoftonline.com`; `http://` is for this machine's own hosts only"
    )]
    Malformed(String),
    /// There are too many.
    #[error("there can be {MAX_AUTHORITIES} authorities")]
    TooMany,
}

impl Authorities {
    /// Entra's own, but for national clouds.
    pub const ENTRA: &str = "https://login.microsoftonline.com";

    /// Reads one authority, or several with commas between them: scheme and host, perhaps a port,
    /// nothing else.
    ///
    /// # Errors
    /// When one is malformed, or there are more than 8.
    pub fn parse(text: &str) -> Result<Self, AuthoritiesError> {
        let one = |text: &str| {
            authority(text).ok_or_else(|| AuthoritiesError::Malformed(text.trim().to_owned()))
        };
        let all: Vec<String> = text.split(',').map(one).collect::<Result<_, _>>()?;
        if all.len() > MAX_AUTHORITIES {
            return Err(AuthoritiesError::TooMany);
        }
        Ok(Self(all))
    }

    /// The issuer of an Entra tenant, if `iss` is `{authority}/{tenant id}/v2.0` of one of the
    /// authorities, exactly (RFC 7523, section 3). The tenant id is a GUID in lower case, so
    /// `common` and `organizations` are no issuers.
    pub fn issuer(&self, iss: &str) -> Option<Issuer> {
        self.0.iter().find_map(|authority| {
            let path = iss.strip_prefix(authority.as_str())?;
            let tenant = path.strip_prefix('/')?.strip_suffix("/v2.0")?;
            is_guid(tenant).then(|| Issuer {
                text: iss.to_owned(),
                authority: authority.clone(),
                tenant: tenant.to_owned(),
            })
        })
    }

    /// Each authority, as `https://host`.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// The issuer of an Entra tenant's tokens, under a configured authority.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Issuer {
    text: String,
    authority: String,
    tenant: String,
}

impl Issuer {
    /// The issuer as the claim `iss` has it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The GUID of the Entra tenant, in lower case.
    pub fn entra_tenant(&self) -> &str {
        &self.tenant
    }

    /// Where its signing keys are. Microsoft's tenants share keys today; "a key that is common
    /// across tenants today can become distinct", so each tenant's own place is asked.
    pub fn keys_url(&self) -> String {
        format!("{}/{}/discovery/v2.0/keys", self.authority, self.tenant)
    }
}

/// The canonical form of an authority: lower case, no slash at its end.
fn authority(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_suffix('/').unwrap_or(&text);
    let (scheme, rest) = text.split_once("://")?;
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let is_allowed = match scheme {
        "https" => is_host(host) || LOOPBACK.contains(&host),
        "http" => LOOPBACK.contains(&host),
        _ => false,
    };
    (is_allowed && port.is_none_or(is_port)).then(|| text.to_owned())
}

/// Whether a text is the name of a host, in lower case.
pub(crate) fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_part = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let is_inner = !label.starts_with('-') && !label.ends_with('-');
        (1..=63).contains(&label.len()) && is_inner && label.bytes().all(is_part)
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_port(text: &str) -> bool {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    is_number && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "11111111-2222-4333-8444-555555555555";

    #[test]
    fn an_authority_is_scheme_and_host() {
        for (text, authority) in [
            (
                "https://login.microsoftonline.com",
                "https://login.microsoftonline.com",
            ),
            (
                " HTTPS://Login.MicrosoftOnline.us/ ",
                "https://login.microsoftonline.us",
            ),
            ("https://issuer.example:8443", "https://issuer.example:8443"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://localhost", "http://localhost"),
            ("http://[::1]:9000/", "http://[::1]:9000"),
            ("http://[::1]", "http://[::1]"),
            ("https://[::1]:1", "https://[::1]:1"),
        ] {
            let parsed = Authorities::parse(text).map(|all| all.0);
            assert_eq!(parsed, Ok(vec![authority.to_owned()]), "{text}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            ",",
            "https://a.example,",
            "login.microsoftonline.com",
            "https://",
            "https:///",
            "https://a.example//",
            "https://a.example/common",
            "https://a.example?x",
            "https://a.example#x",
            "https://user@a.example",
            "https://user:1@a.example",
            "https://a.example:",
            "https://a.example:0",
            "https://a.example:+1",
            "https://a.example:65536",
            "https://a..example",
            "https://a.example.",
            "https://-a.example",
            "https://a b.example",
            "https://a\\b.example",
            "https://ä.example",
            "https://[::2]",
            "http://login.microsoftonline.com",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "http://127.0.0.2",
            "http://localhost@a.example",
            "ftp://localhost",
        ] {
            let parsed = Authorities::parse(text);
            assert!(
                matches!(parsed, Err(AuthoritiesError::Malformed(_))),
                "accepted `{text}`"
            );
        }
    }

    #[test]
    fn there_can_be_eight() {
        let several = |count| vec!["https://a.example"; count].join(" , ");
        assert_eq!(Authorities::parse(&several(8)).unwrap().0.len(), 8);
        let refused = Authorities::parse(&several(9));
        assert_eq!(refused, Err(AuthoritiesError::TooMany));
    }

    #[test]
    fn an_issuer_is_a_tenant_of_an_authority() {
        let authorities =
            Authorities::parse("https://login.microsoftonline.com, http://localhost:1").unwrap();
        for base in ["https://login.microsoftonline.com", "http://localhost:1"] {
            let text = format!("{base}/{TENANT}/v2.0");
            let issuer = authorities.issuer(&text).unwrap();
            assert_eq!(issuer.as_str(), text);
            assert_eq!(issuer.entra_tenant(), TENANT);
            assert_eq!(
                issuer.keys_url(),
                format!("{base}/{TENANT}/discovery/v2.0/keys")
            );
        }
        for text in [
            String::new(),
            "https://login.microsoftonline.com/common/v2.0".to_owned(),
            "https://login.microsoftonline.com/{tenantid}/v2.0".to_owned(),
            format!("https://login.microsoftonline.com/{TENANT}"),
            format!("https://login.microsoftonline.com/{TENANT}/v2.0/"),
            format!("https://login.microsoftonline.com/{TENANT}/V2.0"),
            format!("https://login.microsoftonline.com/{TENANT}/x/v2.0"),
            format!("https://login.microsoftonline.com//{TENANT}/v2.0"),
            format!("https://login.microsoftonline.com{TENANT}/v2.0"),
            format!("https://login.microsoftonline.com.example/{TENANT}/v2.0"),
            format!("https://login.microsoftonline.com:443/{TENANT}/v2.0"),
            format!("https://Login.microsoftonline.com/{TENANT}/v2.0"),
            format!("http://login.microsoftonline.com/{TENANT}/v2.0"),
            format!("https://sts.windows.net/{TENANT}/"),
            format!(" https://login.microsoftonline.com/{TENANT}/v2.0"),
            format!("https://login.microsoftonline.com/{}/v2.0", "A".repeat(36)),
        ] {
            assert_eq!(authorities.issuer(&text), None, "{text}");
        }
    }
}
