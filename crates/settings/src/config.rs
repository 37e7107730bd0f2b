//! The environment variables of the function.

use std::borrow::Cow;

use oauth::Authorities;
use store::Tables;

/// The function's configuration. docs/OPERATING.md lists the variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `SCIM_SECRETS_TABLE` and `SCIM_DIRECTORY_TABLE`.
    pub tables: Tables,
    /// `SCIM_SESSIONS_TABLE`.
    pub sessions_table: String,
    /// `SCIM_PUBLIC_URL`: what comes before `/settings` and `/scim/v2`; defaults to the host of
    /// each request.
    pub public_url: Option<String>,
    /// `SCIM_ENTRA_AUTHORITY`: in whose issuers clients may trust; several with commas between
    /// them.
    pub authorities: Authorities,
}

/// A variable that is missing or invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {name} {problem}")]
pub struct ConfigError {
    name: &'static str,
    problem: Cow<'static, str>,
}

impl Config {
    /// Reads the variables through `variable`, which is [`std::env::var`] in the function.
    ///
    /// # Errors
    /// When a table's name is missing, the public URL is none or has a path, or an authority is
    /// none.
    pub fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, ConfigError> {
        let variable = |name| variable(name).filter(|value| !value.trim().is_empty());
        let required = |name| {
            variable(name).ok_or(ConfigError {
                name,
                problem: "is not set; it is the name of a DynamoDB table".into(),
            })
        };
        let name = "SCIM_PUBLIC_URL";
        let public_url = variable(name).map(|url| url.trim().trim_end_matches('/').to_owned());
        let is_url = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        if !public_url.as_ref().is_none_or(is_url) {
            let problem = "must start with `https://`".into();
            return Err(ConfigError { name, problem });
        }
        // The cookies are the host's, and so are the ways from page to page.
        let has_path = |url: &String| url.matches('/').count() > 2;
        if public_url.as_ref().is_some_and(has_path) {
            let problem = "has a path: the settings page needs a host of its own".into();
            return Err(ConfigError { name, problem });
        }
        Ok(Self {
            tables: Tables {
                secrets: required("SCIM_SECRETS_TABLE")?,
                directory: required("SCIM_DIRECTORY_TABLE")?,
            },
            sessions_table: required("SCIM_SESSIONS_TABLE")?,
            public_url,
            authorities: authorities(variable("SCIM_ENTRA_AUTHORITY").as_deref())?,
        })
    }
}

/// The authorities that a text lists, or Entra's own if there is none.
///
/// # Errors
/// When one of them is none.
pub fn authorities(listed: Option<&str>) -> Result<Authorities, ConfigError> {
    Authorities::parse(listed.unwrap_or(Authorities::ENTRA)).map_err(|error| ConfigError {
        name: "SCIM_ENTRA_AUTHORITY",
        problem: format!("cannot be used: {error}").into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_required_and_the_url_is_one() {
        let read = |sessions: &str, url: &str| {
            Config::read(|name| match name {
                "SCIM_SESSIONS_TABLE" => Some(sessions.to_owned()),
                "SCIM_PUBLIC_URL" => Some(url.to_owned()),
                "SCIM_ENTRA_AUTHORITY" => None,
                _ => Some("table".to_owned()),
            })
        };
        let config = read("sessions", "https://scim.example/").unwrap();
        assert_eq!(config.public_url.as_deref(), Some("https://scim.example"));
        assert_eq!(read("sessions", "").unwrap().public_url, None);
        assert!(read(" ", "").is_err());
        for (url, problem) in [
            ("scim.example", "SCIM_PUBLIC_URL must start"),
            ("https://example.com/hr", "SCIM_PUBLIC_URL has a path"),
        ] {
            let error = read("sessions", url).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn authorities_are_entra_s_or_those_that_are_listed() {
        let issuer = |listed, issuer: &str| {
            let issuer = format!("{issuer}/11111111-2222-3333-4444-555555555555/v2.0");
            authorities(listed).unwrap().issuer(&issuer).is_some()
        };
        assert!(issuer(None, Authorities::ENTRA));
        let listed = Some("https://login.microsoftonline.us, http://localhost:1");
        assert!(issuer(listed, "https://login.microsoftonline.us"));
        assert!(issuer(listed, "http://localhost:1") && !issuer(listed, Authorities::ENTRA));
        let error = authorities(Some("login.example")).unwrap_err().to_string();
        let said = "environment variable SCIM_ENTRA_AUTHORITY cannot be used: `login.example`";
        assert!(error.starts_with(said), "{error}");
    }
}
