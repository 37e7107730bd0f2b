//! What one instance of the function remembers about accepted keys: when it last recorded their
//! use, which warnings it gave, and their rate.
//!
//! Writes run next to the requests. No request waits for them or fails because of them: a write
//! that is unfinished when the answer is sent continues with the next request, because Lambda
//! freezes the function in between.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use scim::ScimError;
use store::secrets::Expiry;
use store::usage::key_use::LAST_USED_INTERVAL;
use store::{Gate, Meter, Store, StoreError};
use tenant::{KeyDigest, KeyId, TenantId};
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Instance;
use super::principal::Principal;
use super::rate::{Lease, Share, Verdict, WINDOW_SECONDS};
use crate::log::{self, chain};

/// Maximum number of remembered keys; beyond that the least recently seen one is forgotten. Only
/// accepted keys are remembered.
const MAX_KEYS: usize = 1_000;

/// How long an answer waits for the lease of what its request has cost.
const AT_MOST: Duration = Duration::from_millis(250);

/// How long an instance waits before it warns about the same key again.
const WARNING_INTERVAL: time::Duration = time::Duration::HOUR;

/// The memory of one instance of the function. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyUses(Arc<Memory>);

#[derive(Debug, Default)]
struct Memory {
    keys: Mutex<HashMap<KeyDigest, KeyUse>>,
    /// Whether the operator was told that uses cannot be written.
    has_reported: AtomicBool,
}

#[derive(Debug)]
struct KeyUse {
    seen: OffsetDateTime,
    noted: Option<OffsetDateTime>,
    warned: Option<OffsetDateTime>,
    share: Share,
}

impl Instance {
    /// Notes that a credential was accepted, and writes beside its request what is still to be
    /// written of the answers to those before.
    pub(crate) fn key_accepted(
        &self,
        principal: &Principal,
        expires: Option<Expiry>,
        now: OffsetDateTime,
    ) {
        self.key_uses.accepted(&self.store, principal, expires, now);
        self.write_answers();
    }

    /// Charges this number of requests to the rate of an accepted key.
    ///
    /// # Errors
    /// 429 when the rate is used up.
    pub(crate) fn charge(
        &self,
        principal: &Principal,
        requests: usize,
        now: OffsetDateTime,
    ) -> Result<(), ScimError> {
        let per_second = self.config.requests_per_second;
        self.key_uses
            .charge(&self.store, principal, requests, per_second, now)
    }

    /// Charges this number of requests for one that was served with an accepted key. If that has
    /// to be leased, the lease goes ahead of the answer: once that is sent, Lambda freezes the
    /// function, and the other instances would not know of the debt. The wait is given up after a
    /// quarter of a second.
    pub(crate) async fn owe(&self, principal: &Principal, requests: usize) {
        let per_second = self.config.requests_per_second;
        let leasing = self
            .key_uses
            .owe(&self.store, principal, requests, per_second, self.now());
        if let Some(leasing) = leasing {
            let _ = timeout(AT_MOST, leasing).await;
        }
    }
}

impl KeyUses {
    /// Notes that a key was accepted.
    fn accepted(
        &self,
        store: &Store,
        principal: &Principal,
        expires: Option<Expiry>,
        now: OffsetDateTime,
    ) {
        let (is_to_be_noted, is_to_be_warned_of) = self.with(principal, now, |known| {
            let is_due = |last: &mut Option<OffsetDateTime>, interval: time::Duration| {
                let is_due = last.is_none_or(|last| now - last >= interval);
                if is_due {
                    *last = Some(now);
                }
                is_due
            };
            let interval = time::Duration::try_from(LAST_USED_INTERVAL).unwrap_or_default();
            (
                is_due(&mut known.noted, interval),
                expires.is_some_and(|expires| expires.is_near(now))
                    && is_due(&mut known.warned, WARNING_INTERVAL),
            )
        });
        if let (Some(expires), true) = (expires, is_to_be_warned_of) {
            log::key_expires(principal, expires);
        }
        if is_to_be_noted {
            self.note(store, principal, now);
        }
    }

    /// Charges this number of requests with an accepted key.
    ///
    /// # Errors
    /// 429 when the key's rate is used up.
    fn charge(
        &self,
        store: &Store,
        principal: &Principal,
        requests: usize,
        per_second: u32,
        now: OffsetDateTime,
    ) -> Result<(), ScimError> {
        let Some(limit) = limit(per_second) else {
            return Ok(());
        };
        let requests = u64::try_from(requests).unwrap_or(u64::MAX);
        match self.with(principal, now, |known| {
            known.share.charge(requests, limit, now)
        }) {
            Verdict::Served => Ok(()),
            Verdict::ServedOnCredit(lease) => {
                self.lease(store, principal, lease, limit);
                Ok(())
            }
            Verdict::Refused(seconds) => Err(ScimError::TooManyRequests {
                detail: format!(
                    "this {noun} sends more than the {per_second} requests a second that are accepted, over {WINDOW_SECONDS} seconds; the rest can be sent again in {seconds} s; if it happens again and again, find out what else uses the same {noun} and give it one of its own",
                    noun = principal.noun,
                ),
                retry_after: seconds,
            }),
        }
    }

