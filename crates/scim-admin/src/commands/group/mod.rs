//! `group`: the groups of a tenant and their members.

pub mod list;
pub mod members;
pub mod show;
pub mod undo;
