//! Filter patterns of CloudWatch Logs for lines that are JSON, as far as template.yaml has them:
//! `{ $.field = "text*" && ($.number >= 500 || $.flag IS TRUE) }`.

use std::collections::BTreeSet;

use serde_json::Value;

/// A pattern that was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    Any(Vec<Self>),
    All(Vec<Self>),
    Compared(String, Comparison),
}

/// What is asked of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Comparison {
    /// Equal to a text, or not.
    Text {
        is_equal: bool,
        text: Text,
    },
    /// Before, at, or behind a number.
    Number(Operator, f64),
    Is(Value),
    NotExists,
}

/// A text with what may stand before and after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    text: String,
    begins_anyhow: bool,
    ends_anyhow: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The operators, each before those that it begins with.
const OPERATORS: [(&str, Operator); 6] = [
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("!=", Operator::NotEqual),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
];

impl Pattern {
    /// Reads a pattern, or says where it has something else than what is known here.
    pub fn parse(text: &str) -> Result<Self, String> {
        let inner = text.trim().strip_prefix('{');
        let inner = inner.and_then(|inner| inner.strip_suffix('}'));
        let mut rest = Rest(inner.ok_or("it is not in braces")?);
        let pattern = rest.any()?;
        match rest.0.trim() {
            "" => Ok(pattern),
            more => Err(format!("not known here: `{more}`")),
        }
    }

    /// Whether a line matches. What a pattern compares has to be in the line.
    ///
    /// # Panics
    /// If something that is missing is compared by `!=`: what that means, CloudWatch does not say.
    pub fn matches(&self, line: &Value) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.matches(line)),
            Self::All(parts) => parts.iter().all(|part| part.matches(line)),
            Self::Compared(field, comparison) => comparison.holds(field, line.get(field)),
        }
    }

    /// The fields that it names.
    pub fn fields(&self) -> BTreeSet<&str> {
        match self {
            Self::Any(parts) | Self::All(parts) => parts.iter().flat_map(Self::fields).collect(),
            Self::Compared(field, _) => [field.as_str()].into(),
        }
    }
}

impl Comparison {
    fn holds(&self, field: &str, value: Option<&Value>) -> bool {
        let Some(value) = value else {
            let is_unsaid = matches!(
                self,
                Self::Text {
                    is_equal: false,
                    ..
                } | Self::Number(Operator::NotEqual, _)
            );
            assert!(!is_unsaid, "`{field}` is missing, and compared by `!=`");
            return *self == Self::NotExists;
        };
        match self {
            Self::NotExists => false,
            Self::Is(wanted) => value == wanted,
            // A list or an object is no value, whatever is asked of it.
            _ if value.is_array() || value.is_object() => false,
            Self::Text { is_equal, text } => {
                // A star alone is any value; a text in quotes is never a number.
                let is_any = text.text.is_empty() && text.begins_anyhow;
                let is_it = value.as_str().map_or(is_any, |value| text.matches(value));
                is_it == *is_equal
            }
            Self::Number(operator, number) => {
                let Some(value) = value.as_f64() else {
                    return *operator == Operator::NotEqual;
                };
                match operator {
                    Operator::Equal => value == *number,
                    Operator::NotEqual => value != *number,
                    Operator::Less => value < *number,
                    Operator::LessOrEqual => value <= *number,
                    Operator::Greater => value > *number,
                    Operator::GreaterOrEqual => value >= *number,
                }
            }
        }
    }
}

impl Text {
    /// Stars at both ends stand for anything; one in the middle is itself.
    fn of(text: &str) -> Self {
        let (begins_anyhow, text) = match text.strip_prefix('*') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (ends_anyhow, text) = match text.strip_suffix('*') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        Self {
            text: text.to_owned(),
            begins_anyhow,
            ends_anyhow,
        }
    }

