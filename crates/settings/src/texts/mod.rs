//! The languages of the page.

mod attributes;
mod clients;
mod counted;
mod de;
mod en;
pub mod reasons;
mod words;

pub use counted::Counted;
pub use words::Texts;

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, where nothing else is asked for.
    English,
    /// German.
    German,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// The one that was chosen, or else what the browser likes best of those that there are.
    pub fn of(chosen: Option<&str>, accepted: Option<&str>) -> Self {
        if let Some(language) = chosen.and_then(Self::parse) {
            return language;
        }
        let accepted = accepted.unwrap_or_default().split(',');
        let mut wanted: Vec<(Self, f32)> = accepted.filter_map(accepted_language).collect();
        // The first of those that are wanted alike.
        wanted.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        wanted
            .first()
            .map_or(Self::English, |(language, _)| *language)
    }

    /// The language of a code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|language| language.code().eq_ignore_ascii_case(code))
    }

    /// Its code.
    pub fn code(self) -> &'static str {
        self.texts().code
    }

    /// What the page says in it.
    pub fn texts(self) -> &'static Texts {
        match self {
            Self::English => &en::TEXTS,
            Self::German => &de::TEXTS,
        }
    }
}

/// A language of `Accept-Language` with its weight (RFC 9110 §12.5.4), if it is one of these and
/// wanted. Any language is the one where nothing else is asked for.
fn accepted_language(part: &str) -> Option<(Language, f32)> {
    let mut parts = part.split(';').map(str::trim);
    let code = parts.next()?.split('-').next()?;
    let language = match code {
        "*" => Language::English,
        code => Language::parse(code)?,
    };
    let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    let weight = weight.map_or(Some(1.0), |weight| weight.trim().parse().ok())?;
    let is_wanted = (f32::MIN_POSITIVE..=1.0).contains(&weight);
    is_wanted.then_some((language, weight))
}

/// The text for so many, with their number.
pub fn counted(texts: Counted, count: u64) -> String {
    let [one, more] = texts;
    let text = if count == 1 { one } else { more };
    fill(text, &[("count", &count.to_string())])
}

/// A text with its values.
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            rest = after;
            break;
        };
        let value = values.iter().find(|(known, _)| *known == name);
        filled.push_str(value.map_or(name, |(_, value)| value));
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_chosen_or_the_browsers() {
        for (chosen, accepted, expected) in [
            (None, None, Language::English),
            (None, Some("de-AT,de;q=0.9,en;q=0.8"), Language::German),
            (None, Some("fr, de;q=0.5"), Language::German),
            (None, Some("en;q=0.5, de;q=0.9"), Language::German),
            (None, Some("de;q=0, en;q=0.1"), Language::English),
            (None, Some("de-CH ; q=0.2, *;q=0.1"), Language::German),
            (None, Some("fr, *;q=0.8, de;q=0.3"), Language::English),
            (None, Some("en;q=0.8, de;q=0.8"), Language::English),
            (None, Some("de;q=x, de;q=7, \""), Language::English),
            (None, Some("de;q=0"), Language::English),
            (Some("en"), Some("de"), Language::English),
            (Some("xx"), Some("de"), Language::German),
        ] {
            assert_eq!(Language::of(chosen, accepted), expected);
        }
    }

    /// Both languages fill in the same.
    #[test]
    fn languages_say_the_same() {
        let holes = |texts: &Texts| {
            let all = format!("{texts:?}");
            let mut names: Vec<String> = all
                .split('{')
                .skip(1)
                .filter_map(|part| Some(part.split_once('}')?.0.to_owned()))
                .filter(|name| name.chars().all(|c| c.is_ascii_lowercase()))
                .collect();
            names.sort();
            names
        };
        let [english, german] = Language::ALL.map(Language::texts);
        assert!(!holes(english).is_empty());
        assert_eq!(holes(english), holes(german));
    }

    #[test]
    fn values_are_filled_in_once() {
        assert_eq!(fill("{a} of {b}", &[("a", "{b}"), ("b", "2")]), "{b} of 2");
        assert_eq!(fill("none", &[]), "none");
        assert_eq!(fill("{open", &[]), "open");
        let texts = ["{count} key", "{count} keys"];
        for (count, said) in [(0, "0 keys"), (1, "1 key"), (2, "2 keys")] {
            assert_eq!(counted(texts, count), said);
        }
    }
}
