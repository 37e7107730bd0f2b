//! The index of a table.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TableDescription,
};
use backon::ConstantBuilder;

use super::definition::IndexDefinition;
use super::tables::{TablesError, wait_until_active_for};
use super::{Store, StoreError};

/// How often to check whether a table has a place for its index: for up to ten minutes.
const POLL: ConstantBuilder = ConstantBuilder::new()
    .with_delay(Duration::from_secs(1))
    .with_max_times(600);

impl IndexDefinition {
    /// The index of a table that is created with it.
    pub(super) fn new_index(&self) -> Result<GlobalSecondaryIndex, StoreError> {
        Ok(GlobalSecondaryIndex::builder()
            .index_name(self.name)
            .key_schema(self.key_schema()?)
            .projection(keys_only())
            .build()?)
    }

    /// The attribute that is its key.
    pub(super) fn attribute(&self) -> Result<AttributeDefinition, StoreError> {
        Ok(AttributeDefinition::builder()
            .attribute_name(self.key)
            .attribute_type(ScalarAttributeType::S)
            .build()?)
    }

    fn key_schema(&self) -> Result<KeySchemaElement, StoreError> {
        Ok(KeySchemaElement::builder()
            .attribute_name(self.key)
            .key_type(KeyType::Hash)
            .build()?)
    }
}

fn keys_only() -> Projection {
    Projection::builder()
        .projection_type(ProjectionType::KeysOnly)
        .build()
}

/// Whether a table has an index of this name.
pub(super) fn has_index(table: &TableDescription, index: &IndexDefinition) -> bool {
    let mut indexes = table.global_secondary_indexes().iter();
    indexes.any(|there| there.index_name() == Some(index.name))
}

/// Gives a table its index, if it has none of this name. DynamoDB fills it from the table, which
/// can take hours and goes on behind everything else.
pub(super) async fn add_index(
    store: &Store,
    table: &TableDescription,
    name: &str,
    index: &IndexDefinition,
) -> Result<(), TablesError> {
    if has_index(table, index) {
        return Ok(());
    }
    let create = CreateGlobalSecondaryIndexAction::builder()
        .index_name(index.name)
        .key_schema(index.key_schema()?)
        .projection(keys_only())
        .build()
        .map_err(StoreError::from)?;
    let update = GlobalSecondaryIndexUpdate::builder().create(create).build();
    let mut request = store.client.update_table().table_name(name);
    // Those of the table's own key, with the index's.
    for attribute in table.attribute_definitions() {
        request = request.attribute_definitions(attribute.clone());
    }
    let request = request
        .attribute_definitions(index.attribute()?)
        .global_secondary_index_updates(update);
    store.administer(request).await?;
    // The table is active again once the index has a place, which can take minutes, and before it
    // is filled.
    wait_until_active_for(store, name, POLL).await.map(drop)
}
