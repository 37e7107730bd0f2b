//! Prints the results.

use crate::against_bare::Comparison;
use crate::measure::Row;

/// The highest acceptable growth from the smallest to the largest directory.
const TARGET: f64 = 1.2;

/// Prints the table in the format of docs/PERFORMANCE.md.
pub fn print(rows: &[Row], comparisons: &[Comparison]) {
    if !rows.is_empty() {
        print_head();
    }
    for row in rows {
        print_row(row);
    }
    println!(
        "\n| in a directory of 1,000 users | function | bare function | ratio | target |\n|---|--:|--:|--:|--:|"
    );
    for figure in comparisons {
        let ratio = figure.function / figure.bare;
        let target = figure.target.map_or_else(String::new, |target| {
            let missed = if ratio > target { ", missed" } else { "" };
            format!("≤ {target}{missed}")
        });
        println!(
            "| {} | {:.2} | {:.2} | {ratio:.2} | {target} |",
            figure.name, figure.function, figure.bare
        );
    }
}

fn print_head() {
    println!(
        "\n| operation | users | round trips | calls | read units | write units | CPU µs | wall µs | growth: CPU | units |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
}

fn print_row(Row { kind, costs }: &Row) {
    let mut name = kind.name;
    for (index, (users, cost)) in costs.iter().enumerate() {
        if let Some(status) = cost.refused {
            println!(
                "| {name} | {users} | | {:.1} | {:.1} | | {:.0} | {:.0} | refused: {status} | |",
                cost.calls, cost.read_units, cost.cpu, cost.wall
            );
            name = "";
            continue;
        }
        let trips = cost.round_trips.map_or_else(String::new, |n| n.to_string());
        let growth = match costs.first() {
            Some((_, smallest)) if index > 0 && index + 1 == costs.len() => {
                let units = |one: f64, other: f64| if other == 0.0 { 1.0 } else { one / other };
                let capacity = units(cost.read_units, smallest.read_units)
                    .max(units(cost.write_units, smallest.write_units));
                format!(
                    "{} | {}",
                    ratio(cost.cpu / smallest.cpu, kind.flat),
                    ratio(capacity, kind.flat)
                )
            }
            _ => " | ".to_owned(),
        };
        println!(
            "| {name} | {users} | {trips} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} | {growth} |",
            cost.calls, cost.read_units, cost.write_units, cost.cpu, cost.wall
        );
        name = "";
    }
}

fn ratio(ratio: f64, flat: bool) -> String {
    if flat && ratio > TARGET {
        format!("{ratio:.2}, over {TARGET}")
    } else {
        format!("{ratio:.2}")
    }
}
