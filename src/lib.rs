//! A SCIM 2.0 service provider (RFC 7643, RFC 7644) for many tenants on AWS Lambda and DynamoDB.
//!
//! # Layout
//!
//! In import order: a folder may import only those above it.
//!
//! - [`scim`]: the protocol as pure functions over JSON. No I/O, clock or randomness.
//! - [`tenant`]: who a tenant is and what an API key is. Pure as well.
//! - [`storage`]: the two DynamoDB tables. The only folder that names `aws_sdk_dynamodb`.
//! - [`config`]: the environment variables.
//! - [`service`]: the use cases; the one place that turns storage errors into SCIM errors.
//! - [`http`]: routes, authentication, requests, responses. The only folder that names `lambda_http`.
//!
//! `tests/architecture.rs` enforces this order; ARCHITECTURE.md gives the reasons.

pub mod config;
pub mod http;
pub mod scim;
pub mod service;
pub mod storage;
pub mod tenant;
