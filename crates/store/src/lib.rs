//! Everything that touches DynamoDB. The only crate that uses its SDK.
//!
//! Three tables: **secrets** ([`secrets`]: tenants and the digests of their API keys and client
//! secrets), **directory** (everything a tenant owns) and **sessions** ([`sessions`]). Directory
//! data is only accessible through [`Store::tenant`], and no method behind it takes a tenant.
//!
//! - [`client`]: connecting, calling, transactions, tables; the gate and the meter of a request.
//! - [`directory`]: resources with their lookups, guards and counters; change records, tombstones,
//!   the breaker.
//! - [`access`]: access tokens, and the web keys of issuers.
//! - [`usage`]: when keys were used and how fast, and which requests were refused.
//! - [`audit`]: the operator's check of a directory, and its repair.
//! - [`erasure`]: what is known of a person is removed.
//! - [`partition`]: all that a tenant owns, counted, read out, written and removed.
//! - [`pending`]: the changes of all tenants that are decided and not carried out.
//! - [`secrets`]: tenants and keys.
//! - [`sessions`]: links to the settings page, and the sessions that they open.
//! - [`migrate`]: the operator's walk that brings items to the current format.

pub mod access;
pub mod audit;
pub mod client;
pub mod directory;
pub mod erasure;
pub mod migrate;
pub mod partition;
pub mod pending;
pub mod secrets;
pub mod sessions;
pub mod usage;

pub use client::{Cost, Gate, Meter, Store, StoreError, Tables, Timeouts};
pub use directory::TenantStore;
