//! Text comparison as SCIM defines it.

use std::borrow::Cow;

use unicase::UniCase;

/// The case-folded form of `text` (Unicode default case folding): two values of an attribute
/// with `caseExact: false` are equal when their folded forms are (RFC 7643 §2.2).
pub fn fold(text: &str) -> Cow<'_, str> {
    #[cfg(test)]
    FOLDED.set(FOLDED.get() + text.len());
    if !text.is_ascii() {
        return Cow::Owned(UniCase::unicode(text).to_folded_case());
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    Cow::Borrowed(text)
}

#[cfg(test)]
thread_local! {
    /// How many bytes this thread has folded, for tests that count work.
    pub(crate) static FOLDED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// `text` for an error message: in backticks, cut to a readable length.
pub fn quote(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_knows_more_than_ascii() {
        assert_eq!(fold("Lena@Crew.Example"), "lena@crew.example");
        assert_eq!(fold("ΟΔΟΣ"), fold("οδος"));
        assert_eq!(fold("STRASSE"), fold("straße"));
        assert!(matches!(fold("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn long_input_is_cut_at_a_character() {
        assert_eq!(quote("é"), "`é`");
        assert_eq!(quote(&"é".repeat(100)), format!("`{}…`", "é".repeat(80)));
    }
}
