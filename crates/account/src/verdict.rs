//! What is to be thought of a tenant: whether its client is served, and if not, why.

use store::secrets::{KeyRecord, Tenant};
use store::usage::answers::AnswerCount;
use store::usage::refusals::RefusalCount;
use time::{Duration, OffsetDateTime};

use crate::keys::KnownKey;

/// What is to be thought of a tenant, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The client comes with a key that is not accepted, and was not served since.
    LockedOut(With),
    /// There were keys, and none of them is accepted any more.
    NoKey,
    /// People who should have lost access still have it.
    BreakerOpen,
    /// Requests fail, or too many are refused.
    Failing,
    /// The operator has disabled the tenant, or its admin has turned the API off.
    Disabled,
    /// There is a key, and no request came with it yet.
    NeverConnected,
    /// No request came for days.
    Silent,
    /// Nothing is wrong.
    Ok,
}

impl Verdict {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LockedOut(_) => "locked out",
            Self::NoKey => "no key",
            Self::BreakerOpen => "breaker open",
            Self::Failing => "failing",
            Self::Disabled => "disabled",
            Self::NeverConnected => "never connected",
            Self::Silent => "silent",
            Self::Ok => "ok",
        }
    }
}

/// With what somebody comes who is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum With {
    /// A key that was accepted once: only the client has it.
    EndedKey,
    /// Something that names the tenant and is none of its keys: the client's key with a mistake in
    /// it, or something that anybody can make up.
    NoKey,
}

/// Why requests with a key or by a client that was issued are refused for good. Those while the
/// tenant is disabled say nothing of the key.
const ENDED: &[&str] = &[
    "revokedKey",
    "expiredKey",
    "revokedClient",
    "revokedSecret",
    "expiredSecret",
    "revokedTrust",
];

/// Why requests with something that names the tenant and is none of its keys are refused.
const STRANGE: &[&str] = &[
    "mistypedKey",
    "unknownKey",
    "mistypedToken",
    "unknownToken",
    "wrongSecret",
    "secretMistyped",
    "untrustedIssuer",
    "wrongAudience",
    "wrongSubject",
];

/// Between an accepted request and a refused key the client may have been served, as the last use
/// of a key is exact to this.
const EXACT: Duration = Duration::minutes(5);

/// Anybody can name a tenant. As long as its client comes, that is no news; it comes every 40
/// minutes if it has something to say.
const CYCLE: Duration = Duration::HOUR;

/// How long a client that is refused is one that is: what was the matter before may be mended.
const LATELY: Duration = Duration::DAY;

/// A request for what is not there is no failure: clients look before they create.
const NOT_FOUND: &str = "notFound";

/// From how many refused requests on, and from which share of all, a client fails: one in ten.
const MIN_REFUSED: u64 = 3;
const REFUSED_SHARE: u64 = 10;

/// How long nothing may come. Entra asks every 40 minutes while it has something to say.
const SILENCE: Duration = Duration::days(3);

/// What is accepted for no longer was not handed over to anybody.
const PASSING: Duration = Duration::HOUR;

/// For how long a failure of the service is worth a look.
const RECENT: Duration = Duration::hours(2);

/// What a verdict stands on.
pub(crate) struct Facts<'f> {
    pub tenant: &'f Tenant,
    pub now: OffsetDateTime,
    pub keys: &'f [KnownKey],
    /// Hour by hour.
    pub answers: &'f [AnswerCount],
    /// Hour by hour.
    pub refusals: &'f [RefusalCount],
    pub is_open: bool,
    /// How many are kept by an open breaker, as far as they are named.
    pub kept: usize,
}

