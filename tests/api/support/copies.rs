//! Not tests: tables as a restore from a backup leaves them.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, PutRequest,
    ScalarAttributeType, WriteRequest,
};
use store::Tables;
use store::client::tables::{DIRECTORY, SECRETS};

use crate::support::engine;

/// Copies both tables under other names. As a restore does, it leaves out time to live, recovery
/// and protection.
pub async fn copy(from: &Tables) -> Tables {
    let client = Client::new(&engine::sdk_config(engine::endpoint()).await);
    let to = engine::tables(&uuid::Uuid::new_v4().simple().to_string());
    for (from, to, definition) in [
        (&from.secrets, &to.secrets, SECRETS),
        (&from.directory, &to.directory, DIRECTORY),
    ] {
        let mut create = client
            .create_table()
            .table_name(to)
            .billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in definition.key_schema {
            let key = KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(KeyType::from(kind));
            let attribute = AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S);
            create = create
                .key_schema(key.build().unwrap())
                .attribute_definitions(attribute.build().unwrap());
        }
        create.send().await.unwrap();
        let items = scan(&client, from).await;
        for items in items.chunks(25) {
            let writes = items.iter().map(|item| {
                let put = PutRequest::builder().set_item(Some(item.clone()));
                let put = put.build().unwrap();
                WriteRequest::builder().put_request(put).build()
            });
            let batch = client.batch_write_item();
            let batch = batch.request_items(to, writes.collect());
            let left = batch.send().await.unwrap().unprocessed_items;
            assert!(left.unwrap_or_default().is_empty());
        }
    }
    to
}

async fn scan(client: &Client, table: &str) -> Vec<HashMap<String, AttributeValue>> {
    let scan = client.scan().table_name(table).consistent_read(true);
    let mut pages = scan.into_paginator().items().send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(item.unwrap());
    }
    items
}
