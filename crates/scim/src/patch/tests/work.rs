//! What a PATCH computes: each value is folded once, however often it is compared.

use dear::{Dear, Kind, Request, Shape};

use super::*;
use crate::text::FOLDED;

/// How many bytes are folded for the request, how many it and its user have, and its outcome.
fn folded(shape: Shape) -> (usize, usize, Result<(), ScimError>) {
    let Dear { user, request, .. } = shape.build();
    let Request::Patch(body) = request else {
        panic!("not a PATCH")
    };
    let length = user.to_string().len() + body.to_string().len();
    let current = check(&USERS, object(user)).unwrap().resource;
    let request = PatchRequest::parse(object(body)).unwrap();
    let before = FOLDED.get();
    let outcome = apply(&USERS, &current, &request, &Budget::default());
    (FOLDED.get() - before, length, outcome.map(drop))
}

#[test]
fn each_value_is_folded_once() {
    let shape = Shape {
        kind: Kind::Add,
        attribute: 0,
        alphabet: 2,
        elements: 500,
        operations: 60,
        values: 250,
        conditions: 300,
        length: 100,
        at_end: true,
        variant: 0b0000_1001,
        full: false,
        seed: 1,
    };
    let removing = Shape {
        kind: Kind::RemoveValues,
        variant: 0b0001_0001,
        values: 20,
        ..shape
    };
    // Conditions on the value, and a change of another member of every element.
    let filtering = Shape {
        kind: Kind::Filters,
        operations: 3,
        conditions: 100,
        variant: 0b0100_0001,
        ..shape
    };
    for shape in [shape, removing, filtering] {
        let (bytes, length, outcome) = folded(shape);
        assert_eq!(outcome, Ok(()), "{shape:?}");
        assert!(
            bytes > length / 4,
            "{bytes} of {length}: nothing is measured"
        );
        assert!(
            bytes <= length,
            "{bytes} bytes folded, of {length}: {shape:?}"
        );
    }
}
