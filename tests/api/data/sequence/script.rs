//! Bulk requests whose operations have to do with each other: known ones, and by chance.

use fastrand::Rng;
use serde_json::{Value, json};

/// What puts a user into Entra's recycle bin.
const OBJECT_ID: &str = "0123456789abcdef0123456789abcdef";

/// One operation, before ids are known.
#[derive(Debug, Clone)]
pub struct Step {
    pub method: &'static str,
    pub target: Target,
    pub version: Option<u64>,
    pub data: Value,
    /// The operation whose user becomes the manager.
    pub manager: Option<usize>,
}

/// On whom an operation works.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// A new user.
    New,
    /// A user who was there before.
    Old(usize),
    /// The user that this operation creates.
    Made(usize),
}

/// A directory and what is to be done in it.
#[derive(Debug, Clone)]
pub struct Script {
    /// The end of all its users' names, which tells them from those of other scripts.
    pub name: String,
    pub users: Vec<Value>,
    pub steps: Vec<Step>,
}

impl Script {
    /// The operations in the order in which they count: that of the request, but for those that
    /// refer to what a later one creates, which come right after it.
    pub fn sequence(&self) -> Vec<usize> {
        let mut sequence = Vec::new();
        while sequence.len() < self.steps.len() {
            let next = (0..self.steps.len()).find(|number| {
                let step = &self.steps[*number];
                let made = if let Target::Made(made) = step.target {
                    Some(made)
                } else {
                    None
                };
                let mut awaited = [made, step.manager].into_iter().flatten();
                !sequence.contains(number) && awaited.all(|awaited| sequence.contains(&awaited))
            });
            sequence.push(next.expect("no circle"));
        }
        sequence
    }
}

pub fn patch(values: Value) -> Value {
    json!({"Operations": [{"op": "replace", "value": values}]})
}

/// A script that does the same to users of any names.
pub type Shape = fn(&str) -> Script;

/// The scripts that are known to go wrong when operations overtake each other.
pub const SHAPES: &[(&str, Shape)] = &[
    ("DELETE, POST", |name| Script {
        steps: vec![step("DELETE", 0, json!(null)), post("lena", name)],
        ..with_users(&["lena"], name)
    }),
    ("POST, DELETE", |name| Script {
        steps: vec![post("lena", name), step("DELETE", 0, json!(null))],
        ..with_users(&["lena"], name)
    }),
    ("two names swapped by two PATCHes", |name| Script {
        steps: vec![rename(0, "max", name), rename(1, "lena", name)],
        ..with_users(&["lena", "max"], name)
    }),
    ("two names swapped by three PATCHes", |name| Script {
        steps: vec![
            rename(0, "kim", name),
            rename(1, "lena", name),
            rename(0, "max", name),
        ],
        ..with_users(&["lena", "max"], name)
    }),
    ("each takes the name before", |name| Script {
        steps: vec![
            rename(0, "otto", name),
            rename(1, "lena", name),
            rename(2, "max", name),
            post("kim", name),
        ],
        ..with_users(&["lena", "max", "kim"], name)
    }),
    ("deactivated, created again", |name| Script {
        steps: vec![
            step("PATCH", 0, patch(json!({"active": false}))),
            post("lena", name),
        ],
        ..with_users(&["lena"], name)
    }),
    ("moved to the recycle bin, created again", |name| Script {
        steps: vec![
            rename(0, &format!("{OBJECT_ID}lena"), name),
            post("lena", name),
            post("max", name),
        ],
        ..with_users(&["lena"], name)
    }),
];

fn with_users(names: &[&str], name: &str) -> Script {
    Script {
        name: name.to_owned(),
        users: names.iter().map(|user| post(user, name).data).collect(),
        steps: Vec::new(),
    }
}

fn step(method: &'static str, user: usize, data: Value) -> Step {
    Step {
        method,
        target: Target::Old(user),
        version: None,
        data,
        manager: None,
    }
}

