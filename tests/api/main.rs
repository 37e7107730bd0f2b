//! What users of the service see, end to end, on a real DynamoDB API. This file is the table of
//! contents.

// Tells Clippy that the functions without `#[test]` are tests too (`clippy.toml`).
#![cfg(test)]
#![expect(clippy::string_slice, reason = "a test may end with a panic")]

/// What clients send, and what they get.
mod requests {
    mod bulk; // many operations in one request: order, references, failures, limits
    mod clients; // the habits of other clients: Okta, PingFederate, OneLogin, SailPoint
    mod cursors; // lists sorted, searched by POST, and walked by cursor
    mod deletion; // deactivated and deleted users: what stays, what goes
    pub mod errors; // every refusal is a SCIM error with the right status
    mod events; // every request that Entra sends (events/), and the answer it must get (golden/)
    mod filters; // each finds what it should and no more
    pub mod http; // HEAD, encoded bodies, repeated parameters, the headers of every answer
    mod limits; // how large a request may be, and how odd
    pub mod lists; // pages and projections
    pub mod pages; // pages of a large directory, found through the counters
    mod responses; // how large a response can be
    mod users; // the life of a user: created, read, changed, deactivated, deleted
    mod values; // what a value may be, and when two are the same
}

/// Groups, and who is in them.
mod groups {
    mod both_sides; // `groups` of users: shown, found and kept together with `members`
    mod costs; // DynamoDB calls and capacity of what clients do with groups
    mod deletion; // deleted users and groups, and how they come back
    mod filters; // users found by their groups, and groups by their members
    mod large; // hundreds and thousands of members in one request
    mod lists; // pages, projections and entity tags of groups
    mod logs; // what the log tells of members
    mod many; // what a change of many members reads, and reads again after a lost race
    mod membership; // every form of PATCH of members, and what it comes to
    mod pending; // a large change that is not yet carried out
    mod protocol; // what holds for groups as it does for users
    mod races; // many writers of one group: nothing lost, nothing left dangling
    mod refusals; // what is refused or left out, and how the client learns of it
    mod whole; // members beside attributes, in POST and PUT, and in records
}

/// Who gets in.
mod keys {
    mod auth; // the same answer to everyone without a valid key
    mod gate; // what happens before a request's key is accepted: at most one read
    pub mod issue; // API keys: issue, check, expire, revoke
    pub mod key_use; // what is recorded about keys: their last use, their end
    mod rate; // how fast a key may be used, whatever the number of instances
    mod rotation; // an API key replaced by another, with both accepted for a while
    mod tenants; // tenants: create, list, disable, enable; and their tables
}

/// OAuth 2.0: clients, their tokens, and the issuers that they trust.
mod oauth {
    mod admin; // clients on the command line of the operator
    mod ends; // what ends a token: with the next request, on every instance
    mod federation; // assertions of Entra: what is accepted, and what is not
    mod requests; // the token endpoint: what clients send, and what they get
    mod tokens; // a token on every SCIM route, as an API key
    mod web_keys; // the keys of an issuer: fetched when they must be, and no oftener
}

/// What holds for the data, whoever writes it.
mod data {
    pub mod breaker; // many users lose access at once: the rest is kept
    mod races; // concurrent requests: one winner, nothing lost
    mod sequence; // a bulk request is its operations one after another
    mod tenancy; // tenants never see each other
    mod versions; // a version is later than the one before it
}

/// What the product is told of changes.
mod told {
    mod costs; // what it costs that records have the state after a change
    mod departures; // members of many groups whose deletion ends halfway
    mod filter; // which records of the stream are told
    mod folding; // any order, any duplicates: what is stored, by whoever applies what is newer
    mod operations; // each change is told once, as what it is
    mod operator; // `scim-admin events`: printed, followed, a snapshot
}

/// What releases write, and what others make of it.
mod formats {
    pub mod golden; // the items of every release, read, changed and checked by this one
    mod migrate; // items brought to the current format
    mod newer; // what a newer release may have written: shown, passed over, or left alone
}

