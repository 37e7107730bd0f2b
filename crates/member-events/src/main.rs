//! The Lambda function. See [`member_events::function::run`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    member_events::function::run().await
}
