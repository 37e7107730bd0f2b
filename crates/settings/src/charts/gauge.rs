//! How much of the limit is used.

use super::begin;
use crate::html::Html;

const WIDTH: u64 = 400;

/// The picture of so many places of so many.
pub fn svg(used: u64, limit: u64, title: &str) -> Html {
    let part = used.min(limit).saturating_mul(WIDTH) / limit.max(1);
    let class = match used.saturating_mul(100) / limit.max(1) {
        0..=59 => "good",
        60..=99 => "some",
        _ => "bad",
    };
    Html::own(format!(
        "{}<rect class=\"rail\" x=\"0\" y=\"4\" width=\"{WIDTH}\" height=\"20\" rx=\"10\"/>\
         <rect class=\"cell {class}\" x=\"0\" y=\"4\" width=\"{part}\" height=\"20\" rx=\"10\"/></svg>",
        begin(400, 28, title)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_is_never_more_than_full() {
        assert!(svg(0, 10, "t").as_str().contains("width=\"0\""));
        assert!(
            svg(25, 10, "t")
                .as_str()
                .contains("cell bad\" x=\"0\" y=\"4\" width=\"400\"")
        );
        assert!(
            svg(7, 10, "t")
                .as_str()
                .contains("cell some\" x=\"0\" y=\"4\" width=\"280\"")
        );
        assert!(svg(1, 0, "t").as_str().contains("width=\"0\""));
    }
}
