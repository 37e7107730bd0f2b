//! HTML that goes into a page as it is. It is made here: text in it is escaped, and only times and
//! pictures of this page bring tags of their own. Templates escape everything else.

use std::fmt;

use askama::filters::{Escaper, HtmlSafe};
use scim::resource::rfc3339;
use time::OffsetDateTime;

use crate::texts::{Texts, fill};

/// A piece of HTML.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// Text, escaped.
    pub fn text(text: &str) -> Self {
        let mut safe = String::with_capacity(text.len());
        // Writing to a string cannot fail.
        let _ = askama::filters::Html.write_escaped_str(&mut safe, text);
        Self(safe)
    }

    /// Text of somebody else, escaped: its direction of writing does not touch what is around it.
    pub fn foreign(text: &str) -> Self {
        Self(format!("<bdi>{}</bdi>", Self::text(text)))
    }

    /// Text of somebody else that is written exactly so.
    pub fn code(text: &str) -> Self {
        Self(format!("<code><bdi>{}</bdi></code>", Self::text(text)))
    }

    /// Tags of this page's own, with nobody's text in them that is not escaped.
    pub fn own(tags: String) -> Self {
        Self(tags)
    }

    /// A date and time: in UTC, and by the script as the browser writes it.
    pub fn time(at: OffsetDateTime) -> Self {
        Self::shown(at, "date", &written(at))
    }

    /// A time of day, in the same way.
    pub fn clock(at: OffsetDateTime) -> Self {
        Self::shown(at, "clock", &clock(at))
    }

    /// When something was, seen from now: of today the time of day, else the date as well, each
    /// with its preposition. What today is, the script knows better.
    pub fn near(t: &Texts, at: OffsetDateTime, now: OffsetDateTime) -> Self {
        let text = match at.date() == now.date() {
            true => format!("{} {}", t.at_clock, clock(at)),
            false => format!("{} {}", t.on_date, written(at)),
        };
        Self::shown(at, "near", &text)
    }

    /// A date and time, or a word where there is none.
    pub fn time_or(at: Option<OffsetDateTime>, word: &str) -> Self {
        at.map_or_else(|| Self::text(word), Self::time)
    }

    /// A text with its values.
    pub fn fill(text: &str, values: &[(&str, &Self)]) -> Self {
        let values: Vec<(&str, &str)> = values
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        Self(fill(Self::text(text).as_str(), &values))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn shown(at: OffsetDateTime, kind: &str, text: &str) -> Self {
        let iso = rfc3339(at);
        Self(format!(
            "<time datetime=\"{iso}\" data-time=\"{kind}\">{text}</time>"
        ))
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

/// Text of somebody else where no tags can be: isolated by characters, and without those with which
/// it could end that.
pub fn isolated(text: &str) -> String {
    let text = text.chars().filter(|c| !is_direction(*c));
    ['\u{2068}']
        .into_iter()
        .chain(text)
        .chain(['\u{2069}'])
        .collect()
}

/// Whether it only turns the direction of writing (Unicode's `Bidi_Control`).
pub fn is_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A time as people write it, in UTC.
pub fn written(at: OffsetDateTime) -> String {
    let date = at.date();
    format!(
        "{}-{:02}-{:02} {}",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock(at)
    )
}

/// The time of day, in UTC.
fn clock(at: OffsetDateTime) -> String {
    format!("{:02}:{:02} UTC", at.hour(), at.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_times_are_not() {
        let at = OffsetDateTime::UNIX_EPOCH;
        let values = [
            ("who", &Html::text("<b title='x'>&\"")),
            ("time", &Html::time(at)),
        ];
        let filled = Html::fill("1 < {who} at {time}", &values);
        let text = filled.as_str();
        assert_eq!(text.matches('<').count(), 2, "{text}");
        assert!(!text.contains("'x'"), "{text}");
        assert!(
            text.contains(">1970-01-01 00:00 UTC</time>") && text.contains("data-time=\"date\""),
            "{text}"
        );
        assert_eq!(filled.to_string(), text);
    }

    #[test]
    fn text_of_others_is_isolated() {
        assert_eq!(Html::foreign("<b>").as_str(), "<bdi>&#60;b&#62;</bdi>");
        assert_eq!(Html::code("x").as_str(), "<code><bdi>x</bdi></code>");
        assert_eq!(isolated("a\u{2069}\u{202e}b"), "\u{2068}ab\u{2069}");
    }

    #[test]
    fn only_other_days_have_a_date() {
        let t = crate::texts::Language::English.texts();
        let at = OffsetDateTime::UNIX_EPOCH;
        let near = |minutes| Html::near(t, at, at + time::Duration::minutes(minutes));
        assert!(near(1_439).as_str().contains(">at 00:00 UTC<"));
        assert!(near(1_440).as_str().contains(">on 1970-01-01 00:00 UTC<"));
    }

    /// What is not [`Html`] is escaped: no template says otherwise.
    #[test]
    fn no_template_turns_escaping_off() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
        let mut templates = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            for word in ["|safe", "| safe", "{% autoescape", "escape = \"none\""] {
                assert!(!text.contains(word), "{}: {word}", path.display());
            }
            templates += 1;
        }
        assert!(templates > 10);
    }
}
