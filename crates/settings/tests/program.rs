//! The program that Lambda runs.

#![cfg(test)]

use stand::function::failed_start;

/// Why it does not start is one line of its log, as all that it says.
#[test]
fn a_missing_variable_ends_it_with_a_line() {
    let variables = [
        ("SCIM_SECRETS_TABLE", "s"),
        ("SCIM_DIRECTORY_TABLE", "d"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "12"),
    ];
    let line = failed_start(env!("CARGO_BIN_EXE_hellotracks-settings"), &variables);
    assert_eq!(line["message"], "the function cannot run");
    let cause =
        "environment variable SCIM_SESSIONS_TABLE is not set; it is the name of a DynamoDB table";
    assert_eq!(line["cause"], cause);
    assert_eq!(line["version"], concat!(env!("CARGO_PKG_VERSION"), "/12"));
}
