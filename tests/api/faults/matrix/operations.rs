//! What the service can be asked: every operation that comes to DynamoDB in a way of its own.

use serde_json::{Value, json};

use super::operator::Command;
use super::request::{Request, Rival, patch_body, user};
use super::sessions::Step;
use super::tenants::{Found, Users};
use crate::support::service::query;

/// A request, and what is right after it.
#[derive(Clone)]
pub struct Operation {
    pub name: &'static str,
    pub request: Request,
    /// The status when nothing is in the way.
    pub status: u16,
    /// What it changes; nothing if it only reads.
    pub change: Option<Change>,
    /// Who may come first, and the statuses that are right then.
    pub rivals: Vec<(Rival, &'static [u16])>,
    /// Which of its calls get into trouble.
    pub breadth: Breadth,
}

/// Which calls of an operation get into which trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breadth {
    /// All in all.
    Whole,
    /// All but the check of the key; reads in a few: other operations read alike.
    FewOfReads,
    /// Transactions alone, in a few.
    FewOfWrites,
}

/// A change to a tenant.
#[derive(Clone)]
pub struct Change {
    /// Whether it is made.
    pub is_made: fn(&Users, &Found) -> bool,
    /// The status of the same request when it is made already.
    pub again: u16,
    /// How many users there are when it is made.
    pub users: usize,
}

/// How many users there are before.
pub const USERS: usize = 3;

/// This one finds no window of the breaker, and begins one.
pub const FIRST_DEACTIVATION: &str = "first deactivation";

impl Operation {
    pub fn reads(name: &'static str, path: impl Into<String>) -> Self {
        Self {
            name,
            request: Request::get(path),
            status: 200,
            change: None,
            rivals: Vec::new(),
            breadth: Breadth::Whole,
        }
    }

    pub fn changes(
        name: &'static str,
        request: Request,
        statuses: [u16; 2],
        users: usize,
        is_made: fn(&Users, &Found) -> bool,
    ) -> Self {
        let [status, again] = statuses;
        Self {
            name,
            request,
            status,
            change: Some(Change {
                is_made,
                again,
                users,
            }),
            rivals: Vec::new(),
            breadth: Breadth::Whole,
        }
    }

    pub fn with(mut self, breadth: Breadth) -> Self {
        self.breadth = breadth;
        self
    }

    /// Whether each of its calls gets into all trouble.
    pub fn is_whole(&self) -> bool {
        self.breadth == Breadth::Whole
    }

    /// Whether a call with this label gets into trouble.
    pub fn concerns(&self, label: &str) -> bool {
        match self.breadth {
            Breadth::Whole => true,
            Breadth::FewOfReads => label != "GetItem secrets KEY",
            Breadth::FewOfWrites => label.starts_with("TransactWriteItems"),
        }
    }

    /// Whether a case needs a tenant of its own: the others share one.
    pub fn needs_tenant(&self) -> bool {
        let reads_of_its_own = Command::Settings(Step::List);
        let is_prepared = matches!(&self.request, Request::Operator(command)
            if *command == Command::Tombstones || *command == reads_of_its_own);
        let is_client_s = matches!(self.request, Request::Token(_));
        self.change.is_some() || is_prepared || is_client_s
    }

    /// Whether what it is to change is not whole before, or halfway.
    pub fn repairs(&self) -> bool {
        matches!(
            self.request,
            Request::Operator(
                Command::Repair
                    | Command::RepairMembers
                    | Command::EraseAfterDamage
                    | Command::DeleteTenant
                    | Command::Import
            )
        )
    }

    /// Whether it makes one write, and nothing if that fails.
    pub fn is_one_write(&self) -> bool {
        let is_bulk =
            matches!(&self.request, Request::Client { path, .. } if path.as_str() == "/Bulk");
        let is_of_many = matches!(
            self.request,
            Request::Operator(Command::Migrate | Command::Settings(Step::Revoke))
        );
        self.status < 400 && !is_bulk && !is_of_many && !self.repairs()
    }

