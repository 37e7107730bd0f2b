//! When an issuer's keys are fetched, and what is done without: a decision from what is stored and
//! from the time, as Microsoft describes it for its keys. They change at any time, the set always
//! has the next one in it, and what is removed from it is no longer to be used.

use tenant::ClientId;
use time::{Duration, OffsetDateTime};

use super::keys::{WebKey, WebKeys};
use super::refusal::{ErrorCode, Refusal};

/// How long keys are used before they are fetched again. What the issuer says of its answer may
/// shorten it.
pub const FRESH_FOR: Duration = Duration::hours(1);

/// How long keys can be used when they cannot be fetched.
pub const USABLE_FOR: Duration = Duration::hours(24);

/// How often an unknown key is reason enough to fetch. Anybody can name a key that nobody has.
pub const UNKNOWN_EVERY: Duration = Duration::minutes(5);

/// How long after an attempt another one is made.
pub const RETRY_AFTER: Duration = Duration::seconds(10);

/// The stored keys of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cached {
    /// The keys.
    pub keys: WebKeys,
    /// When they were fetched: the time of the request that fetched them.
    pub fetched: OffsetDateTime,
    /// How long they are used unasked, by [`fresh_for`]. More than [`FRESH_FOR`] counts as that.
    pub fresh_for: Duration,
}

/// The stored times of the last attempts to fetch an issuer's keys, whatever came of them. Whoever
/// fetches writes its own time first, on the condition that the old one is still there or that
/// enough time has passed; who fails in that does not fetch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fetches {
    /// The last attempt, for whatever reason.
    pub attempted: Option<OffsetDateTime>,
    /// The last attempt for the reason [`Why::UnknownKey`].
    pub unknown_attempted: Option<OffsetDateTime>,
}

/// What is done about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is here.
    Use(WebKey),
    /// The keys are to be fetched.
    Fetch(Fetch),
    /// There is no key, and no reason to fetch now.
    Refuse(NoKey),
}

/// A fetch that is due, and what is done after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The reason. It tells which times to write.
    pub why: Why,
    kid: String,
    fallback: Option<WebKey>,
}

/// Why keys are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// There are none, or none that can still be used.
    Missing,
    /// They are older than they should be.
    Stale,
    /// They are fresh, and the one that is needed is not among them. It counts as an attempt and as
    /// one for this reason.
    UnknownKey,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoKey {
    /// The issuer has no such key.
    Unknown,
    /// It is not known whether the issuer has it.
    Unavailable,
}

/// Decides about the key that an assertion names.
pub fn decide(
    cached: Option<&Cached>,
    fetches: &Fetches,
    kid: &str,
    now: OffsetDateTime,
) -> Decision {
    let within = |time: OffsetDateTime, period| (now - time).abs() < period;
    let attempted_within = |period| fetches.attempted.is_some_and(|time| within(time, period));
    let usable = cached.filter(|cached| within(cached.fetched, USABLE_FOR));
    let key = usable.and_then(|cached| cached.keys.find(kid)).cloned();
    let is_fresh =
        usable.is_some_and(|cached| within(cached.fetched, cached.fresh_for.min(FRESH_FOR)));
    let why = match (usable, &key) {
        (None, _) => Why::Missing,
        (Some(_), _) if !is_fresh => Why::Stale,
        (Some(_), None) => Why::UnknownKey,
        (Some(_), Some(key)) => return Decision::Use(key.clone()),
    };
    // Two instances' clocks may differ by more than an answer takes: what is as old is new enough.
    let succeeded = |attempt: Option<OffsetDateTime>| {
        usable.is_some_and(|cached| attempt.is_none_or(|time| cached.fetched >= time))
    };
    let is_due = match why {
        Why::Missing | Why::Stale => !attempted_within(RETRY_AFTER),
        Why::UnknownKey => {
            let is_spent = fetches
                .unknown_attempted
                .is_some_and(|time| within(time, UNKNOWN_EVERY));
            let has_just_failed = attempted_within(RETRY_AFTER) && !succeeded(fetches.attempted);
            !is_spent && !has_just_failed
        }
    };
    if is_due {
        return Decision::Fetch(Fetch {
            why,
            kid: kid.to_owned(),
            fallback: key,
        });
    }
    match key {
        Some(key) => Decision::Use(key),
        None if succeeded(fetches.attempted) => Decision::Refuse(NoKey::Unknown),
        None => Decision::Refuse(NoKey::Unavailable),
    }
}

impl Fetch {
    /// The key among those that were fetched.
    ///
    /// # Errors
    /// When it is not among them.
    pub fn succeeded(self, keys: &WebKeys) -> Result<WebKey, NoKey> {
        keys.find(&self.kid).cloned().ok_or(NoKey::Unknown)
    }

    /// The key to use when the fetch failed, or another instance is fetching: the one that is
    /// stored, though it is old. It is worth a warning.
    ///
    /// # Errors
    /// When none is stored that can still be used.
    pub fn failed(self) -> Result<WebKey, NoKey> {
        self.fallback.ok_or(NoKey::Unavailable)
    }
}

impl NoKey {
    /// The refusal of an assertion whose key this is: that of an unknown credential, or one that
    /// asks to try again, for which [`RETRY_AFTER`] is the time to wait.
    pub fn refusal(self, client: Option<ClientId>) -> Refusal {
        match self {
            Self::Unknown => Refusal::unknown("unknownKey", client),
            Self::Unavailable => Refusal::new(
                ErrorCode::TemporarilyUnavailable,
                "keysUnavailable",
                "the signing keys of the issuer cannot be fetched at the moment; try again",
            )
            .of(client),
        }
    }
}

/// How long keys are fresh that came with this `Cache-Control` (RFC 9111, section 5.2.2):
/// [`FRESH_FOR`], or less if it says so. What cannot be read says nothing.
pub fn fresh_for(cache_control: Option<&str>) -> Duration {
    let directives = cache_control.unwrap_or_default().split(',');
    let limits = directives.filter_map(|directive| {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-cache" | "no-store" => Some(Duration::ZERO),
            "max-age" => seconds(value.trim().trim_matches('"')),
            _ => None,
        }
    });
    limits.fold(FRESH_FOR, Duration::min)
}

/// A number of seconds; one that is too large is an hour at least, which is all that matters.
fn seconds(digits: &str) -> Option<Duration> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().map_or(FRESH_FOR, Duration::seconds))
}
