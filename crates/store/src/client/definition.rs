//! The definition of the tables. template.yaml has the same for CloudFormation.

/// The partition key of the directory table.
pub const PARTITION_KEY: &str = "pk";
/// The sort key of the directory table.
pub const SORT_KEY: &str = "sk";
/// The partition key of the secrets table. Its name is another than the directory table's, so that
/// DynamoDB refuses what is meant for the other table: names that are exchanged are found out by
/// the first call.
pub const SECRETS_PARTITION_KEY: &str = "secrets_pk";
/// The sort key of the secrets table.
pub const SECRETS_SORT_KEY: &str = "secrets_sk";
/// Seconds since 1970, after which DynamoDB may remove a directory item.
pub const EXPIRES_AT: &str = "expires_at";

/// A global secondary index in DynamoDB's own terms. It has the keys of those items of the table
/// that have its own key: where few do, whoever reads it need not look through the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexDefinition {
    /// Its name.
    pub name: &'static str,
    /// Its partition key, a text. It has no sort key.
    pub key: &'static str,
}

/// A table in DynamoDB's own terms, as in a CloudFormation template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableDefinition {
    /// What it is for, in a word.
    pub kind: &'static str,
    /// Attribute name and key type of each part of the primary key: `HASH`, then `RANGE`.
    pub key_schema: [(&'static str, &'static str); 2],
    /// Attribute name and attribute type of each part of the primary key.
    pub attribute_definitions: [(&'static str, &'static str); 2],
    /// The billing mode.
    pub billing_mode: &'static str,
    /// The attribute that DynamoDB's time to live reads.
    pub time_to_live: Option<&'static str>,
    /// Whether DeleteTable is refused.
    pub deletion_protection: bool,
    /// Whether the table can be restored to any second of the last 35 days.
    pub point_in_time_recovery: bool,
    /// The kind of key that it is encrypted with.
    pub encryption: &'static str,
    /// What the table's stream shows of an item that is written, if it has a stream.
    pub stream: Option<&'static str>,
    /// Its index, if it has one.
    pub index: Option<IndexDefinition>,
}

/// Tenants and the digests of their API keys. Nothing in it expires: a revoked key stays on record.
pub const SECRETS: TableDefinition = TableDefinition {
    kind: "secrets",
    key_schema: [(SECRETS_PARTITION_KEY, "HASH"), (SECRETS_SORT_KEY, "RANGE")],
    attribute_definitions: [(SECRETS_PARTITION_KEY, "S"), (SECRETS_SORT_KEY, "S")],
    billing_mode: "PAY_PER_REQUEST",
    time_to_live: None,
    deletion_protection: true,
    point_in_time_recovery: true,
    // The key that AWS manages for DynamoDB in the account, whose uses CloudTrail has.
    encryption: "KMS",
    stream: None,
    index: None,
};

/// Everything the tenants own, and an index of what is pending.
pub const DIRECTORY: TableDefinition = TableDefinition {
    kind: "directory",
    key_schema: [(PARTITION_KEY, "HASH"), (SORT_KEY, "RANGE")],
    attribute_definitions: [(PARTITION_KEY, "S"), (SORT_KEY, "S")],
    time_to_live: Some(EXPIRES_AT),
    // Change records are all that is read of it, and they are written once.
    stream: Some("NEW_IMAGE"),
    // By it, changes of all tenants are found that wait to be carried out.
    index: Some(IndexDefinition {
        name: "pending",
        key: "record",
    }),
    ..SECRETS
};

/// The partition key of the sessions table.
pub const SESSIONS_PARTITION_KEY: &str = "sessions_pk";
/// The sort key of the sessions table.
pub const SESSIONS_SORT_KEY: &str = "sessions_sk";

/// Links to the settings page, and the sessions that they open. All of it ends within days, so it
/// is worth no recovery.
pub const SESSIONS: TableDefinition = TableDefinition {
    kind: "sessions",
    key_schema: [
        (SESSIONS_PARTITION_KEY, "HASH"),
        (SESSIONS_SORT_KEY, "RANGE"),
    ],
    attribute_definitions: [(SESSIONS_PARTITION_KEY, "S"), (SESSIONS_SORT_KEY, "S")],
    time_to_live: Some(EXPIRES_AT),
    deletion_protection: false,
    point_in_time_recovery: false,
    ..SECRETS
};

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{
        BillingMode, KeyType, ScalarAttributeType, SseType, StreamViewType,
    };

    use super::*;

    /// `BillingMode::from` and similar functions accept any text, so a typo would reach DynamoDB.
    #[test]
    fn definitions_use_words_that_dynamodb_knows() {
        for definition in [SECRETS, DIRECTORY, SESSIONS] {
            assert_eq!(
                BillingMode::from(definition.billing_mode),
                BillingMode::PayPerRequest
            );
            assert_eq!(SseType::from(definition.encryption), SseType::Kms);
            if let Some(view) = definition.stream {
                assert_eq!(StreamViewType::from(view), StreamViewType::NewImage);
            }
            let kinds = definition.key_schema.map(|(_, kind)| KeyType::from(kind));
            assert_eq!(kinds, [KeyType::Hash, KeyType::Range]);
            for (_, kind) in definition.attribute_definitions {
                assert_eq!(ScalarAttributeType::from(kind), ScalarAttributeType::S);
            }
        }
    }
}