impl Facts<'_> {
    /// The worst that is to be said, and everything that is, with what to do.
    pub fn judge(&self) -> (Verdict, Vec<String>) {
        let mut said: Vec<(Verdict, String)> = Vec::new();
        said.extend(
            self.locked_out()
                .map(|(with, why)| (Verdict::LockedOut(with), why)),
        );
        if self.has_client() && !self.has_key() {
            let why = "all of its keys have ended; create another one and hand it over";
            said.push((Verdict::NoKey, why.to_owned()));
        }
        if self.is_open {
            let kept = match self.kept {
                0 => "further deactivations and deletions are refused".to_owned(),
                kept => format!("{kept} who should have lost access still have it"),
            };
            let why =
                format!("{kept}; ask the tenant, then lift the breaker or undo what was done");
            said.push((Verdict::BreakerOpen, why));
        }
        said.extend(self.failing().map(|why| (Verdict::Failing, why)));
        said.extend(self.refused().map(|why| (Verdict::Failing, why)));
        if self.tenant.importing.is_some() {
            let why = "an import was not completed, so only a part of the directory is there; run `scim-admin tenant import` again";
            said.push((Verdict::Disabled, why.to_owned()));
        }
        if !self.tenant.enabled {
            let why = match self.tenant.deleting {
                Some(_) => "it is being deleted; run the deletion again if it was ended early",
                None => "the operator has disabled it: all of its keys are refused",
            };
            said.push((Verdict::Disabled, why.to_owned()));
        }
        if self.tenant.api_off.is_some() {
            let why = "the tenant's admin has turned the API off: all of its keys are refused";
            said.push((Verdict::Disabled, why.to_owned()));
        }
        match self.last_accepted() {
            None if self.keys.is_empty() => {
                let why = "it has no key; create one and hand it over";
                said.push((Verdict::NeverConnected, why.to_owned()));
            }
            None if self.has_client() => {
                let why = "no request came with any of its keys yet";
                said.push((Verdict::NeverConnected, why.to_owned()));
            }
            Some(last) if self.has_client() && self.now - last >= SILENCE => {
                let days = (self.now - last).whole_days();
                let why = format!(
                    "no request was accepted for {days} days; see whether provisioning is on in Entra"
                );
                said.push((Verdict::Silent, why));
            }
            _ => {}
        }
        said.sort_by_key(|(verdict, _)| *verdict);
        let worst = said.first().map_or(Verdict::Ok, |(verdict, _)| *verdict);
        (worst, said.into_iter().map(|(_, why)| why).collect())
    }

    /// When a request was last accepted, to within five minutes.
    fn last_accepted(&self) -> Option<OffsetDateTime> {
        let used = self.keys.iter().filter_map(|key| key.last_used);
        used.max()
    }

    /// Whether somebody was given a key, and is expected to come with it. Keys for a few minutes
    /// are a program's that tries the service.
    fn has_client(&self) -> bool {
        let is_handed_over = |key: &KnownKey| {
            let KeyRecord {
                created, expires, ..
            } = key.record;
            expires.is_none_or(|expires| expires - created > PASSING)
        };
        self.keys.iter().any(is_handed_over)
    }

    /// Whether a key has not ended; the tenant may be disabled.
    fn has_key(&self) -> bool {
        self.keys.iter().any(|key| key.record.is_active(self.now))
    }

    /// The client comes with a key that is not accepted, and nothing was accepted after that.
    fn locked_out(&self) -> Option<(With, String)> {
        let after = |reasons: &[&str], grace: Duration| {
            let refused = self.refusals.iter().filter(|refusal| {
                refusal.status == 401 && reasons.contains(&refusal.reason.as_str())
            });
            let last = refused.max_by_key(|refusal| refusal.last)?;
            let used = self.last_accepted();
            let is_served = used.is_some_and(|used| used + grace >= last.last);
            (!is_served).then_some(last)
        };
        // Somebody who has another key that has ended is not the client, who has the last one.
        let last_used = self.keys.iter().max_by_key(|key| key.last_used);
        let is_ended =
            last_used.is_none_or(|key| key.last_used.is_none() || !key.record.is_active(self.now));
        let ended = after(ENDED, EXACT).filter(|_| is_ended);
        let (with, last) = match ended {
            Some(last) => (With::EndedKey, last),
            None => (With::NoKey, after(STRANGE, CYCLE)?),
        };
        let why = format!(
            "the client's key is refused ({}), and none was accepted since; give the tenant's admin a new key",
            last.reason
        );
        Some((with, why))
    }

    /// The service has failed lately.
    fn failing(&self) -> Option<String> {
        let recent = |hour: &&AnswerCount| self.now - hour.last < RECENT;
        let failed: u64 = self
            .answers
            .iter()
            .filter(recent)
            .map(|hour| hour.failed)
            .sum();
        (failed > 0).then(|| {
            format!(
                "the service has failed {failed} requests within two hours: it is us; the log has the causes"
            )
        })
    }

    /// Many of the client's requests are refused.
    fn refused(&self) -> Option<String> {
        // Hours of which answers are not counted, as those before an upgrade, say nothing of a
        // share.
        let is_known = |refusal: &RefusalCount| {
            let of = |hour: &AnswerCount| {
                let within = hour.hour..hour.hour + Duration::HOUR;
                within.contains(&refusal.last)
            };
            self.answers.iter().any(of)
        };
        let begins = self.now - LATELY;
        let counted = |refusal: &&RefusalCount| {
            is_known(refusal)
                && refusal.last > begins
                && refusal.status != 401
                && refusal.status < 500
                && refusal.reason != NOT_FOUND
        };
        let refused: u64 = self
            .refusals
            .iter()
            .filter(counted)
            .map(|refusal| refusal.count)
            .sum();
        let answered = |hour: &AnswerCount| hour.succeeded + hour.refused + hour.failed;
        let lately = self.answers.iter().filter(|hour| hour.last > begins);
        let all: u64 = lately.map(answered).sum();
        let is_much = refused >= MIN_REFUSED && refused.saturating_mul(REFUSED_SHARE) >= all;
        is_much.then(|| {
            format!(
                "{refused} of some {} requests were refused; see which and why",
                all.max(refused)
            )
        })
    }
}
