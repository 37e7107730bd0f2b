//! The Lambda function. See [`hellotracks_scim::app::run`].

// One thread: a request mostly waits, and Lambda sends the next one only after the answer. Several
// threads would wake one another at every step of a call to DynamoDB.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    hellotracks_scim::app::run().await
}
