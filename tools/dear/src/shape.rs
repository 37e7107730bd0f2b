//! The space of dear requests.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::user::{ALPHABETS, ATTRIBUTES, element, key, text, user};
use crate::{Dear, MAX_BODY, MAX_DOCUMENT, Request};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// What a dear request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// PATCH: adds many values that resemble those that are there.
    Add,
    /// PATCH: removes the elements that resemble many values.
    RemoveValues,
    /// PATCH: paths with long filters.
    Filters,
    /// PATCH: paths with long filters whose elements are replaced as a whole.
    Templates,
    /// PATCH: an object with many names, each with a filter.
    Members,
    /// PATCH: writes a long value to each of many elements.
    Spread,
    /// PATCH: as many operations as fit.
    Operations,
    /// PATCH: names that nobody knows, and extensions that are cleared.
    Unknown,
    /// PUT or POST: many values in each attribute.
    Replace,
    /// PUT or POST: names that nobody knows.
    ReplaceUnknown,
    /// PUT or POST: values that are JSON in text, in text.
    Packed,
    /// Bulk: as many PATCHes of a large user as fit.
    Bulk,
    /// A search with a long filter.
    Search,
    /// A search that names very many attributes.
    Attributes,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 14] = [
        Self::Add,
        Self::RemoveValues,
        Self::Filters,
        Self::Templates,
        Self::Members,
        Self::Spread,
        Self::Operations,
        Self::Unknown,
        Self::Replace,
        Self::ReplaceUnknown,
        Self::Packed,
        Self::Bulk,
        Self::Search,
        Self::Attributes,
    ];
}

/// A point in the space of dear requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// What it does.
    pub kind: Kind,
    /// The attribute, of those that differ in what they cost.
    pub attribute: usize,
    /// The alphabet of texts.
    pub alphabet: usize,
    /// How many elements the user has.
    pub elements: usize,
    /// How many operations.
    pub operations: usize,
    /// How many values each operation has.
    pub values: usize,
    /// How many conditions each filter has.
    pub conditions: usize,
    /// The length of texts, in bytes.
    pub length: usize,
    /// Whether texts differ at their end, so that comparing them takes their whole length.
    pub at_end: bool,
    /// Variants of the same choice: of operators, of names, of what is selected.
    pub variant: u8,
    /// Whether the user's other attributes are full too.
    pub full: bool,
    /// Seed of what does not matter.
    pub seed: u64,
}

impl Shape {
    /// Any shape.
    pub fn random(rng: &mut Rng) -> Self {
        let kind = Kind::ALL[rng.usize(..Kind::ALL.len())];
        Self::of(kind, rng)
    }

    /// Any shape of this kind.
    pub fn of(kind: Kind, rng: &mut Rng) -> Self {
        Self {
            kind,
            attribute: rng.usize(..ATTRIBUTES.len()),
            alphabet: rng.usize(..ALPHABETS.len()),
            elements: scale(rng, 500),
            operations: scale(rng, 5000),
            values: scale(rng, 500),
            conditions: scale(rng, 800),
            length: scale(rng, 20_000),
            at_end: rng.bool(),
            variant: rng.u8(..),
            full: rng.bool(),
            seed: rng.u64(..),
        }
    }

    /// A shape beside this one.
    pub fn mutated(&self, rng: &mut Rng) -> Self {
        let mut next = *self;
        for _ in 0..rng.usize(1..=3) {
            match rng.u8(..10) {
                0 => next.attribute = rng.usize(..ATTRIBUTES.len()),
                1 => next.alphabet = rng.usize(..ALPHABETS.len()),
                2 => next.elements = near(rng, next.elements, 500),
                3 => next.operations = near(rng, next.operations, 5000),
                4 => next.values = near(rng, next.values, 500),
                5 => next.conditions = near(rng, next.conditions, 800),
                6 => next.length = near(rng, next.length, 20_000),
                7 => next.at_end = !next.at_end,
                8 => next.variant = rng.u8(..),
                _ => next.full = !next.full,
            }
        }
        next
    }

    /// The request, with the user that it works on. It has as many operations as the shape says, or
    /// as many as fit.
    pub fn build(&self) -> Dear {
        let mut rng = Rng::with_seed(self.seed);
        let room = MAX_DOCUMENT - 4096;
        let length = self.length.min(room / self.elements.max(1)).max(1);
        let elements: Vec<_> = (0..self.elements)
            .map(|number| self.element(number, 0, length.saturating_sub(40)))
            .collect();
        Dear {
            shape: *self,
            user: user(&mut rng, self.attribute(), elements, self.full),
            request: self.request(length),
        }
    }

    fn attribute(&self) -> &'static str {
        ATTRIBUTES[self.attribute % ATTRIBUTES.len()]
    }

    fn bit(&self, bit: u8) -> bool {
        (self.variant >> bit) & 1 == 1
    }

    fn element(&self, number: usize, variant: usize, length: usize) -> Map<String, Value> {
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

    fn request(&self, length: usize) -> Request {
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

/// A number up to `most`: each order of magnitude is as likely as another.
fn scale(rng: &mut Rng, most: usize) -> usize {
    if rng.u8(..4) == 0 {
        return most;
    }
    let bits = usize::BITS - most.leading_zeros();
    let end: usize = 1 << rng.u32(..=bits);
    rng.usize(..=end.min(most))
}

fn near(rng: &mut Rng, number: usize, most: usize) -> usize {
    match rng.u8(..5) {
        0 => scale(rng, most),
        1 => most,
        2 => number / 2,
        3 => (number * 2).min(most),
        _ => (number + 1 + rng.usize(..=number / 4)).min(most),
    }
}
