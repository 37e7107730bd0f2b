//! The Lambda function. See [`settings::run`].

// One thread, as the SCIM function has: a request mostly waits for DynamoDB.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    settings::run().await
}
