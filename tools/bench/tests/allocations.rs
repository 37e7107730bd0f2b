//! Counts the pure core's allocations. `make bench-core` prints the table; as a test it fails when
//! an operation allocates clearly more than before: the number does not depend on the machine.

#![cfg(test)]

use std::fmt::Write;

use allocation_counter::{AllocationInfo, measure};

/// Slightly above the measured counts, to allow for other versions of the standard library.
const AT_MOST: [(&str, u64); 12] = [
    ("filter: parse and bind, match query", 4),
    ("filter: parse and bind, long", 37),
    ("filter: match, match query", 0),
    ("filter: match, long", 2),
    ("POST: parse the JSON", 92),
    ("POST: check the body", 70),
    ("PATCH: parse the JSON", 290),
    ("PATCH: parse 36 operations", 98),
    ("PATCH: apply 36 operations", 390),
    ("PATCH: apply them again", 425),
    ("render: represent, project, write JSON", 31),
    ("render: the same, excludedAttributes", 32),
];

#[derive(Default)]
struct Allocations(Vec<(&'static str, AllocationInfo)>);

impl bench::cases::Measure for Allocations {
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
    bench::cases::all(&mut measured);
    let mut table = format!("{:<42} count at most   bytes\n", "allocations");
    let mut too_many = Vec::new();
    for (name, info) in &measured.0 {
        let bound = AT_MOST.iter().find(|(of, _)| of == name);
        let at_most = bound.map_or(0, |(_, at_most)| *at_most);
        let count = info.count_total;
        let _ = writeln!(
            table,
            "{name:<42} {count:>5} {at_most:>7} {:>7}",
            info.bytes_total
        );
        if bound.is_none() || count > at_most {
            too_many.push(*name);
        }
    }
    println!("{table}");
    assert!(too_many.is_empty(), "{too_many:?} allocate more:\n{table}");
}