fn post(user: &str, name: &str) -> Step {
    let data = json!({"userName": format!("{user}@{name}"), "externalId": user});
    Step {
        target: Target::New,
        ..step("POST", 0, data)
    }
}

fn rename(user: usize, to: &str, name: &str) -> Step {
    step(
        "PATCH",
        user,
        patch(json!({"userName": format!("{to}@{name}")})),
    )
}

/// Ten to twenty operations on four names, with everything that operations can have to do with each
/// other.
pub fn by_chance(chance: &mut Rng, name: &str) -> Script {
    const USERS: [&str; 4] = ["lena", "Max", "ünal", "kim"];
    let external = |chance: &mut Rng, user: &str| match chance.u8(0..4) {
        0 => Value::Null,
        1 => "other".into(),
        _ => user.to_lowercase().into(),
    };
    let mut users = Vec::new();
    for user in USERS {
        if chance.u8(0..10) < 4 {
            continue;
        }
        let active = chance.bool();
        let external = external(chance, user);
        users.push(
            json!({"userName": format!("{user}@{name}"), "externalId": external, "active": active}),
        );
    }
    if users.is_empty() {
        users.push(json!({"userName": format!("kim@{name}")}));
    }
    let methods: Vec<_> = (0..chance.usize(10..=20))
        .map(|_| {
            *chance
                .choice(["POST", "POST", "PATCH", "PATCH", "PATCH", "PUT", "DELETE"].iter())
                .unwrap()
        })
        .collect();
    let creations: Vec<_> = (0..methods.len())
        .filter(|number| methods[*number] == "POST")
        .collect();
    // Creations refer in one direction only, so that there is no circle.
    let is_forward = chance.bool();
    let steps = methods.iter().enumerate().map(|(number, method)| {
        let user = *chance.choice(USERS.iter()).unwrap();
        let spelled = match chance.u8(0..12) {
            0..4 => user.to_uppercase(),
            4 => format!("{OBJECT_ID}{user}"),
            // The same letter in two parts.
            5 => user.replace('ü', "u\u{308}"),
            _ => user.to_owned(),
        };
        let full_name = format!("{spelled}@{name}");
        let target = match (*method, chance.u8(0..10)) {
            ("POST", _) => Target::New,
            (_, 0..7) => Target::Old(chance.usize(0..users.len())),
            _ => match chance.choice(creations.iter()) {
                Some(made) => Target::Made(*made),
                None => Target::Old(0),
            },
        };
        let data = match *method {
            "DELETE" => Value::Null,
            "PATCH" => match chance.u8(0..8) {
                0 => patch(json!({"title": number.to_string()})),
                1..3 => patch(json!({"active": chance.bool()})),
                3 => patch(json!({"userName": full_name, "active": false})),
                4 => patch(json!({"userName": format!("{OBJECT_ID}{user}@{name}")})),
                5 => json!({"Operations": [
                    {"op": "Add", "path": "USERNAME", "value": format!("{user}@{name}")},
                    {"op": "Replace", "path": "userName", "value": full_name},
                ]}),
                _ => patch(json!({"urn:ietf:params:scim:schemas:core:2.0:User:userName": full_name})),
            },
            _ => {
                let external = external(chance, user);
                let mut data = json!({"userName": full_name, "externalId": external, "title": number.to_string()});
                if chance.bool() {
                    data["active"] = chance.bool().into();
                }
                data
            }
        };
        let may_manage = creations.iter().copied().filter(|creation| match *method {
            "POST" if is_forward => *creation > number,
            "POST" => *creation < number,
            "PUT" => true,
            _ => false,
        });
        let manager = chance.choice(may_manage.collect::<Vec<_>>());
        Step {
            method,
            target,
            version: (target_is_there(target) && chance.u8(0..8) == 0).then(|| chance.u64(1..4)),
            data,
            manager: manager.filter(|_| chance.u8(0..4) == 0),
        }
    });
    let steps = steps.collect();
    Script {
        name: name.to_owned(),
        users,
        steps,
    }
}

fn target_is_there(target: Target) -> bool {
    !matches!(target, Target::New)
}