    fn matches(&self, value: &str) -> bool {
        let text = self.text.as_str();
        match (self.begins_anyhow, self.ends_anyhow) {
            (false, false) => value == text,
            (true, false) => value.ends_with(text),
            (false, true) => value.starts_with(text),
            (true, true) => value.contains(text),
        }
    }
}

/// What is left to be read.
struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    /// Whether this comes next, which is read then.
    fn takes(&mut self, next: &str) -> bool {
        let rest = self.0.trim_start().strip_prefix(next);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// What comes next, as long as it is of such characters.
    fn word(&mut self, is_of_it: impl Fn(char) -> bool) -> &'t str {
        let rest = self.0.trim_start();
        let end = rest.find(|c| !is_of_it(c)).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.0 = rest;
        word
    }

    fn any(&mut self) -> Result<Pattern, String> {
        let mut parts = vec![self.all()?];
        while self.takes("||") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Pattern::Any))
    }

    fn all(&mut self) -> Result<Pattern, String> {
        let mut parts = vec![self.part()?];
        while self.takes("&&") {
            parts.push(self.part()?);
        }
        Ok(one_or(parts, Pattern::All))
    }

    fn part(&mut self) -> Result<Pattern, String> {
        if self.takes("(") {
            let pattern = self.any()?;
            return match self.takes(")") {
                true => Ok(pattern),
                false => Err(format!("no `)` before `{}`", self.0)),
            };
        }
        if !self.takes("$.") {
            return Err(format!("no field: `{}`", self.0));
        }
        let field = self.word(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if field.is_empty() {
            return Err(format!("no name: `{}`", self.0));
        }
        Ok(Pattern::Compared(field.to_owned(), self.comparison()?))
    }

    fn comparison(&mut self) -> Result<Comparison, String> {
        let Some((_, operator)) = OPERATORS.into_iter().find(|(sign, _)| self.takes(sign)) else {
            let words = ["IS TRUE", "IS FALSE", "IS NULL", "NOT EXISTS"];
            return match words.into_iter().find(|words| self.takes(words)) {
                Some("IS TRUE") => Ok(Comparison::Is(true.into())),
                Some("IS FALSE") => Ok(Comparison::Is(false.into())),
                Some("IS NULL") => Ok(Comparison::Is(Value::Null)),
                Some(_) => Ok(Comparison::NotExists),
                None => Err(format!("no comparison: `{}`", self.0)),
            };
        };
        let is_equal = operator == Operator::Equal;
        let is_of_texts = is_equal || operator == Operator::NotEqual;
        if self.takes("\"") {
            let (text, rest) = self.0.split_once('"').ok_or("a text does not end")?;
            self.0 = rest;
            let text = Text::of(text);
            return match is_of_texts {
                true => Ok(Comparison::Text { is_equal, text }),
                false => Err("texts have no order".to_owned()),
            };
        }
        let word = self.word(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '*'));
        match word.parse() {
            Ok(number) => Ok(Comparison::Number(operator, number)),
            Err(_) if word == "*" && is_of_texts => Ok(Comparison::Text {
                is_equal,
                text: Text::of(word),
            }),
            Err(_) => Err(format!("neither a number nor a text: `{word}`")),
        }
    }
}

fn one_or(mut parts: Vec<Pattern>, several: fn(Vec<Pattern>) -> Pattern) -> Pattern {
    match parts.len() {
        1 => parts.remove(0),
        _ => several(parts),
    }
}

mod tests {
    use serde_json::json;

    use super::*;

    fn line() -> Value {
        json!({
            "level": "WARN", "status": 404, "units": 1.5, "quoted": "404", "flag": true,
            "message": "it could not be done", "nothing": null, "list": ["WARN"],
        })
    }

