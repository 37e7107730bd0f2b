//! A week of answers: a row for each day in UTC, a cell for each hour until now.

use std::fmt::Write as _;

use store::usage::answers::AnswerCount;
use time::{Duration, OffsetDateTime};

use super::begin;
use crate::html::Html;

const DAYS: i64 = 7;
const HOURS: i64 = 24;
const CELL: i64 = 22;
const GAP: i64 = 3;

/// What the days and hours have for their names.
const LEFT: i64 = 76;
const TOP: i64 = 30;

/// From which hours on there is room for their names.
const NAMED: [i64; 4] = [0, 6, 12, 18];

/// What became of the requests of an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    pub begins: OffsetDateTime,
    pub succeeded: u64,
    pub refused: u64,
    pub failed: u64,
}

impl Hour {
    pub fn total(&self) -> u64 {
        self.succeeded + self.refused + self.failed
    }

    fn class(&self) -> &'static str {
        let wrong = self.refused + self.failed;
        match (self.total(), wrong) {
            (0, _) => "none",
            (_, 0) => "good",
            (total, wrong) if self.failed > 0 || wrong * 2 > total => "bad",
            _ => "some",
        }
    }
}

/// The hours of today and the six days before, the oldest first.
pub fn hours(answers: &[AnswerCount], now: OffsetDateTime) -> Vec<Hour> {
    let first = (now.date() - Duration::days(DAYS - 1))
        .midnight()
        .assume_utc();
    let count = (DAYS - 1) * HOURS + i64::from(now.hour()) + 1;
    let all = (0..count).map(|place| {
        let begins = first + Duration::hours(place);
        let counted = answers.iter().find(|count| count.hour == begins);
        Hour {
            begins,
            succeeded: counted.map_or(0, |count| count.succeeded),
            refused: counted.map_or(0, |count| count.refused),
            failed: counted.map_or(0, |count| count.failed),
        }
    });
    all.collect()
}

/// The picture of these hours.
pub fn svg(hours: &[Hour], title: &str) -> Html {
    let side = CELL + GAP;
    let size = |cells: i64| u32::try_from(cells * side - GAP).unwrap_or_default();
    let [left, top] = [LEFT, TOP].map(|gap| u32::try_from(gap).unwrap_or_default());
    let mut svg = begin(left + size(HOURS), top + size(DAYS), title);
    for hour in NAMED {
        let (x, y) = (LEFT + hour * side, TOP - 8);
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            "<text class=\"scale\" x=\"{x}\" y=\"{y}\">{hour:02}:00</text>"
        );
    }
    for (place, hour) in (0_i64..).zip(hours) {
        let (column, row) = (place % HOURS, place / HOURS);
        let (x, y) = (LEFT + column * side, TOP + row * side);
        if column == 0 {
            let (day, y) = (hour.begins.date(), y + CELL - 4);
            // Where the picture is small, there is room for every other one.
            let class = if row % 2 == 0 { "scale" } else { "scale spare" };
            let _ = write!(
                svg,
                "<text class=\"{class}\" x=\"0\" y=\"{y}\">{:02}-{:02}</text>",
                u8::from(day.month()),
                day.day()
            );
        }
        let class = hour.class();
        let _ = write!(
            svg,
            "<rect class=\"cell {class}\" x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{CELL}\" rx=\"4\"/>"
        );
        // Colour alone says nothing to some.
        let (middle_x, middle_y) = (x + CELL / 2, y + CELL / 2);
        let _ = match class {
            "bad" => write!(
                svg,
                "<path class=\"mark\" d=\"M{} {}l8 8m0-8l-8 8\"/>",
                middle_x - 4,
                middle_y - 4
            ),
            "some" => write!(
                svg,
                "<path class=\"mark\" d=\"M{} {middle_y}h8\"/>",
                middle_x - 4
            ),
            _ => Ok(()),
        };
    }
    svg.push_str("</svg>");
    Html::own(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_has_its_hours_and_each_its_class() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(100) + Duration::minutes(90);
        let count = |hour, succeeded, refused, failed| AnswerCount {
            hour,
            succeeded,
            refused,
            failed,
            unlogged: 0,
            last: hour,
            release: None,
        };
        let last = OffsetDateTime::UNIX_EPOCH + Duration::days(100) + Duration::HOUR;
        let answers = [
            count(last, 9, 0, 0),
            count(last - Duration::HOUR, 9, 1, 0),
            count(last - Duration::hours(2), 9, 0, 1),
            count(last - Duration::hours(3), 1, 2, 0),
            count(last - Duration::days(8), 1, 0, 0),
        ];
        let hours = hours(&answers, now);
        // Of today there are two hours.
        assert_eq!(hours.len(), 146);
        let first = hours.first().unwrap().begins;
        assert_eq!(first, OffsetDateTime::UNIX_EPOCH + Duration::days(94));
        let classes: Vec<&str> = hours.iter().rev().take(5).map(Hour::class).collect();
        assert_eq!(classes, ["good", "some", "bad", "bad", "none"]);
        let svg = svg(&hours, "a & b").to_string();
        assert!(svg.contains("aria-label=\"a &#38; b\""), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 146);
        assert!(
            svg.contains(">04-11</text>") && svg.contains(">18:00</text>"),
            "{svg}"
        );
    }
}
