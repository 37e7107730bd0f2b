//! What DynamoDB answers in trouble, word for word as far as it is documented or was recorded, so
//! that the SDK treats it as it would in production.

use serde_json::{Value, json};

use super::asked::Asked;

/// An answer that DynamoDB gives instead of doing what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The table gives no more.
    ProvisionedThroughput,
    /// The request was throttled before it came to the table.
    Throttling,
    /// The account gives no more.
    RequestLimit,
    /// 500.
    InternalServerError,
    /// 503 of DynamoDB itself.
    ServiceUnavailable,
    /// 503 of whatever stands before DynamoDB: it speaks HTML.
    Html,
    /// An earlier attempt of the same transaction is still under way.
    TransactionInProgress,
    /// A transaction is cancelled because one of its items is throttled.
    ItemThrottled,
    /// The same in the words for tables with provisioned capacity.
    ItemThroughput,
    /// A transaction is cancelled because another one holds its last item.
    Conflict,
    /// The same, and the condition on the first item does not hold while the other is under way.
    ConflictAndCondition,
    /// A transaction holds the item of a single write.
    ItemConflict,
    /// IAM does not allow it.
    AccessDenied,
}

impl Trouble {
    /// The status and the body of the answer.
    pub fn answer(self, asked: &Asked) -> (&'static str, String) {
        let bad_request =
            |kind: &str, message: &str| ("400 Bad Request", error(kind, message).to_string());
        match self {
            Self::ProvisionedThroughput => bad_request(
                "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                THROUGHPUT,
            ),
            Self::Throttling => bad_request(
                "com.amazon.coral.availability#ThrottlingException",
                "Rate of requests exceeds the allowed throughput.",
            ),
            Self::RequestLimit => bad_request(
                "com.amazonaws.dynamodb.v20120810#RequestLimitExceeded",
                "Throughput exceeds the current throughput limit for your account.",
            ),
            Self::InternalServerError => (
                "500 Internal Server Error",
                error(
                    "com.amazonaws.dynamodb.v20120810#InternalServerError",
                    "Internal server error",
                )
                .to_string(),
            ),
            Self::ServiceUnavailable => (
                "503 Service Unavailable",
                error(
                    "com.amazon.coral.availability#ServiceUnavailableException",
                    "DynamoDB is currently unavailable. Try again later.",
                )
                .to_string(),
            ),
            Self::Html => (
                "503 Service Unavailable",
                "<html><body><b>Http/1.1 Service Unavailable</b></body></html>".to_owned(),
            ),
            Self::TransactionInProgress => bad_request(
                "com.amazonaws.dynamodb.v20120810#TransactionInProgressException",
                "The transaction with the given request token is already in progress.",
            ),
            Self::ItemThrottled => cancelled(
                asked,
                reason(
                    "ThrottlingError",
                    "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly.",
                ),
                reason("None", ""),
            ),
            Self::ItemThroughput => cancelled(
                asked,
                reason("ProvisionedThroughputExceeded", THROUGHPUT),
                reason("None", ""),
            ),
            Self::Conflict => cancelled(asked, conflict(), reason("None", "")),
            Self::ConflictAndCondition => cancelled(
                asked,
                conflict(),
                reason("ConditionalCheckFailed", "The conditional request failed"),
            ),
            Self::ItemConflict => bad_request(
                "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
                "Transaction is ongoing for the item",
            ),
            Self::AccessDenied => bad_request(
                "com.amazon.coral.service#AccessDeniedException",
                "User: arn:aws:iam::123456789012:user/lena is not authorized to perform this action",
            ),
        }
    }
}

const THROUGHPUT: &str = "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.";

fn error(kind: &str, message: &str) -> Value {
    json!({"__type": kind, "message": message})
}

fn conflict() -> Value {
    reason("TransactionConflict", "Transaction is ongoing for the item")
}

/// Blameless items have no message.
fn reason(code: &str, message: &str) -> Value {
    if message.is_empty() {
        json!({"Code": code})
    } else {
        json!({"Code": code, "Message": message})
    }
}

/// A cancelled transaction: `last` is the reason of its last item, `first` that of its first, and
/// the others are blameless.
fn cancelled(asked: &Asked, last: Value, first: Value) -> (&'static str, String) {
    let mut reasons = vec![reason("None", ""); asked.actions.max(1)];
    reasons[0] = first;
    if let Some(reason) = reasons.last_mut() {
        *reason = last;
    }
    let codes: Vec<_> = reasons
        .iter()
        .map(|reason| reason["Code"].as_str().unwrap_or_default())
        .collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "CancellationReasons": reasons,
        "Message": message,
    });
    ("400 Bad Request", body.to_string())
}

/// An HTTP message with this status and body.
pub fn message(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The answer of a BatchGetItem that leaves keys: all of them, or the last one if there are
/// several. `rest` asks for the others; nothing if none are asked for.
pub fn left(asked: &Asked, all: bool) -> (Value, Option<Value>) {
    let mut rest = asked.body.clone();
    let mut left = json!({});
    let tables = rest["RequestItems"].as_object_mut().expect("RequestItems");
    let count = |request: &Value| request["Keys"].as_array().map_or(0, Vec::len);
    let total: usize = tables.values().map(count).sum();
    let mut kept = if all { 0 } else { total.div_ceil(2) };
    for (table, request) in tables.iter_mut() {
        let keys = request["Keys"].as_array_mut().expect("Keys");
        let unprocessed = keys.split_off(keys.len().min(kept));
        kept -= keys.len();
        if !unprocessed.is_empty() {
            let mut request = request.clone();
            request["Keys"] = unprocessed.into();
            left[table] = request;
        }
    }
    tables.retain(|_, request| count(request) > 0);
    let remains = !tables.is_empty();
    (left, remains.then_some(rest))
}
