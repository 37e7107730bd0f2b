//! What the Lambda functions have in common: events that become requests, the log, panics.

pub mod event;
pub mod invocation;
pub mod log;
pub mod panic;
pub mod release;
