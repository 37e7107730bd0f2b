//! What an operator should know about a key before it becomes a problem for the tenant.

use std::fmt;

use time::{Duration, OffsetDateTime};

use super::KeyRecord;

/// How long before its end a key is near expiry.
const NEAR: Duration = Duration::days(30);

/// How long before its end a replaced key is near expiry. Its client has the rest of the overlap to
/// change to the new key, and nobody has to act until then.
const REPLACED_NEAR: Duration = Duration::days(2);

/// How long a key must be unused to conclude that its client has changed to another one.
const LATELY: Duration = Duration::DAY;

/// How long a key must be unused to be worth a warning.
const LONG_UNUSED: Duration = Duration::days(30);

/// An action needed on a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyWarning {
    /// The key expires in this number of days, rounded down.
    NearExpiry(u64),
    /// The key was not used for this number of days, rounded down.
    Unused(u64),
    /// The key was never used, and is this number of days old, rounded down.
    NeverUsed(u64),
    /// The key has been replaced and is about to end, and its client still uses it.
    StillUsed,
}

/// The end of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// When the key expires.
    pub at: OffsetDateTime,
    /// Whether another key replaces it.
    pub is_replaced: bool,
}

impl Expiry {
    /// Whether someone has to act on it.
    pub fn is_near(&self, now: OffsetDateTime) -> bool {
        let near = if self.is_replaced {
            REPLACED_NEAR
        } else {
            NEAR
        };
        self.at - now < near
    }
}

impl KeyRecord {
    /// The key's end, if it has one.
    pub fn expiry(&self) -> Option<Expiry> {
        self.expires.map(|at| Expiry {
            at,
            is_replaced: self.is_replaced(),
        })
    }

    /// Whether another key takes this one's place, and is accepted for longer: revoking or rotating
    /// that key keeps `replaced_by` true.
    pub fn is_replaced(&self) -> bool {
        self.replaced_by.is_some()
    }

    /// The warnings for this key. Keys that are no longer accepted need no action.
    pub fn warnings(
        &self,
        last_used: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Vec<KeyWarning> {
        let mut warnings = Vec::new();
        if !self.is_active(now) {
            return warnings;
        }
        let near = self.expiry().filter(|expiry| expiry.is_near(now));
        if self.is_replaced() {
            let is_used = last_used.is_some_and(|used| now - used < LATELY);
            if near.is_some() && is_used {
                warnings.push(KeyWarning::StillUsed);
            }
            return warnings;
        }
        if let Some(expiry) = near {
            warnings.push(KeyWarning::NearExpiry(days(expiry.at - now)));
        }
        let idle = now - last_used.unwrap_or(self.created);
        if idle >= LONG_UNUSED {
            warnings.push(match last_used {
                Some(_) => KeyWarning::Unused(days(idle)),
                None => KeyWarning::NeverUsed(days(idle)),
            });
        }
        warnings
    }
}

fn days(duration: Duration) -> u64 {
    duration.whole_days().unsigned_abs()
}

impl fmt::Display for KeyWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NearExpiry(0) => f.write_str("expires within a day"),
            Self::NearExpiry(1) => f.write_str("expires in 1 day"),
            Self::NearExpiry(days) => write!(f, "expires in {days} days"),
            Self::Unused(days) => write!(f, "unused for {days} days"),
            Self::NeverUsed(days) => write!(f, "never used in {days} days"),
            Self::StillUsed => f.write_str("still used"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::KeyKind;
    use super::*;
    use tenant::KeyId;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));

    fn record(created: Duration, expires: Option<Duration>) -> KeyRecord {
        KeyRecord {
            id: KeyId::parse("0123456789ab").unwrap(),
            kind: KeyKind::ApiKey,
            label: "entra".to_owned(),
            created: NOW - created,
            expires: expires.map(|expires| NOW + expires),
            revoked: None,
            replaced_by: None,
        }
    }

    fn warned(record: &KeyRecord, last_used: Option<Duration>) -> Vec<String> {
        let last_used = last_used.map(|ago| NOW - ago);
        let warnings = record.warnings(last_used, NOW);
        warnings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn keys_near_expiry_are_named_with_the_days_that_are_left() {
        let day = Duration::DAY;
        for (left, text) in [
            (day * 30, None),
            (day * 30 - Duration::SECOND, Some("expires in 29 days")),
            (day * 12, Some("expires in 12 days")),
            (day * 2 - Duration::SECOND, Some("expires in 1 day")),
            (day - Duration::SECOND, Some("expires within a day")),
            (Duration::SECOND, Some("expires within a day")),
            // It has expired.
            (Duration::ZERO, None),
            (-day, None),
        ] {
            let record = record(day, Some(left));
            let expected: Vec<_> = text.into_iter().collect();
            assert_eq!(warned(&record, Some(Duration::HOUR)), expected, "{left}");
        }
        assert_eq!(warned(&record(day, None), None), [""; 0]);
    }

    #[test]
    fn keys_unused_for_thirty_days_are_named() {
        let day = Duration::DAY;
        let old = record(day * 400, None);
        for (last_used, text) in [
            (Some(day * 30 - Duration::SECOND), None),
            (Some(day * 30), Some("unused for 30 days")),
            (Some(day * 45), Some("unused for 45 days")),
            (None, Some("never used in 400 days")),
        ] {
            let expected: Vec<_> = text.into_iter().collect();
            assert_eq!(warned(&old, last_used), expected);
        }
        let young = record(day * 30 - Duration::SECOND, None);
        assert_eq!(warned(&young, None), [""; 0]);
        let both = record(day * 31, Some(day * 3));
        assert_eq!(
            warned(&both, None),
            ["expires in 3 days", "never used in 31 days"]
        );
    }

    /// Once the new key exists, the only thing left to do is to enter it, and there is time for
    /// that.
    #[test]
    fn a_replaced_key_is_named_if_it_is_still_used_at_its_end() {
        let day = Duration::DAY;
        let used = Some(day - Duration::SECOND);
        for (left, last_used, text) in [
            (day * 7, used, None),
            (day * 2, used, None),
            (day * 2 - Duration::SECOND, used, Some("still used")),
            (Duration::SECOND, used, Some("still used")),
            (Duration::ZERO, used, None),
            (day, Some(day), None),
            (day, None, None),
        ] {
            let old = replaced(left);
            let expected: Vec<_> = text.into_iter().collect();
            assert_eq!(warned(&old, last_used), expected, "{left}");
        }
    }

    fn replaced(expires: Duration) -> KeyRecord {
        KeyRecord {
            replaced_by: Some(KeyId::parse("ba9876543210").unwrap()),
            ..record(Duration::days(400), Some(expires))
        }
    }

    #[test]
    fn a_key_that_has_ended_is_not_worth_a_warning() {
        let mut revoked = record(Duration::days(400), Some(Duration::DAY));
        revoked.revoked = Some(NOW - Duration::DAY);
        assert_eq!(warned(&revoked, None), [""; 0]);
    }
}
