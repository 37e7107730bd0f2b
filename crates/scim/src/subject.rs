//! Whom a request is for, and which attributes it names, as the client gave them: read from a body
//! or a filter without checking either, since it is a refused request that is asked about.

use serde_json::{Map, Value};

use crate::ignored::is_path;

/// What a request says of the resource that it is for. Texts are as the client sent them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// The id in the URL, or in a body.
    pub id: Option<String>,
    /// `userName`.
    pub user_name: Option<String>,
    /// `externalId`.
    pub external_id: Option<String>,
    /// `displayName`.
    pub display_name: Option<String>,
}

/// Most names of attributes that are read from a request.
const MAX_NAMES: usize = 16;

/// Names of attributes, each once, in the order of the request. What does not look like the name
/// of an attribute may be a value, and is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    /// The names.
    pub fn into_inner(self) -> Vec<String> {
        self.0
    }

    /// Adds what a path names, without the filter in its brackets: that compares with values.
    fn add(&mut self, path: &str) {
        if self.0.len() == MAX_NAMES {
            return;
        }
        let (before, rest) = path.split_once('[').unwrap_or((path, ""));
        let after = rest.rsplit_once(']').map_or("", |(_, after)| after);
        let name = format!("{}{}", before.trim(), after.trim());
        if is_path(&name) && !self.0.contains(&name) {
            self.0.push(name);
        }
    }
}

impl Subject {
    /// Whether nothing is said of the resource.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// What the body of a POST or PUT says, and the attributes that it has.
    pub fn of_resource(body: &Map<String, Value>) -> (Self, Names) {
        let mut subject = Self::default();
        let mut names = Names::default();
        for (name, value) in body {
            names.add(name);
            subject.note(name, value);
        }
        (subject, names)
    }

    /// What the operations of a PATCH say, and the attributes that they are for.
    pub fn of_patch(body: &Map<String, Value>) -> (Self, Names) {
        let mut subject = Self::default();
        let mut names = Names::default();
        let operations = member(body, "Operations").and_then(Value::as_array);
        for operation in operations
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
        {
            let value = member(operation, "value");
            match member(operation, "path").and_then(Value::as_str) {
                Some(path) if !path.trim().is_empty() => {
                    names.add(path);
                    if let Some(value) = value {
                        subject.note(path.trim(), value);
                    }
                }
                _ => {
                    for (name, value) in value.and_then(Value::as_object).into_iter().flatten() {
                        names.add(name);
                        subject.note(name, value);
                    }
                }
            }
        }
        (subject, names)
    }

    /// What a filter compares with `eq`: it may be one that cannot be parsed.
    pub fn of_filter(filter: &str) -> Self {
        let mut subject = Self::default();
        let mut rest = filter;
        while let Some((name, after)) = next_name(rest) {
            rest = after;
            let compared = rest.trim_start();
            let value = match compared.split_at_checked(2) {
                Some((operator, value)) if operator.eq_ignore_ascii_case("eq") => value,
                _ => continue,
            };
            if let Some((value, after)) = literal(value) {
                subject.note(name, &Value::String(value));
                rest = after;
            }
        }
        subject
    }

    /// Notes the value of an attribute, of which the first counts.
    fn note(&mut self, name: &str, value: &Value) {
        // A schema's URN may stand before it.
        let name = name.rsplit(':').next().unwrap_or_default();
        let slot = match name {
            _ if name.eq_ignore_ascii_case("id") => &mut self.id,
            _ if name.eq_ignore_ascii_case("userName") => &mut self.user_name,
            _ if name.eq_ignore_ascii_case("externalId") => &mut self.external_id,
            _ if name.eq_ignore_ascii_case("displayName") => &mut self.display_name,
            _ => return,
        };
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return,
        };
        if slot.is_none() && !text.is_empty() {
            *slot = Some(text);
        }
    }
}

/// The member called `name`, in any case.
fn member<'m>(members: &'m Map<String, Value>, name: &str) -> Option<&'m Value> {
    members.get(name).or_else(|| {
        let mut all = members.iter();
        let found = all.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(found.1)
    })
}