    pub fn rivals(mut self, rivals: Vec<(Rival, &'static [u16])>) -> Self {
        self.rivals = rivals;
        self
    }
}

fn filtered(filter: &str, rest: &str) -> String {
    format!("/Users?{}{rest}", query(&[("filter", filter)]))
}

/// Requests for one user or a few.
pub fn finds(users: &Users) -> Vec<Operation> {
    let deleted = || vec![(Rival::deletes(&users.lena), &[200][..])];
    vec![
        Operation::reads("GET", user(&users.lena))
            .rivals(vec![(Rival::deletes(&users.lena), &[200, 404])]),
        Operation {
            status: 404,
            ..Operation::reads(
                "GET of nobody",
                user("2819c223-7f76-453a-919d-413861904646"),
            )
        },
        Operation::reads("match by userName", filtered("userName eq \"LENA\"", ""))
            .rivals(deleted()),
        Operation::reads(
            "match by externalId",
            filtered("externalId eq \"x-max\"", ""),
        ),
        Operation::reads("match of nobody", filtered("userName eq \"nobody\"", "")),
        Operation::reads("match by the start", filtered("userName sw \"l\"", "")),
        Operation::reads(
            "match of several",
            filtered("emails.value eq \"crew@crew.example\"", ""),
        )
        .rivals(deleted()),
        Operation::reads(
            "match of either",
            filtered("userName eq \"lena\" or externalId eq \"x-max\"", ""),
        ),
        Operation::reads("discovery", "/Schemas"),
        Operation {
            request: Request::Client {
                method: "GET",
                path: user(&users.lena),
                body: None,
                is_stranger: true,
            },
            status: 401,
            ..Operation::reads("GET with a wrong key", "")
        },
    ]
}

/// Requests for pages.
pub fn lists(users: &Users) -> Vec<Operation> {
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "title eq \"Lead\"", "sortBy": "userName"});
    vec![
        Operation::reads("first page", "/Users"),
        Operation::reads("later page", "/Users?startIndex=2&count=1")
            .rivals(vec![(Rival::deletes(&users.lena), &[200])]),
        Operation::reads("count", "/Users?count=0"),
        Operation::reads("cursor page", "/Users?cursor&count=2"),
        Operation::reads("sorted list", "/Users?sortBy=userName&count=2"),
        Operation::reads("scan", filtered("title eq \"Lead\"", "&count=2")),
        Operation::reads("list of all types", "/?count=2"),
        Operation::reads("groups", "/Groups"),
        Operation {
            request: Request::post("/Users/.search", search),
            ..Operation::reads("search", "")
        },
    ]
}

/// The user with this name, if there is exactly one.
fn named<'a>(found: &'a Found, name: &str) -> Option<(&'a String, &'a Value, i64)> {
    let mut named = found
        .users
        .iter()
        .filter(|(_, (user, _))| user["userName"] == name);
    let (id, (user, version)) = named.next()?;
    assert!(named.next().is_none(), "two users are called {name}");
    Some((id, user, *version))
}

/// Whether a user looks like this: changed once, and not twice.
fn is_changed(found: &Found, id: &str, attribute: &str, value: impl Into<Value>) -> bool {
    let (user, version) = &found.users[id];
    let is_made = user[attribute] == value.into();
    let before = if user["userName"] == "kim" { 2 } else { 1 };
    assert_eq!(*version, before + i64::from(is_made), "{user}");
    is_made
}

fn otto() -> Value {
    json!({"userName": "otto", "externalId": "x-otto", "emails": [{"value": "otto@crew.example"}]})
}

fn has_otto(found: &Found) -> bool {
    named(found, "otto").is_some_and(|(_, user, version)| {
        assert_eq!((&user["externalId"], version), (&json!("x-otto"), 1));
        true
    })
}

/// POST: of a new user, of one that exists, and of one that comes back.
pub fn creations(users: &Users) -> Vec<Operation> {
    let kim = json!({"userName": "kim", "externalId": "x-kim", "title": "Back"});
    vec![
        Operation::changes(
            "POST",
            Request::post("/Users", otto()),
            [201, 409],
            USERS + 1,
            |_, found| has_otto(found),
        )
        .rivals(vec![
            (Rival::takes("OTTO"), &[409]),
            (
                Rival::once("sends the same", Request::post("/Users", otto())),
                &[409],
            ),
        ]),
        Operation::changes(
            "POST of a name that is taken",
            Request::post("/Users", json!({"userName": "Lena", "externalId": "x-2"})),
            [409, 409],
            USERS,
            |_, _| true,
        )
        .rivals(vec![(Rival::deletes(&users.lena), &[201])]),
        Operation::changes(
            "POST of a deactivated user",
            Request::post("/Users", kim.clone()),
            [201, 409],
            USERS,
            |users, found| is_changed(found, &users.kim, "title", "Back"),
        )
        .rivals(vec![
            (Rival::changes(&users.kim), &[201]),
            (Rival::deletes(&users.kim), &[201]),
            (
                Rival::once("sends the same", Request::post("/Users", kim)),
                &[409],
            ),
        ]),
    ]
}

