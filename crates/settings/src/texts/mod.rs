//! The languages of the page.

mod de;
mod en;
mod words;

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

    /// The one that was chosen, or else the browser's first that there is.
    pub fn of(chosen: Option<&str>, accepted: Option<&str>) -> Self {
        if let Some(language) = chosen.and_then(Self::parse) {
            return language;
        }
        let accepted = accepted.unwrap_or_default().split(',');
        let codes = accepted.map(|part| part.split([';', '-']).next().unwrap_or_default());
        let mut known = codes.filter_map(|code| Self::parse(code.trim()));
        known.next().unwrap_or(Self::English)
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

impl Texts {
    /// What a reason means, and what to do.
    pub fn reason(&self, reason: &str) -> (&'static str, &'static str) {
        let known = self.reasons.iter().find(|(word, ..)| *word == reason);
        let (_, title, advice) = known.or(self.reasons.last()).copied().unwrap_or_default();
        (title, advice)
    }
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
            (Some("en"), Some("de"), Language::English),
            (Some("xx"), Some("de"), Language::German),
        ] {
            assert_eq!(Language::of(chosen, accepted), expected);
        }
    }

    /// Both languages fill in the same, and explain the same.
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
        let words = |texts: &Texts| texts.reasons.iter().map(|(word, ..)| *word).collect();
        let words: [Vec<&str>; 2] = [english, german].map(words);
        assert_eq!(words[0], words[1]);
        assert_eq!(english.reason("strange"), english.reason(""));
    }

    #[test]
    fn values_are_filled_in_once() {
        assert_eq!(fill("{a} of {b}", &[("a", "{b}"), ("b", "2")]), "{b} of 2");
        assert_eq!(fill("none", &[]), "none");
        assert_eq!(fill("{open", &[]), "open");
    }
}
