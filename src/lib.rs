//! The SCIM function: a SCIM 2.0 service provider (RFC 7643, RFC 7644) for many tenants on AWS
//! Lambda and DynamoDB.
//!
//! A request comes in at [`app`], becomes an operation in [`http`], is carried out in [`service`],
//! and its answer goes back the same way. [`instance`] has what outlives a request. What all of
//! this stands on is in packages of its own below `crates/`: `scim` is the protocol, `tenant` the
//! API keys, `store` DynamoDB. ARCHITECTURE.md has the way of a request and the reasons.

pub mod app;
pub mod config;
pub mod http;
pub mod instance;
pub mod log;
pub mod service;
