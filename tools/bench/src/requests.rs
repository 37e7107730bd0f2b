//! The requests whose cost is measured.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::directory::{external_id, user, user_name};
use stand::function::{Answer, Function};
use stand::request::Request;

/// A kind of request, which is made from what a run knows of its directory.
pub struct RequestKind<P: 'static> {
    pub name: &'static str,
    /// The expected status.
    pub status: u64,
    /// The number of requests per sample.
    pub batch: usize,
    /// Whether the cost must not depend on the directory's size.
    pub flat: bool,
    pub request: fn(&mut P) -> Result<Sent>,
}

/// Method, path with query, body.
pub type Sent = (&'static str, String, Option<Value>);

/// The state of a run.
pub trait State {
    /// The tenant's key.
    fn key(&self) -> &str;

    /// Takes in what came of a request.
    async fn after(&mut self, method: &str, answer: &Answer) -> Result<()>;
}

/// The state of a run in one directory.
pub struct Progress {
    users: usize,
    key: String,
    /// Some of the users that existed from the start.
    known: Vec<Known>,
    /// A cursor for a page in the middle.
    cursor: String,
    /// Users created in this run and not deleted yet.
    created: Vec<String>,
    /// Incremented with each request.
    number: usize,
}

struct Known {
    id: String,
    user_name: String,
}

/// In the order in which they run: those that change the number of users come last.
pub const REQUEST_KINDS: &[RequestKind<Progress>] = &[
    RequestKind {
        name: "GET by id",
        status: 200,
        batch: 40,
        flat: true,
        request: |progress| Ok(("GET", progress.path_of_known(), None)),
    },
    RequestKind {
        name: "match query, userName: found",
        status: 200,
        batch: 40,
        flat: true,
        request: |progress| {
            let name = progress.next_known().user_name.replace('@', "%40");
            let path = format!("/Users?filter=userName+eq+%22{name}%22");
            Ok(("GET", path, None))
        },
    },
    RequestKind {
        name: "match query, externalId: not found",
        status: 200,
        batch: 40,
        flat: true,
        request: |progress| {
            let id = external_id(progress.new_number());
            let path = format!("/Users?filter=externalId+eq+%22{id}%22");
            Ok(("GET", path, None))
        },
    },
    RequestKind {
        name: "PATCH, plain attribute",
        status: 200,
        batch: 40,
        flat: true,
        request: |progress| {
            let value = format!("Lena O. {}", progress.new_number());
            Ok(replace(progress.path_of_known(), "displayName", &value))
        },
    },
    RequestKind {
        name: "PATCH, nothing changes",
        status: 200,
        batch: 40,
        flat: true,
        request: |progress| Ok(replace(progress.path_of_known(), "title", "Crew lead")),
    },
    RequestKind {
        name: "PATCH, userName",
        status: 200,
        batch: 40,
        flat: true,
        request: |progress| {
            let value = user_name(progress.new_number());
            Ok(replace(progress.path_of_known(), "userName", &value))
        },
    },
    RequestKind {
        name: "first page of 100",
        status: 200,
        batch: 8,
        flat: false,
        request: |_| Ok(("GET", "/Users?startIndex=1&count=100".to_owned(), None)),
    },
    RequestKind {
        name: "last page of 100 by startIndex",
        status: 200,
        batch: 8,
        flat: true,
        request: |progress| {
            let first = progress.users.saturating_sub(99).max(1);
            let path = format!("/Users?startIndex={first}&count=100");
            Ok(("GET", path, None))
        },
    },
    RequestKind {
        name: "middle page of 100 by cursor",
        status: 200,
        batch: 8,
        flat: false,
        request: |progress| {
            let path = format!("/Users?cursor={}&count=100", progress.cursor);
            Ok(("GET", path, None))
        },
    },
    RequestKind {
        name: "POST, as Entra sends it",
        status: 201,
        batch: 40,
        flat: false,
        request: |progress| {
            let user = user(progress.new_number())?;
            Ok(("POST", "/Users".to_owned(), Some(user)))
        },
    },
    RequestKind {
        name: "DELETE",
        status: 204,
        batch: 40,
        flat: false,
        request: |progress| {
            let id = progress
                .created
                .pop()
                .context("nothing is left to delete")?;
            Ok(("DELETE", format!("/Users/{id}"), None))
        },
    },
];

/// A filter that no lookup serves. It reads all users, so it is only sent a few times.
pub const UNINDEXED: RequestKind<Progress> = RequestKind {
    name: "filter without a lookup",
    status: 200,
    batch: 1,
    flat: false,
    request: |progress| {
        let number = progress.users / 2;
        let path = format!("/Users?filter=displayName+eq+%22Lena+Ortiz+{number}%22");
        Ok(("GET", path, None))
    },
};

impl<P: State> RequestKind<P> {
    /// Sends the next request of this kind. The caller checks the answer.
    pub async fn call(&self, state: &mut P, function: &mut Function) -> Result<Answer> {
        let (method, path, body) = (self.request)(state)?;
        let request = Request {
            method,
            path: &path,
            key: state.key(),
            body,
            if_match: None,
        };
        let answer = function.call(request.event()).await?;
        state.after(method, &answer).await?;
        Ok(answer)
    }
}

impl State for Progress {
    fn key(&self) -> &str {
        &self.key
    }

    async fn after(&mut self, method: &str, answer: &Answer) -> Result<()> {
        if method == "POST"
            && let Some(id) = answer.body["id"].as_str()
        {
            self.created.push(id.to_owned());
        }
        Ok(())
    }
}

impl Progress {
    /// Explores a directory with this number of users.
    pub async fn explore(function: &mut Function, key: &str, users: usize) -> Result<Self> {
        let mut progress = Self {
            users,
            key: key.to_owned(),
            known: Vec::new(),
            cursor: String::new(),
            created: Vec::new(),
            number: 0,
        };
        for quarter in [1, 3] {
            let first = (users * quarter / 4).max(1);
            let page = format!("/Users?startIndex={first}&count=100");
            let body = progress.get(function, &page).await?;
            for user in body["Resources"].as_array().into_iter().flatten() {
                let text = |name| user[name].as_str().map(str::to_owned);
                progress.known.push(Known {
                    id: text("id").context("a user without id")?,
                    user_name: text("userName").context("a user without userName")?,
                });
            }
        }
        let mut passed = 0;
        while passed == 0 || passed + 500 < users / 2 {
            let page = format!("/Users?cursor={}&count=500", progress.cursor);
            let body = progress.get(function, &page).await?;
            let next = body["nextCursor"].as_str();
            progress.cursor = next.context("the walk ends early")?.to_owned();
            passed += 500;
        }
        Ok(progress)
    }

    async fn get(&self, function: &mut Function, path: &str) -> Result<Value> {
        let request = Request {
            method: "GET",
            path,
            key: &self.key,
            body: None,
            if_match: None,
        };
        Ok(function.expect(200, &request).await?.body)
    }

    /// The path of a user, a different one each time.
    pub fn path_of_known(&mut self) -> String {
        format!("/Users/{}", self.next_known().id)
    }

    fn next_known(&mut self) -> &Known {
        self.number += 1;
        let index = self.number % self.known.len();
        &self.known[index]
    }

    /// The number of a user that has never existed.
    fn new_number(&mut self) -> usize {
        self.number += 1;
        self.users + self.number
    }
}

fn replace(path_of_user: String, attribute: &str, value: &str) -> Sent {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "Replace", "path": attribute, "value": value}],
    });
    ("PATCH", path_of_user, Some(body))
}