/// PATCH, PUT and DELETE.
pub fn changes(users: &Users) -> Vec<Operation> {
    let lena = &users.lena;
    let usual = |id: &str| {
        vec![
            (Rival::changes(id), &[200][..]),
            (Rival::deletes(id), &[404][..]),
        ]
    };
    let mut renaming = usual(lena);
    renaming.push((Rival::takes("lena.vega"), &[409]));
    let put = json!({"userName": "lena.vega", "externalId": "x-lena", "title": "Chief",
        "active": true, "emails": [{"value": "lena@crew.example"}]});
    vec![
        Operation::changes(
            "PATCH",
            Request::patch(lena, json!({"title": "Digger"})),
            [200, 200],
            USERS,
            |users, found| is_changed(found, &users.lena, "title", "Digger"),
        )
        .rivals(usual(lena)),
        Operation::changes(
            "PATCH of the userName",
            Request::patch(lena, json!({"userName": "lena.vega"})),
            [200, 200],
            USERS,
            |users, found| is_changed(found, &users.lena, "userName", "lena.vega"),
        )
        .rivals(renaming.clone()),
        Operation::changes(
            "deactivation",
            Request::patch(lena, json!({"active": false})),
            [200, 200],
            USERS,
            |users, found| is_changed(found, &users.lena, "active", false),
        )
        .rivals(usual(lena)),
        Operation::changes(
            FIRST_DEACTIVATION,
            Request::patch(lena, json!({"active": false})),
            [200, 200],
            USERS,
            |users, found| is_changed(found, &users.lena, "active", false),
        ),
        Operation::changes(
            "reactivation",
            Request::patch(&users.kim, json!({"active": true})),
            [200, 200],
            USERS,
            |users, found| is_changed(found, &users.kim, "active", true),
        )
        .rivals(usual(&users.kim)),
        Operation::changes(
            "PUT",
            Request::new("PUT", user(lena), Some(put)),
            [200, 200],
            USERS,
            |users, found| is_changed(found, &users.lena, "userName", "lena.vega"),
        )
        .rivals(renaming),
        Operation::changes(
            "DELETE",
            Request::delete(lena),
            [204, 404],
            USERS - 1,
            |users, found| !found.users.contains_key(&users.lena),
        )
        .rivals(vec![
            (Rival::changes(lena), &[204]),
            (Rival::deletes(lena), &[404]),
        ]),
    ]
}

/// Several operations in one request.
pub fn bulk(users: &Users) -> Vec<Operation> {
    let body = |operations: Value| {
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": operations})
    };
    let independent = body(json!([
        {"method": "POST", "path": "/Users", "bulkId": "otto", "data": otto()},
        {"method": "PATCH", "path": user(&users.max),
         "data": patch_body(json!({"title": "Digger"}))},
        {"method": "DELETE", "path": user(&users.lena)},
    ]));
    let of_one_name = body(json!([
        {"method": "DELETE", "path": user(&users.lena)},
        {"method": "POST", "path": "/Users", "data": {"userName": "Lena", "externalId": "x-2"}},
    ]));
    vec![
        Operation::changes(
            "Bulk",
            Request::post("/Bulk", independent),
            [200, 200],
            USERS,
            |users, found| {
                let is_digger = is_changed(found, &users.max, "title", "Digger");
                has_otto(found) && is_digger && !found.users.contains_key(&users.lena)
            },
        ),
        Operation::changes(
            "Bulk that frees a name and takes it",
            Request::post("/Bulk", of_one_name),
            [200, 200],
            USERS,
            |users, found| {
                let other = named(found, "Lena").is_some_and(|(_, user, version)| {
                    assert_eq!((&user["externalId"], version), (&json!("x-2"), 1));
                    true
                });
                other && !found.users.contains_key(&users.lena)
            },
        ),
    ]
}

/// What every accepted request of a new process does beside its work; no request waits for it.
pub const KEY_USE: &str = "UpdateItem directory K";

/// Whether a call is made beside the answer, which does not depend on it: refused requests are
/// counted and logged if they can be.
pub fn is_aside(request: &Request, label: &str) -> bool {
    matches!(request, Request::Client { .. } | Request::Token(_))
        && [
            "UpdateItem directory R",
            "UpdateItem directory H",
            "PutItem directory P",
            "GetItem secrets TENANT",
            KEY_USE,
        ]
        .contains(&label)
}
