//! The Lambda function. See [`settings::run`].

use std::process::ExitCode;

// One thread, as the SCIM function has: a request mostly waits for DynamoDB.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::log::exit(settings::run().await)
}
