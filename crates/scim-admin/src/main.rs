//! `scim-admin` as a program: arguments, AWS's configuration, standard output and standard error.

use std::io;
use std::process::ExitCode;

use aws_config::BehaviorVersion;
use clap::Parser as _;
use scim_admin::{Cli, Streams, run};
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
    let store = Store::connect(&aws.load().await, tables, Timeouts::default());
    let mut streams = Streams {
        results: &mut io::stdout(),
        messages: &mut io::stderr(),
    };
    run(cli, &store, &mut streams).await.into()
}
