//! What people read: times, columns, and nothing that a terminal would obey.

use std::borrow::Cow;

use scim::resource::rfc3339;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A time to the millisecond, for programs.
pub fn exact(time: OffsetDateTime) -> String {
    rfc3339(time.truncate_to_millisecond())
}

/// A time to the second, for people.
pub fn stamp(time: OffsetDateTime) -> String {
    let time = time.to_offset(UtcOffset::UTC);
    let time = time.replace_nanosecond(0).unwrap_or(time);
    time.format(&Rfc3339).unwrap_or_else(|_| rfc3339(time))
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

/// JSON as it may go to a terminal: the same characters are escaped as JSON escapes them, so that
/// programs read what was there.
pub fn json(json: &str) -> Cow<'_, str> {
    // Outside of strings JSON has only one of them, the end of a line, which strings do not have.
    let is_escaped = |character| character != '\n' && is_unprintable(character);
    if !json.contains(is_escaped) {
        return json.into();
    }
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if is_escaped(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(character);
        }
    }
    escaped.into()
}

/// Whether a terminal does something else with a character than show it: controls, separators of
/// lines and paragraphs, and what cannot be seen, such as marks of the direction of writing and
/// spaces without width (Unicode's `Default_Ignorable_Code_Point`, and annotations). What is not
/// seen makes two names look like one.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
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
    fn json_says_the_same_without_what_a_terminal_obeys() {
        let text = "\u{1b}]0;x\u{7}\u{7f}\u{9b}2J\u{202e}\u{2028}\u{200b}\u{e0041}é🙂\n\\\"";
        let value = serde_json::json!({ text: [text, 1] });
        for written in [format!("{value}"), format!("{value:#}")] {
            let shown = json(&written);
            assert!(!shown.replace('\n', "").contains(is_unprintable), "{shown}");
            assert!(
                shown.contains("\\u202e\\u2028\\u200b\\udb40\\udc41é🙂"),
                "{shown}"
            );
            let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
            assert_eq!(read, value);
        }
        assert!(matches!(json("{\n}"), Cow::Borrowed("{\n}")));
    }

    #[test]
    fn nothing_but_text_reaches_the_terminal() {
        for (text, shown) in [
            ("Zoë 🙂 \\u{1b}", "Zoë 🙂 \\u{1b}"),
            ("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}"),
            ("a\nb\r\tc", "a\\u{a}b\\u{d}\\u{9}c"),
            ("\u{7f}\u{9b}31m", "\\u{7f}\\u{9b}31m"),
            ("\u{202e}x\u{2066}\u{2028}", "\\u{202e}x\\u{2066}\\u{2028}"),
            ("le\u{200b}na\u{feff}", "le\\u{200b}na\\u{feff}"),
            ("\u{ad}\u{3164}\u{e0041}", "\\u{ad}\\u{3164}\\u{e0041}"),
            ("山田\u{3000}太郎 אב", "山田\u{3000}太郎 אב"),
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
