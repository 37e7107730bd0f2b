//! Tenants: create, list, disable, enable; and their tables.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::SseType;
use store::Meter;
use store::client::tables::CreatedTable;
use store::secrets::{Credential, SecretsError};
use tenant::ApiKey;

use crate::keys::issue::{ACCEPTED, LATER, NOW, check, key, store_with_key, tenant};
use crate::support::directory::DirectoryTable;
use crate::support::engine;

#[tokio::test]
async fn a_disabled_tenant_is_locked_out_with_all_of_its_keys() {
    let (store, first) = store_with_key().await;
    let meter = Meter::default();
    let acme = first.tenant();
    let second = key(acme, 2);
    store
        .create_key(&second, "next", NOW, None, &meter)
        .await
        .unwrap();
    for _ in 0..2 {
        assert!(
            !store
                .set_enabled(acme, false, &meter)
                .await
                .unwrap()
                .enabled
        );
        for key in [&first, &second] {
            assert_eq!(check(&store, key).await, Credential::TenantDisabled);
        }
    }
    let third = key(acme, 3);
    store
        .create_key(&third, "issued while disabled", NOW, None, &meter)
        .await
        .unwrap();
    assert_eq!(check(&store, &third).await, Credential::TenantDisabled);
    for _ in 0..2 {
        assert!(store.set_enabled(acme, true, &meter).await.unwrap().enabled);
        for key in [&first, &second, &third] {
            assert_eq!(check(&store, key).await, ACCEPTED);
        }
    }
}

/// The tenant's own admin has a switch too: what lets requests in is both.
#[tokio::test]
async fn the_api_is_turned_off_and_on_beside_the_operators_switch() {
    let (store, first) = store_with_key().await;
    let (acme, meter) = (first.tenant(), Meter::default());
    let mut keys = vec![first.clone()];
    // Which switch is turned, and what becomes of the keys.
    for (seed, (is_operators, is_on, expected)) in [
        (false, false, Credential::ApiOff),
        (false, false, Credential::ApiOff),
        (true, false, Credential::TenantDisabled),
        (false, true, Credential::TenantDisabled),
        (false, false, Credential::TenantDisabled),
        (true, true, Credential::ApiOff),
        (false, true, ACCEPTED),
        (false, true, ACCEPTED),
    ]
    .into_iter()
    .enumerate()
    {
        let before = store.find_tenant(acme, &meter).await.unwrap();
        let after = match is_operators {
            true => store.set_enabled(acme, is_on, &meter).await.unwrap(),
            false => store.set_api(acme, is_on, &meter).await.unwrap(),
        };
        assert_eq!(after.lets_in(), expected == ACCEPTED);
        if before.api_off.is_some() && after.api_off.is_some() {
            assert_eq!(before.api_off, after.api_off);
        }
        // One that is created meanwhile is like the others.
        let key = key(acme, u8::try_from(seed).unwrap() + 2);
        store
            .create_key(&key, "meanwhile", NOW, None, &meter)
            .await
            .unwrap();
        keys.push(key);
        for key in &keys {
            assert_eq!(check(&store, key).await, expected, "{seed}");
        }
    }
}

/// A key that is created while its tenant is being disabled ends up disabled, whichever is first.
#[tokio::test]
async fn creating_a_key_races_with_disabling_the_tenant() {
    let (store, first) = store_with_key().await;
    let meter = Meter::default();
    for round in 0..40 {
        let acme = tenant(&format!("acme-{round}"));
        store
            .create_tenant(&acme, "Acme", NOW, &meter)
            .await
            .unwrap();
        let keys: Vec<_> = (1..=4).map(|seed| key(&acme, seed)).collect();
        let creations = keys
            .iter()
            .map(|key| store.create_key(key, "race", NOW, None, &meter));
        let create = futures_util::future::join_all(creations);
        let disable = store.set_enabled(&acme, false, &meter);
        // Whichever starts first tends to win, and either may.
        let (created, disabled) = if round % 2 == 0 {
            futures_util::future::join(create, disable).await
        } else {
            let (disabled, created) = futures_util::future::join(disable, create).await;
            (created, disabled)
        };
        disabled.unwrap();
        for (key, created) in keys.iter().zip(created) {
            created.unwrap();
            assert_eq!(
                check(&store, key).await,
                Credential::TenantDisabled,
                "round {round}"
            );
        }
        assert_eq!(
            store.find_tenant(&acme, &meter).await.unwrap().active_keys,
            keys.len()
        );
    }
    assert_eq!(
        check(&store, &first).await,
        ACCEPTED,
        "other tenants are not touched"
    );
}

