//! The steps: what Entra does with a user, one after another until one fails.

use std::time::Duration;

use serde_json::{Value, json};
use tenant::ApiKey;

use super::answer::{Answer, has_schema, text};
use super::client::{Call, Client};
use crate::lines::{Form, Printer};
use crate::terminal::{self, printable};

/// The schema of users (RFC 7643, section 4.1).
const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// The schema of PATCH requests (RFC 7644, section 3.5.2).
const PATCH_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// What the user is called before and after a change.
const TITLES: [&str; 2] = ["Smoke test", "Smoke test, changed"];

/// A step failed, and was printed.
pub struct Stopped;

/// What is known of the user.
enum User {
    None,
    /// It was asked for, and nobody knows whether it is there.
    Perhaps,
    /// It is there, with this id.
    Created(String),
}

/// The walk through the steps.
pub struct Steps<'s, 'p> {
    /// What clients put before `/scim/v2`.
    url: &'s str,
    client: &'s Client,
    key: &'s ApiKey,
    /// One that was never issued.
    wrong: &'s ApiKey,
    user_name: String,
    user: User,
    printer: &'s mut Printer<'p>,
}

/// What is printed of a step.
pub struct Line<'l> {
    step: &'l str,
    /// What is wrong.
    problem: Option<&'l str>,
    status: Option<u16>,
    took: Option<Duration>,
}

impl<'l> Line<'l> {
    /// A step without a request, which is done.
    pub fn done(step: &'l str) -> Self {
        Self {
            step,
            problem: None,
            status: None,
            took: None,
        }
    }

    /// A step without a request, which has failed.
    pub fn failed(step: &'l str, problem: &'l str) -> Self {
        Self {
            problem: Some(problem),
            ..Self::done(step)
        }
    }

    /// Whether nothing is wrong.
    pub fn is_ok(&self) -> bool {
        self.problem.is_none()
    }

    fn text(&self) -> String {
        let state = if self.is_ok() { "ok" } else { "FAILED" };
        let took = self.took.map(|took| format!("{} ms", took.as_millis()));
        let status = self.status.map(|status| status.to_string());
        let mut text = format!(
            "{state:6}  {:>8}  {:3}  {}",
            took.unwrap_or_default(),
            status.unwrap_or_default(),
            self.step
        );
        if let Some(problem) = self.problem {
            text.push_str(": ");
            text.push_str(&printable(problem));
        }
        text
    }

    fn json(&self) -> Value {
        let took = self.took.map(|took| took.as_secs_f64() * 1000.0);
        json!({
            "step": self.step,
            "ok": self.is_ok(),
            "status": self.status,
            "milliseconds": took.map(|took| (took * 10.0).round() / 10.0),
            "problem": self.problem,
        })
    }
}

impl<'s, 'p> Steps<'s, 'p> {
    /// None is done yet.
    pub fn new(
        url: &'s str,
        client: &'s Client,
        key: &'s ApiKey,
        wrong: &'s ApiKey,
        printer: &'s mut Printer<'p>,
    ) -> Self {
        Self {
            url,
            client,
            key,
            wrong,
            // The key's id makes it one that no other run has; the domain is nobody's (RFC 2606).
            user_name: format!("smoke-{}@smoke.invalid", key.id()),
            user: User::None,
            printer,
        }
    }

    /// Does them.
    pub async fn walk(&mut self) -> Result<(), Stopped> {
        let (url, name, key) = (self.url, self.user_name.clone(), self.key);
        let by_name = format!("/Users?filter=userName+eq+%22{name}%22");
        let wrong = Call {
            key: self.wrong,
            ..get(&by_name, key)
        };
        let refused = |answer: &Answer| answer.error(401);
        self.step("Test Connection with a wrong key", &wrong, refused)
            .await?;
        let none = |answer: &Answer| answer.list(0).map(|_| ());
        self.step("Test Connection", &get(&by_name, key), none)
            .await?;
        self.create(&name).await?;
        let User::Created(id) = &self.user else {
            return Err(Stopped);
        };
        let path = format!("/Users/{id}");
        let user = Expected {
            location: format!("{url}/scim/v2{path}"),
            name: &name,
        };
        let one = |answer: &Answer| {
            let found = answer.list(1)?;
            let found = found.first().unwrap_or(&Value::Null);
            user.check(found, "active", &true.into())
        };
        self.step("match it by userName", &get(&by_name, key), one)
            .await?;
        for (step, attribute, value) in [
            ("PATCH an attribute", "title", Value::from(TITLES[1])),
            ("deactivate it", "active", false.into()),
        ] {
            let change = patch(&path, key, attribute, &value);
            let changed = |answer: &Answer| user.check(&answer.scim(200)?, attribute, &value);
            self.step(step, &change, changed).await?;
        }
        let delete = Call {
            method: "DELETE",
            ..get(&path, key)
        };
        let gone = |answer: &Answer| answer.empty(204);
        self.step("DELETE it", &delete, gone).await?;
        self.user = User::None;
        let missing = |answer: &Answer| answer.error(404);
        self.step("GET it, in vain", &get(&path, key), missing)
            .await
    }

