//! The drill of a restore: both tables come back under other names as they were at a point in time;
//! they are adopted, what has ended since is ended again, and clients go on.

use hellotracks_scim::instance::Instance;
use serde_json::{Value, json};
use store::Meter;
use tenant::TenantId;

use crate::support::admin::Admin;
use crate::support::copies::copy;
use crate::support::engine;
use crate::support::service::Service;

/// What a setting was and is.
fn setting<'t>(tables: &'t Value, kind: &str, name: &str) -> (&'t str, &'t str) {
    let tables = tables.as_array().unwrap();
    let table = tables.iter().find(|table| table["kind"] == kind).unwrap();
    let settings = table["settings"].as_array().unwrap();
    let setting = settings.iter().find(|setting| setting["name"] == name);
    let setting = setting.unwrap();
    (
        setting["was"].as_str().unwrap(),
        setting["is"].as_str().unwrap(),
    )
}

#[tokio::test]
async fn restored_tables_are_adopted_and_clients_go_on() {
    let (service, _, admin) = Admin::with_service().await;
    let lena = service
        .create_user("lena", json!({"externalId": "x-1"}))
        .await;
    let leaked = service.add_tenant("beta").await;
    service.add_tenant("gamma").await;
    let of_delta = service.add_tenant("delta").await;
    let (_, rotated) = admin.json("key list acme").await;
    let rotated = rotated[0]["id"].as_str().unwrap().to_owned();
    let restored = copy(&admin.tables()).await;

    // What happened after the point in time.
    let (_, keys) = admin.json("key list beta").await;
    let revoked = keys[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(admin.run(&format!("key revoke beta {revoked}")).await.0, 0);
    assert_eq!(admin.run("tenant disable gamma --reason drill").await.0, 0);
    // As its own admin does it on the settings page.
    let delta = TenantId::parse("delta").unwrap();
    let meter = Meter::default();
    let turned = service.app.store.set_api(&delta, false, &meter).await;
    assert!(!turned.unwrap().lets_in());
    let (code, said) = admin.run("key rotate acme --overlap-days 3").await;
    assert_eq!(code, 0, "{said}");
    let (_, keys) = admin.json("key list acme").await;
    let keys = keys.as_array().unwrap();
    let successor = keys.iter().find(|key| key["id"] != rotated).unwrap();
    let successor = successor["id"].clone();
    assert_eq!(admin.run("key create beta --label later").await.0, 0);
    assert_eq!(
        admin
            .run(&format!("user erase acme {lena} --reason drill"))
            .await
            .0,
        0
    );
    let (code, log, _) = admin.output("audit --ndjson --since 1h").await;
    assert_eq!(code, 0);

    let over = admin.over(restored.clone()).await;
    let (code, adopted) = over.json("tables adopt").await;
    assert_eq!(code, 0, "{adopted}");
    assert_eq!(
        setting(&adopted, "directory", "time to live"),
        ("off", "`expires_at`")
    );
    assert_eq!(setting(&adopted, "secrets", "time to live"), ("off", "off"));
    let (code, again) = over.json("tables adopt").await;
    assert_eq!(code, 0);
    let now = setting(&again, "directory", "time to live");
    assert_eq!(now, ("`expires_at`", "`expires_at`"));
    assert_eq!(
        setting(&adopted, "directory", "index"),
        ("off", "`pending`")
    );
    let now = setting(&again, "directory", "index");
    assert_eq!(now, ("`pending`", "`pending`"));
    let (_, _, note) = over.output("tables adopt").await;
    assert!(note.contains("key revoke --as-in"), "{note}");

    // The function on the restored tables: the leaked key is accepted again.
    let store = stand::tenant::connect(engine::endpoint(), restored.clone()).await;
    let app = Instance::new(store, service.app.config.clone());
    let function = Service {
        app,
        key: service.key.clone(),
    };
    let with_key = async |key: &str| {
        let list = function.call("GET", "/Users").key(key);
        list.send().await.status
    };
    assert_eq!(with_key(&leaked).await, 200);
    assert_eq!(with_key(&of_delta).await, 200);

    // Either source ends the same: here the log on a copy, then the table.
    let copied = copy(&restored).await;
    let from_log = admin.over(copied).await;
    let file = std::env::temp_dir().join(format!("log-{}.ndjson", uuid::Uuid::new_v4()));
    std::fs::write(&file, &log).unwrap();
    let by_log = format!("key revoke --as-in-log {}", file.display());
    let (code, ended_by_log) = from_log.json(&by_log).await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(code, 0, "{ended_by_log}");
    let as_in = format!("key revoke --as-in {}", admin.tables().secrets);
    let (code, ended) = over.json(&as_in).await;
    assert_eq!(code, 0, "{ended}");
    for ended in [&ended, &ended_by_log] {
        let of = |tenant: &str, now: &str| {
            let found = ended.as_array().unwrap().iter();
            let mut found = found.filter(|one| one["tenant"] == tenant && one["now"] == now);
            found.next().cloned().unwrap_or_default()
        };
        assert_eq!(of("beta", "revoked")["key"], revoked, "{ended}");
        assert_eq!(of("gamma", "disabled")["tenant"], "gamma", "{ended}");
        assert_eq!(of("delta", "API turned off")["tenant"], "delta", "{ended}");
        assert_eq!(of("acme", "unknown here")["key"], successor, "{ended}");
        assert_eq!(of("acme", "ends earlier")["key"], rotated, "{ended}");
        assert!(of("beta", "unknown here")["key"].is_string(), "{ended}");
    }
    assert_eq!(with_key(&leaked).await, 401);
    assert_eq!(with_key(&of_delta).await, 401);
    // What is ended is not ended again; what is missing is told again.
    let (_, again) = over.json(&as_in).await;
    let again = again.as_array().unwrap();
    assert!(
        again.iter().all(|one| one["now"] == "unknown here"),
        "{again:?}"
    );

    // Entra finds whom it created, and goes on; the person is erased again.
    assert_eq!(
        function.find("externalId eq \"x-1\"").await.ids(),
        [lena.as_str()]
    );
    let (code, erased) = over.json("user erase acme --again").await;
    assert_eq!(
        (code, erased),
        (0, json!([])),
        "the log was restored as well"
    );
    let max = function.create_user("max", json!({})).await;
    let off = json!([{"op": "Replace", "path": "active", "value": "False"}]);
    assert_eq!(
        function.patch(&format!("/Users/{max}"), off).await.status,
        200
    );
    assert_eq!(over.run("directory check acme").await.0, 0);
}

#[tokio::test]
async fn what_is_no_table_or_no_log_is_told() {
    let (_, _, admin) = Admin::with_service().await;
    let tables = admin.tables();
    let mut missing = tables.clone();
    missing.directory = "nothing-there".to_owned();
    let (code, said) = admin.over(missing).await.run("tables adopt").await;
    assert_eq!(code, 1);
    assert!(said.contains("there is no table `nothing-there`"), "{said}");
    let other = format!("key revoke --as-in {}", tables.directory);
    let (code, said) = admin.run(&other).await;
    assert_eq!(code, 1);
    assert!(said.contains("is not a secrets table"), "{said}");
    let file = std::env::temp_dir().join(format!("log-{}.ndjson", uuid::Uuid::new_v4()));
    std::fs::write(&file, "{}\n").unwrap();
    let (code, said) = admin
        .run(&format!("key revoke --as-in-log {}", file.display()))
        .await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(code, 1);
    assert!(said.contains("line 1 is no entry"), "{said}");
    assert_eq!(admin.run("key revoke acme").await.0, 2);
}
