//! The SCIM function: a SCIM 2.0 service provider (RFC 7643, RFC 7644) for many tenants on AWS Lambda and
//! DynamoDB.
//!
//! A request comes in at [`app`], which hands it to [`http`], which hands it to [`service`], and goes back the
//! same way. What it stands on is in packages of its own below `crates/`: `scim` is the protocol, `tenant` the
//! API keys, `store` DynamoDB. ARCHITECTURE.md has the way of a request and the reasons.

pub mod config;
pub mod http;
pub mod service;
