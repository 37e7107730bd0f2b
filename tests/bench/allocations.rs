//! How often the pure core allocates. `make bench-core` prints the table; as a test it fails when an
//! operation allocates more than it did.

mod cases;

use std::fmt::Write;

use allocation_counter::{AllocationInfo, measure};

#[derive(Default)]
struct Allocations(Vec<(&'static str, AllocationInfo)>);

impl cases::Measure for Allocations {
    fn operation<I, O>(
        &mut self,
        name: &'static str,
        set_up: impl Fn() -> I,
        operation: impl Fn(I) -> O,
    ) {
        let input = set_up();
        let mut output = None;
        let info = measure(|| output = Some(operation(input)));
        self.0.push((name, info));
    }
}

#[test]
fn operations_allocate_no_more_than_they_did() {
    let mut measured = Allocations::default();
    cases::all(&mut measured);
    let mut table = String::new();
    for (name, info) in &measured.0 {
        let _ = writeln!(
            table,
            "{name:<42} {:>5} {:>7}",
            info.count_total, info.bytes_total
        );
    }
    println!("{:<42} count   bytes\n{table}", "allocations");
}
