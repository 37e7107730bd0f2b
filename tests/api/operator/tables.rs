//! Each table knows what it is: names that are exchanged, or lead to another program's table, are
//! found out before anything is read or written.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use serde_json::json;
use store::Tables;
use store::client::tables::TablesError;

use crate::support::admin::Admin;
use crate::support::capture::logged;
use crate::support::copies::copy;
use crate::support::engine;
use crate::support::service::Service;

/// What Entra shows of an issuer.
const PASTED: &str = "--issuer https://login.microsoftonline.com/0f5e2b0c-3c5b-4d0e-9d37-6f1c8a2b7e10/v2.0 --subject 5b1d7a60-7a52-4c0f-8c3e-2f9e0d4b6a11 --audience a4c1e8d2-96b3-4f7a-b1d5-3e8f7c2a9b12";

/// Every command, with an argument that it takes.
fn commands(id: &str) -> Vec<String> {
    let commands = [
        ("audit", String::new()),
        ("breaker lift", "acme --reason drill".to_owned()),
        ("client create", "acme --label x".to_owned()),
        ("client list", "acme".to_owned()),
        ("client revoke", "acme acme.0123456789ab".to_owned()),
        ("client rotate", "acme acme.0123456789ab".to_owned()),
        ("client trust", format!("acme acme.0123456789ab {PASTED}")),
        ("directory check", "acme --repair --reason drill".to_owned()),
        ("events", "acme".to_owned()),
        ("group deleted", "acme".to_owned()),
        ("group list", "acme".to_owned()),
        ("group members", "acme North".to_owned()),
        ("group restore", format!("acme {id}")),
        ("group show", "acme North".to_owned()),
        ("history", "acme".to_owned()),
        ("key create", "acme --label x".to_owned()),
        ("key identify", String::new()),
        ("key list", "acme".to_owned()),
        ("key revoke", "acme 0123456789ab".to_owned()),
        ("key rotate", "acme".to_owned()),
        ("key warnings", String::new()),
        (
            "link create",
            "acme --for x --public-url https://a.example".to_owned(),
        ),
        ("link list", "acme".to_owned()),
        ("link revoke", "acme".to_owned()),
        ("migrate", String::new()),
        ("requests", "acme".to_owned()),
        ("tables adopt", String::new()),
        ("tables create", String::new()),
        ("tenant attributes", "acme".to_owned()),
        ("tenant create", "beta".to_owned()),
        ("tenant delete", "acme --confirm acme --reason x".to_owned()),
        ("tenant disable", "acme --reason drill".to_owned()),
        ("tenant enable", "acme".to_owned()),
        ("tenant export", "acme --to /tmp/never-written".to_owned()),
        ("tenant import", "acme --from /tmp/never-written".to_owned()),
        ("tenant list", String::new()),
        ("tenant status", "acme".to_owned()),
        ("user deleted", "acme".to_owned()),
        ("user erase", format!("acme {id} --reason x")),
        ("user find", "acme lena".to_owned()),
        ("user reactivate", format!("acme {id}")),
        ("user restore", format!("acme {id}")),
        ("user show", "acme lena".to_owned()),
    ];
    assert_eq!(
        commands.clone().map(|(name, _)| name.to_owned()),
        scim_admin::commands()[..]
    );
    commands
        .into_iter()
        .map(|(name, arguments)| format!("{name} {arguments}"))
        .collect()
}

#[tokio::test]
async fn names_that_are_exchanged_are_told_by_every_command() {
    let (service, directory, admin) = Admin::with_service().await;
    let id = service.create_user("lena", json!({})).await;
    let before = directory.items("acme").await;
    let Tables {
        secrets,
        directory: other,
    } = admin.tables();
    let exchanged = admin
        .over(Tables {
            secrets: other.clone(),
            directory: secrets,
        })
        .await;
    for command in commands(&id) {
        let (code, said) = exchanged.run(&command).await;
        assert_eq!(code, 1, "{command}: {said}");
        assert!(said.contains("are exchanged"), "{command}: {said}");
        assert!(said.contains(&other), "{command}: {said}");
    }
    assert_eq!(directory.items("acme").await, before);
    let (_, tenants) = admin.json("tenant list").await;
    assert_eq!(tenants.as_array().unwrap().len(), 1, "{tenants}");
}

