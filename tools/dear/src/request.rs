//! What a shape asks for.

use serde_json::{Map, Value, json};

use crate::user::{ATTRIBUTES, element, key, text};
use crate::{Kind, MAX_BODY, Request, Shape};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

impl Shape {
    pub(crate) fn attribute(&self) -> &'static str {
        ATTRIBUTES[self.attribute % ATTRIBUTES.len()]
    }

    fn bit(&self, bit: u8) -> bool {
        (self.variant >> bit) & 1 == 1
    }

    pub(crate) fn element(
        &self,
        number: usize,
        variant: usize,
        length: usize,
    ) -> Map<String, Value> {
        let kind = if self.bit(0) {
            format!("t{number}")
        } else {
            "work".to_owned()
        };
        let number = if self.bit(1) { 0 } else { number };
        element(self.attribute(), self.text(number, variant, length), kind)
    }

    fn text(&self, number: usize, variant: usize, length: usize) -> String {
        text(self.alphabet, length, number, variant, self.at_end)
    }

    pub(crate) fn request(&self, length: usize) -> Request {
        match self.kind {
            Kind::Add => self.patch(|index| {
                json!({"op": "add", "path": self.attribute(), "value": self.values(index, length)})
            }),
            Kind::RemoveValues => self.patch(|index| {
                json!({"op": "remove", "path": self.attribute(), "value": self.combinations(index, length)})
            }),
            Kind::Filters => self.patch(|index| {
                let sub = if self.bit(2) { "type" } else { "display" };
                json!({"op": self.op(), "path": format!("{}.{sub}", self.path(index, length)), "value": format!("x{index}")})
            }),
            Kind::Templates => self.patch(|index| {
                json!({"op": "replace", "path": self.path(index, length), "value": {"display": format!("x{index}")}})
            }),
            Kind::Members => Request::Patch(json!({"Operations": [{"op": self.op(), "value": self.members(length)}]})),
            Kind::Spread => self.patch(|index| {
                let value = self.text(index, 0, self.length * 50);
                let path = match (self.variant >> 3) & 3 {
                    0 => format!("{}.display", self.attribute()),
                    1 => format!("{}[type pr].display", self.attribute()),
                    2 => format!("{}[type pr]", self.attribute()),
                    _ => format!("{}[type pr].type", self.attribute()),
                };
                let value = if (self.variant >> 3) & 3 == 2 { json!({"display": value}) } else { value.into() };
                json!({"op": self.op(), "path": path, "value": value})
            }),
            Kind::Operations => self.patch(|index| {
                let paths = ["title", "emails", "name.givenName", "emails.primary", "x:y", "manager", "photos.value", "roles"];
                let path = paths[(index + usize::from(self.variant)) % paths.len()];
                let op = if self.bit(0) { "remove" } else { self.op() };
                let value = if path == "emails.primary" { json!(true) } else { json!(format!("v{index}")) };
                json!({"op": op, "path": path, "value": value})
            }),
            Kind::Unknown => Request::Patch(json!({"Operations": [{"op": self.op(), "value": self.unknown()}]})),
            Kind::Replace => Request::Replace(self.everything()),
            Kind::ReplaceUnknown => {
                let mut body = self.unknown();
                body["userName"] = "dear@crew.example".into();
                Request::Replace(body)
            }
            Kind::Packed => Request::Replace(self.packed()),
            Kind::Bulk => Request::Bulk(repeated(self.operations.min(1000), |index| {
                let operation = match self.variant % 3 {
                    0 => json!({"op": "add", "path": self.attribute(), "value": self.values(index, length.min(900))}),
                    1 => json!({"op": "replace", "path": "title", "value": format!("t{index}")}),
                    _ => json!({"op": "replace", "path": format!("{}.type", self.path(index, length)), "value": "x"}),
                };
                json!({"method": "PATCH", "path": "/Users/{id}", "data": {"Operations": [operation]}})
            })),
            Kind::Search => Request::Filter(self.search(length)),
            Kind::Attributes => {
                let names = ["id", "emails", "emails.value", "userName", "aa", "name.givenName", "zz"];
                let mut list = String::new();
                let mut index = 0;
                while list.len() < MAX_BODY - 100 {
                    let name = names[(index + usize::from(self.variant)) % names.len()];
                    list.push_str(if self.bit(0) { "a" } else { name });
                    list.push(',');
                    index += 1;
                }
                Request::Attributes(list)
            }
        }
    }

    fn op(&self) -> &'static str {
        if self.bit(7) { "add" } else { "replace" }
    }

    fn patch(&self, operation: impl Fn(usize) -> Value) -> Request {
        Request::Patch(repeated(self.operations, operation))
    }

    /// Values that resemble those that are there, or do not.
    fn values(&self, index: usize, length: usize) -> Value {
        (0..self.values)
            .map(|number| {
                let number = if self.bit(3) {
                    number
                } else {
                    number + self.elements + index * self.values
                };
                Value::Object(self.element(number, index + 1, length.saturating_sub(40)))
            })
            .collect()
    }

    /// Values with different members each.
    fn combinations(&self, index: usize, length: usize) -> Value {
        let names = [
            "value",
            "type",
            "display",
            "formatted",
            "locality",
            "region",
            "country",
            "primary",
        ];
        (0..self.values)
            .map(|number| {
                let mut value = Map::new();
                for (bit, name) in names.into_iter().enumerate() {
                    if !self.bit(4) || (number >> bit) & 1 == 1 {
                        let text = if name == "primary" {
                            json!(true)
                        } else {
                            self.text(number, index, length.saturating_sub(40)).into()
                        };
                        value.insert(name.to_owned(), text);
                    }
                }
                Value::Object(value)
            })
            .collect()
    }

    /// A path with a long filter.
    fn path(&self, index: usize, length: usize) -> String {
        let key = key(self.attribute());
        let operators = ["eq", "ne", "co", "ew", "sw", "gt"];
        let operator = operators[usize::from(self.variant >> 3) % operators.len()];
        let joint = if self.kind == Kind::Templates {
            " and "
        } else {
            " or "
        };
        let mut filter = String::new();
        for number in 0..self.conditions.max(1) {
            let literal = self.text(number + index, 1, length.min(64));
            let (operator, literal) = match self.kind {
                Kind::Templates => ("eq", self.text(0, 0, length.saturating_sub(40))),
                _ => (operator, literal),
            };
            let condition = format!("{key} {operator} \"{literal}\"");
            if filter.len() + condition.len() + 64 > 8 * 1024 {
                break;
            }
            if number > 0 {
                filter.push_str(joint);
            }
            filter.push_str(&condition);
        }
        if self.bit(6) {
            filter = format!("not ({filter})");
        }
        format!("{}[{filter}]", self.attribute())
    }

    fn members(&self, length: usize) -> Value {
        let mut members = Map::new();
        let mut size = 0;
        for index in 0..self.operations {
            let name = match (self.variant >> 3) & 3 {
                0 => format!("{}[type eq {index}].display", self.attribute()),
                1 => format!("{}[value co {index}].type", self.attribute()),
                2 => format!(
                    "{CORE}:{}[type pr or display eq {index}].primary",
                    self.attribute()
                ),
                _ => format!("{}.display", self.path(index, length)),
            };
            size += name.len() + 10;
            if size > MAX_BODY {
                break;
            }
            members.insert(name, if self.bit(2) { json!("x") } else { json!(true) });
        }
        members.into()
    }

    fn unknown(&self) -> Value {
        let mut members = Map::new();
        let mut size = 0;
        for index in 0..200_000 {
            let name = match self.variant % 4 {
                0 => format!("{index:x}"),
                1 => format!("a{index:x}"),
                2 => format!("{ENTERPRISE}:a{index:x}"),
                _ => format!("emails[a{index:x} eq 1].value"),
            };
            size += name.len() + 6;
            if size > MAX_BODY {
                break;
            }
            members.insert(name, json!(1));
        }
        if self.bit(3) {
            json!({ENTERPRISE: members})
        } else {
            members.into()
        }
    }

    /// Attributes with as many values as fit, in several spellings of their names.
    fn everything(&self) -> Value {
        let mut body = Map::from_iter([("userName".to_owned(), json!("dear@crew.example"))]);
        let mut size = 0;
        for index in 0..self.operations {
            let attribute = ATTRIBUTES[index % ATTRIBUTES.len()];
            let name: String = attribute
                .chars()
                .enumerate()
                .map(|(bit, letter)| {
                    if ((index / ATTRIBUTES.len()) >> bit) & 1 == 1 {
                        letter.to_ascii_uppercase()
                    } else {
                        letter
                    }
                })
                .collect();
            let length = self.length.min(2000);
            let shape = Self {
                attribute: index % ATTRIBUTES.len(),
                ..*self
            };
            let values: Value = (0..self.values)
                .map(|number| Value::Object(shape.element(number, 0, length)))
                .collect();
            size += values.to_string().len() + name.len() + 4;
            if size > MAX_BODY {
                break;
            }
            body.insert(name, values);
        }
        body.into()
    }

    fn packed(&self) -> Value {
        let depth = usize::from(self.variant % 12);
        let inner: Value = if self.bit(7) {
            self.text(0, 0, 600_000).into()
        } else {
            vec![1; 250_000].into()
        };
        let mut value = json!({"value": "x", "display": inner}).to_string();
        for _ in 0..depth {
            let next = json!({"value": value}).to_string();
            if next.len() > MAX_BODY - 200 {
                break;
            }
            value = next;
        }
        json!({"userName": "dear@crew.example", "roles": [{"value": value}]})
    }

    fn search(&self, length: usize) -> String {
        let filter = self.path(0, length);
        let (attribute, rest) = filter.split_once('[').unwrap_or_default();
        if self.bit(5) {
            return filter;
        }
        rest.trim_end_matches(']')
            .replace(
                &format!("{} ", key(attribute)),
                &format!("{attribute}.{} ", key(attribute)),
            )
            .chars()
            .take(8000)
            .collect::<String>()
            .rsplit_once(" or ")
            .map_or(filter.clone(), |(head, _)| {
                head.trim_start_matches("not (").to_owned()
            })
    }
}

/// An array of operations, as many as fit.
fn repeated(count: usize, operation: impl Fn(usize) -> Value) -> Value {
    let mut operations = Vec::new();
    let mut size = 100;
    for index in 0..count.max(1) {
        let next = operation(index);
        size += next.to_string().len() + 1;
        if size > MAX_BODY {
            break;
        }
        operations.push(next);
    }
    json!({"Operations": operations})
}
