//! template.yaml against the code: what AWS deploys is what the code defines, calls and reads.
//!
//! - [`tables`]: the tables of `store::tables`, from which the local engines' tables are made.
//! - [`permissions`]: the calls made by `crates/store`, found in its source text ([`calls`]).
//! - [`function`]: the variables named in the `config.rs` of each function, and time limits, each
//!   within the next.
//! - [`deploy`]: roles, aliases and what takes a deployment back, the domain, keys of one's own,
//!   and edge.yaml. What CloudFormation makes of it is for `.ci/check-template`.
//! - [`events`]: how change records become member events, with [`event_roles`], [`queues`] and
//!   [`event_schema`]; [`stack`] is what CloudFormation makes of parameters.
//! - [`pending`]: when changes are carried out that a request has left.
//! - [`routes`]: which function answers a path, and who is let in.
//! - [`watch`]: metrics, alarms and the dashboard, and that no alarm is about nothing.

// Tells Clippy that the functions without `#[test]` are tests too (`clippy.toml`).
#![cfg(test)]
#![expect(clippy::string_slice, reason = "a test may end with a panic")]

mod calls;
mod deploy;
mod event_roles;
mod event_schema;
mod events;
mod function;
mod pending;
mod permissions;
mod queues;
mod routes;
mod stack;
mod tables;
mod values;
mod watch;
mod yaml;
