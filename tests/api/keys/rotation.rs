//! Rotation of API keys: a new key, with the old one accepted for a while, and no refusals.

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use store::secrets::{Credential, Expiry, MAX_ACTIVE_KEYS, Rotation, SecretsError, Successor};
use store::{Meter, Store};
use tenant::{ApiKey, KeyId, TenantId};
use time::{Duration, OffsetDateTime};

use crate::keys::issue::{ACCEPTED, LATER, NOW, check, key, store_with_key, tenant};
use crate::keys::key_use::until;
use crate::support::admin::Admin;
use crate::support::capture::logged;
use crate::support::clock::{date, set_date};
use crate::support::service::Service;

/// Replaces this key, with an overlap of a day.
fn of(old: &ApiKey) -> Successor {
    Successor {
        old: Some(old.id()),
        ..only()
    }
}

/// Replaces the only active key, with an overlap of a day.
fn only() -> Successor {
    Successor {
        overlap: LATER - NOW,
        ..Successor::default()
    }
}

async fn rotate(
    store: &Store,
    new: &ApiKey,
    successor: &Successor,
) -> Result<Rotation, SecretsError> {
    store
        .rotate_key(new, successor, NOW, &Meter::default())
        .await
}

async fn create(store: &Store, key: &ApiKey, expires: Option<OffsetDateTime>) {
    store
        .create_key(key, "further", NOW, expires, &Meter::default())
        .await
        .unwrap();
}

async fn check_at(store: &Store, key: &ApiKey, now: OffsetDateTime) -> Credential {
    store.credential(key, now, &Meter::default()).await.unwrap()
}

async fn active_keys(store: &Store, tenant: &TenantId) -> usize {
    let tenant = store.find_tenant(tenant, &Meter::default()).await.unwrap();
    tenant.active_keys
}

/// From the identity provider's view: it continues with the old key, is given the new one, and gets
/// no 401 before the overlap is over.
#[tokio::test]
async fn a_rotation_goes_unnoticed_until_the_overlap_ends() {
    let mut service = Service::start().await;
    let now = NOW + Duration::days(1_000);
    set_date(now);
    service.app.clock = date;
    let old = service.key.clone();
    let acme = tenant("acme");
    let new = ApiKey::from_secret(&acme, [2; 32]);
    let list = async |key: &str| service.call("GET", "/Users").key(key).send().await;

    let overlap = Duration::days(7);
    let successor = Successor {
        overlap,
        ..Successor::default()
    };
    let meter = Meter::default();
    let rotation = service.app.store.rotate_key(&new, &successor, now, &meter);
    let requests = join_all((0..20).map(|_| list(&old)));
    let (rotation, answers) = join(rotation, requests).await;
    let rotation = rotation.unwrap();
    assert_eq!(rotation.old.expires, Some(now + overlap));
    assert_eq!(
        (rotation.new.label.as_str(), rotation.new.expires),
        ("test", None)
    );
    assert!(answers.iter().all(|answer| answer.status == 200));
    let both = join_all([old.as_str(), new.expose()].map(&list)).await;
    assert!(both.iter().all(|answer| answer.status == 200), "{both:?}");

    set_date(now + overlap - Duration::SECOND);
    assert_eq!(list(&old).await.status, 200);
    set_date(now + overlap);
    let answer = list(&old).await;
    let detail = answer.error(401, "");
    assert!(detail.contains("expired"), "{detail}");
    assert_eq!(list(new.expose()).await.status, 200);
}

/// The function sees no key but the one that it is shown: what it says of that key's end has to
/// stay true when the key that took its place is rotated or revoked.
#[tokio::test]
async fn what_takes_the_place_of_a_key_is_always_a_key_that_is_accepted() {
    let (store, first) = store_with_key().await;
    let acme = first.tenant();
    let (second, third) = (key(acme, 2), key(acme, 3));
    let successors = async || {
        let keys = store.list_keys(acme, &Meter::default()).await.unwrap();
        [&first, &second, &third].map(|key| {
            let record = keys.iter().find(|record| record.id == key.id());
            record.and_then(|record| record.replaced_by.clone())
        })
    };
    let is_replaced = async |key| match check(&store, key).await {
        Credential::Accepted { expires } => expires.unwrap().is_replaced,
        refused => panic!("{refused:?}"),
    };
    rotate(&store, &second, &only()).await.unwrap();
    assert_eq!(successors().await, [Some(second.id()), None, None]);
    rotate(&store, &third, &of(&second)).await.unwrap();
    let new = Some(third.id());
    assert_eq!(successors().await, [new.clone(), new, None]);
    assert!(is_replaced(&first).await && is_replaced(&second).await);

    store
        .revoke_key(acme, &third.id(), NOW, &Meter::default())
        .await
        .unwrap();
    assert_eq!(successors().await, [None, None, None]);
    assert!(!is_replaced(&first).await && !is_replaced(&second).await);
}

