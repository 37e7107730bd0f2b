//! What users of the service see, from end to end, on a real DynamoDB API.

// Tells Clippy that the functions without `#[test]` are tests too (`clippy.toml`).
#![cfg(test)]

mod engine;
mod keys; // API keys: issue, check, expire, revoke
mod service; // not tests: the handler as API Gateway calls it
mod tenants; // tenants: create, list, disable, enable; and the tables that hold them
mod users; // the life of a user: created, read, changed, deactivated, deleted
