//! What an operator should know of a key before it becomes a tenant's trouble.

use std::fmt;

use time::{Duration, OffsetDateTime};

use super::KeyRecord;

/// How long before its end a key is near expiry.
const NEAR: Duration = Duration::days(30);

/// How long a key has to be unused to be worth a warning.
const LONG_UNUSED: Duration = Duration::days(30);

/// Something to be done about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyWarning {
    /// The key expires in this number of days, rounded down.
    NearExpiry(u64),
    /// The key was not used for this number of days, rounded down.
    Unused(u64),
    /// The key was never used, and is this number of days old, rounded down.
    NeverUsed(u64),
}

/// Whether a key that expires then is near expiry.
pub fn expires_soon(expires: OffsetDateTime, now: OffsetDateTime) -> bool {
    expires - now < NEAR
}

impl KeyRecord {
    /// What there is to warn of. A key that is no longer accepted is nobody's trouble any more.
    pub fn warnings(
        &self,
        last_used: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Vec<KeyWarning> {
        let mut warnings = Vec::new();
        if !self.is_active(now) {
            return warnings;
        }
        if let Some(expires) = self.expires.filter(|expires| expires_soon(*expires, now)) {
            warnings.push(KeyWarning::NearExpiry(days(expires - now)));
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::KeyId;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));

    fn record(created: Duration, expires: Option<Duration>) -> KeyRecord {
        KeyRecord {
            id: KeyId::parse("0123456789ab").unwrap(),
            label: "entra".to_owned(),
            created: NOW - created,
            expires: expires.map(|expires| NOW + expires),
            revoked: None,
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

    #[test]
    fn a_key_that_has_ended_is_not_worth_a_warning() {
        let mut revoked = record(Duration::days(400), Some(Duration::DAY));
        revoked.revoked = Some(NOW - Duration::DAY);
        assert_eq!(warned(&revoked, None), [""; 0]);
    }
}
