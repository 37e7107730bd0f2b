//! The Lambda function. See [`hellotracks_scim::app::run`].

use std::process::ExitCode;

// One thread: a request mostly waits, and Lambda sends the next one only after the answer. Several
// threads would wake one another at every step of a call to DynamoDB.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::log::exit(hellotracks_scim::app::run().await)
}
