//! The tables printed at the end.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use crate::client::Tally;

/// An instance's memory at two times, and its processor time.
pub struct Growth {
    /// Kilobytes, after the first third of the traffic and at its end.
    pub early: u64,
    pub late: u64,
    /// Processor time in between.
    pub cpu: Duration,
}

/// Prints the duration of requests, their statuses, and the fate of unanswered ones.
pub fn print(tally: &Tally) {
    println!("\n| request | number | p50 ms | p99 ms | longest ms | DynamoDB calls each |");
    println!("|---|--:|--:|--:|--:|--:|");
    let mut all = Vec::new();
    let mut all_calls = 0;
    if let Ok(mut kinds) = tally.kinds.lock() {
        for (name, kind) in kinds.iter_mut() {
            row(name, &mut kind.wall, kind.calls);
            all.extend_from_slice(&kind.wall);
            all_calls += kind.calls;
        }
    }
    row("all", &mut all, all_calls);
    if let Ok(statuses) = tally.statuses.lock() {
        counts("status", &statuses);
    }
    if let Ok(fates) = tally.fates.lock() {
        counts("left without an answer and sent again", &fates);
    }
}

fn counts(title: &str, counts: &BTreeMap<impl Display, u64>) {
    if counts.is_empty() {
        return;
    }
    println!("\n| {title} | requests |\n|---|--:|");
    for (name, count) in counts {
        println!("| {name} | {count} |");
    }
}

fn row(name: &str, wall: &mut [u32], calls: u64) {
    wall.sort_unstable();
    let number = wall.len();
    let at = |share: f64| {
        let index = (number as f64 * share) as usize;
        let micros = wall.get(index.min(number.saturating_sub(1)));
        micros.map_or(f64::NAN, |micros| f64::from(*micros) / 1e3)
    };
    let (middle, late, last) = (at(0.5), at(0.99), at(1.0));
    let calls = calls as f64 / number as f64;
    println!("| {name} | {number} | {middle:.1} | {late:.1} | {last:.1} | {calls:.2} |");
}

/// Prints the instances' usage.
pub fn print_instances(instances: &[Growth]) {
    println!("\n| instance | MB after a third | MB at the end | CPU s in between |");
    println!("|--:|--:|--:|--:|");
    for (number, instance) in instances.iter().enumerate() {
        let megabytes = |kilobytes: u64| kilobytes as f64 / 1e3;
        println!(
            "| {number} | {:.1} | {:.1} | {:.1} |",
            megabytes(instance.early),
            megabytes(instance.late),
            instance.cpu.as_secs_f64()
        );
    }
}
