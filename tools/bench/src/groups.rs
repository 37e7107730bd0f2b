//! Groups of several sizes in one directory, and the requests for them whose cost is measured.

use std::path::Path;

use ::tenant::TenantId;
use anyhow::{Context, Result, bail, ensure};
use scim::ResourceId;
use scim::schema::GROUPS;
use serde_json::{Value, json};
use store::directory::record::{Actor, ChangeKind, Origin};
use store::{Gate, Meter, Store};
use time::{Duration, OffsetDateTime};

use crate::directory::{Directory, TENANT};
use crate::measure::{self, Row, Setup};
use crate::requests::{RequestKind, Sent, State};
use stand::function::{Answer, Function};
use stand::request::Request;
use stand::tenant;

/// How many members the groups have, as far as there are users.
const SIZES: [usize; 3] = [10, 10_000, 100_000];

/// How many users of the directory are in none of the groups when the run begins.
const OTHERS: usize = 500;

/// How many members one request adds.
const STEP: usize = 10_000;

/// How many groups there are of each size: the others of a page are empty.
const PAGE: usize = 10;

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The state of a run with one group.
pub struct Group {
    key: String,
    id: String,
    name: String,
    store: Store,
    members: Vec<String>,
    /// Users who are no members.
    others: Vec<String>,
    /// Those of them who were added, to be removed again.
    added: Vec<String>,
    /// Incremented with each request.
    number: usize,
}

/// In the order in which they run.
const KINDS: &[RequestKind<Group>] = &[
    kind("add a member", 200, |group| {
        let user = group.others.pop().context("everybody is a member")?;
        group.added.push(user.clone());
        Ok(group.patch(json!({"op": "Add", "path": "members", "value": [{"value": user}]})))
    }),
    kind("add who is one", 200, |group| {
        let user = group.member();
        Ok(group.patch(json!({"op": "Add", "path": "members", "value": [{"value": user}]})))
    }),
    kind("remove a member", 200, |group| {
        let user = group.added.pop().context("nobody was added")?;
        group.others.push(user.clone());
        Ok(group.patch(json!({"op": "Remove", "path": "members", "value": [{"value": user}]})))
    }),
    kind("is a user a member?", 200, |group| {
        let (id, user) = (group.id.clone(), group.member());
        let filter = format!("id+eq+%22{id}%22+and+members+eq+%22{user}%22");
        Ok(get(format!(
            "/Groups?filter={filter}&excludedAttributes=members"
        )))
    }),
    kind("match query, displayName", 200, |group| {
        let filter = format!("displayName+eq+%22{}%22", group.name);
        Ok(get(format!(
            "/Groups?filter={filter}&excludedAttributes=members"
        )))
    }),
    kind("GET without members", 200, |group| {
        Ok(get(format!(
            "/Groups/{}?excludedAttributes=members",
            group.id
        )))
    }),
    kind("page of ten groups, one of that size", 200, |group| {
        let filter = format!("displayName+sw+%22{}%22", group.name);
        Ok(get(format!(
            "/Groups?filter={filter}&excludedAttributes=members"
        )))
    }),
    kind("DELETE", 204, |group| {
        Ok(("DELETE", format!("/Groups/{}", group.id), None))
    }),
    RequestKind {
        name: "GET with members, `attributes=members.value`",
        status: 200,
        batch: 1,
        flat: false,
        request: |group| {
            Ok(get(format!(
                "/Groups/{}?attributes=members.value",
                group.id
            )))
        },
    },
];

/// A kind of request whose cost must not depend on the size of the group.
const fn kind(
    name: &'static str,
    status: u64,
    request: fn(&mut Group) -> Result<Sent>,
) -> RequestKind<Group> {
    RequestKind {
        name,
        status,
        batch: 40,
        flat: true,
        request,
    }
}

/// Fills groups of all sizes in a directory, and measures.
pub async fn rows(program: &Path, directory: &Directory) -> Result<Vec<Row>> {
    let endpoint = directory.engine.endpoint();
    let key = directory.key.expose();
    let mut function = directory.function(program, endpoint, true).await?;
    let users = users(&mut function, key).await?;
    let (others, users) = users.split_at(OTHERS.min(users.len() / 2));
    let store = tenant::connect(endpoint, tenant::tables()).await;
    // More groups are deleted than the breaker allows.
    let (meter, gate) = (Meter::default(), Gate::opened());
    let tenant = TenantId::parse(TENANT)?;
    let until = OffsetDateTime::now_utc() + Duration::DAY;
    let of_tenant = store.tenant(&tenant, &meter, &gate);
    of_tenant.lift_breakers(&[&GROUPS], until).await?;
    let mut setups = Vec::new();
    for size in SIZES {
        let members = &users[..users.len().min(size)];
        eprintln!("filling a group of {} members", members.len());
        let name = format!("Crew of {size}:");
        let id = fill(&mut function, key, &name, members).await?;
        let group = Group {
            key: key.to_owned(),
            id,
            name,
            store: store.clone(),
            members: members.to_vec(),
            others: others.to_vec(),
            added: Vec::new(),
            number: 0,
        };
        let explore = async |_: &mut Function| Ok(group);
        setups.push(Setup::start(program, directory, members.len(), explore).await?);
    }
    measure::rows(KINDS, &mut setups).await
}