/// However they meet, a rotation and a revocation of the same key leave no key that is replaced by
/// one that has ended.
#[tokio::test]
async fn a_rotation_and_a_revocation_that_meet_leave_no_dangling_successor() {
    for round in 0..20 {
        let (store, first) = store_with_key().await;
        let acme = first.tenant();
        let (second, third) = (key(acme, 2), key(acme, 3));
        rotate(&store, &second, &only()).await.unwrap();
        let meter = Meter::default();
        let second_id = second.id();
        let revoke = store.revoke_key(acme, &second_id, NOW, &meter);
        let (_, revoked) = join(rotate(&store, &third, &of(&second)), revoke).await;
        assert!(revoked.is_ok(), "{round}: {revoked:?}");
        let keys = store.list_keys(acme, &meter).await.unwrap();
        for old in keys.iter().filter(|key| key.is_active(NOW)) {
            let successor = |new: &KeyId| keys.iter().find(|key| key.id == *new);
            let new = old.replaced_by.as_ref().map(|new| successor(new).unwrap());
            assert!(
                new.is_none_or(|new| new.is_active(NOW)),
                "{round}: {keys:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_old_key_ends_after_the_overlap_and_never_later_than_it_would_have() {
    let (store, first) = store_with_key().await;
    let acme = first.tenant();
    let second = key(acme, 2);
    let successor = Successor {
        label: Some("next".to_owned()),
        expires: Some(LATER + Duration::DAY),
        ..only()
    };
    let rotation = rotate(&store, &second, &successor).await.unwrap();
    assert_eq!(rotation.old.id, first.id());
    assert_eq!(rotation.old.expires, Some(LATER));
    assert_eq!(
        (rotation.new.label.as_str(), rotation.new.expires),
        ("next", Some(LATER + Duration::DAY))
    );
    let listed = store.list_keys(acme, &Meter::default()).await.unwrap();
    assert!(listed.contains(&rotation.old) && listed.contains(&rotation.new));
    assert_eq!(listed.len(), 2);

    let accepted = Credential::Accepted {
        expires: Some(Expiry {
            at: LATER,
            is_replaced: true,
        }),
    };
    let before = LATER - Duration::SECOND;
    assert_eq!(check_at(&store, &first, before).await, accepted);
    assert_eq!(check_at(&store, &first, LATER).await, Credential::Expired);

    // The second key would end a day after the overlap; the first one's end is unchanged.
    let third = key(acme, 3);
    let longer = Successor {
        overlap: Duration::days(30),
        ..of(&second)
    };
    let rotation = rotate(&store, &third, &longer).await.unwrap();
    assert_eq!(rotation.old.expires, Some(LATER + Duration::DAY));
    let rotation = rotate(&store, &key(acme, 4), &of(&first)).await.unwrap();
    assert_eq!(rotation.old.expires, Some(LATER));
}

/// An old key that is no longer accepted leaves a gap: that is not a rotation.
#[tokio::test]
async fn only_an_active_key_is_rotated() {
    let (store, first) = store_with_key().await;
    let acme = first.tenant();
    let meter = Meter::default();
    let expired = key(acme, 2);
    create(&store, &expired, Some(NOW)).await;
    let revoked = key(acme, 3);
    create(&store, &revoked, None).await;
    store
        .revoke_key(acme, &revoked.id(), NOW, &meter)
        .await
        .unwrap();
    let new = key(acme, 4);
    for (old, how) in [(&expired, "has expired"), (&revoked, "was revoked")] {
        let refused = rotate(&store, &new, &of(old)).await.unwrap_err();
        assert!(refused.to_string().contains(how), "{refused}");
    }
    let unknown = Successor {
        old: Some(KeyId::parse("000000000000").unwrap()),
        ..only()
    };
    let refused = rotate(&store, &new, &unknown).await.unwrap_err();
    assert!(matches!(refused, SecretsError::NoKey { .. }), "{refused}");
    let nobody = key(&tenant("nobody"), 4);
    let refused = rotate(&store, &nobody, &only()).await.unwrap_err();
    assert!(matches!(refused, SecretsError::NoTenant(_)), "{refused}");
    assert_eq!(check(&store, &new).await, Credential::Unknown);

    // Ended keys do not count: the first key is the only one.
    rotate(&store, &new, &only()).await.unwrap();
    assert_eq!(check(&store, &new).await, ACCEPTED);

    // Now there are two.
    let refused = rotate(&store, &key(acme, 5), &only()).await.unwrap_err();
    let text = refused.to_string();
    assert!(matches!(refused, SecretsError::ChooseKey { .. }), "{text}");
    for id in [first.id(), new.id()] {
        assert!(text.contains(id.as_str()), "{text}");
    }
    for id in [expired.id(), revoked.id()] {
        assert!(!text.contains(id.as_str()), "{text}");
    }
    for key in [&first, &new] {
        store
            .revoke_key(acme, &key.id(), NOW, &meter)
            .await
            .unwrap();
    }
    let refused = rotate(&store, &key(acme, 5), &only()).await.unwrap_err();
    assert!(refused.to_string().contains("no active key"), "{refused}");
}

/// A new key that ends before the old one, or with it, cannot replace it.
#[tokio::test]
async fn the_new_key_outlives_the_old_one() {
    let (store, first) = store_with_key().await;
    let new = key(first.tenant(), 2);
    let expiring = |expires| Successor {
        expires: Some(expires),
        ..only()
    };
    for expires in [NOW, LATER - Duration::SECOND, LATER] {
        let refused = rotate(&store, &new, &expiring(expires)).await.unwrap_err();
        assert!(
            matches!(refused, SecretsError::NewKeyEndsFirst { .. }),
            "{refused}"
        );
        assert_eq!(check(&store, &first).await, ACCEPTED);
        assert_eq!(check(&store, &new).await, Credential::Unknown);
    }
    let later = LATER + Duration::SECOND;
    rotate(&store, &new, &expiring(later)).await.unwrap();

    // A replacement for the key that ends before the overlap only has to outlive that end.
    let (third, end) = (key(first.tenant(), 3), LATER + Duration::SECOND);
    let successor = Successor {
        overlap: Duration::days(30),
        expires: Some(end + Duration::SECOND),
        ..of(&new)
    };
    let rotation = rotate(&store, &third, &successor).await.unwrap();
    assert_eq!(rotation.old.expires, Some(end));

    let (_, _, admin) = Admin::with_service().await;
    let (code, said) = admin
        .run("key rotate acme --expires-in-days 1 --overlap-days 7")
        .await;
    assert_eq!(code, 1);
    assert!(
        said.contains("let the new key expire later") && !said.contains("htscim_"),
        "{said}"
    );
}

/// Of two operators who rotate the only key, one wins and the other is told to choose. Of two who
/// name the same key, both get one: no key that was handed out is lost.
#[tokio::test]
async fn two_rotations_meet() {
    let meter = Meter::default();
    for round in 0..10 {
        let (store, first) = store_with_key().await;
        let acme = first.tenant();
        let (one, other) = (key(acme, 2), key(acme, 3));
        let (by_one, by_other) = if round % 2 == 0 {
            join(
                rotate(&store, &one, &only()),
                rotate(&store, &other, &only()),
            )
            .await
        } else {
            let (by_other, by_one) = join(
                rotate(&store, &other, &only()),
                rotate(&store, &one, &only()),
            )
            .await;
            (by_one, by_other)
        };
        let (winner, loser, refused) = match (by_one, by_other) {
            (Ok(_), Err(refused)) => (&one, &other, refused),
            (Err(refused), Ok(_)) => (&other, &one, refused),
            outcomes => panic!("{outcomes:?}"),
        };
        assert!(matches!(refused, SecretsError::ChooseKey { .. }));
        assert_eq!(check(&store, winner).await, ACCEPTED);
        assert_eq!(check(&store, loser).await, Credential::Unknown);
        assert_eq!(active_keys(&store, acme).await, 2);

        let (third, fourth) = (key(acme, 4), key(acme, 5));
        let (by_third, by_fourth) = join(
            rotate(&store, &third, &of(winner)),
            rotate(&store, &fourth, &of(winner)),
        )
        .await;
        assert_eq!(by_third.unwrap().old.expires, Some(LATER));
        assert_eq!(by_fourth.unwrap().old.expires, Some(LATER));
        for key in [&third, &fourth] {
            assert_eq!(check(&store, key).await, ACCEPTED);
        }
        assert_eq!(active_keys(&store, acme).await, 4);

        // A rotation and a change of the tenant's state do not overwrite each other either.
        let fifth = key(acme, 6);
        let successor = of(&third);
        let rotation = rotate(&store, &fifth, &successor);
        let disabling = store.set_enabled(acme, false, &meter);
        let (rotated, disabled) = join(rotation, disabling).await;
        rotated.unwrap();
        disabled.unwrap();
        for key in [&first, &third, &fourth, &fifth] {
            assert_eq!(check(&store, key).await, Credential::TenantDisabled);
        }
    }
}

/// Revoked and long-expired keys do not count against the limit: otherwise a tenant that rotates
/// its key would eventually have no room for the next.
#[tokio::test]
async fn a_rotation_finds_the_limit_of_keys() {
    let (store, first) = store_with_key().await;
    let acme = first.tenant();
    for seed in 2..=MAX_ACTIVE_KEYS as u8 {
        create(&store, &key(acme, seed), (seed == 2).then_some(LATER)).await;
    }
    let new = key(acme, 99);
    let refused = rotate(&store, &new, &of(&first)).await.unwrap_err();
    assert!(matches!(refused, SecretsError::TooManyKeys(_)), "{refused}");
    assert_eq!(check(&store, &first).await, ACCEPTED);
    assert_eq!(check(&store, &new).await, Credential::Unknown);

    // The second key has expired, and a moment later that is certain by every clock.
    let meter = Meter::default();
    let rotate_at = async |now| store.rotate_key(&new, &of(&first), now, &meter).await;
    let refused = rotate_at(LATER).await.unwrap_err();
    assert!(matches!(refused, SecretsError::TooManyKeys(_)), "{refused}");
    let long_after = LATER + Duration::DAY;
    rotate_at(long_after).await.unwrap();
    assert_eq!(active_keys(&store, acme).await, MAX_ACTIVE_KEYS);
    assert_eq!(check_at(&store, &new, long_after).await, ACCEPTED);

    // The dropped key is unchanged and can be revoked; the others follow their tenant.
    let second = key(acme, 2);
    for enabled in [false, true] {
        store.set_enabled(acme, enabled, &meter).await.unwrap();
        let expected = if enabled {
            ACCEPTED
        } else {
            Credential::TenantDisabled
        };
        assert_eq!(check_at(&store, &new, long_after).await, expected);
        let ended = check_at(&store, &second, long_after).await;
        assert_eq!(ended, Credential::Expired);
    }
    store
        .revoke_key(acme, &second.id(), long_after, &meter)
        .await
        .unwrap();
    let ended = check_at(&store, &second, long_after).await;
    assert_eq!(ended, Credential::Revoked);
    assert_eq!(active_keys(&store, acme).await, MAX_ACTIVE_KEYS);
    let listed = store.list_keys(acme, &meter).await.unwrap();
    assert_eq!(listed.len(), MAX_ACTIVE_KEYS + 1);
}

/// The operator's view: a rotation, the listing of both keys, and the check of all keys.
#[tokio::test]
async fn the_operator_rotates_a_key_and_reads_what_became_of_the_old_one() {
    let (service, _, admin) = Admin::with_service().await;
    let old = ApiKey::parse(service.key.as_bytes()).unwrap().id();
    assert_eq!(admin.json("key warnings").await, (0, json!([])));

    let (code, new) = admin.json("key rotate acme --overlap-days 3").await;
    assert_eq!((code, &new["label"]), (0, &json!("test")));
    assert_eq!(new["replaces"]["id"], old.as_str());
    let new_key = new["key"].as_str().unwrap();
    for key in [service.key.as_str(), new_key] {
        let call = service.call("GET", "/Users").key(key);
        assert_eq!(call.send().await.status, 200);
    }
    // The listing shows when both uses are recorded.
    let listed = until(async || {
        let (code, listed) = admin.json("key list acme").await;
        assert_eq!(code, 0);
        let keys = listed.as_array().unwrap();
        let are_used = keys.iter().all(|key| key["lastUsed"].is_string());
        are_used.then_some(listed)
    })
    .await;
    let listed = listed.as_array().unwrap();
    let (ending, staying): (Vec<_>, Vec<_>) =
        listed.iter().partition(|key| key["id"] == old.as_str());
    assert_eq!((ending.len(), staying.len()), (1, 1));
    // Three days before the end of the second key, in which the key was rotated.
    let new_id = new["id"].as_str().unwrap();
    assert_eq!(ending[0]["replacedBy"], new_id);
    assert_eq!(staying[0]["replacedBy"], Value::Null);
    for key in [&ending, &staying] {
        assert_eq!(key[0]["warnings"], json!([]), "nothing is left to do");
    }
    assert_eq!(admin.json("key warnings").await, (0, json!([])));
    let (_, text) = admin.run("key list acme").await;
    let line = text.lines().find(|line| line.starts_with(old.as_str()));
    let state = format!(
        "  replaced by {new_id}, ends {}  ",
        ending[0]["expires"].as_str().unwrap().replace(".000Z", "Z")
    );
    assert!(line.unwrap().contains(&state), "{text}");

    // The operator must say which one.
    let (code, text) = admin.run("key rotate acme").await;
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains(old.as_str()) && text.contains(new_id),
        "{text}"
    );
    assert!(!text.contains("htscim_"), "{text}");

    // Nothing of a disabled tenant is about to end.
    admin.run("tenant disable acme --reason drill").await;
    assert_eq!(admin.json("key warnings").await, (0, json!([])));
    admin.run("tenant enable acme").await;
    admin.run(&format!("key revoke acme {old}")).await;
    assert_eq!(admin.json("key warnings").await, (0, json!([])));
    let (_, text) = admin.run("key list acme").await;
    assert!(text.contains("revoked 20"), "{text}");
}

/// Before the old key of a rotation ends, its client must have the new one. If the new one ends
/// first, the old one counts as never replaced.
#[tokio::test]
async fn the_old_key_is_warned_of_if_it_is_still_used_at_its_end() {
    let (service, _, admin) = Admin::with_service().await;
    let (_, new) = admin.json("key rotate acme --overlap-days 2").await;
    assert_eq!(admin.json("key warnings").await, (0, json!([])), "not used");
    let ((), lines) = logged(async {
        for key in [service.key.as_str(), new["key"].as_str().unwrap()] {
            let call = service.call("GET", "/Users").key(key);
            assert_eq!(call.send().await.status, 200);
        }
    })
    .await;
    let warnings: Vec<_> = lines
        .iter()
        .filter(|line| line["level"] == "WARN")
        .collect();
    assert_eq!(warnings.len(), 1, "{lines:?}");
    assert_eq!(warnings[0]["message"], "key near expiry");
    assert_eq!(warnings[0]["key_id"], new["replaces"]["id"]);
    let advice = warnings[0]["advice"].as_str().unwrap();
    assert!(advice.contains("still uses the old key"), "{advice}");
    let warned = until(async || {
        let (code, warned) = admin.json("key warnings").await;
        (code == 1).then_some(warned)
    })
    .await;
    assert_eq!(warned.as_array().unwrap().len(), 1, "{warned}");
    assert_eq!(warned[0]["id"], new["replaces"]["id"]);
    assert_eq!(warned[0]["warnings"], json!(["still used"]));

    let id = new["id"].as_str().unwrap();
    admin.run(&format!("key revoke acme {id}")).await;
    let (_, warned) = admin.json("key warnings").await;
    assert_eq!(warned[0]["warnings"], json!(["expires in 1 day"]));
}

/// A week before its end, the log does not mention that a replaced key is used.
#[tokio::test]
async fn the_overlap_of_a_rotation_is_silent() {
    let (service, _, admin) = Admin::with_service().await;
    let (code, _) = admin.run("key rotate acme").await;
    assert_eq!(code, 0);
    let (answer, lines) = logged(service.call("GET", "/Users").send()).await;
    assert_eq!(answer.status, 200);
    assert!(
        lines.iter().all(|line| line["level"] == "INFO"),
        "{lines:?}"
    );
}
