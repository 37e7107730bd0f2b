//! Text comparison as SCIM defines it.

use std::borrow::Cow;

use icu_normalizer::{ComposingNormalizer, ComposingNormalizerBorrowed};
use icu_properties::props::DefaultIgnorableCodePoint;
use icu_properties::{CodePointSetData, CodePointSetDataBorrowed};
use unicase::UniCase;

/// The form in which `text` is compared: two values of an attribute with `caseExact: false` are
/// equal when their folded forms are.
///
/// RFC 7643 §2.2 has such values compared without case, and RFC 7644 §5 has names that look the
/// same be the same (PRECIS, RFC 8265 §3.3). So text is compared composed, whether a client sends
/// `é` as one character or as two; without width and other compatibility variants (NFKC); without
/// characters that nobody sees, such as a zero-width space; and without blanks around it.
pub fn fold(text: &str) -> Cow<'_, str> {
    match fold_untrimmed(text) {
        Cow::Borrowed(folded) => Cow::Borrowed(folded.trim()),
        Cow::Owned(folded) => {
            let trimmed = folded.trim();
            if trimmed.len() == folded.len() {
                Cow::Owned(folded)
            } else {
                Cow::Owned(trimmed.to_owned())
            }
        }
    }
}

/// Characters that nobody sees, such as a zero-width space.
const UNSEEN: CodePointSetDataBorrowed<'static> =
    CodePointSetData::new::<DefaultIgnorableCodePoint>();

/// Whether nothing in `text` can be seen: its folded form is empty.
pub fn is_blank(text: &str) -> bool {
    text.chars()
        .all(|each| each.is_whitespace() || UNSEEN.contains(each))
}