/// The ids of all users.
async fn users(function: &mut Function, key: &str) -> Result<Vec<String>> {
    let mut users = Vec::new();
    let mut cursor = Some(String::new());
    while let Some(at) = cursor {
        let path = format!("/Users?cursor={at}&count=500&attributes=id");
        let page = expect(function, key, 200, &get(path)).await?;
        for user in page["Resources"].as_array().into_iter().flatten() {
            users.push(user["id"].as_str().context("a user without id")?.to_owned());
        }
        cursor = page["nextCursor"].as_str().map(str::to_owned);
    }
    Ok(users)
}

/// Creates a group of this name and as many empty ones as fill a page, and returns its id.
async fn fill(
    function: &mut Function,
    key: &str,
    name: &str,
    members: &[String],
) -> Result<String> {
    let mut id = String::new();
    for number in 0..PAGE {
        let name = match number {
            0 => name.to_owned(),
            _ => format!("{name} {number}"),
        };
        let body = json!({"schemas": [GROUP], "displayName": name});
        let created = ("POST", "/Groups".to_owned(), Some(body));
        let created = expect(function, key, 201, &created).await?;
        if number == 0 {
            created["id"]
                .as_str()
                .context("a group without id")?
                .clone_into(&mut id);
        }
    }
    let patch = |operation: Value| {
        let body = json!({"schemas": [PATCH_OP], "Operations": [operation]});
        ("PATCH", format!("/Groups/{id}?attributes=id"), Some(body))
    };
    for members in members.chunks(STEP) {
        let adding = patch(json!({"op": "Add", "path": "members", "value": members}));
        // What one request does not carry out, the next one does first: an answer may be 503.
        loop {
            match send(function, key, &adding).await?.status {
                200 => break,
                503 => {}
                status => bail!("a large change is answered with {status}"),
            }
        }
    }
    // Afterwards nothing is pending.
    let last = patch(json!({"op": "Remove", "path": "members", "value": [{"value": members[0]}]}));
    while send(function, key, &last).await?.status == 503 {}
    let first = patch(json!({"op": "Add", "path": "members", "value": [{"value": members[0]}]}));
    expect(function, key, 200, &first).await?;
    Ok(id)
}

fn get(path: String) -> Sent {
    ("GET", path, None)
}

async fn send(function: &mut Function, key: &str, sent: &Sent) -> Result<Answer> {
    let (method, path, body) = sent;
    let request = Request {
        method,
        path,
        key,
        body: body.clone(),
        if_match: None,
    };
    function.call(request.event()).await
}

async fn expect(function: &mut Function, key: &str, status: u64, sent: &Sent) -> Result<Value> {
    let answer = send(function, key, sent).await?;
    ensure!(answer.status == status, "{} {}", answer.status, answer.body);
    Ok(answer.body)
}

impl Group {
    /// A member, a different one each time.
    fn member(&mut self) -> String {
        self.number += 1;
        let index = self.number * 7 % self.members.len();
        self.members[index].clone()
    }

    /// Of large groups a PATCH shows nothing, so that those of small ones are not shown either.
    fn patch(&self, operation: Value) -> Sent {
        let body = json!({"schemas": [PATCH_OP], "Operations": [operation]});
        let path = format!("/Groups/{}?attributes=id", self.id);
        ("PATCH", path, Some(body))
    }

    /// Restores the group, as the operator does.
    async fn restore(&self) -> Result<()> {
        let (meter, gate) = (Meter::default(), Gate::opened());
        let tenant = TenantId::parse(TENANT)?;
        let directory = self.store.tenant(&tenant, &meter, &gate);
        let id = ResourceId::parse(&self.id).context("no id of a group")?;
        let tombstone = directory.tombstone(&GROUPS, &id).await?;
        let at = OffsetDateTime::now_utc();
        let origin = Origin {
            actor: Actor::Operator,
            operation: ChangeKind::Restore,
            request_id: "bench".to_owned(),
            at,
            expires: at + Duration::days(90),
            entry: None,
        };
        let tombstone = tombstone.context("a deleted group has a tombstone")?;
        let restored = directory.restore(&GROUPS, &tombstone, &origin).await?;
        ensure!(restored.stored.id == id);
        Ok(())
    }
}

impl State for Group {
    fn key(&self) -> &str {
        &self.key
    }

    async fn after(&mut self, method: &str, answer: &Answer) -> Result<()> {
        if method == "DELETE" && answer.status == 204 {
            self.restore().await?;
        }
        Ok(())
    }
}