/// Nothing keeps a tenant from being disabled: a key that was deleted by hand leaves its list.
#[tokio::test]
async fn a_tenant_with_keys_that_are_gone_is_disabled() {
    let (service, directory) = DirectoryTable::with_service().await;
    let (store, acme, meter) = (&service.app.store, tenant("acme"), Meter::default());
    let mut keys = vec![ApiKey::parse(service.key.as_bytes()).unwrap()];
    for seed in 2..5 {
        let key = key(&acme, seed);
        store
            .create_key(&key, "more", NOW, None, &meter)
            .await
            .unwrap();
        keys.push(key);
    }
    for gone in [0, 2] {
        directory.remove_key(&keys[gone]).await;
    }
    for enabled in [false, true] {
        store.set_enabled(&acme, enabled, &meter).await.unwrap();
        let expected = match enabled {
            true => ACCEPTED,
            false => Credential::TenantDisabled,
        };
        for (place, key) in keys.iter().enumerate() {
            let expected = match place {
                0 | 2 => &Credential::Unknown,
                _ => &expected,
            };
            assert_eq!(check(store, key).await, *expected, "{place}");
        }
        let found = store.find_tenant(&acme, &meter).await.unwrap();
        assert_eq!(found.active_keys, 2);
    }
}

#[tokio::test]
async fn tenants_are_listed_without_their_keys() {
    let (store, key) = store_with_key().await;
    let meter = Meter::default();
    for id in ["zeta", "beta"] {
        store
            .create_tenant(&tenant(id), id, NOW, &meter)
            .await
            .unwrap();
    }
    store
        .set_enabled(&tenant("beta"), false, &meter)
        .await
        .unwrap();
    let tenants = store.list_tenants(&meter).await.unwrap();
    let seen: Vec<_> = tenants
        .iter()
        .map(|t| (t.id.as_str(), t.name.as_str(), t.enabled, t.active_keys))
        .collect();
    assert_eq!(
        seen,
        [
            ("acme", "Acme Ltd", true, 1),
            ("beta", "beta", false, 0),
            ("zeta", "zeta", true, 0)
        ]
    );
    assert_eq!(
        store.find_tenant(key.tenant(), &meter).await.unwrap(),
        tenants[0]
    );
}

#[tokio::test]
async fn a_tenant_is_created_once() {
    let (store, key) = store_with_key().await;
    let meter = Meter::default();
    let again = store
        .create_tenant(key.tenant(), "Other", LATER, &meter)
        .await
        .unwrap_err();
    assert!(matches!(again, SecretsError::TenantExists(_)), "{again}");
    assert_eq!(
        store.find_tenant(key.tenant(), &meter).await.unwrap().name,
        "Acme Ltd"
    );
    assert_eq!(check(&store, &key).await, ACCEPTED);
}

#[tokio::test]
async fn nothing_can_be_done_to_a_tenant_that_does_not_exist() {
    let store = engine::store().await;
    let meter = Meter::default();
    let nobody = tenant("nobody");
    let errors = [
        store.find_tenant(&nobody, &meter).await.unwrap_err(),
        store.set_enabled(&nobody, true, &meter).await.unwrap_err(),
        store
            .create_key(&key(&nobody, 1), "entra", NOW, None, &meter)
            .await
            .unwrap_err(),
        store.list_keys(&nobody, &meter).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, SecretsError::NoTenant(_)), "{error}");
    }
    assert_eq!(store.list_tenants(&meter).await.unwrap(), []);
}

#[tokio::test]
async fn creating_tables_again_changes_nothing() {
    let store = engine::empty_store(&uuid::Uuid::new_v4().simple().to_string()).await;
    let created = store.create_tables().await.unwrap();
    assert!(created.iter().all(|table| table.created), "{created:?}");
    let client = Client::new(&engine::sdk_config(engine::endpoint()).await);
    for CreatedTable { name, .. } in &created {
        let table = client.describe_table().table_name(name).send().await;
        let table = table.unwrap().table.unwrap();
        assert_eq!(table.deletion_protection_enabled, Some(true), "{name}");
        // Encrypted as the deployed ones are. DynamoDB Local takes the setting and tells nothing of
        // it.
        let is_embedded = std::env::var_os("SCIM_TEST_DYNAMODB_ENDPOINT").is_none();
        let encryption = table.sse_description.and_then(|of| of.sse_type);
        let is_right = encryption == Some(SseType::Kms) || (encryption.is_none() && !is_embedded);
        assert!(is_right, "{name}: {encryption:?}");
    }
    let acme = tenant("acme");
    store
        .create_tenant(&acme, "Acme Ltd", NOW, &Meter::default())
        .await
        .unwrap();
    let again = store.create_tables().await.unwrap();
    assert!(again.iter().all(|table| !table.created), "{again:?}");
    assert_eq!(again.len(), 2);
    store.find_tenant(&acme, &Meter::default()).await.unwrap();
}