    /// Creates the user, and remembers it also if something is wrong with the answer.
    async fn create(&mut self, name: &str) -> Result<(), Stopped> {
        let (url, key) = (self.url, self.key);
        let body = json!({
            "schemas": [USER_SCHEMA],
            "userName": name,
            "title": TITLES[0],
            "active": true,
        });
        let post = Call {
            method: "POST",
            path: "/Users",
            key,
            body: Some(body),
        };
        self.user = User::Perhaps;
        let mut created = None;
        let as_asked = |answer: &Answer| {
            let user = answer.scim(201)?;
            let id = text(&user, "id").unwrap_or_default().to_owned();
            let expected = Expected {
                location: format!("{url}/scim/v2/Users/{id}"),
                name,
            };
            created = Some(id).filter(|id| is_id(id));
            let at = answer.location.as_deref().unwrap_or_default();
            if at != expected.location {
                return Err(expected.elsewhere("the header Location", at));
            }
            expected.check(&user, "title", &TITLES[0].into())
        };
        let outcome = self.step("POST a user", &post, as_asked).await;
        if let Some(id) = created {
            self.user = User::Created(id);
        }
        outcome
    }

    /// Sends a request, checks the answer, and prints how it went.
    async fn step<T>(
        &mut self,
        step: &str,
        call: &Call<'_>,
        check: impl FnOnce(&Answer) -> Result<T, String>,
    ) -> Result<T, Stopped> {
        let (took, answer) = self.client.send(call).await;
        let status = answer.as_ref().ok().map(|answer| answer.status);
        let outcome = answer.and_then(|answer| check(&answer));
        self.say(&Line {
            step,
            problem: outcome.as_ref().err().map(String::as_str),
            status,
            took: Some(took),
        });
        outcome.map_err(|_| Stopped)
    }

    /// Removes the user if a step has failed while it was there, or says that it is left.
    pub async fn tidy(&mut self) {
        let path = match &self.user {
            User::None => return,
            User::Created(id) => Some(format!("/Users/{id}")),
            User::Perhaps => None,
        };
        let mut is_gone = false;
        if let Some(path) = path {
            let delete = Call {
                method: "DELETE",
                ..get(&path, self.key)
            };
            let (_, answer) = self.client.send(&delete).await;
            let answer = answer.and_then(|answer| answer.empty(204).or_else(|_| answer.error(404)));
            is_gone = answer.is_ok();
        }
        let left = format!(
            "`{}` may be left in the tenant; `scim-admin user find` says whether it is",
            self.user_name
        );
        let step = "remove the user";
        self.say(&match is_gone {
            true => Line::done(step),
            false => Line::failed(step, &left),
        });
    }

    /// Prints a line. Whoever does not read on does not keep the rest from being done.
    pub fn say(&mut self, line: &Line<'_>) {
        match self.printer.form() {
            Form::Text => self.printer.print(&line.text()),
            _ => self
                .printer
                .print(&terminal::json(&line.json().to_string())),
        };
        self.printer.flush();
    }
}

/// A user as it has to be shown.
struct Expected<'e> {
    location: String,
    name: &'e str,
}

impl Expected<'_> {
    /// Whether this is the user, with this value of an attribute.
    fn check(&self, user: &Value, attribute: &str, value: &Value) -> Result<(), String> {
        let location = user
            .pointer("/meta/location")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if location != self.location {
            return Err(self.elsewhere("`meta.location`", location));
        }
        for (attribute, value) in [("userName", &self.name.into()), (attribute, value)] {
            let found = &user[attribute];
            if found != value {
                return Err(format!("`{attribute}` is {found} and must be {value}"));
            }
        }
        match has_schema(user, USER_SCHEMA) {
            true => Ok(()),
            false => Err("`schemas` does not name that of users".to_owned()),
        }
    }

    /// What to do about a URL that clients cannot use.
    fn elsewhere(&self, what: &str, found: &str) -> String {
        let Self { location, .. } = self;
        format!(
            "{what} is `{found}` and must be `{location}`: deploy the stack with the parameter PublicUrl as clients know the service, or give --url as they do"
        )
    }
}

/// Whether an id can be part of a path as it is.
fn is_id(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !id.is_empty() && id.bytes().all(is_plain)
}

fn get<'c>(path: &'c str, key: &'c ApiKey) -> Call<'c> {
    Call {
        method: "GET",
        path,
        key,
        body: None,
    }
}

/// As Entra changes an attribute.
fn patch<'c>(path: &'c str, key: &'c ApiKey, attribute: &str, value: &Value) -> Call<'c> {
    let operation = json!({"op": "Replace", "path": attribute, "value": value});
    Call {
        method: "PATCH",
        body: Some(json!({"schemas": [PATCH_SCHEMA], "Operations": [operation]})),
        ..get(path, key)
    }
}
