//! Requests that are as dear as a body of 1 MB can be. What they cost is counted, not timed.

#![cfg(test)]

mod run;

use allocation_counter::measure;
use dear::{Dear, Kind, Request, Shape};
use fastrand::Rng;
use scim::work::{Budget, MAX_WORK};
use serde_json::{Value, json};

/// What a request came to.
struct Counted {
    units: u64,
    allocations: u64,
    bytes: u64,
    /// The length of the body and of the user, in bytes, and the values in them.
    length: u64,
    values: u64,
    refused: Option<&'static str>,
}

fn counted(shape: &Shape) -> Counted {
    let dear = shape.build();
    let body = dear.request.body();
    let parts = [Some(&dear.user), body].into_iter().flatten();
    let (length, values) = parts.fold((0, 0), |(length, values), part| {
        (
            length + part.to_string().len() as u64,
            values + values_of(part),
        )
    });
    let prepared = run::prepare(&dear).unwrap();
    let budget = Budget::default();
    let mut refused = None;
    let info = measure(|| {
        let outcome = run::answer(prepared, &budget);
        refused = outcome.err().map(|error| error.reason());
    });
    Counted {
        units: budget.spent(),
        allocations: info.count_total,
        bytes: info.bytes_total,
        length,
        values,
        refused,
    }
}

fn values_of(value: &Value) -> u64 {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(values_of).sum::<u64>(),
        Value::Object(members) => {
            1 + members
                .values()
                .map(|member| 1 + values_of(member))
                .sum::<u64>()
        }
        _ => 1,
    }
}

/// Whatever is done for a request is paid for, in units or by the length of what it sends: what
/// would be done in vain, such as a copy for each of many elements, shows in its allocations.
fn assert_paid(shape: &Shape, counted: &Counted) {
    let units = counted.units.min(MAX_WORK);
    // An allocation takes about twelve units.
    let paid = 1000 + units / 8 + 24 * counted.values;
    assert!(
        counted.allocations <= paid,
        "{} > {paid}: {shape:?}",
        counted.allocations
    );
    let paid = 1_000_000 + 16 * units + 1024 * counted.values + 128 * counted.length;
    assert!(
        counted.bytes <= paid,
        "{} bytes > {paid}: {shape:?}",
        counted.bytes
    );
    // Work is counted before it is done or right after it: what exceeds the budget is little. The
    // operations of a bulk request go on to be counted, and are refused one by one.
    let beyond = if shape.kind == Kind::Bulk {
        1000 * 128
    } else {
        0
    };
    assert!(
        counted.units <= MAX_WORK + MAX_WORK / 20 + beyond,
        "{shape:?}"
    );
    if counted.units > MAX_WORK {
        assert_eq!(counted.refused, Some("tooMany"), "{shape:?}");
    }
}

/// Climbs to dear shapes of each kind, by their units, and holds each step to what it may cost.
#[test]
fn the_dearest_requests_are_paid_for_or_refused() {
    for kind in Kind::ALL {
        let mut rng = Rng::with_seed(kind as u64);
        let mut dearest = (0, Shape::of(kind, &mut rng));
        for step in 0..10 {
            let shape = match step % 4 {
                0 => Shape::of(kind, &mut rng),
                _ => dearest.1.mutated(&mut rng),
            };
            // Smaller than the largest, so that many can be tried.
            let shape = Shape {
                operations: shape.operations.min(60),
                elements: shape.elements.min(120),
                values: shape.values.min(120),
                conditions: shape.conditions.min(120),
                ..shape
            };
            let counted = counted(&shape);
            assert_paid(&shape, &counted);
            if counted.units > dearest.0 {
                dearest = (counted.units, shape);
            }
        }
    }
}

/// The shapes that took longest before work was counted: seconds, half a minute.
#[test]
fn what_took_seconds_is_refused_or_cheap() {
    let shape = |kind| Shape {
        kind,
        attribute: 0,
        alphabet: 3,
        elements: 500,
        operations: 500,
        values: 250,
        conditions: 800,
        length: 20,
        at_end: true,
        variant: 0b0000_0001,
        full: false,
        seed: 1,
    };
    for (shape, refused) in [
        // Values that differ in case beside other letters.
        (
            Shape {
                operations: 60,
                variant: 0b0000_1001,
                ..shape(Kind::Add)
            },
            None,
        ),
        // One long value for each of many elements.
        (
            Shape {
                length: 20_000,
                variant: 0b0000_0101,
                ..shape(Kind::Spread)
            },
            Some("invalidValue"),
        ),
        (
            Shape {
                variant: 0b0100_0001,
                ..shape(Kind::Filters)
            },
            Some("tooMany"),
        ),
        (
            Shape {
                operations: 5000,
                variant: 0b0001_0001,
                ..shape(Kind::Members)
            },
            Some("tooMany"),
        ),
        (
            Shape {
                full: true,
                operations: 1000,
                ..shape(Kind::Bulk)
            },
            Some("tooMany"),
        ),
        (
            Shape {
                variant: 1,
                ..shape(Kind::Attributes)
            },
            Some("invalidValue"),
        ),
    ] {
        let counted = counted(&shape);
        assert_paid(&shape, &counted);
        let Counted { units, .. } = counted;
        assert_eq!(counted.refused, refused, "{units} units: {shape:?}");
    }
}

/// The units of a PATCH of a user with these elements of `roles`.
fn units(elements: usize, operations: Vec<Value>) -> u64 {
    let roles: Vec<_> = (0..elements)
        .map(|number| json!({"value": format!("Rôle-{number}"), "type": "app"}))
        .collect();
    let user = json!({"userName": "u", "title": "Lead", "roles": roles});
    let dear = Dear {
        shape: Shape::of(Kind::Add, &mut Rng::with_seed(0)),
        user,
        request: Request::Patch(json!({"Operations": operations})),
    };
    let budget = Budget::default();
    run::answer(run::prepare(&dear).unwrap(), &budget).unwrap();
    budget.spent()
}

#[test]
fn correct_clients_are_far_from_the_end_of_the_budget() {
    // Entra sends every attribute that it can map, in one operation each.
    let event = include_str!("../../../../events/patch-verbose-replace.json");
    let event: Value = serde_json::from_str(event).unwrap();
    let body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
    let operations = body["Operations"].as_array().unwrap().clone();
    assert_eq!(operations.len(), 36);
    assert!(units(5, operations) < MAX_WORK / 1000);
    // Others send an operation for each value.
    let each = |operation: fn(usize) -> Value| (0..1500).map(operation).collect::<Vec<_>>();
    let add: fn(usize) -> Value = |number| json!({"op": "add", "path": "roles", "value": [{"value": format!("Rôle-{}", number % 400), "type": "app"}]});
    let remove =
        |number| json!({"op": "remove", "path": format!("roles[value eq \"RÔLE-{number}\"]")});
    let replace = |number| json!({"op": "replace", "path": format!("roles[value eq \"rôle-{}\"].display", number % 5), "value": "x"});
    let given = |number| json!({"op": "remove", "path": "roles", "value": [{"value": format!("rôle-{number}")}]});
    for operation in [add, remove, replace, given] {
        assert!(units(5, each(operation)) < MAX_WORK / 10);
        assert!(units(500, each(operation)) < MAX_WORK / 2);
    }
}
