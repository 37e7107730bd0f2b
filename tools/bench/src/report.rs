//! Prints the results.

use crate::against_bare::Comparison;
use crate::measure::Row;

/// Prints a table in the format of docs/PERFORMANCE.md. `size` says what grows, `target` how much a
/// cost may grow from the smallest to the largest.
pub fn print_rows(rows: &[Row], size: &str, target: f64) {
    if rows.iter().all(|row| row.costs.is_empty()) {
        return;
    }
    println!(
        "\n| operation | {size} | round trips | calls | read units | write units | CPU µs | wall µs | growth: CPU | units |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for row in rows {
        print_row(row, target);
    }
}

/// Prints how the function compares with a bare one.
pub fn print_comparisons(comparisons: &[Comparison]) {
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

fn print_row(row: &Row, target: f64) {
    let (mut name, costs) = (row.name, &row.costs);
    let ratio = |ratio: f64| match row.flat && ratio > target {
        true => format!("{ratio:.2}, over {target}"),
        false => format!("{ratio:.2}"),
    };
    for (index, (size, cost)) in costs.iter().enumerate() {
        if let Some(status) = cost.refused {
            println!(
                "| {name} | {size} | | {:.1} | {:.1} | | {:.0} | {:.0} | refused: {status} | |",
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
                format!("{} | {}", ratio(cost.cpu / smallest.cpu), ratio(capacity))
            }
            _ => " | ".to_owned(),
        };
        println!(
            "| {name} | {size} | {trips} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} | {growth} |",
            cost.calls, cost.read_units, cost.write_units, cost.cpu, cost.wall
        );
        name = "";
    }
}
