//! How long the pure core takes: `make bench-core`. docs/PERFORMANCE.md has results.

use std::time::Duration;

use criterion::{BatchSize, Criterion};

/// Measures time.
struct Time(Criterion);

impl bench::cases::Measure for Time {
    fn operation<I, O>(
        &mut self,
        name: &'static str,
        set_up: impl Fn() -> I,
        operation: impl Fn(I) -> O,
    ) {
        self.0.bench_function(name, |bencher| {
            bencher.iter_batched(&set_up, &operation, BatchSize::SmallInput);
        });
    }
}

fn main() {
    // Half of criterion's defaults: these operations vary little, and all should be run often.
    let criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let mut time = Time(criterion);
    bench::cases::all(&mut time);
    time.0.final_summary();
}