    #[test]
    fn what_is_there_is_compared() {
        for (pattern, is_match) in [
            (r#"{ $.level = "WARN" }"#, true),
            (r#"{ $.level = "warn" }"#, false),
            (r#"{ $.level = "WAR" }"#, false),
            (r#"{ $.level != "INFO" }"#, true),
            (r#"{ $.level != "W*" }"#, false),
            (r#"{ $.message = "it could*" }"#, true),
            (r#"{ $.message = "could*" }"#, false),
            (r#"{ $.message = "*be done" }"#, true),
            (r#"{ $.message = "*not be*" }"#, true),
            (r#"{ $.message = "it*done" }"#, false),
            ("{ $.status = 404 }", true),
            ("{ $.status >= 404 }", true),
            ("{ $.status > 404 }", false),
            ("{ $.status <= 403.5 }", false),
            ("{ $.status < 1e3 }", true),
            ("{ $.status != 404 }", false),
            ("{ $.units = 1.5 }", true),
            ("{$.status=404}", true),
            // A number in quotes is a text, to both sides.
            (r#"{ $.status = "404" }"#, false),
            ("{ $.quoted = 404 }", false),
            ("{ $.status = * }", true),
            (r#"{ $.level = "*" }"#, true),
            ("{ $.flag IS TRUE }", true),
            ("{ $.flag IS FALSE }", false),
            ("{ $.level IS TRUE }", false),
            ("{ $.nothing IS NULL }", true),
            ("{ $.list = * }", false),
        ] {
            let read = Pattern::parse(pattern).unwrap();
            assert_eq!(read.matches(&line()), is_match, "{pattern}");
        }
    }

    #[test]
    fn what_is_missing_matches_nothing() {
        for pattern in [
            "{ $.gone = * }",
            r#"{ $.gone = "x" }"#,
            "{ $.gone < 5 }",
            "{ $.gone IS FALSE }",
            "{ $.gone IS NULL }",
            "{ $.level NOT EXISTS }",
        ] {
            assert!(
                !Pattern::parse(pattern).unwrap().matches(&line()),
                "{pattern}"
            );
        }
        let gone = Pattern::parse("{ $.gone NOT EXISTS }").unwrap();
        assert!(gone.matches(&line()));
    }

    #[test]
    #[should_panic(expected = "`gone` is missing")]
    fn what_is_missing_is_not_compared_by_what_it_is_not() {
        Pattern::parse("{ $.gone != 5 }").unwrap().matches(&line());
    }

    /// `&&` binds more than `||`, and parentheses more than both.
    #[test]
    fn parts_are_put_together_as_cloudwatch_does() {
        let (yes, no) = ("$.status = 404", "$.status = 1");
        for (pattern, is_match) in [
            (format!("{{ {yes} && {yes} }}"), true),
            (format!("{{ {yes} && {no} }}"), false),
            (format!("{{ {no} || {yes} }}"), true),
            (format!("{{ {yes} || {no} && {no} }}"), true),
            (format!("{{ ({yes} || {no}) && {no} }}"), false),
            (format!("{{ {no} && {yes} || {yes} }}"), true),
            (format!("{{ {no} && ({yes} || {yes}) }}"), false),
            (format!("{{ (({yes})) }}"), true),
        ] {
            let read = Pattern::parse(&pattern).unwrap();
            assert_eq!(read.matches(&line()), is_match, "{pattern}");
        }
        let pattern = Pattern::parse("{ $.a = 1 || ($.b = 2 && $.a = 3) }").unwrap();
        assert_eq!(pattern.fields(), ["a", "b"].into());
    }

    #[test]
    fn what_is_not_known_is_no_pattern() {
        for pattern in [
            "",
            "ERROR",
            "{ }",
            "{ $.a }",
            "{ a = 1 }",
            "{ $. = 1 }",
            "{ $.a = b }",
            "{ $.a = \"b }",
            "{ $.a > \"b\" }",
            "{ $.a = 1 && }",
            "{ $.a = 1 || || $.b = 1 }",
            "{ ($.a = 1 }",
            "{ $.a = 1) }",
            "{ $.a.b = 1 }",
            "{ $.a = %x% }",
            "{ $.a EXISTS }",
        ] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