/// [`fold`] with the blanks around the text, for comparisons of a part of it: `sw "Ana "` is not
/// meant to find `Anabel`.
pub fn fold_untrimmed(text: &str) -> Cow<'_, str> {
    #[cfg(test)]
    FOLDED.set(FOLDED.get() + text.len());
    if !text.is_ascii() {
        return Cow::Owned(fold_unicode(text));
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

/// Unicode's NFKC_Casefold (UAX #31, R5) in its parts. Case folding takes characters apart, so they
/// are composed once more.
fn fold_unicode(text: &str) -> String {
    const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfkc();
    let is_unseen = |each: char| !each.is_ascii() && UNSEEN.contains(each);
    let mut shown = NFKC.normalize(text);
    let has_unseen = shown.chars().any(is_unseen);
    if has_unseen {
        shown.to_mut().retain(|each| !is_unseen(each));
    }
    let folded = UniCase::unicode(&*shown).to_folded_case();
    if !has_unseen && folded == shown {
        // Composed as it was.
        return folded;
    }
    match NFKC.normalize(&folded) {
        Cow::Borrowed(_) => folded,
        Cow::Owned(composed) => composed,
    }
}

/// `text` for an error message, which is one line: in backticks, cut to a readable length, with
/// line breaks and other control characters written as escapes. A backtick of its own would end the
/// quotation, and becomes an apostrophe.
pub fn quote(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut quoted = String::from("`");
    for each in text.chars().take(SHOWN) {
        match each {
            '`' => quoted.push('\''),
            _ if each.is_control() => quoted.extend(each.escape_default()),
            _ => quoted.push(each),
        }
    }
    if text.chars().nth(SHOWN).is_some() {
        quoted.push('…');
    }
    quoted.push('`');
    quoted
}

#[cfg(test)]
mod tests {
    use icu_normalizer::DecomposingNormalizer;
    use proptest::prelude::*;
    use proptest::test_runner::Config;

    use super::*;

    #[test]
    fn folding_knows_more_than_ascii() {
        assert_eq!(fold("Lena@Crew.Example"), "lena@crew.example");
        assert_eq!(fold("ΟΔΟΣ"), fold("οδος"));
        assert_eq!(fold("STRASSE"), fold("straße"));
        assert!(matches!(fold("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn what_looks_the_same_is_the_same() {
        for same in [
            &["jos\u{e9}", "jose\u{301}", "JOSE\u{301}", "JOS\u{c9}"][..],
            &["lena", "\u{ff2c}\u{ff45}\u{ff4e}\u{ff41}"],
            &["\u{30ac}\u{30ae}", "\u{ff76}\u{ff9e}\u{ff77}\u{ff9e}"],
            &[
                "lena",
                "le\u{200b}na",
                "\u{feff}lena",
                "le\u{ad}na\u{2060}",
                "\u{202e}lena\u{200f}",
            ],
            &[
                "lena",
                " lena",
                "lena ",
                "\tlena\n",
                "\u{a0}lena\u{3000}",
                "\u{200b} lena",
            ],
            &["lena ortiz", "LENA\u{a0}ORTIZ", "lena\u{3000}ortiz"],
            &[
                "\u{1e9b}\u{323}",
                "\u{17f}\u{323}\u{307}",
                "\u{1e69}",
                "S\u{307}\u{323}",
            ],
            &["\u{3b1}\u{345}\u{301}", "\u{1fb4}", "\u{3ac}\u{3b9}"],
            &["", "\u{200b}", " \u{200d} ", "\u{3000}"],
        ] {
            for text in same {
                assert_eq!(fold(text), fold(same[0]), "{text:?} and {:?}", same[0]);
            }
        }
    }

    #[test]
    fn what_looks_different_stays_different() {
        let all = [
            "ilker",
            "\u{131}lker",
            "\u{130}lker",
            "jose",
            "jos\u{e9}",
            "jos\u{e8}",
            "l ena",
            "lena",
            "l\u{435}na",
        ];
        for (index, one) in all.iter().enumerate() {
            for other in &all[index + 1..] {
                assert_ne!(fold(one), fold(other));
            }
        }
    }

    #[test]
    fn blanks_count_in_a_part_of_a_text() {
        assert_eq!(fold_untrimmed(" \u{ff21}na\u{3000}"), " ana ");
        assert_eq!(fold_untrimmed(" Ana "), " ana ");
        assert_eq!(fold(" ana "), "ana");
        assert!(matches!(fold(" ana "), Cow::Borrowed("ana")));
    }

    #[test]
    fn every_character_folds_to_what_folds_no_further() {
        // Beyond are planes without characters, and those of private use.
        for each in ('\0'..='\u{323ff}').chain('\u{e0000}'..='\u{e0fff}') {
            let text = each.to_string();
            let folded = fold_unicode(&text);
            assert_eq!(fold_unicode(&folded), folded, "{each:?}");
            let folded = fold(&text);
            assert_eq!(fold(&folded), folded, "{each:?}");
            assert_eq!(is_blank(&text), folded.is_empty(), "{each:?}");
            if each.is_ascii() {
                assert_eq!(fold_untrimmed(&text), fold_unicode(&text), "{each:?}");
            }
        }
    }

    /// Text of characters that do something to each other, or to which something is done.
    fn text() -> impl Strategy<Value = String> {
        let telling = prop::sample::select(vec![
            'a',
            'A',
            's',
            'S',
            'i',
            'I',
            'k',
            ' ',
            '\t',
            '\u{a0}',
            '\u{3000}',
            '\u{b4}',
            '\u{301}',
            '\u{307}',
            '\u{323}',
            '\u{345}',
            '\u{308}',
            '\u{e9}',
            '\u{c9}',
            '\u{df}',
            '\u{1e9e}',
            '\u{130}',
            '\u{131}',
            '\u{149}',
            '\u{17f}',
            '\u{390}',
            '\u{1fb4}',
            '\u{3c2}',
            '\u{3a3}',
            '\u{200b}',
            '\u{200d}',
            '\u{34f}',
            '\u{ad}',
            '\u{feff}',
            '\u{ff21}',
            '\u{ff76}',
            '\u{ff9e}',
            '\u{1100}',
            '\u{1161}',
            '\u{11a8}',
            '\u{ac00}',
            '\u{ffa0}',
            '\u{fb01}',
            '\u{fdfa}',
            '\u{212b}',
            '\u{1f80}',
            '\u{13a0}',
            '\u{ab70}',
            '\u{1f477}',
            '\u{e0001}',
            '\u{9b}',
            '\u{2028}',
        ]);
        let each = prop_oneof![8 => telling, 1 => any::<char>()];
        prop::collection::vec(each, 0..12).prop_map(String::from_iter)
    }

    proptest! {
        #![proptest_config(Config { failure_persistence: None, cases: 2048, ..Config::default() })]

        #[test]
        fn what_is_folded_folds_no_further(text in text()) {
            let folded = fold(&text);
            prop_assert_eq!(fold(&folded), folded.as_ref());
            prop_assert_eq!(is_blank(&text), folded.is_empty());
            let untrimmed = fold_untrimmed(&text);
            prop_assert_eq!(fold_untrimmed(&untrimmed), untrimmed.as_ref());
            prop_assert_eq!(untrimmed.trim(), folded.as_ref());
        }

        #[test]
        fn the_same_text_taken_apart_or_composed_is_the_same(text in text()) {
            let (nfd, nfc) = (DecomposingNormalizer::new_nfd(), ComposingNormalizer::new_nfc());
            let (apart, composed) = (nfd.normalize(&text), nfc.normalize(&text));
            prop_assert_eq!(fold(&apart), fold(&text));
            prop_assert_eq!(fold(&composed), fold(&text));
        }

        #[test]
        fn ascii_needs_no_tables(text in "[ -~\\t\\r\\n\0]{0,12}") {
            let general = fold_unicode(&text);
            prop_assert_eq!(fold_untrimmed(&text), general.as_str());
            prop_assert_eq!(fold(&text), general.trim());
        }
    }

    #[test]
    fn input_is_cut_at_a_character_and_is_one_line() {
        assert_eq!(quote("é"), "`é`");
        assert_eq!(quote(&"é".repeat(100)), format!("`{}…`", "é".repeat(80)));
        assert_eq!(quote("a\r\nb\0"), "`a\\r\\nb\\u{0}`");
    }
}
