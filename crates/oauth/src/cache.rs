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

/// The stored times of the last attempts to fetch an issuer's keys, whatever came of them. An
/// instance that is to fetch writes its time first, on the condition that no other one has done so
/// since these were read. If another one has, it does not fetch, and goes on with
/// [`Fetch::failed`].
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
    /// The reason. It tells which times of [`Fetches`] to write.
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
    // Clocks differ, so a time may lie ahead: what is far ahead counts as what is long past.
    let within =
        |time: Option<OffsetDateTime>, period| time.is_some_and(|time| (now - time).abs() < period);
    let usable = cached.filter(|cached| within(Some(cached.fetched), USABLE_FOR));
    let is_fresh =
        usable.is_some_and(|cached| within(Some(cached.fetched), cached.fresh_for.min(FRESH_FOR)));
    let key = usable.and_then(|cached| cached.keys.find(kid)).cloned();
    let why = match (usable, &key) {
        (None, _) => Why::Missing,
        (Some(_), _) if !is_fresh => Why::Stale,
        (Some(_), None) => Why::UnknownKey,
        (Some(_), Some(key)) => return Decision::Use(key.clone()),
    };
    let has_just_tried = within(fetches.attempted, RETRY_AFTER);
    // Keys have the time of the attempt that fetched them, so an attempt that is newer has failed,
    // or goes on.
    let has_failed = usable.is_none_or(|cached| Some(cached.fetched) < fetches.attempted);
    let is_due = match why {
        Why::Missing | Why::Stale => !has_just_tried,
        Why::UnknownKey => {
            let is_spent = within(fetches.unknown_attempted, UNKNOWN_EVERY);
            !is_spent && (!has_just_tried || !has_failed)
        }
    };
    if is_due {
        return Decision::Fetch(Fetch {
            why,
            kid: kid.to_owned(),
            fallback: key,
        });
    }
    // A key may be new since the last fetch, so nobody is told that there is none without one.
    match key {
        Some(key) => Decision::Use(key),
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
            Self::Unknown => Refusal::unknown("unknownWebKey", client),
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

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;
    use crate::keys::StoredKey;
    use crate::mint::now;

    fn keys(kids: &[&str]) -> WebKeys {
        let stored = |kid: &&str| StoredKey {
            kid: (*kid).to_owned(),
            n: URL_SAFE_NO_PAD.encode([0xff; 256]),
            e: "AQAB".to_owned(),
        };
        WebKeys::from_stored(kids.iter().map(stored)).unwrap()
    }

    /// What is decided about a key, in a word.
    fn word(decision: &Decision) -> &'static str {
        match decision {
            Decision::Use(_) => "use",
            Decision::Refuse(NoKey::Unknown) => "unknown",
            Decision::Refuse(NoKey::Unavailable) => "unavailable",
            Decision::Fetch(fetch) => match (fetch.why, fetch.clone().failed()) {
                (Why::Missing, Err(NoKey::Unavailable)) => "missing",
                (Why::Stale, Ok(_)) => "stale, else use",
                (Why::Stale, Err(NoKey::Unavailable)) => "stale",
                (Why::UnknownKey, Err(NoKey::Unavailable)) => "unknown key",
                _ => "nonsense",
            },
        }
    }

    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;

    /// A case: seconds since the keys were fetched, since the last attempt, since the last for an
    /// unknown key, how long the keys are fresh; and what is decided about a key that is among them
    /// and one that is not.
    type Case = (
        Option<i64>,
        Option<i64>,
        Option<i64>,
        i64,
        &'static str,
        &'static str,
    );

    const CASES: &[Case] = &[
        // No keys.
        (None, None, None, HOUR, "missing", "missing"),
        (None, Some(10), Some(10), HOUR, "missing", "missing"),
        (None, Some(9), None, HOUR, "unavailable", "unavailable"),
        (None, Some(0), None, HOUR, "unavailable", "unavailable"),
        (None, Some(-9), None, HOUR, "unavailable", "unavailable"),
        (None, Some(-HOUR), None, HOUR, "missing", "missing"),
        // Fresh keys.
        (Some(0), Some(0), None, HOUR, "use", "unknown key"),
        (Some(HOUR - 1), None, None, HOUR, "use", "unknown key"),
        (
            Some(HOUR - 1),
            Some(HOUR - 1),
            Some(5 * MINUTE),
            HOUR,
            "use",
            "unknown key",
        ),
        // The fetch for an unknown key succeeded, or failed, or goes on.
        (Some(0), Some(0), Some(0), HOUR, "use", "unavailable"),
        (Some(299), Some(299), Some(299), HOUR, "use", "unavailable"),
        (Some(300), Some(300), Some(300), HOUR, "use", "unknown key"),
        (
            Some(HOUR - 1),
            Some(299),
            Some(299),
            HOUR,
            "use",
            "unavailable",
        ),
        (Some(HOUR - 1), Some(0), Some(0), HOUR, "use", "unavailable"),
        (Some(HOUR - 1), Some(9), None, HOUR, "use", "unavailable"),
        (Some(HOUR - 1), Some(10), None, HOUR, "use", "unknown key"),
        // Old keys.
        (Some(HOUR), None, None, HOUR, "stale, else use", "stale"),
        (
            Some(HOUR),
            Some(HOUR),
            Some(HOUR),
            HOUR,
            "stale, else use",
            "stale",
        ),
        (
            Some(HOUR),
            Some(10),
            Some(0),
            HOUR,
            "stale, else use",
            "stale",
        ),
        (Some(HOUR), Some(9), None, HOUR, "use", "unavailable"),
        (
            Some(24 * HOUR - 1),
            None,
            None,
            HOUR,
            "stale, else use",
            "stale",
        ),
        (
            Some(24 * HOUR - 1),
            Some(9),
            None,
            HOUR,
            "use",
            "unavailable",
        ),
        (Some(24 * HOUR), None, None, HOUR, "missing", "missing"),
        (
            Some(24 * HOUR),
            Some(9),
            None,
            HOUR,
            "unavailable",
            "unavailable",
        ),
        // Keys of the future: the clocks differ, or somebody wrote them.
        (Some(-MINUTE), None, None, HOUR, "use", "unknown key"),
        (Some(-HOUR), None, None, HOUR, "stale, else use", "stale"),
        (Some(-24 * HOUR), None, None, HOUR, "missing", "missing"),
        // The issuer shortens the time, and cannot lengthen it.
        (Some(MINUTE), None, None, MINUTE, "stale, else use", "stale"),
        (Some(MINUTE - 1), None, None, MINUTE, "use", "unknown key"),
        (Some(0), Some(0), None, 0, "use", "unavailable"),
        (Some(9), Some(9), None, 0, "use", "unavailable"),
        (Some(10), Some(10), None, 0, "stale, else use", "stale"),
        (
            Some(HOUR),
            None,
            None,
            24 * HOUR,
            "stale, else use",
            "stale",
        ),
    ];

    #[test]
    fn each_case_is_decided() {
        let ago = |seconds: Option<i64>| seconds.map(|ago| now() - Duration::seconds(ago));
        for &case in CASES {
            let (fetched, attempted, unknown_attempted, fresh_for, known, unknown) = case;
            let cached = ago(fetched).map(|fetched| Cached {
                keys: keys(&["a"]),
                fetched,
                fresh_for: Duration::seconds(fresh_for),
            });
            let fetches = Fetches {
                attempted: ago(attempted),
                unknown_attempted: ago(unknown_attempted),
            };
            let decided = |kid| word(&decide(cached.as_ref(), &fetches, kid, now()));
            assert_eq!((decided("a"), decided("b")), (known, unknown), "{case:?}");
        }
    }

    #[test]
    fn after_a_fetch_the_new_keys_decide() {
        let cached = Cached {
            keys: keys(&["a", "b"]),
            fetched: now() - FRESH_FOR,
            fresh_for: FRESH_FOR,
        };
        let decided = |kid| match decide(Some(&cached), &Fetches::default(), kid, now()) {
            Decision::Fetch(fetch) => fetch,
            other => panic!("{other:?}"),
        };
        let new = keys(&["b", "c"]);
        assert_eq!(decided("c").succeeded(&new).unwrap().kid, "c");
        assert_eq!(decided("a").succeeded(&new), Err(NoKey::Unknown));
        assert_eq!(decided("a").failed().unwrap().kid, "a");
        assert_eq!(decided("c").failed(), Err(NoKey::Unavailable));
    }

    #[test]
    fn no_key_is_a_refusal() {
        let unknown = NoKey::Unknown.refusal(None);
        assert_eq!(unknown.description, Refusal::unknown("", None).description);
        assert_eq!(NoKey::Unavailable.refusal(None).code.status(), 503);
    }

    #[test]
    fn cache_control_shortens_and_never_lengthens() {
        for (value, seconds) in [
            ("", HOUR),
            ("private", HOUR),
            ("max-age=86400, private", HOUR),
            ("max-age=3600", HOUR),
            ("private, Max-Age=600", 600),
            ("max-age=\"600\"", 600),
            ("max-age = 600", 600),
            ("max-age=600, max-age=60", 60),
            ("max-age=0", 0),
            ("no-store", 0),
            ("max-age=600, no-cache", 0),
            ("s-maxage=60", HOUR),
            ("max-age=99999999999999999999", HOUR),
            ("max-age=9223372036854775807", HOUR),
            ("max-age=-1", HOUR),
            ("max-age=+1", HOUR),
            ("max-age=", HOUR),
            ("max-age", HOUR),
            ("max-age=1.5", HOUR),
        ] {
            assert_eq!(
                fresh_for(Some(value)),
                Duration::seconds(seconds),
                "{value}"
            );
        }
        assert_eq!(fresh_for(None), FRESH_FOR);
    }

    proptest! {
        #[test]
        fn any_value_is_at_most_an_hour(value: String) {
            prop_assert!((Duration::ZERO..=FRESH_FOR).contains(&fresh_for(Some(&value))));
        }

        /// Requests as they come, with an issuer that changes its keys and fails at times. What is
        /// written is what the function writes.
        #[test]
        fn whatever_comes_the_limits_hold(
            requests in prop::collection::vec(
                (0_i64..4_000, 0_usize..4, any::<bool>(), any::<bool>(), 0_i64..5_000),
                1..80,
            ),
        ) {
            let sets = [keys(&["0", "1"]), keys(&["1", "2"])];
            let (mut cached, mut fetches): (Option<Cached>, _) = (None, Fetches::default());
            let (mut attempts, mut for_unknown) = (Vec::new(), Vec::new());
            let mut time = now();
            for (pause, kid, answers, which, fresh) in requests {
                // Some requests come in bursts, some after hours.
                time += Duration::seconds(if pause % 3 == 0 { pause % 20 } else { pause * 4 });
                let kid = kid.to_string();
                let fetch = match decide(cached.as_ref(), &fetches, &kid, time) {
                    Decision::Fetch(fetch) => fetch,
                    Decision::Use(key) => {
                        let used = cached.as_ref().unwrap();
                        prop_assert!(time - used.fetched < USABLE_FOR);
                        prop_assert_eq!(used.keys.find(&kid), Some(&key));
                        continue;
                    }
                    Decision::Refuse(none) => {
                        // Nobody is refused for good without a fetch.
                        prop_assert_eq!(none, NoKey::Unavailable);
                        prop_assert!(time - *attempts.last().unwrap() < UNKNOWN_EVERY);
                        continue;
                    }
                };
                fetches.attempted = Some(time);
                attempts.push(time);
                if fetch.why == Why::UnknownKey {
                    fetches.unknown_attempted = Some(time);
                    for_unknown.push(time);
                }
                if !answers {
                    if let Ok(key) = fetch.failed() {
                        let used = cached.as_ref().unwrap();
                        prop_assert!(time - used.fetched < USABLE_FOR);
                        prop_assert_eq!(used.keys.find(&kid), Some(&key));
                    }
                    continue;
                }
                let keys = sets[usize::from(which)].clone();
                prop_assert_eq!(
                    fetch.succeeded(&keys).ok(),
                    keys.find(&kid).cloned()
                );
                cached = Some(Cached {
                    keys,
                    fetched: time,
                    fresh_for: Duration::seconds(fresh),
                });
            }
            for pair in for_unknown.windows(2) {
                prop_assert!(pair[1] - pair[0] >= UNKNOWN_EVERY);
            }
        }
    }
}
