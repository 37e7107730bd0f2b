//! The Lambda function. See [`pending_changes::run`].

use std::process::ExitCode;

// One thread, as the SCIM function has: it mostly waits for DynamoDB.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::log::exit(pending_changes::run().await)
}
