//! What users of the service see, from end to end, on a real DynamoDB API.

// Tells Clippy that the functions without `#[test]` are tests too (`clippy.toml`).
#![cfg(test)]

mod audit; // the operator's check of a directory, and its repair
mod auth; // who gets in, and the one answer to all others
mod breaker; // many users who lose access at a time: the rest is kept
mod bulk; // many operations in one request: order, references, failures, limits
mod capture; // not tests: what the function logs while it answers
mod clients; // the habits of other clients: Okta, PingFederate, OneLogin, SailPoint
mod costs; // DynamoDB calls and capacity of each operation
mod cursors; // lists sorted, searched by POST, and walked by cursor
mod damage; // damage that only the operator's check meets
mod deletion; // deactivated and deleted users: what stays, what goes
mod directory; // not tests: the directory table as DynamoDB holds it
mod engine;
mod errors; // every refusal is a SCIM error with the right status
mod events; // every request that Entra sends (events/), and the answer it must get (golden/)
mod faults; // trouble of every kind on every DynamoDB call of every operation
mod filters; // each finds what it should and no more
mod history; // not tests: each change has its record, and the records lead to what there is
mod key_use; // what is noted of keys: their last use, their end
mod keys; // API keys: issue, check, expire, revoke
mod limits; // how much a request may hold, and how odd it may be
mod lists; // pages and projections
mod logs; // one line for each request, and nothing about people
mod lost_answers; // a POST whose answer was lost is sent again: never a second user
mod operator; // the operator's command line: history, status, restore, breaker
mod pages; // pages of a large directory, found through the counters
mod races; // requests that meet: one winner, nothing lost
mod rate; // how fast a key may be used, whatever the number of instances
mod restore; // what holds up the restoration of users, and what does not
mod rotation; // an API key replaced by another, with both accepted for a while
mod service; // not tests: the handler as API Gateway calls it
mod storm; // everything at once on a connection that breaks
mod tenancy; // tenants never see each other
mod tenants; // tenants: create, list, disable, enable; and the tables that hold them
mod threats; // what an attacker cannot do, as docs/SECURITY.md promises
mod unavailable; // DynamoDB out of reach, silent, at its limit, or without a table
mod users; // the life of a user: created, read, changed, deactivated, deleted
mod wire; // not tests: a stand between the service and DynamoDB that can break the connection