#[tokio::test]
async fn one_wrong_name_is_told_by_what_needs_it() {
    let (service, _, admin) = Admin::with_service().await;
    let Tables { secrets, directory } = admin.tables();
    let foreign = format!("foreign-{directory}");
    create_foreign(&foreign).await;
    for (tables, command, named) in [
        ((&secrets, &secrets), "directory check acme", &secrets),
        ((&secrets, &secrets), "user deleted acme", &secrets),
        ((&directory, &directory), "tenant list", &directory),
        ((&directory, &directory), "tenant create beta", &directory),
        ((&foreign, &directory), "key warnings", &foreign),
        ((&secrets, &foreign), "history acme", &foreign),
        ((&secrets, &foreign), "tables create", &foreign),
    ] {
        let (secrets, directory) = (tables.0.clone(), tables.1.clone());
        let admin = admin.over(Tables { secrets, directory }).await;
        let (code, said) = admin.run(command).await;
        assert_eq!(code, 1, "{command}: {said}");
        assert!(
            said.contains(&format!("`{named}` is not a")),
            "{command}: {said}"
        );
    }
    assert_eq!(service.get("/Users").await.status, 200);
}

/// The function looks at its tables when it starts; here it is made to answer nevertheless.
#[tokio::test]
async fn a_function_with_exchanged_names_does_not_start() {
    let (service, _, admin) = Admin::with_service().await;
    service.app.store.check_tables().await.unwrap();
    let Tables { secrets, directory } = admin.tables();
    let exchanged = Tables {
        secrets: directory,
        directory: secrets,
    };
    let store = stand::tenant::connect(engine::endpoint(), exchanged).await;
    let error = store.check_tables().await.unwrap_err();
    assert!(matches!(error, TablesError::OtherKind { .. }), "{error}");
    let service = Service {
        app: hellotracks_scim::instance::Instance::new(store, service.app.config.clone()),
        key: service.key.clone(),
    };
    let (answer, lines) = logged(service.get("/Users")).await;
    answer.error(500, "");
    let cause = lines[0]["cause"].as_str().unwrap();
    assert!(cause.contains("ValidationException"), "{cause}");
}

/// A table with a primary key of another kind.
async fn create_foreign(name: &str) {
    let client = Client::new(&engine::sdk_config(engine::endpoint()).await);
    let key = KeySchemaElement::builder()
        .attribute_name("id")
        .key_type(KeyType::Hash);
    let attribute = AttributeDefinition::builder()
        .attribute_name("id")
        .attribute_type(ScalarAttributeType::S);
    client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key.build().unwrap())
        .attribute_definitions(attribute.build().unwrap())
        .send()
        .await
        .unwrap();
}

/// What an earlier release has created gets what is new, with what is in it.
#[tokio::test]
async fn a_table_without_an_index_gets_one() {
    let (_, directory, admin) = Admin::with_service().await;
    let group = uuid::Uuid::new_v4().to_string();
    let record = format!("E#2026-11-26T20:00:00.000Z#M#{group}#{group}");
    let pending = [("record", record.as_str())];
    directory
        .plant("acme", &format!("J#{group}"), &pending)
        .await;
    let before = copy(&admin.tables()).await;
    let admin = admin.over(before).await;
    let found = async || {
        let (store, meter) = (admin.store(), store::Meter::default());
        let (found, others) = store.pending_of_all(&meter).await?;
        assert_eq!(others, 0);
        let named =
            |found: store::pending::Found| (found.tenant.to_string(), found.group.to_string());
        Ok::<_, store::StoreError>(found.into_iter().map(named).collect::<Vec<_>>())
    };
    assert!(found().await.is_err());
    let (code, said) = admin.run("tables create").await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(found().await.unwrap(), [("acme".to_owned(), group)]);
    let (code, said) = admin.run("tables create").await;
    assert_eq!(code, 0, "{said}");
}