    /// Charges for a request that was served already. Returns the lease in progress, if there is
    /// one for it.
    fn owe(
        &self,
        store: &Store,
        principal: &Principal,
        requests: usize,
        per_second: u32,
        now: OffsetDateTime,
    ) -> Option<JoinHandle<()>> {
        let limit = limit(per_second)?;
        let requests = u64::try_from(requests).unwrap_or(u64::MAX);
        let lease = self.with(principal, now, |known| {
            known.share.owe(requests, limit, now)
        })?;
        Some(self.lease(store, principal, lease, limit))
    }

    fn note(&self, store: &Store, principal: &Principal, now: OffsetDateTime) {
        let (uses, store) = (self.clone(), store.clone());
        let (tenant, key) = (principal.tenant.clone(), principal.id());
        tokio::spawn(async move {
            let (meter, gate) = (Meter::default(), Gate::opened());
            let noted = store
                .tenant(&tenant, &meter, &gate)
                .note_use(&key, now)
                .await;
            if let Err(error) = noted {
                uses.report_once(&tenant, &key, &error);
            }
        });
    }

    fn lease(
        &self,
        store: &Store,
        principal: &Principal,
        lease: Lease,
        limit: u64,
    ) -> JoinHandle<()> {
        let (uses, store) = (self.clone(), store.clone());
        let (digest, tenant) = (principal.credential, principal.tenant.clone());
        let key = digest.key_id();
        tokio::spawn(async move {
            let (meter, gate) = (Meter::default(), Gate::opened());
            let directory = store.tenant(&tenant, &meter, &gate);
            let leased = directory.lease(&key, lease.window, lease.requests).await;
            if let Err(error) = &leased {
                uses.report_once(&tenant, &key, error);
            }
            if let Some(known) = uses.lock().get_mut(&digest) {
                known.share.leased(lease, leased.ok(), limit);
            }
        })
    }

    /// Tells the operator once in the instance's lifetime: a missing permission would otherwise log
    /// a line with every request, although no request failed.
    fn report_once(&self, tenant: &TenantId, key: &KeyId, error: &StoreError) {
        if !self.0.has_reported.swap(true, Relaxed) {
            tracing::warn!(
                %tenant,
                key_id = %key,
                cause = chain(error),
                "the use of a key could not be written; requests are not affected"
            );
        }
    }

    fn with<T>(
        &self,
        principal: &Principal,
        now: OffsetDateTime,
        change: impl FnOnce(&mut KeyUse) -> T,
    ) -> T {
        let digest = principal.credential;
        let mut keys = self.lock();
        if keys.len() >= MAX_KEYS && !keys.contains_key(&digest) {
            let oldest = keys.iter().min_by_key(|(_, known)| known.seen);
            if let Some(oldest) = oldest.map(|(digest, _)| *digest) {
                keys.remove(&oldest);
            }
        }
        let known = keys.entry(digest).or_insert_with(|| KeyUse {
            seen: now,
            noted: None,
            warned: None,
            share: Share::default(),
        });
        known.seen = now;
        change(known)
    }

    /// A panic cannot leave the map half changed, so a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, HashMap<KeyDigest, KeyUse>> {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of requests per window; `None` if there is no limit.
fn limit(per_second: u32) -> Option<u64> {
    (per_second > 0).then(|| u64::from(per_second) * u64::from(WINDOW_SECONDS))
}

#[cfg(test)]
mod tests {
    use tenant::ApiKey;
    use time::Duration;

    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));

    /// The key whose secret starts with these digits.
    fn key(number: u32) -> Principal {
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(&number.to_be_bytes());
        let key = ApiKey::from_secret(&TenantId::parse("acme").unwrap(), secret);
        Principal::of_key(&key)
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_what_was_not_seen_for_longest() {
        let uses = KeyUses::default();
        let see = |number: u32, second: u32| {
            let now = START + Duration::seconds(second.into());
            uses.with(&key(number), now, |_| ());
        };
        let limit = u32::try_from(MAX_KEYS).unwrap();
        for number in 0..limit {
            see(number, number);
        }
        see(0, limit);
        see(limit, limit + 1);
        see(limit + 1, limit + 2);
        let known = uses.lock();
        assert_eq!(known.len(), MAX_KEYS);
        for (number, is_known) in [(0, true), (1, false), (2, false), (3, true), (limit, true)] {
            assert_eq!(known.contains_key(&key(number).credential), is_known);
        }
    }
}
