//! When keys are valid: a bar for each, from its creation to its end, with its last use.

use std::fmt::Write as _;

use account::keys::KnownKey;
use store::secrets::KeyRecord;
use time::{Duration, OffsetDateTime};

use super::begin;
use crate::html::{Html, isolated};

const WIDTH: i64 = 600;
const ROW: i64 = 46;
const BAR: i64 = 12;

/// What is shown after today at least.
const AHEAD: Duration = Duration::days(30);

/// How many keys are shown: the latest.
pub const SHOWN: usize = 12;

/// How much of a label has room, in characters.
const MAX_LABEL: usize = 20;

/// The picture of these keys.
pub fn svg(keys: &[KnownKey], now: OffsetDateTime, title: &str) -> Html {
    let keys: Vec<&KnownKey> = keys.iter().rev().take(SHOWN).collect();
    let rows = i64::try_from(keys.len()).unwrap_or_default();
    let height = u32::try_from(rows * ROW).unwrap_or_default();
    let mut svg = begin(600, height.max(1), title);
    let first = keys
        .iter()
        .map(|key| key.record.created)
        .min()
        .unwrap_or(now);
    let last = keys.iter().filter_map(|key| key.record.expires).max();
    let last = last.unwrap_or(now).max(now + AHEAD);
    let span = (last - first).whole_seconds().max(1);
    let place = |at: OffsetDateTime| {
        let seconds = (at.clamp(first, last) - first).whole_seconds();
        seconds.saturating_mul(WIDTH) / span
    };
    for (row, key) in (0_i64..).zip(&keys) {
        let record = &key.record;
        let end = record.revoked.or(record.expires).unwrap_or(last);
        let (x, y) = (place(record.created), row * ROW + 30);
        let width = (place(end) - x).max(4);
        let class = match (record.revoked, record.is_active(now)) {
            (Some(_), _) => "none",
            (None, true) => "good",
            (None, false) => "bad",
        };
        let label = Html::text(&named(record));
        let (text, anchor) = match x > WIDTH / 2 {
            true => (WIDTH, "end"),
            // Beside the line of today.
            false => (x + 6, "start"),
        };
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            "<text class=\"scale\" x=\"{text}\" y=\"{}\" text-anchor=\"{anchor}\">{label}</text>\
             <rect class=\"cell {class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{BAR}\" rx=\"6\"/>",
            y - 8
        );
        if let Some(used) = key.last_used {
            let middle = y + BAR / 2;
            let _ = write!(
                svg,
                "<circle class=\"dot\" cx=\"{}\" cy=\"{middle}\" r=\"4\"/>",
                place(used)
            );
        }
    }
    let _ = write!(
        svg,
        "<path class=\"today\" d=\"M{} 0v{height}\"/></svg>",
        place(now)
    );
    Html::own(svg)
}

/// A key's name in the picture: the table has the whole of it.
fn named(record: &KeyRecord) -> String {
    let mut label: String = record.label.chars().take(MAX_LABEL).collect();
    if label.len() < record.label.len() {
        label.push('…');
    }
    format!("{} {}", isolated(&label), record.id)
}
