//! The label of a key or a client: what people are to recognise it by.

use crate::html::is_direction;
use crate::texts::Texts;

/// The longest label, in characters.
const LONGEST: usize = 100;

/// What keys, client secrets and access tokens start with.
const KEYS: [&str; 3] = ["htscim_", "htscs_", "htsat_"];

/// What is wrong with a label, in words; none if it is one.
pub fn problem(t: &Texts, label: &str) -> Option<&'static str> {
    if !(1..=LONGEST).contains(&label.chars().count()) {
        return Some(t.label_length);
    }
    if label.chars().any(char::is_control) {
        return Some(t.label_control);
    }
    if label.chars().any(is_direction) {
        return Some(t.label_direction);
    }
    // A label is on pages and in logs: somebody has pasted the key into the wrong field.
    if has_key(label) {
        return Some(t.label_key);
    }
    label.chars().all(is_blank).then_some(t.label_blank)
}

/// Whether there may be a key in it, which no page repeats.
pub fn has_key(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    KEYS.iter().any(|start| text.contains(start))
}

/// Whether a character shows nothing: white space, what only tells how others are shown (Unicode's
/// category Cf), selectors of variants, fillers, and the empty pattern of Braille.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Language;

    #[test]
    fn what_is_wrong_is_said() {
        for language in Language::ALL {
            let t = language.texts();
            for (label, expected) in [
                ("", Some(t.label_length)),
                (&*"x".repeat(101), Some(t.label_length)),
                (&*"ü".repeat(100), None),
                ("Entra\nProduction", Some(t.label_control)),
                ("a\u{7f}", Some(t.label_control)),
                ("Entra \u{202e}noitcudorp", Some(t.label_direction)),
                ("\u{2066}x\u{2069}", Some(t.label_direction)),
                ("\u{200b}\u{200b}", Some(t.label_blank)),
                ("\u{2800}", Some(t.label_blank)),
                ("\u{3164} \u{ad}\u{feff}", Some(t.label_blank)),
                ("htscim_acme_0", Some(t.label_key)),
                ("my HTSCIM_acme", Some(t.label_key)),
                ("htscs_acme_0", Some(t.label_key)),
                ("Bearer htsat_acme", Some(t.label_key)),
                ("Entra", None),
                ("مفتاح", None),
                ("Entra 🔑\u{fe0f}", None),
            ] {
                assert_eq!(problem(t, label), expected, "{label:?}");
            }
        }
    }
}
