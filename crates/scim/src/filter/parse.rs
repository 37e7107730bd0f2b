//! The grammar of filters and PATCH paths (RFC 7644 §3.4.2.2 figure 1, §3.5.2 figure 7).
//!
//! It is wider than the RFC's in two places, for Microsoft's requests: values may be unquoted, and
//! a value path may continue with a comparison (`emails[type eq "work"].value eq "x"`), which
//! becomes one more condition on the element.

use super::ast::{Filter, Literal, Operator, Path};

/// The longest filter or path accepted, in bytes.
pub const MAX_LENGTH: usize = 8 * 1024;

/// How deep parentheses and brackets may nest.
pub const MAX_DEPTH: usize = 64;

/// Where the text departs from the grammar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// Something else was expected at this byte.
    #[error("expected {expected} at byte {offset}")]
    Expected {
        /// What the grammar asks for.
        expected: &'static str,
        /// The byte offset, from 0.
        offset: usize,
    },
    /// Too many bytes.
    #[error("it is {length} bytes long, and {MAX_LENGTH} are accepted; split the request")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// Nested too deeply.
    #[error("it is nested deeper than {MAX_DEPTH} levels at byte {offset}; simplify it")]
    TooDeep {
        /// The byte offset of the first level that is too deep.
        offset: usize,
    },
}

/// Parses a whole filter.
pub fn filter(text: &str) -> Result<Filter, SyntaxError> {
    let mut parser = Parser::new(text)?;
    let filter = parser.or()?;
    parser.end("`and`, `or` or the end of the filter")?;
    Ok(filter)
}

/// Parses a whole PATCH path.
pub fn path(text: &str) -> Result<Path, SyntaxError> {
    let mut parser = Parser::new(text)?;
    parser.skip_spaces();
    let attribute = parser.attribute_path()?;
    let (filter, sub_attribute) = if parser.eat('[') {
        let filter = parser.bracketed()?;
        (Some(filter), parser.sub_attribute()?)
    } else {
        (None, None)
    };
    parser.end("the end of the path")?;
    Ok(Path {
        attribute,
        filter,
        sub_attribute,
    })
}

