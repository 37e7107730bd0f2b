//! What people read: times, columns, and nothing that a terminal would obey.

use std::borrow::Cow;

use scim::resource::rfc3339;
use time::OffsetDateTime;

/// A time as clients see it.
pub fn stamp(time: OffsetDateTime) -> String {
    rfc3339(time)
}

/// A text as it may go to a terminal. What clients send can be meant to move the cursor, to set the
/// window's title, to add lines or to turn their order around: such characters are shown by number.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return text.into();
    }
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unprintable(character) {
            printable.extend(character.escape_unicode());
        } else {
            printable.push(character);
        }
    }
    printable.into()
}

/// Whether a terminal does something else with a character than show it: controls, separators of
/// lines and paragraphs, and marks, embeddings, overrides and isolates of the direction of writing.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

/// Lines up the cells of each column, which may hold any text. The last column is as wide as it
/// likes.
pub fn columns<const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let lines: Vec<[String; N]> = std::iter::once(header.map(str::to_owned))
        .chain(rows)
        .map(|line| line.map(|cell| printable(&cell).into_owned()))
        .collect();
    let mut widths = [0; N];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let lines: Vec<String> = lines
        .iter()
        .map(|line| {
            let cells: Vec<String> = line
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [
            ["a".to_owned(), "b".to_owned()],
            ["ccc".to_owned(), "é".to_owned()],
        ];
        assert_eq!(
            columns(["X", "YY"], rows.into_iter()),
            "X    YY\na    b\nccc  é"
        );
    }

    #[test]
    fn nothing_but_text_reaches_the_terminal() {
        for (text, shown) in [
            ("Zoë 🙂 \\u{1b}", "Zoë 🙂 \\u{1b}"),
            ("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}"),
            ("a\nb\r\tc", "a\\u{a}b\\u{d}\\u{9}c"),
            ("\u{7f}\u{9b}31m", "\\u{7f}\\u{9b}31m"),
            ("\u{202e}x\u{2066}\u{2028}", "\\u{202e}x\\u{2066}\\u{2028}"),
        ] {
            assert_eq!(printable(text), shown);
        }
        let rows = [["\u{1b}".to_owned(), "b".to_owned()]];
        assert_eq!(
            columns(["X", "Y"], rows.into_iter()),
            "X       Y\n\\u{1b}  b"
        );
    }
}
