//! What DynamoDB is asked, as far as a plan of trouble has to know it.

use serde_json::Value;

/// A request of the SDK.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Such as `GetItem`.
    pub operation: String,
    /// The operation, the table without its prefix, and the kind of item, such as
    /// `GetItem directory U`.
    pub label: String,
    /// How many requests with this label came before.
    pub before: usize,
    /// How many actions a transaction has.
    pub actions: usize,
    pub body: Value,
}

impl Asked {
    pub fn new(operation: &str, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let actions = body["TransactItems"].as_array();
        let first = actions.and_then(|actions| actions.first()?.as_object()?.values().next());
        let batch = body["RequestItems"].as_object().and_then(|tables| {
            let (table, request) = tables.iter().next()?;
            Some((table.as_str(), &request["Keys"][0]["sk"]["S"]))
        });
        let target = first.unwrap_or(&body);
        let (table, sort_key) = batch.unwrap_or_else(|| {
            (
                target["TableName"].as_str().unwrap_or_default(),
                sort_key(target),
            )
        });
        let table = table.rsplit_once('-').map_or(table, |(_, table)| table);
        let kind = sort_key
            .as_str()
            .and_then(|sort_key| sort_key.split('#').next())
            .unwrap_or_default();
        Self {
            label: format!("{operation} {table} {kind}").trim_end().to_owned(),
            operation: operation.to_owned(),
            before: 0,
            actions: actions.map_or(0, Vec::len),
            body,
        }
    }
}

/// The sort key that a request is about, or the start of those.
fn sort_key(target: &Value) -> &Value {
    let values = &target["ExpressionAttributeValues"];
    [
        &target["Key"]["sk"]["S"],
        &target["Key"]["secrets_sk"]["S"],
        &target["Key"]["sessions_sk"]["S"],
        &target["Item"]["sessions_sk"]["S"],
        &target["Item"]["sk"]["S"],
        &target["Item"]["secrets_sk"]["S"],
        &values[":prefix"]["S"],
        &values[":from"]["S"],
    ]
    .into_iter()
    .find(|found| found.is_string())
    .unwrap_or(&Value::Null)
}
