//! How long the pure core takes: `make bench-core`. docs/PERFORMANCE.md has results.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "as in a test, an input that does not work ends it"
)]

mod cases;

use std::time::Duration;

use criterion::{BatchSize, Criterion};

impl cases::Measure for Criterion {
    fn operation<I, O>(
        &mut self,
        name: &'static str,
        set_up: impl Fn() -> I,
        operation: impl Fn(I) -> O,
    ) {
        self.bench_function(name, |bencher| {
            bencher.iter_batched(&set_up, &operation, BatchSize::SmallInput);
        });
    }
}

fn main() {
    // Half of criterion's defaults: these operations vary little, and all are to be run often.
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    cases::all(&mut criterion);
    criterion.final_summary();
}
