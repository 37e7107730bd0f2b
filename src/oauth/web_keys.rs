//! The key by which an assertion is verified: from those that are stored, or fetched anew.
//!
//! Who fetches, and how often, is decided for all instances together, by a conditional write. The
//! others wait a moment for what it brings.

use std::time::Duration;

use federation::{FetchError, Fetched};
use oauth::{
    Cached, Decision, Fetch, Fetches, Issuer, NoKey, NotKeys, RETRY_AFTER, StoredKey,
    UNKNOWN_EVERY, USABLE_FOR, WebKey, WebKeys, Why, decide, fresh_for,
};
use store::access::{Fetching, StoredKey as Item, WebKeys as Stored};
use store::{StoreError, TenantStore};
use time::OffsetDateTime;

use crate::instance::Instance;
use crate::log::chain;

/// The pauses after which an instance looks for what another one is fetching: together as long as a
/// fetch may take.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(600),
    Duration::from_millis(900),
];

/// How long after an instance has set out to fetch keys it may still bring them: a fetch takes two
/// seconds at most.
const FETCHING: time::Duration = time::Duration::seconds(3);

/// The key that is looked for.
#[derive(Clone, Copy)]
pub(super) struct Sought<'a> {
    pub issuer: &'a Issuer,
    /// As the assertion names it.
    pub kid: &'a str,
}

/// The key among those that are stored, if it can be used without being fetched, though it may be
/// old.
pub(super) fn at_hand(stored: &Stored, sought: Sought<'_>, now: OffsetDateTime) -> Option<WebKey> {
    match decision(stored, sought, now) {
        Decision::Use(key) => Some(key),
        Decision::Fetch(fetch) => fetch.failed().ok(),
        Decision::Refuse(_) => None,
    }
}

/// The key, or why there is none.
///
/// # Errors
/// Failures of DynamoDB.
pub(super) async fn find(
    instance: &Instance,
    directory: &TenantStore<'_>,
    sought: Sought<'_>,
    stored: Stored,
    now: OffsetDateTime,
) -> Result<Result<WebKey, NoKey>, StoreError> {
    let fetch = match decision(&stored, sought, now) {
        Decision::Use(key) => return Ok(Ok(key)),
        Decision::Refuse(none) if is_being_fetched(&stored, now) => {
            return waited_for(directory, sought, Err(none), now).await;
        }
        Decision::Refuse(none) => return Ok(Err(none)),
        Decision::Fetch(fetch) => fetch,
    };
    let issuer = sought.issuer.as_str();
    let (why, before) = match fetch.why {
        Why::Missing | Why::Stale => (Fetching::Stale, now - RETRY_AFTER),
        Why::UnknownKey => (Fetching::Unknown, now - UNKNOWN_EVERY),
    };
    if !directory.claim_fetch(issuer, why, before, now).await? {
        return waited_for(directory, sought, fetch.failed(), now).await;
    }
    let (keys, fetched) = match fetched(instance, sought.issuer).await {
        Ok(fetched) => fetched,
        Err(error) => {
            directory.note_failed_fetch(issuer, now).await?;
            return Ok(without(fetch, sought, &error));
        }
    };
    let items: Vec<Item> = keys.to_stored().into_iter().map(to_item).collect();
    let fresh_until = now + fresh_for(fetched.cache_control.as_deref());
    let stored = directory.store_web_keys(issuer, &items, now, fresh_until, now + USABLE_FOR);
    stored.await?;
    Ok(fetch.succeeded(&keys))
}

/// What is done without the fetch that failed.
fn without(fetch: Fetch, sought: Sought<'_>, error: &NotFetched) -> Result<WebKey, NoKey> {
    let key = fetch.failed();
    tracing::warn!(
        issuer = sought.issuer.as_str(),
        is_served = key.is_ok(),
        cause = chain(error),
        "the web keys of an issuer could not be fetched"
    );
    key
}

/// What another instance brings, or what is done without.
async fn waited_for(
    directory: &TenantStore<'_>,
    sought: Sought<'_>,
    without: Result<WebKey, NoKey>,
    now: OffsetDateTime,
) -> Result<Result<WebKey, NoKey>, StoreError> {
    if without.is_ok() {
        return Ok(without);
    }
    for pause in PAUSES {
        tokio::time::sleep(pause).await;
        let stored = directory.web_keys(sought.issuer.as_str()).await?;
        if let Some(key) = at_hand(&stored, sought, now) {
            return Ok(Ok(key));
        }
        if !is_being_fetched(&stored, now) {
            // The other one has brought keys, and the one that is looked for is not among them; or
            // it has failed.
            let has_brought = has_brought(&stored);
            return Ok(if has_brought {
                Err(NoKey::Unknown)
            } else {
                without
            });
        }
    }
    Ok(without)
}

/// Whether an instance has set out to fetch keys lately and has not brought any yet.
fn is_being_fetched(stored: &Stored, now: OffsetDateTime) -> bool {
    let Some(attempted) = stored.attempted else {
        return false;
    };
    let has_failed = stored.failed.is_some_and(|failed| failed >= attempted);
    !has_brought(stored) && !has_failed && (now - attempted).abs() < FETCHING
}

/// Whether the last that set out to fetch keys has brought some.
fn has_brought(stored: &Stored) -> bool {
    let fetched = stored.fetched.as_ref().map(|(_, fetched, _)| *fetched);
    fetched.is_some_and(|fetched| Some(fetched) >= stored.attempted)
}

fn decision(stored: &Stored, sought: Sought<'_>, now: OffsetDateTime) -> Decision {
    let cached = stored.fetched.as_ref().and_then(|(keys, fetched, fresh)| {
        // What cannot be read is fetched again.
        let keys = WebKeys::from_stored(keys.iter().cloned().map(from_item)).ok()?;
        Some(Cached {
            keys,
            fetched: *fetched,
            fresh_for: *fresh - *fetched,
        })
    });
    let fetches = Fetches {
        attempted: stored.attempted,
        unknown_attempted: stored.sought,
    };
    decide(cached.as_ref(), &fetches, sought.kid, now)
}

/// Why there are no keys of an issuer.
#[derive(Debug, thiserror::Error)]
enum NotFetched {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Keys(#[from] NotKeys),
}

async fn fetched(instance: &Instance, issuer: &Issuer) -> Result<(WebKeys, Fetched), NotFetched> {
    let fetched = instance.fetcher.fetch(&issuer.keys_url()).await?;
    let keys = WebKeys::read(&fetched.body, issuer)?;
    Ok((keys, fetched))
}

fn to_item(StoredKey { kid, n, e }: StoredKey) -> Item {
    Item { kid, n, e }
}

fn from_item(Item { kid, n, e }: Item) -> StoredKey {
    StoredKey { kid, n, e }
}
