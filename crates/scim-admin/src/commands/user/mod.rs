//! `user`: deleted users, and bringing them back.

pub mod deleted;
pub mod restore;
