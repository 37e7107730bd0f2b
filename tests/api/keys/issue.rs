//! API keys: issue, check, expire, revoke.

use store::secrets::{Credential, Expiry, MAX_ACTIVE_KEYS, SecretsError};
use store::{Meter, Store};
use tenant::{ApiKey, KeyId, TenantId};
use time::{Duration, OffsetDateTime};

use crate::support::engine;

pub const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));
pub const LATER: OffsetDateTime = NOW.saturating_add(Duration::days(1));

pub fn tenant(id: &str) -> TenantId {
    TenantId::parse(id).unwrap()
}

/// The key of `tenant` whose secret is made of `seed`.
pub fn key(tenant: &TenantId, seed: u8) -> ApiKey {
    ApiKey::from_secret(tenant, [seed; 32])
}

/// A store with the tenant `acme` and its key number 1.
pub async fn store_with_key() -> (Store, ApiKey) {
    let store = engine::store().await;
    let acme = tenant("acme");
    let meter = Meter::default();
    store
        .create_tenant(&acme, "Acme Ltd", NOW, &meter)
        .await
        .unwrap();
    let key = key(&acme, 1);
    store
        .create_key(&key, "entra", NOW, None, &meter)
        .await
        .unwrap();
    (store, key)
}

async fn check_at(store: &Store, key: &ApiKey, now: OffsetDateTime) -> Credential {
    let meter = Meter::default();
    let outcome = store.credential(key, now, &meter).await.unwrap();
    let cost = meter.cost();
    assert_eq!(
        (cost.calls, cost.read_units, cost.write_units),
        (1, 1.0, 0.0)
    );
    outcome
}

pub async fn check(store: &Store, key: &ApiKey) -> Credential {
    check_at(store, key, NOW).await
}

/// The result for a valid key that does not expire.
pub const ACCEPTED: Credential = Credential::Accepted { expires: None };

/// The expression that README.md gives for secret scanners.
fn documented_expression() -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let code = |start: &str| {
        let (_, after) = readme.split_once(start)?;
        Some(format!("htscim_[{}", after.split('`').next()?))
    };
    let found = code("`htscim_[").expect("README.md has the expression");
    let source = std::fs::read_to_string(root.join("crates/tenant/src/key.rs")).unwrap();
    assert!(source.contains(&format!("`{found}`")), "ApiKey has another");
    found
}

#[test]
fn secret_scanners_find_keys_and_nothing_less() {
    let expression = documented_expression();
    let anywhere = regex::Regex::new(&expression).unwrap();
    let whole = regex::Regex::new(&format!("^(?:{expression})$")).unwrap();
    for id in ["a", "acme", "acme-2", "a--b", "7", &"a".repeat(40)] {
        for seed in [0, 7, 0xff] {
            let key = key(&tenant(id), seed);
            let text = key.expose();
            assert!(whole.is_match(text), "{text}");
            for place in [
                format!("SCIM_API_KEY={text}"),
                format!("{{\"key\":\"{text}\"}}"),
                format!("Authorization: Bearer {text}\r\n"),
            ] {
                let found = anywhere.find(&place).map(|found| found.as_str());
                assert_eq!(found, Some(text), "{place}");
            }
            for length in 0..text.len() {
                assert!(!anywhere.is_match(&text[..length]), "{length} of {text}");
            }
            for start in 1..text.len() {
                assert!(!anywhere.is_match(&text[start..]), "from {start} of {text}");
            }
        }
    }
}

#[tokio::test]
async fn an_issued_key_is_accepted() {
    let (store, key) = store_with_key().await;
    assert_eq!(check(&store, &key).await, ACCEPTED);
}

#[tokio::test]
async fn several_keys_are_accepted_at_a_time() {
    let (store, first) = store_with_key().await;
    let second = key(first.tenant(), 2);
    store
        .create_key(&second, "next", NOW, None, &Meter::default())
        .await
        .unwrap();
    assert_eq!(check(&store, &first).await, ACCEPTED);
    assert_eq!(check(&store, &second).await, ACCEPTED);
}

/// `check_at` asserts that each of these costs the same single read as a valid key.
#[tokio::test]
async fn whatever_was_not_issued_is_unknown() {
    let (store, issued) = store_with_key().await;
    for presented in [key(issued.tenant(), 9), key(&tenant("nobody"), 1)] {
        assert_eq!(check(&store, &presented).await, Credential::Unknown);
    }
}

#[tokio::test]
async fn a_key_expires_to_the_second() {
    let (store, first) = store_with_key().await;
    let key = key(first.tenant(), 2);
    store
        .create_key(&key, "trial", NOW, Some(LATER), &Meter::default())
        .await
        .unwrap();
    let accepted = Credential::Accepted {
        expires: Some(Expiry {
            at: LATER,
            is_replaced: false,
        }),
    };
    let before = LATER - Duration::SECOND;
    assert_eq!(check_at(&store, &key, before).await, accepted);
    assert_eq!(check_at(&store, &key, LATER).await, Credential::Expired);
}

