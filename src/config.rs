//! The environment variables of the function.

use std::time::Duration;

use oauth::Authorities;
use store::Tables;
use store::directory::breaker::BreakerPolicy;
use store::secrets::MAX_TOKEN_LIFE;

/// The function's configuration. docs/OPERATING.md lists the variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `SCIM_SECRETS_TABLE` and `SCIM_DIRECTORY_TABLE`.
    pub tables: Tables,
    /// `SCIM_PUBLIC_URL`: the URL by which clients know the service, without `/scim/v2`; defaults
    /// to the host of each request.
    pub public_url: Option<String>,
    /// `SCIM_TOMBSTONE_RETENTION_DAYS`: how long deleted users are kept; defaults to 30.
    pub tombstone_retention: time::Duration,
    /// `SCIM_HISTORY_RETENTION_DAYS`: how long change records and counts of requests are
    /// kept; defaults to 90.
    pub history_retention: time::Duration,
    /// `SCIM_REQUEST_LOG_DAYS`: how long the log of requests is kept; defaults to 14, 0 for no log.
    pub request_log: Option<time::Duration>,
    /// `SCIM_DEACTIVATION_SHARE_PERCENT` and `SCIM_DEACTIVATION_WINDOW_HOURS`: how many of a
    /// tenant's active users may be deactivated or deleted within which time; defaults to 20
    /// percent in 24 hours. 100 percent means no limit.
    pub breaker: BreakerPolicy,
    /// `SCIM_REQUEST_DEADLINE_MS`: how long a request may take before it is answered with 503;
    /// defaults to 8,000.
    pub request_deadline: Duration,
    /// `SCIM_PUBLIC_DISCOVERY`: whether `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas`
    /// are answered without an API key (RFC 7644 §4 allows both); defaults to `false`.
    pub public_discovery: bool,
    /// `SCIM_REQUESTS_PER_SECOND`: the rate per API key, over ten seconds, beyond which requests
    /// are refused with 429; defaults to 500, 0 for no limit.
    pub requests_per_second: u32,
    /// `SCIM_ENTRA_AUTHORITY`: the authorities whose assertions clients may trust, with commas
    /// between them; defaults to `https://login.microsoftonline.com`.
    pub entra_authorities: Authorities,
    /// `SCIM_ACCESS_TOKEN_SECONDS`: how long an access token is accepted; defaults to 7,200, and is
    /// 21,600 at most.
    pub access_token_life: time::Duration,
}

/// A variable that is missing or invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {name} {problem}")]
pub struct ConfigError {
    name: &'static str,
    problem: String,
}

const DEFAULT_RETENTION_DAYS: u32 = 30;
const DEFAULT_HISTORY_DAYS: u32 = 90;
const DEFAULT_REQUEST_LOG_DAYS: u32 = 14;
const DEFAULT_SHARE_PERCENT: u32 = 20;
const DEFAULT_WINDOW_HOURS: u32 = 24;
const DEFAULT_DEADLINE_MS: u32 = 8_000;
/// Twenty times Entra's maximum, with a burst of 5,000: a refusal may make Entra quarantine the
/// tenant.
const DEFAULT_REQUESTS_PER_SECOND: u32 = 500;
/// Entra's gallery wants one hour to six.
const DEFAULT_TOKEN_SECONDS: u32 = 7_200;

