//! What the service runs on in tests, benchmarks and development: a DynamoDB engine and
//! its stream, the function as a process under Lambda's Runtime API, requests as API Gateway
//! events, an issuer of assertions, a consumer of member events, and a connection that can break.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    missing_docs,
    reason = "as in a test, what does not work ends it"
)]

use std::path::{Path, PathBuf};

pub mod clock;
pub mod consumer;
pub mod engine;
mod expect;
pub mod function;
pub mod issuer;
pub mod pool;
pub mod request;
pub mod runtime_api;
pub mod stream;
pub mod tenant;
pub mod wire;

/// The root of the workspace.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_owned()
}
