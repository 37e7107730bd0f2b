//! The Lambda function. See [`pending_changes::run`].

// One thread, as the SCIM function has: it mostly waits for DynamoDB.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    pending_changes::run().await
}
