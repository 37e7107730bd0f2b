//! `scim-admin smoke`: the program itself is told to end, while it waits for a service that does
//! not answer. No key is left behind.

#![cfg(test)]

use std::process::{Command, Stdio};
use std::sync::Arc;

use axum::Router;
use store::{Meter, Store};
use tenant::{ApiKey, TenantId};
use time::{Duration, OffsetDateTime};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// The keys of the tenant that the command has made.
async fn keys_of_the_command(store: &Store) -> Vec<store::secrets::KeyRecord> {
    let acme = TenantId::parse("acme").unwrap();
    let mut keys = store.list_keys(&acme, &Meter::default()).await.unwrap();
    keys.retain(|key| key.label == "smoke test");
    keys
}

#[tokio::test]
async fn told_to_end_it_revokes_its_key() {
    let engine = stand::engine::background().unwrap();
    let tables = stand::tenant::tables();
    let store = stand::tenant::connect(&engine, tables.clone()).await;
    store.create_tables().await.unwrap();
    let key = ApiKey::from_secret(&TenantId::parse("acme").unwrap(), [7; 32]);
    stand::tenant::create(&store, "Acme", &key, "test")
        .await
        .unwrap();
    let asked = Arc::new(Notify::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let told = asked.clone();
    let routes = Router::new().fallback(move || {
        told.notify_one();
        std::future::pending::<()>()
    });
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    for (run, signal) in ["-INT", "-TERM"].into_iter().enumerate() {
        let program = Command::new(env!("CARGO_BIN_EXE_scim-admin"))
            .env_clear()
            .envs([
                ("AWS_REGION", "us-east-1"),
                ("AWS_ACCESS_KEY_ID", "local"),
                ("AWS_SECRET_ACCESS_KEY", "local"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                ("AWS_CONFIG_FILE", "/dev/null"),
                ("AWS_ENDPOINT_URL_DYNAMODB", &engine),
                ("SCIM_SECRETS_TABLE", &tables.secrets),
                ("SCIM_DIRECTORY_TABLE", &tables.directory),
            ])
            .args(["smoke", "--tenant", "acme", "--url", &url])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        asked.notified().await;
        let keys = keys_of_the_command(&store).await;
        assert_eq!(keys.len(), run + 1);
        let open: Vec<_> = keys.iter().filter(|key| key.revoked.is_none()).collect();
        let [key] = open[..] else { panic!("{keys:?}") };
        // Killed for good, it would leave a key of ten minutes.
        let left = key.expires.unwrap() - OffsetDateTime::now_utc();
        assert!(left <= Duration::minutes(10), "{left}");
        let id = program.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
        let output = tokio::task::spawn_blocking(|| program.wait_with_output());
        let output = output.await.unwrap().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("stopped: it was told to end"), "{said}");
        assert!(said.contains("is revoked"), "{said}");
        let keys = keys_of_the_command(&store).await;
        assert!(keys.iter().all(|key| key.revoked.is_some()), "{keys:?}");
    }
    server.abort();
}
