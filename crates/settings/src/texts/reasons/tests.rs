//! Every reason has its explanation.

use super::*;

/// Every word that the service can give as a reason, from where it gives them.
fn given() -> Vec<&'static str> {
    let rows = include_str!("../../../../scim/src/error.rs");
    let (rows, _) = rows.split_once("#[cfg(test)]").unwrap();
    let typed = rows.split("Row::").skip(1);
    let typed = typed.filter(|row| row.starts_with("typed(") || row.starts_with("untyped("));
    // The row of 401 has its reason from where the key is checked.
    let quoted = typed.filter_map(|row| row.split_once(')')?.0.split('"').nth(1));
    let keys = include_str!("../../../../../src/http/auth.rs");
    let (keys, _) = keys.split_once("#[cfg(test)]").unwrap();
    let keys = keys.lines().filter_map(|line| {
        let word = line.trim().strip_prefix('"')?.strip_suffix("\",")?;
        word.chars().all(char::is_alphanumeric).then_some(word)
    });
    quoted.chain(keys).collect()
}

#[test]
fn every_reason_that_is_given_is_explained() {
    let given = given();
    for word in ["uniqueness", "internal", "noKey", "apiOff", "foreignKey"] {
        assert!(given.contains(&word), "{word}: {given:?}");
    }
    assert!(given.len() >= 32, "{given:?}");
    for word in given {
        assert_eq!(known(word), word);
    }
    for language in Language::ALL {
        let texts = language.texts();
        assert_eq!(texts.reason("strange"), texts.reason(""));
    }
    assert_eq!(known("strange"), "");
}

/// Each is explained once, in words of its own, whose number is shown where it is named.
#[test]
fn reasons_are_told_apart() {
    for language in Language::ALL {
        let texts = language.texts();
        for (place, reason) in REASONS.iter().chain([&OTHER]).enumerate() {
            let (title, advice) = texts.reason(reason.word);
            assert!(!title.is_empty() && !advice.is_empty(), "{}", reason.word);
            let later = REASONS.iter().skip(place + 1);
            for other in later {
                assert_ne!(reason.word, other.word);
                assert_ne!(title, texts.reason(other.word).0, "{}", other.word);
            }
            let names = advice.contains("number") || advice.contains("Nummer");
            assert_eq!(names, names_the_number(reason.word), "{}", reason.word);
        }
    }
}
