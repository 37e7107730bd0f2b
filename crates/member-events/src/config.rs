//! The environment variables of the function.

use crate::{Content, Publisher};

/// The function's configuration. docs/OPERATING.md lists the variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What makes the events, from `SCIM_PUBLIC_URL`, the URL by which clients know the service,
    /// without `/scim/v2`, and `SCIM_EVENT_CONTENT`: `full`, which is the default, or `notice`.
    pub publisher: Publisher,
}

/// A variable that is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {name} {problem}")]
pub struct ConfigError {
    name: &'static str,
    problem: &'static str,
}

impl Content {
    /// The content of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "full" => Some(Self::Full),
            "notice" => Some(Self::Notice),
            _ => None,
        }
    }
}

impl Config {
    /// Reads the variables through `variable`, which is [`std::env::var`] in the function.
    ///
    /// # Errors
    /// When a value is invalid.
    pub fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, ConfigError> {
        let variable = |name| variable(name).filter(|value| !value.trim().is_empty());
        let name = "SCIM_PUBLIC_URL";
        let url = variable(name).map(|url| url.trim().trim_end_matches('/').to_owned());
        let is_url = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        if !url.as_ref().is_none_or(is_url) {
            let problem = "must start with `https://`";
            return Err(ConfigError { name, problem });
        }
        let name = "SCIM_EVENT_CONTENT";
        let content = match variable(name) {
            None => Content::default(),
            Some(text) => Content::named(text.trim()).ok_or(ConfigError {
                name,
                problem: "must be `full` or `notice`",
            })?,
        };
        Ok(Self {
            publisher: Publisher::new(url.as_deref(), content),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(|name| {
            let found = values.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn both_variables_may_be_missing() {
        let config = read(&[("SCIM_EVENT_CONTENT", " ")]).unwrap();
        assert_eq!(config.publisher.base, "/scim/v2");
        assert_eq!(config.publisher.content, Content::Full);
        let config = read(&[
            ("SCIM_PUBLIC_URL", "https://scim.example.com/"),
            ("SCIM_EVENT_CONTENT", "notice"),
        ])
        .unwrap();
        assert_eq!(config.publisher.base, "https://scim.example.com/scim/v2");
        assert_eq!(config.publisher.content, Content::Notice);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, value) in [
            ("SCIM_PUBLIC_URL", "scim.example.com"),
            ("SCIM_EVENT_CONTENT", "all"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
