//! The values of arguments: times, lengths, names. Whatever takes a number, a length or a time
//! refuses what is out of all proportion.

use std::ops::RangeInclusive;

use account::entrance::LONGEST_LINK;
use clap::Args;
use scim::ResourceId;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// The longest name or label, in characters.
const MAX_TEXT: usize = 100;

/// The longest time for which a breaker can be lifted: it is there for accidents, and one that is
/// lifted for good protects nobody.
const MAX_LIFT: Duration = Duration::days(30);

/// The longest retention of records, in days.
const MAX_RETENTION: u16 = 3650;

/// The years that a time may be of.
const YEARS: RangeInclusive<i32> = 1970..=2199;

#[derive(Debug, Args)]
pub struct Retention {
    /// How long the records of what the command does are kept; the same as the function keeps its
    /// own
    #[arg(
        long,
        env = "SCIM_HISTORY_RETENTION_DAYS",
        value_name = "DAYS",
        default_value_t = 90,
        value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_RETENTION))
    )]
    history_days: u16,
}

impl Retention {
    /// As a length of time.
    pub fn length(&self) -> Duration {
        Duration::days(self.history_days.into())
    }
}

/// A time, or how long ago it was.
pub fn instant(text: &str) -> Result<OffsetDateTime, String> {
    let now = OffsetDateTime::now_utc();
    let time = match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(time) => Some(time),
        Err(_) => length(text).and_then(|ago| now.checked_sub(ago)),
    };
    time.filter(|time| YEARS.contains(&time.year())).ok_or_else(|| {
        format!(
            "use a time such as 2026-11-24T06:00:00Z, or how long ago, such as 2h or 7days, in the years {} to {}",
            YEARS.start(),
            YEARS.end()
        )
    })
}

/// For how long a breaker is lifted.
pub fn lift(text: &str) -> Result<Duration, String> {
    let lift = length(text).filter(|length| *length <= MAX_LIFT);
    lift.ok_or_else(|| {
        format!(
            "use a length of time such as 30m, 2h or 7days, from 0s to {}days",
            MAX_LIFT.whole_days()
        )
    })
}

/// For how long a link can be opened.
pub fn life_of_link(text: &str) -> Result<Duration, String> {
    let life = length(text).filter(|life| (Duration::MINUTE..=LONGEST_LINK).contains(life));
    life.ok_or_else(|| {
        format!(
            "use a length of time such as 15m or 24h, from 1m to {}days",
            LONGEST_LINK.whole_days()
        )
    })
}

/// The address of a page, without what a form would add.
pub fn web_address(text: &str) -> Result<String, String> {
    let text = text.trim().trim_end_matches('/');
    let is_one = |text: &str| {
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        rest.is_some_and(|rest| {
            let is_plain = |c: char| c.is_ascii_graphic() && !"\"'<>\\".contains(c);
            !rest.is_empty() && rest.len() <= 500 && rest.chars().all(is_plain)
        })
    };
    match is_one(text) {
        true => Ok(text.to_owned()),
        false => Err("use an address that starts with https://".to_owned()),
    }
}

pub fn length(text: &str) -> Option<Duration> {
    let length = humantime::parse_duration(text).ok()?;
    Duration::try_from(length).ok()
}

pub fn resource_id(text: &str) -> Result<ResourceId, String> {
    ResourceId::parse(text).ok_or_else(|| "an id is a UUID in lower case".to_owned())
}

/// How API-KEYs, client secrets and access tokens start.
const SECRETS: [&str; 3] = ["htscim_", "htscs_", "htsat_"];

/// Whether a text has something in it that looks like a secret, whole or in part.
fn holds_secret(text: &str) -> bool {
    let starts = SECRETS.iter().flat_map(|start| text.match_indices(start));
    let is_long = |part: &str| part.chars().take_while(char::is_ascii_hexdigit).count() >= 16;
    starts.into_iter().any(|(start, _)| {
        let rest = text.get(start..).unwrap_or_default();
        rest.split('_').skip(2).any(is_long)
    })
}

/// A name or a label. Control characters would garble the listings.
pub fn text(text: &str) -> Result<String, String> {
    let text = text.trim();
    let length = text.chars().count();
    if holds_secret(text) {
        return Err(
            "this holds an API-KEY, a client secret or a token, which must not be kept; name it by its id"
                .to_owned(),
        );
    }
    if (1..=MAX_TEXT).contains(&length) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(format!("use 1 to {MAX_TEXT} characters on one line"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_absolute_or_ago() {
        assert_eq!(
            instant("2026-11-24T06:00:00Z").map(OffsetDateTime::unix_timestamp),
            Ok(1_795_500_000)
        );
        let ago = OffsetDateTime::now_utc() - instant("2h").unwrap_or(OffsetDateTime::UNIX_EPOCH);
        assert!((119..=120).contains(&ago.whole_minutes()), "{ago}");
        for accepted in ["20years", "1970-01-01T00:00:00Z", "2199-12-31T23:59:59Z"] {
            assert!(instant(accepted).is_ok(), "refused `{accepted}`");
        }
        for refused in [
            "",
            "yesterday",
            "2",
            "-1h",
            "100years",
            "9999999years",
            "99999999999y",
            "18446744073709551615s",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "2200-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ] {
            let said = instant(refused).expect_err(refused);
            assert!(said.contains("in the years 1970 to 2199"), "{said}");
        }
    }

    #[test]
    fn a_breaker_is_lifted_for_a_month_at_most() {
        assert_eq!(lift("0s"), Ok(Duration::ZERO));
        assert_eq!(lift("30days"), Ok(Duration::days(30)));
        for refused in ["", "2", "-1h", "30days 1s", "9999999years"] {
            let said = lift(refused).expect_err(refused);
            assert!(said.contains("from 0s to 30days"), "{said}");
        }
    }

    #[test]
    fn names_and_labels_are_one_line() {
        assert_eq!(text("  Acme Ltd "), Ok("Acme Ltd".to_owned()));
        for refused in ["", "  ", "a\nb", "\u{1b}[2J", &"a".repeat(MAX_TEXT + 1)] {
            assert!(text(refused).is_err(), "accepted `{refused}`");
        }
        let secret = "0a".repeat(20);
        for leaked in [
            format!("leaked htscim_acme_{secret}_0"),
            format!("leaked htscs_acme_{secret}"),
            format!("leaked htsat_acme_0123456789ab_{secret}_0"),
        ] {
            let said = text(&leaked).unwrap_err();
            assert!(said.contains("API-KEY") && !said.contains("0a0a"), "{said}");
        }
        assert!(text("htscim_ is how keys start").is_ok());
    }
}
