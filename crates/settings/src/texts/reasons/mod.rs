//! Why requests are refused, in the admin's words: what each reason means, and what to do.

mod federation;
mod scim;
mod tokens;

use super::{Language, Texts};

/// A title, and what to do.
type Words = (&'static str, &'static str);

/// A reason in a word, and in English and German.
type Reason = (&'static str, Words, Words);

/// Those that can be explained.
fn explained() -> impl Iterator<Item = &'static Reason> {
    let all = [scim::REASONS, tokens::REASONS, federation::REASONS];
    all.into_iter().flatten()
}

/// Any other one, such as one that a newer release gives.
const OTHER: Reason = (
    "",
    (
        "It was not done",
        "Hellotracks support can explain it: tell them the number of the request.",
    ),
    (
        "Es wurde nicht ausgeführt",
        "Der Support von Hellotracks kann es erklären: Nennen Sie ihm die Nummer der Anfrage.",
    ),
);

/// Whose explanation names the request's number.
const NUMBERED: &[&str] = &["internal", ""];

/// A reason as one that can be explained; all others are one.
pub fn known(reason: &str) -> &'static str {
    found(reason).0
}

/// Whether the explanation of a reason names the request's number.
pub fn names_the_number(reason: &str) -> bool {
    NUMBERED.contains(&known(reason))
}

fn found(reason: &str) -> &'static Reason {
    let known = explained().find(|(word, ..)| *word == reason);
    known.unwrap_or(&OTHER)
}

impl Texts {
    /// What a reason means, and what to do.
    pub fn reason(&self, reason: &str) -> (&'static str, &'static str) {
        let (_, english, german) = found(reason);
        match self.language {
            Language::English => *english,
            Language::German => *german,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every word that the service can give as a reason, from where it gives them.
    fn given() -> Vec<String> {
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
        quoted
            .chain(keys)
            .map(str::to_owned)
            .chain(of_tokens())
            .collect()
    }

    /// The words of the token endpoint: in its sources, what is written like one is one.
    fn of_tokens() -> Vec<String> {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let mut words = Vec::new();
        for folder in ["src/oauth", "crates/oauth/src"] {
            let files = std::fs::read_dir(format!("{root}/{folder}")).unwrap();
            for path in files.map(|file| file.unwrap().path()) {
                // It is for tests alone.
                if path.ends_with("second_opinion.rs") || path.is_dir() {
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                let is_word = |text: &str| {
                    text.starts_with(|c: char| c.is_ascii_lowercase())
                        && text.contains(|c: char| c.is_ascii_uppercase())
                        && text.chars().all(|c| c.is_ascii_alphanumeric())
                };
                let quoted = code.split('"').skip(1).step_by(2);
                words.extend(quoted.filter(|text| is_word(text)).map(str::to_owned));
            }
        }
        words
    }

    #[test]
    fn every_reason_that_is_given_is_explained() {
        let given = given();
        for word in [
            "uniqueness",
            "internal",
            "noKey",
            "foreignKey",
            "expiredToken",
        ] {
            assert!(given.iter().any(|one| one == word), "{word}: {given:?}");
        }
        for word in ["noCredentials", "wrongAudience", "untrustedIssuer"] {
            assert!(given.iter().any(|one| one == word), "{word}: {given:?}");
        }
        assert!(given.len() >= 80, "{given:?}");
        for word in given {
            assert_eq!(known(&word), word);
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
            let all: Vec<&Reason> = explained().chain([&OTHER]).collect();
            for (place, reason) in all.iter().enumerate() {
                let (title, advice) = texts.reason(reason.0);
                assert!(!title.is_empty() && !advice.is_empty(), "{}", reason.0);
                let later = all.iter().skip(place + 1);
                for other in later {
                    assert_ne!(reason.0, other.0);
                    assert_ne!(title, texts.reason(other.0).0, "{}", other.0);
                }
                let names = advice.contains("number") || advice.contains("Nummer");
                assert_eq!(names, names_the_number(reason.0), "{}", reason.0);
            }
        }
    }
}
