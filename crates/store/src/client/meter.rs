//! Counts what a request costs in DynamoDB: calls and consumed capacity.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use aws_sdk_dynamodb::types::ConsumedCapacity;

/// The DynamoDB cost of one request so far, shared by its concurrent calls.
#[derive(Debug, Default)]
pub struct Meter {
    calls: AtomicU64,
    /// Capacity in thousandths of a unit: DynamoDB reports multiples of 0.5.
    read: AtomicU64,
    write: AtomicU64,
}

/// A reading of a [`Meter`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// DynamoDB API calls, not counting the SDK's own retries.
    pub calls: u64,
    /// Read capacity units.
    pub read_units: f64,
    /// Write capacity units.
    pub write_units: f64,
}

/// Which of the two capacity pools a call draws on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pool {
    Read,
    Write,
}

impl Meter {
    /// The cost so far.
    pub fn cost(&self) -> Cost {
        Cost {
            calls: self.calls.load(Relaxed),
            read_units: units(self.read.load(Relaxed)),
            write_units: units(self.write.load(Relaxed)),
        }
    }

    /// Counts a call that is about to be made.
    pub(super) fn call(&self) {
        self.calls.fetch_add(1, Relaxed);
    }

    /// Adds the capacity that an answered call consumed. DynamoDB reports none for failed calls.
    pub(super) fn record<'a>(
        &self,
        pool: Pool,
        capacity: impl IntoIterator<Item = &'a ConsumedCapacity>,
    ) {
        let spent: f64 = capacity
            .into_iter()
            .filter_map(ConsumedCapacity::capacity_units)
            .sum();
        let counter = match pool {
            Pool::Read => &self.read,
            Pool::Write => &self.write,
        };
        // Rounding first makes the cast exact; capacity is never negative.
        counter.fetch_add((spent * 1000.0).round() as u64, Relaxed);
    }
}

fn units(thousandths: u64) -> f64 {
    thousandths as f64 / 1000.0
}