struct Parser<'a> {
    text: &'a str,
    /// A byte offset into `text`, always on a character boundary.
    offset: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, SyntaxError> {
        if text.len() > MAX_LENGTH {
            return Err(SyntaxError::TooLong { length: text.len() });
        }
        Ok(Self {
            text,
            offset: 0,
            depth: 0,
        })
    }

    fn or(&mut self) -> Result<Filter, SyntaxError> {
        self.chain("or", Self::and, Filter::Or)
    }

    fn and(&mut self) -> Result<Filter, SyntaxError> {
        self.chain("and", Self::term, Filter::And)
    }

    /// One or more `operand`s with `word` between them.
    fn chain(
        &mut self,
        word: &str,
        operand: fn(&mut Self) -> Result<Filter, SyntaxError>,
        combine: fn(Vec<Filter>) -> Filter,
    ) -> Result<Filter, SyntaxError> {
        let first = operand(self)?;
        if !self.eat_word(word) {
            return Ok(first);
        }
        let mut terms = vec![first, operand(self)?];
        while self.eat_word(word) {
            terms.push(operand(self)?);
        }
        Ok(combine(terms))
    }

    fn term(&mut self) -> Result<Filter, SyntaxError> {
        self.skip_spaces();
        if self.eat('(') {
            return self.nested(')', "`)`");
        }
        let start = self.offset;
        if self.eat_word("not") {
            self.skip_spaces();
            if self.eat('(') {
                return Ok(Filter::Not(Box::new(self.nested(')', "`)`")?)));
            }
            self.offset = start;
        }
        let path = self.attribute_path()?;
        if !self.eat('[') {
            return self.comparison(path);
        }
        let inner = self.bracketed()?;
        let Some(sub_attribute) = self.sub_attribute()? else {
            return Ok(Filter::Element(path, Box::new(inner)));
        };
        let condition = self.comparison(sub_attribute)?;
        let terms = match inner {
            Filter::And(mut terms) => {
                terms.push(condition);
                terms
            }
            other => vec![other, condition],
        };
        Ok(Filter::Element(path, Box::new(Filter::And(terms))))
    }

    fn bracketed(&mut self) -> Result<Filter, SyntaxError> {
        self.nested(']', "`]`")
    }

    /// A filter up to `close`, whose opening counterpart was just read.
    fn nested(&mut self, close: char, expected: &'static str) -> Result<Filter, SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SyntaxError::TooDeep {
                offset: self.offset,
            });
        }
        let filter = self.or()?;
        self.skip_spaces();
        if !self.eat(close) {
            return Err(self.expected(expected));
        }
        self.depth -= 1;
        Ok(filter)
    }

    fn comparison(&mut self, path: String) -> Result<Filter, SyntaxError> {
        const OPERATORS: &str =
            "an operator (`eq`, `ne`, `co`, `sw`, `ew`, `gt`, `ge`, `lt`, `le` or `pr`)";
        self.skip_spaces();
        let start = self.offset;
        let word = self.take_while(|next| next.is_ascii_alphabetic());
        if word.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(path));
        }
        let Some(operator) = Operator::from_keyword(word) else {
            self.offset = start;
            return Err(self.expected(OPERATORS));
        };
        self.skip_spaces();
        Ok(Filter::Compare(path, operator, self.literal()?))
    }

    fn literal(&mut self) -> Result<Literal, SyntaxError> {
        if self.rest().starts_with('"') {
            return self.string().map(Literal::String);
        }
        let word = self.take_while(|next| {
            !next.is_whitespace() && !matches!(next, '(' | ')' | '[' | ']' | '"')
        });
        if word.is_empty() || word.starts_with('\'') {
            self.offset -= word.len();
            return Err(self.expected("a value such as `\"text\"`, `true` or `null`"));
        }
        Ok(Literal::Bare(word.to_owned()))
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        let mut escaped = false;
        let closing = self.rest().char_indices().skip(1).find(|&(_, next)| {
            let closes = next == '"' && !escaped;
            escaped = next == '\\' && !escaped;
            closes
        });
        let Some((length, _)) = closing else {
            self.offset = self.text.len();
            return Err(self.expected("a closing `\"`"));
        };
        let quoted = self.rest().get(..=length).unwrap_or_default();
        let value = serde_json::from_str(quoted).map_err(|_| self.expected("a JSON string"))?;
        self.offset += length + 1;
        Ok(value)
    }

    /// `[urn:]name[.sub]`; `bind` checks whether it names anything.
    fn attribute_path(&mut self) -> Result<String, SyntaxError> {
        let word = self.take_while(|next| {
            next.is_ascii_alphanumeric() || matches!(next, '-' | '_' | '.' | ':' | '$' | '/')
        });
        if word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '$') {
            return Ok(word.to_owned());
        }
        self.offset -= word.len();
        Err(self.expected("an attribute name"))
    }

    fn sub_attribute(&mut self) -> Result<Option<String>, SyntaxError> {
        if !self.eat('.') {
            return Ok(None);
        }
        let start = self.offset;
        let name = self.attribute_path()?;
        if name.contains('.') {
            self.offset = start;
            return Err(self.expected("the name of a sub-attribute"));
        }
        Ok(Some(name))
    }

    fn end(&mut self, expected: &'static str) -> Result<(), SyntaxError> {
        self.skip_spaces();
        if self.rest().is_empty() {
            Ok(())
        } else {
            Err(self.expected(expected))
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.offset += wanted.len_utf8();
        }
        found
    }

    /// Consumes `word`, in any case, if it comes next and is not the start of a longer word.
    fn eat_word(&mut self, word: &str) -> bool {
        let start = self.offset;
        self.skip_spaces();
        let next = self.take_while(|next| {
            next.is_ascii_alphanumeric() || matches!(next, '-' | '_' | '.' | ':')
        });
        let found = next.eq_ignore_ascii_case(word);
        if !found {
            self.offset = start;
        }
        found
    }

    fn skip_spaces(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|next| !accept(next)).unwrap_or(rest.len());
        self.offset += end;
        rest.get(..end).unwrap_or_default()
    }

    fn expected(&self, expected: &'static str) -> SyntaxError {
        SyntaxError::Expected {
            expected,
            offset: self.offset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fully parenthesised, so that precedence shows.
    fn shape(text: &str) -> String {
        fn show(filter: &Filter) -> String {
            let all = |terms: &[Filter]| terms.iter().map(show).collect::<Vec<_>>().join(" ");
            match filter {
                Filter::And(terms) => format!("(and {})", all(terms)),
                Filter::Or(terms) => format!("(or {})", all(terms)),
                Filter::Not(inner) => format!("(not {})", show(inner)),
                Filter::Element(path, inner) => format!("{path}[{}]", show(inner)),
                leaf => format!("{{{leaf}}}"),
            }
        }
        match filter(text) {
            Ok(filter) => show(&filter),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn and_binds_tighter_than_or_and_not_tighter_still() {
        assert_eq!(
            shape("a pr or b pr and c pr"),
            "(or {a pr} (and {b pr} {c pr}))"
        );
        assert_eq!(
            shape("(a pr or b pr) and c pr"),
            "(and (or {a pr} {b pr}) {c pr})"
        );
        assert_eq!(shape("not (a pr) and b pr"), "(and (not {a pr}) {b pr})");
        assert_eq!(shape("NOT(a PR) OR b Eq 1"), "(or (not {a pr}) {b eq 1})");
    }

    #[test]
    fn values_come_quoted_and_bare() {
        assert_eq!(shape(r#"a eq "x \"y\" \\""#), r#"{a eq "x \"y\" \\"}"#);
        assert_eq!(shape("externalId eq lortiz"), "{externalId eq lortiz}");
        assert_eq!(shape("(a eq o'brien)"), "{a eq o'brien}");
        assert_eq!(shape(r#"a eq "é""#), r#"{a eq "é"}"#);
    }

    #[test]
    fn a_comparison_after_a_value_path_is_a_condition_on_the_element() {
        let element = r#"emails[(and {type eq "work"} {value eq "x"})]"#;
        assert_eq!(shape(r#"emails[type eq "work" and value eq "x"]"#), element);
        assert_eq!(shape(r#"emails[type eq "work"].value eq "x""#), element);
        assert_eq!(
            shape(r#"a pr and emails[type eq "work"] and b pr"#),
            r#"(and {a pr} emails[{type eq "work"}] {b pr})"#
        );
    }

    #[test]
    fn errors_say_where_and_what() {
        assert_eq!(shape(""), "expected an attribute name at byte 0");
        assert_eq!(
            shape("userName"),
            "expected an operator (`eq`, `ne`, `co`, `sw`, `ew`, `gt`, `ge`, `lt`, `le` or `pr`) at byte 8"
        );
        assert_eq!(
            shape("userName is 1"),
            "expected an operator (`eq`, `ne`, `co`, `sw`, `ew`, `gt`, `ge`, `lt`, `le` or `pr`) at byte 9"
        );
        assert_eq!(
            shape("userName eq"),
            "expected a value such as `\"text\"`, `true` or `null` at byte 11"
        );
        assert_eq!(
            shape("userName eq \"x"),
            "expected a closing `\"` at byte 14"
        );
        assert_eq!(
            shape(r#"userName eq "\q""#),
            "expected a JSON string at byte 12"
        );
        assert_eq!(shape("(a pr"), "expected `)` at byte 5");
        assert_eq!(shape("a[b pr"), "expected `]` at byte 6");
        assert_eq!(
            shape("a pr b pr"),
            "expected `and`, `or` or the end of the filter at byte 5"
        );
        assert_eq!(shape("a pr and"), "expected an attribute name at byte 8");
    }

    #[test]
    fn size_is_bounded() {
        let nested = |depth: usize| format!("{}a pr{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(shape(&nested(MAX_DEPTH)), "{a pr}");
        assert_eq!(
            shape(&nested(MAX_DEPTH + 1)),
            "it is nested deeper than 64 levels at byte 65; simplify it"
        );
        let long = format!("a eq \"{}\"", "x".repeat(MAX_LENGTH));
        assert_eq!(
            shape(&long),
            "it is 8199 bytes long, and 8192 are accepted; split the request"
        );
    }

    #[test]
    fn paths() {
        let parsed = path(r#"emails[type eq "work"].value"#).unwrap();
        assert_eq!(parsed.attribute, "emails");
        assert_eq!(parsed.filter.unwrap().to_string(), r#"type eq "work""#);
        assert_eq!(parsed.sub_attribute.as_deref(), Some("value"));
        assert_eq!(path("name.givenName").unwrap().attribute, "name.givenName");
        assert_eq!(
            path("emails[").unwrap_err().to_string(),
            "expected an attribute name at byte 7"
        );
        assert_eq!(
            path("emails[type eq 1].value.x").unwrap_err().to_string(),
            "expected the name of a sub-attribute at byte 18"
        );
        assert_eq!(
            path("a b").unwrap_err().to_string(),
            "expected the end of the path at byte 2"
        );
        assert_eq!(
            path("[type eq 1]").unwrap_err().to_string(),
            "expected an attribute name at byte 0"
        );
    }

    #[test]
    fn what_was_read_in_vain_is_not_skipped() {
        assert_eq!(
            shape("a eq 'x'"),
            "expected a value such as `\"text\"`, `true` or `null` at byte 5"
        );
        assert_eq!(shape("1a pr"), "expected an attribute name at byte 0");
        assert_eq!(
            shape("manager[$ref pr and value pr]"),
            "manager[(and {$ref pr} {value pr})]"
        );
    }

    #[test]
    fn groups_beside_each_other_are_not_deep() {
        let beside = vec!["(a pr)"; 2 * MAX_DEPTH].join(" and ");
        assert!(filter(&beside).is_ok());
    }
}
