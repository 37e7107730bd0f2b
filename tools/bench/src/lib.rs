//! What `make bench-core` measures: time (`benches/core.rs`) and allocations
//! (`tests/allocations.rs`).

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "as in a test, an input that does not work ends it"
)]

pub mod cases;
