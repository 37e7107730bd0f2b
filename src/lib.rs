//! The SCIM function: a SCIM 2.0 service provider (RFC 7643, RFC 7644) for many tenants on AWS
//! Lambda and DynamoDB.
//!
//! A request arrives in [`app`], becomes an operation in [`http`], and runs in [`service`]; its
//! answer goes back the same way. `oauth` answers the token endpoint. [`instance`] holds what
//! outlives a request. The foundations are separate packages below `crates/`: `scim` and `oauth`
//! are the protocols, `tenant` the API keys, `store` DynamoDB. ARCHITECTURE.md describes the path
//! of a request and the reasons.

pub mod app;
pub mod config;
pub mod http;
pub mod instance;
pub mod log;
mod oauth;
pub mod service;
