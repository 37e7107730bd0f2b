//! The use cases of an account: what an operator does to a tenant, and what a tenant's admin may do
//! to their own. Each rule is here once; `scim-admin` and other surfaces ask and show.

pub mod delete;
pub mod erase;
