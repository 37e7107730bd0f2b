//! `scim-admin` as a program: arguments, AWS's configuration, standard output and standard error.

use std::io;
use std::process::ExitCode;

use aws_config::BehaviorVersion;
use clap::Parser as _;
use scim_admin::{Caller, Cli, Streams, local_user, run};
use store::{Store, Tables, Timeouts};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut aws = aws_config::defaults(BehaviorVersion::latest());
    if let Some(url) = &cli.endpoint_url {
        aws = aws.endpoint_url(url);
    }
    let tables = Tables {
        secrets: cli.secrets_table.clone(),
        directory: cli.directory_table.clone(),
    };
    let aws = aws.load().await;
    let store = Store::connect(&aws, tables, Timeouts::default());
    // AWS knows nobody who works on an engine elsewhere.
    let caller = match cli.endpoint_url.is_some() || is_elsewhere() {
        true => Caller::Named(local_user()),
        false => Caller::Aws(Box::new(aws)),
    };
    let mut streams = Streams {
        input: &mut io::stdin(),
        results: &mut io::stdout(),
        messages: &mut io::stderr(),
    };
    run(cli, &caller, &store, &mut streams).await.into()
}

/// Whether DynamoDB is an engine that the environment names.
fn is_elsewhere() -> bool {
    ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"]
        .iter()
        .any(|name| std::env::var_os(name).is_some())
}