/// Trouble with DynamoDB and the way to it.
mod faults {
    mod brownout; // late and lost answers take no places of the breaker
    mod dead_connections; // connections that died while the function slept
    mod lost_answers; // a POST whose answer was lost is sent again: never a second user
    mod matrix; // every kind of failure on every DynamoDB call of every operation
    mod storm; // everything at once on a connection that breaks
    mod unavailable; // DynamoDB out of reach, silent, at its limit, or without a table
}

/// The operator's command line.
mod operator {
    mod answers; // how requests were answered, hour by hour
    pub mod audit; // the check of a directory, and its repair
    mod commands; // history, status, restore, breaker
    mod damage; // damage that only the check encounters
    mod damaged_exports; // damaged exports, and what DynamoDB would refuse: refused before
    mod delete; // a tenant is deleted with all that it owns, and no other
    mod drill; // tables that were restored: adopted, and what has ended is ended again
    mod erase; // a person is erased from every item, and who did what stays
    mod groups; // groups and their members: listed, restored, changes of members taken back
    mod groups_audit; // the check of memberships, and their repair
    mod in_use; // the check and its repair while clients write
    mod links; // links to the settings page: opened once, and the sessions that they open
    mod log; // who did what to a tenant, and why; keys that end, and files of keys
    mod request_log; // the log of requests: bounded, written beside the answer, read in order
    pub mod requests; // whom refused requests were for, and what changes left out
    mod restore; // what prevents restoring users, and what does not
    mod roles; // the policies for operators: each command with its role's, and nothing superfluous
    mod smoke; // a running service tried: one that works, and each way in which one does not
    mod stale; // a command that wakes up after others have done its work changes nothing
    mod support; // every question of a support engineer, answered by a command
    mod tables; // names of tables that are exchanged, or another program's
    mod transfer; // a tenant exported, imported, restored from a table
}

/// The page from which a tenant's admin connects Entra.
mod settings {
    mod abuse; // requests that no page makes
    mod advice; // what an admin is told to do, in both languages, and the way out of the page
    mod clients; // OAuth 2.0 clients: created, replaced, trusted, revoked; forms that work once
    mod costs; // DynamoDB calls and capacity of each page
    mod entrance; // who gets in: links, sessions, forms of other places
    mod failures; // DynamoDB fails: the page says so, and nothing is there by half
    mod keys; // keys and the switch of the API
    mod overview; // what it says of a tenant, and what it does not say
    pub mod pages; // what every page has, and what each says
    mod role; // the function's role: all works with it, and all of it is needed
}

/// What the documents promise.
mod promises {
    mod alarms; // template.yaml's filters of the log: each counts its lines and no others
    mod costs; // DynamoDB calls and capacity of each operation
    mod invocations; // which invocation, release and tenant a line is of; why there is none
    mod logs; // one line per request, and nothing about people
    pub mod panics; // a panic during a request: reported once, with its location
    pub mod threats; // what an attacker cannot do, as docs/SECURITY.md promises
}

/// Reading template.yaml.
#[path = "../template/yaml.rs"]
mod template;

/// Shared code, without tests but for what reads another language.
mod support {
    pub mod admin; // `scim-admin` over the tables of a service
    pub mod capture; // what the function logs while it answers
    pub mod clock; // time that passes only while nothing is under way
    pub mod copies; // tables as a restore from a backup leaves them
    pub mod directory; // the raw directory table
    pub mod engine; // a real DynamoDB API: embedded, or AWS's
    pub mod every_kind; // a tenant with an item of every kind
    pub mod exports; // exports of a tenant, in folders of their own
    pub mod groups; // groups and their members, as clients write and read them
    pub mod history; // every change has its record, and the records lead to the current state
    pub mod items; // the items of both tables, and as JSON
    pub mod listener; // a service behind HTTP
    pub mod log_patterns; // filter patterns of CloudWatch Logs, with tests of their own
    pub mod members; // the items of memberships agree
    pub mod oauth; // OAuth 2.0 clients, their requests, and an issuer in Entra's place
    pub mod patterns; // patterns of EventBridge
    pub mod permissions; // what template.yaml allows, and a wire that refuses the rest
    pub mod planted; // many users, put straight into the table
    pub mod schema; // the schema of member events
    pub mod service; // the handler as API Gateway calls it
    pub mod settings;
    pub mod told; // a service, and what its stream tells the product // the settings page, as a browser meets it
}