#[tokio::test]
async fn revocation_takes_effect_at_once_and_for_ever() {
    let (store, key) = store_with_key().await;
    let meter = Meter::default();
    let id = key.digest().key_id();
    let revoked = store
        .revoke_key(key.tenant(), &id, NOW, &meter)
        .await
        .unwrap();
    assert_eq!(revoked.revoked, Some(NOW));
    assert_eq!(check(&store, &key).await, Credential::Revoked);
    let again = store
        .revoke_key(key.tenant(), &id, LATER, &meter)
        .await
        .unwrap();
    assert_eq!(
        again.revoked,
        Some(NOW),
        "the time of the first revocation stays"
    );
    for enabled in [false, true] {
        store
            .set_enabled(key.tenant(), enabled, &meter)
            .await
            .unwrap();
        assert_eq!(check(&store, &key).await, Credential::Revoked);
    }
}

#[tokio::test]
async fn only_the_tenants_own_keys_can_be_revoked() {
    let (store, key) = store_with_key().await;
    let meter = Meter::default();
    let other = tenant("other");
    store
        .create_tenant(&other, "Other", NOW, &meter)
        .await
        .unwrap();
    let id = key.digest().key_id();
    let refused = store
        .revoke_key(&other, &id, NOW, &meter)
        .await
        .unwrap_err();
    assert!(matches!(refused, SecretsError::NoKey { .. }), "{refused}");
    assert_eq!(check(&store, &key).await, ACCEPTED);
    let unknown = KeyId::parse("000000000000").unwrap();
    let refused = store
        .revoke_key(key.tenant(), &unknown, NOW, &meter)
        .await
        .unwrap_err();
    assert!(matches!(refused, SecretsError::NoKey { .. }), "{refused}");
}

#[tokio::test]
async fn revoking_a_key_races_with_itself() {
    let (store, key) = store_with_key().await;
    let meter = Meter::default();
    let id = key.digest().key_id();
    let revocations = (0..8).map(|_| store.revoke_key(key.tenant(), &id, NOW, &meter));
    for outcome in futures_util::future::join_all(revocations).await {
        assert_eq!(outcome.unwrap().revoked, Some(NOW));
    }
    assert_eq!(
        store
            .find_tenant(key.tenant(), &meter)
            .await
            .unwrap()
            .active_keys,
        0
    );
}

#[tokio::test]
async fn a_tenant_has_a_limited_number_of_keys() {
    let store = engine::store().await;
    let meter = Meter::default();
    let acme = tenant("acme");
    store
        .create_tenant(&acme, "Acme Ltd", NOW, &meter)
        .await
        .unwrap();
    for seed in 1..=MAX_ACTIVE_KEYS as u8 {
        store
            .create_key(&key(&acme, seed), "entra", NOW, None, &meter)
            .await
            .unwrap();
    }
    let one_more = key(&acme, 99);
    let refused = store
        .create_key(&one_more, "entra", NOW, None, &meter)
        .await
        .unwrap_err();
    assert!(matches!(refused, SecretsError::TooManyKeys(_)), "{refused}");

    // The maximum number of keys still fits into the transaction that changes all of them.
    store.set_enabled(&acme, false, &meter).await.unwrap();
    assert_eq!(
        check(&store, &key(&acme, 20)).await,
        Credential::TenantDisabled
    );
    store.set_enabled(&acme, true, &meter).await.unwrap();

    store
        .revoke_key(&acme, &key(&acme, 1).digest().key_id(), NOW, &meter)
        .await
        .unwrap();
    store
        .create_key(&one_more, "entra", NOW, None, &meter)
        .await
        .unwrap();
    assert_eq!(check(&store, &one_more).await, ACCEPTED);
}

#[tokio::test]
async fn keys_are_listed_without_their_secret() {
    let (store, first) = store_with_key().await;
    let meter = Meter::default();
    let acme = first.tenant();
    store
        .create_key(&key(acme, 2), "trial", LATER, Some(LATER), &meter)
        .await
        .unwrap();
    store
        .revoke_key(acme, &first.digest().key_id(), LATER, &meter)
        .await
        .unwrap();
    let records = store.list_keys(acme, &meter).await.unwrap();
    let labels: Vec<_> = records.iter().map(|record| record.label.as_str()).collect();
    assert_eq!(labels, ["entra", "trial"]);
    assert_eq!(records[0].id, first.digest().key_id());
    assert_eq!(records[0].revoked, Some(LATER));
    assert_eq!(records[1].expires, Some(LATER));
    let shown = format!("{records:?}");
    assert!(!shown.contains("htscim_"), "{shown}");
    assert!(!shown.contains(&first.digest().to_hex()), "{shown}");
}

#[tokio::test]
async fn every_operation_counts_its_calls_and_capacity() {
    let (store, first) = store_with_key().await;
    let acme = first.tenant();
    // A transaction costs twice the write units: here two items of less than 1 KB each, of which
    // one is the entry of the operator's log. DynamoDB Local counts at most two items of a
    // transaction, so the units of what takes three are not asked for.
    let beta = TenantId::parse("beta").unwrap();
    let created = store
        .create_tenant(&beta, "Beta", NOW, &Meter::default())
        .await;
    assert!(created.is_ok());
    let meter = Meter::default();
    store.set_enabled(&beta, false, &meter).await.unwrap();
    let cost = meter.cost();
    assert_eq!(
        (cost.calls, cost.read_units, cost.write_units),
        (2, 1.0, 4.0)
    );
    let meter = Meter::default();
    store
        .create_key(&key(acme, 2), "next", NOW, None, &meter)
        .await
        .unwrap();
    let cost = meter.cost();
    assert_eq!((cost.calls, cost.read_units), (2, 1.0));
}
