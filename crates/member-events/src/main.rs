//! The Lambda function. See [`member_events::function::run`].

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::log::exit(member_events::function::run().await)
}