impl Config {
    /// Reads the variables through `variable`, which is [`std::env::var`] in the function.
    ///
    /// # Errors
    /// When a table's name is missing, or a value is invalid.
    pub fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, ConfigError> {
        let variable = |name| variable(name).filter(|value| !value.trim().is_empty());
        let required = |name| {
            variable(name).ok_or_else(|| ConfigError {
                name,
                problem: "is not set; it is the name of a DynamoDB table".to_owned(),
            })
        };
        let number = |name, default| match variable(name) {
            None => Ok(default),
            Some(text) => text
                .trim()
                .parse::<u32>()
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| ConfigError {
                    name,
                    problem: format!("is `{text}`; it must be a whole number above 0"),
                }),
        };
        let public_url =
            variable("SCIM_PUBLIC_URL").map(|url| url.trim().trim_end_matches('/').to_owned());
        if let Some(url) = &public_url
            && !(url.starts_with("https://") || url.starts_with("http://"))
        {
            return Err(ConfigError {
                name: "SCIM_PUBLIC_URL",
                problem: format!("is `{url}`; it must start with `https://`"),
            });
        }
        let days = number("SCIM_TOMBSTONE_RETENTION_DAYS", DEFAULT_RETENTION_DAYS)?;
        let history = number("SCIM_HISTORY_RETENTION_DAYS", DEFAULT_HISTORY_DAYS)?;
        let share = number("SCIM_DEACTIVATION_SHARE_PERCENT", DEFAULT_SHARE_PERCENT)?;
        let share_percent = u8::try_from(share)
            .ok()
            .filter(|share| *share <= 100)
            .ok_or_else(|| ConfigError {
                name: "SCIM_DEACTIVATION_SHARE_PERCENT",
                problem: format!("is `{share}`; it must be a whole number from 1 to 100"),
            })?;
        let hours = number("SCIM_DEACTIVATION_WINDOW_HOURS", DEFAULT_WINDOW_HOURS)?;
        let deadline = number("SCIM_REQUEST_DEADLINE_MS", DEFAULT_DEADLINE_MS)?;
        let public_discovery = match variable("SCIM_PUBLIC_DISCOVERY").as_deref().map(str::trim) {
            None | Some("false") => false,
            Some("true") => true,
            Some(text) => {
                return Err(ConfigError {
                    name: "SCIM_PUBLIC_DISCOVERY",
                    problem: format!("is `{text}`; it must be `true` or `false`"),
                });
            }
        };
        let number_or_none = |name, default, none| match variable(name) {
            None => Ok(default),
            Some(text) => text.trim().parse::<u32>().map_err(|_| ConfigError {
                name,
                problem: format!("is `{text}`; it must be a whole number, 0 for {none}"),
            }),
        };
        let requests_per_second = number_or_none(
            "SCIM_REQUESTS_PER_SECOND",
            DEFAULT_REQUESTS_PER_SECOND,
            "no limit",
        )?;
        let authorities = variable("SCIM_ENTRA_AUTHORITY");
        let authorities = authorities.as_deref().unwrap_or(Authorities::ENTRA);
        let entra_authorities = Authorities::parse(authorities).map_err(|error| ConfigError {
            name: "SCIM_ENTRA_AUTHORITY",
            problem: format!("cannot be used: {error}"),
        })?;
        let token_seconds = number("SCIM_ACCESS_TOKEN_SECONDS", DEFAULT_TOKEN_SECONDS)?;
        let access_token_life = time::Duration::seconds(token_seconds.into());
        if access_token_life > MAX_TOKEN_LIFE {
            let most = MAX_TOKEN_LIFE.whole_seconds();
            return Err(ConfigError {
                name: "SCIM_ACCESS_TOKEN_SECONDS",
                problem: format!("is `{token_seconds}`; it must be {most} at most"),
            });
        }
        let log_days = number_or_none("SCIM_REQUEST_LOG_DAYS", DEFAULT_REQUEST_LOG_DAYS, "no log")?;
        Ok(Self {
            public_discovery,
            requests_per_second,
            tables: Tables {
                secrets: required("SCIM_SECRETS_TABLE")?,
                directory: required("SCIM_DIRECTORY_TABLE")?,
            },
            public_url,
            tombstone_retention: time::Duration::days(days.into()),
            history_retention: time::Duration::days(history.into()),
            request_log: (log_days > 0).then(|| time::Duration::days(log_days.into())),
            breaker: BreakerPolicy {
                share_percent,
                window: time::Duration::hours(hours.into()),
            },
            request_deadline: Duration::from_millis(deadline.into()),
            entra_authorities,
            access_token_life,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
        let tables = [("SCIM_SECRETS_TABLE", "s"), ("SCIM_DIRECTORY_TABLE", "d")];
        Config::read(|name| {
            let mut all = variables.iter().chain(&tables);
            all.find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
        .map_err(|error| error.to_string())
    }

    #[test]
    fn only_the_tables_are_required() {
        let config = read(&[]).unwrap();
        assert_eq!(config.tombstone_retention, time::Duration::days(30));
        assert_eq!(config.request_deadline, Duration::from_secs(8));
        assert_eq!(config.public_url, None);
        assert_eq!(config.requests_per_second, 500);
        assert_eq!(
            read(&[("SCIM_SECRETS_TABLE", " ")]).unwrap_err(),
            "environment variable SCIM_SECRETS_TABLE is not set; it is the name of a DynamoDB table"
        );
    }

    #[test]
    fn values_are_checked() {
        assert_eq!(
            read(&[("SCIM_PUBLIC_URL", "https://scim.example/")])
                .unwrap()
                .public_url
                .as_deref(),
            Some("https://scim.example")
        );
        assert!(read(&[("SCIM_PUBLIC_URL", "scim.example")]).is_err());
        assert!(read(&[("SCIM_REQUEST_DEADLINE_MS", "0")]).is_err());
        assert!(
            read(&[("SCIM_PUBLIC_DISCOVERY", "true")])
                .unwrap()
                .public_discovery
        );
        assert!(read(&[("SCIM_PUBLIC_DISCOVERY", "yes")]).is_err());
        assert!(read(&[("SCIM_DEACTIVATION_SHARE_PERCENT", "101")]).is_err());
        let breaker = read(&[("SCIM_DEACTIVATION_SHARE_PERCENT", "100")])
            .unwrap()
            .breaker;
        assert_eq!(
            (breaker.share_percent, breaker.window.whole_hours()),
            (100, 24)
        );
        assert!(read(&[("SCIM_TOMBSTONE_RETENTION_DAYS", "-1")]).is_err());
        let rate = |text| read(&[("SCIM_REQUESTS_PER_SECOND", text)]);
        assert_eq!(rate(" 0 ").unwrap().requests_per_second, 0);
        assert_eq!(rate("2500").unwrap().requests_per_second, 2500);
        let days = |text| read(&[("SCIM_REQUEST_LOG_DAYS", text)]).map(|config| config.request_log);
        assert_eq!(days(""), Ok(Some(time::Duration::days(14))));
        assert_eq!(days("30"), Ok(Some(time::Duration::days(30))));
        assert_eq!(days("0"), Ok(None));
        assert!(days("-1").is_err());
        let authority = |text| read(&[("SCIM_ENTRA_AUTHORITY", text)]);
        assert!(authority("https://login.microsoftonline.us, http://localhost:4").is_ok());
        assert!(authority("http://login.microsoftonline.com").is_err());
        let life = |text| {
            read(&[("SCIM_ACCESS_TOKEN_SECONDS", text)]).map(|config| config.access_token_life)
        };
        assert_eq!(life(""), Ok(time::Duration::hours(2)));
        assert_eq!(life("21600"), Ok(time::Duration::hours(6)));
        assert!(life("21601").is_err() && life("0").is_err());
        for refused in ["-1", "2.5", "none", "4294967296"] {
            assert!(rate(refused).is_err(), "{refused}");
        }
    }
}