/// The next name in a filter, and what follows it. What stands in quotes is none.
fn next_name(mut text: &str) -> Option<(&str, &str)> {
    let is_of_name = |each: char| each.is_ascii_alphanumeric() || "-_.:/$".contains(each);
    loop {
        let first = text.chars().next()?;
        if first == '"' {
            text = quoted(text).map_or("", |(_, after)| after);
            continue;
        }
        let end = text.find(|each| !is_of_name(each)).unwrap_or(text.len());
        match text.split_at_checked(end)? {
            ("", _) => text = text.get(first.len_utf8()..)?,
            found => return Some(found),
        }
    }
}

/// The value at the start of a text, in quotes or up to the next blank or bracket.
fn literal(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix(char::is_whitespace)?.trim_start();
    if text.starts_with('"') {
        let (value, after) = quoted(text)?;
        return Some((serde_json::from_str(value).ok()?, after));
    }
    let end = text.find(|each: char| each.is_whitespace() || each == ')');
    let (value, after) = text.split_at_checked(end.unwrap_or(text.len()))?;
    Some((value.to_owned(), after))
}

/// What stands in quotes at the start of a text, with them, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mut is_escaped = false;
    for (position, each) in text.char_indices().skip(1) {
        match each {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return text.split_at_checked(position + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(members) = value else {
            panic!("not an object")
        };
        members
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn a_body_names_its_resource_in_any_case() {
        let (subject, names) = Subject::of_resource(&object(json!({
            "USERNAME": "lena", "externalId": 77, "displayName": "", "emails": [{"value": "l@x"}],
            "lena@crew.example": 1, "Lena Ortiz": 2, "urn:example:2.0:User:badge": 3
        })));
        let expected = Subject {
            user_name: some("lena"),
            external_id: some("77"),
            ..Subject::default()
        };
        assert_eq!(subject, expected);
        let mut names = names.into_inner();
        names.sort();
        let all = ["USERNAME", "displayName", "emails", "externalId"];
        assert_eq!(names, [&all[..], &["urn:example:2.0:User:badge"]].concat());
    }

    #[test]
    fn operations_name_attributes_and_not_what_they_are_compared_with() {
        let (subject, names) = Subject::of_patch(&object(json!({"operations": [
            {"op": "Replace", "Path": "emails[value eq \"lena@crew.example\"].value", "value": "x"},
            {"op": "add", "path": "title", "value": "Lead"},
            {"op": "add", "path": "title", "value": "Digger"},
            {"op": "add", "path": "lena@crew.example", "value": "x"},
            {"op": "add", "value": {"nickName": "L", "userName": "lena"}},
            {"op": "replace", "path": " displayName ", "value": "Lena"},
            7
        ]})));
        let expected = Subject {
            user_name: some("lena"),
            display_name: some("Lena"),
            ..Subject::default()
        };
        assert_eq!(subject, expected);
        let all = [
            "emails.value",
            "title",
            "nickName",
            "userName",
            "displayName",
        ];
        assert_eq!(names.into_inner(), all);
    }

    #[test]
    fn the_number_of_names_is_bounded() {
        let body = (0..1000).map(|number| (format!("a{number}"), Value::Null));
        let (_, names) = Subject::of_resource(&body.collect());
        assert_eq!(names.into_inner().len(), MAX_NAMES);
    }

    #[test]
    fn a_filter_names_its_resource_though_it_is_malformed() {
        let of = Subject::of_filter;
        let user = of("userName eq \"le\\\"na\" and (externalId EQ \"x 7\") and title is");
        assert_eq!(
            (user.user_name, user.external_id),
            (some("le\"na"), some("x 7"))
        );
        let urn = of("urn:ietf:params:scim:schemas:core:2.0:User:userName eq lena");
        assert_eq!(urn.user_name, some("lena"));
        assert_eq!(of("(displayName eq Crew)").display_name, some("Crew"));
        assert_eq!(of("id eq \"7\" or id eq \"8\"").id, some("7"));
        for nobody in [
            "",
            "userName sw \"lena\"",
            "title eq \"userName eq \\\"lena\\\"\"",
            "userName eq",
            "userName eq \"lena",
            "eq eq eq",
            "\"",
            "é eq \"é\"",
        ] {
            assert_eq!(of(nobody), Subject::default(), "{nobody}");
        }
    }
}
