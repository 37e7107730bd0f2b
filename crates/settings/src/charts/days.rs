//! Changes a day: a column for each of the latest thirty days.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use time::{Date, Duration, OffsetDateTime};

use super::begin;
use crate::html::Html;

const SHOWN: i64 = 30;
const WIDTH: u32 = 600;
const HEIGHT: u32 = 180;
const COLUMN: u32 = 20;

/// What kind of change a record is, as the chart counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Created,
    Changed,
    Lost,
}

/// The changes of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    pub name: String,
    pub created: u64,
    pub changed: u64,
    pub lost: u64,
}

impl Day {
    fn total(&self) -> u64 {
        self.created + self.changed + self.lost
    }
}

/// The days of these changes in UTC, up to today, the oldest first; none if there are no changes.
pub fn of(changes: impl Iterator<Item = (OffsetDateTime, Sort)>, today: Date) -> Vec<Day> {
    let mut counted: BTreeMap<Date, [u64; 3]> = BTreeMap::new();
    for (at, sort) in changes {
        let [created, changed, lost] = counted.entry(at.date()).or_default();
        match sort {
            Sort::Created => *created += 1,
            Sort::Changed => *changed += 1,
            Sort::Lost => *lost += 1,
        }
    }
    if counted.is_empty() {
        return Vec::new();
    }
    let days = (0..SHOWN).rev().map(|ago| {
        let date = today - Duration::days(ago);
        let [created, changed, lost] = counted.get(&date).copied().unwrap_or_default();
        let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
        Day {
            name: format!("{year}-{month:02}-{day:02}"),
            created,
            changed,
            lost,
        }
    });
    days.collect()
}

/// The picture of these days.
pub fn svg(days: &[Day], title: &str) -> Html {
    let mut svg = begin(WIDTH, HEIGHT + 32, title);
    let most = days.iter().map(Day::total).max().unwrap_or_default().max(1);
    let height = |count: u64| {
        let scaled = count.saturating_mul(u64::from(HEIGHT)).div_ceil(most);
        u32::try_from(scaled).unwrap_or(HEIGHT).min(HEIGHT)
    };
    for (place, day) in (0_u32..).zip(days) {
        let x = place * COLUMN;
        let mut y = HEIGHT;
        for (class, count) in [
            ("some", day.changed),
            ("good", day.created),
            ("bad", day.lost),
        ] {
            let part = height(count).min(y);
            if part > 0 {
                y -= part;
                let width = COLUMN - 4;
                // Writing to a string cannot fail.
                let _ = write!(
                    svg,
                    "<rect class=\"cell {class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{part}\"/>"
                );
            }
        }
    }
    let _ = write!(svg, "<path class=\"axis\" d=\"M0 {HEIGHT}h{WIDTH}\"/>");
    let ends = [days.first(), days.last()].map(|day| day.map_or("", |day| &day.name));
    for (x, anchor, name) in [(0, "start", ends[0]), (WIDTH, "end", ends[1])] {
        let y = HEIGHT + 26;
        let _ = write!(
            svg,
            "<text class=\"scale\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{name}</text>"
        );
    }
    svg.push_str("</svg>");
    Html::own(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_is_counted_and_has_its_column() {
        let day = |days| OffsetDateTime::UNIX_EPOCH + Duration::days(days);
        let changes = [
            (day(40), Sort::Created),
            (day(40), Sort::Lost),
            (day(38), Sort::Changed),
            (day(1), Sort::Changed),
        ];
        let days = of(changes.into_iter(), day(41).date());
        assert_eq!(days.len(), 30);
        let (today, before) = (days.last().unwrap(), &days[28]);
        assert_eq!((today.total(), today.name.as_str()), (0, "1970-02-11"));
        assert_eq!(
            (before.created, before.lost, before.name.as_str()),
            (1, 1, "1970-02-10")
        );
        assert_eq!(days.iter().map(Day::total).sum::<u64>(), 3);
        assert_eq!(svg(&days, "t").as_str().matches("<rect").count(), 3);
        assert!(of(std::iter::empty(), day(41).date()).is_empty());
    }
}
