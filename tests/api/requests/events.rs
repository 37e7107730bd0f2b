//! Every form of request that Entra sends, and the required answer; those of other clients are
//! named `client-…`.
//!
//! `events/<name>.json` is an API Gateway event, complete enough to be sent by hand with `cargo
//! lambda invoke --data-file events/<name>.json` once its key is a real one.
//! `tests/api/golden/<name>.json` has the answer, and what the product is told: see [`Golden`]. To
//! add an event, write both files, the golden with only `given`, and generate the rest:
//!
//! ```sh
//! UPDATE_GOLDEN=1 cargo test --test api events
//! ```
//!
//! The same command rewrites all goldens after an intended change. A golden claims that the answer
//! is right: read the diff before committing it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use similar::TextDiff;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use store::directory::history::Span;
use store::{Gate, Meter};
use tenant::TenantId;

use crate::support::oauth::{self, new_client_of};
use crate::support::schema;
use crate::support::service::{Answer, Service};
use crate::support::told::publisher;

/// Placeholder in the events for the tenant's API key.
const KEY: &str =
    "htscim_acme_0000000000000000000000000000000000000000000000000000000000000000_00000000";

/// Placeholders in the events for a client of the tenant and its secret.
const CLIENT: &str = "acme.000000000000";
const SECRET: &str =
    "htscs_acme_0000000000000000000000000000000000000000000000000000000000000000_00000000";

/// Placeholder in the goldens for an access token.
const TOKEN: &str = "htsat_…";

/// Placeholder in the goldens for every instant.
const INSTANT: &str = "2026-11-24T06:00:00Z";

/// The required answer to an event.
#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    /// The events sent before it, in order; each succeeds. The user or group created by the first
    /// of them is called `00000000-0000-4000-8000-000000000001`, the next one `…2`.
    given: Vec<String>,
    #[serde(flatten)]
    reply: Reply,
    /// What GET shows afterwards, if a write was not answered with the resource. If it was, GET
    /// must show the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    then: Option<Value>,
    /// What the product is told of it. A user or group that is told as it is shown is not repeated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tells: Vec<Value>,
}

/// An answer with ids and instants replaced by placeholders. By these, members and groups are
/// sorted: in the answer they are in the order of their ids, which are others each time.
#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
struct Reply {
    #[serde(default)]
    status: u16,
    /// All headers.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Value,
}

#[tokio::test]
async fn every_event_has_its_golden_answer() {
    let names = names("events");
    let goldens = self::names("tests/api/golden");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    if !update {
        assert_eq!(
            names, goldens,
            "each event has a golden, and each golden an event"
        );
    }
    let service = Service::start().await;
    let faults: Vec<String> = stream::iter(names.iter().enumerate())
        .map(|(index, name)| {
            let service = &service;
            async move {
                let fault = check(service, index, name, update).await.err()?;
                Some(format!("{name}:\n{fault}"))
            }
        })
        .buffer_unordered(16)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(
        faults.is_empty(),
        "{} of {} events\n\n{}",
        faults.len(),
        names.len(),
        faults.join("\n")
    );
}

/// Entra sends no `User-Agent`, so a firewall in front of the service must not require one. And no
/// real key gets into the repository.
#[test]
fn events_look_like_entra_and_carry_no_real_key() {
    for name in names("events") {
        let event: Value = serde_json::from_str(&read("events", &name)).unwrap();
        let headers = event["headers"].as_object().unwrap();
        let is_entra = !name.starts_with("client-");
        assert!(!(is_entra && headers.contains_key("user-agent")), "{name}");
        assert_eq!(headers["host"], "scim.hellotracks.example", "{name}");
        assert_eq!(event["rawPath"], event["requestContext"]["http"]["path"]);
        let authorization = headers
            .get("authorization")
            .map_or("", |value| value.as_str().unwrap());
        if let Some(pair) = authorization.strip_prefix("Basic ") {
            assert_eq!(decoded(pair), format!("{CLIENT}:{SECRET}"), "{name}");
            continue;
        }
        let secret = authorization.trim_start_matches("Bearer ").trim();
        let digits: BTreeSet<char> = secret.trim_start_matches("htscim_acme_").chars().collect();
        assert!(digits.len() <= 2, "{name}: {secret} may be a key");
    }
}

/// Sends the event and those before it as a separate tenant.
async fn check(service: &Service, index: usize, name: &str, update: bool) -> Result<(), String> {
    let path = file("tests/api/golden", name);
    let golden: Golden = match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).map_err(|error| error.to_string())?,
        Err(_) => Golden::default(),
    };
    let tenant = format!("event-{index}");
    let mut client = Client {
        service,
        key: service.add_tenant(&tenant).await,
        oauth: match name.starts_with("token-") {
            true => Some(new_client_of(service, &tenant).await),
            false => None,
        },
        ids: Vec::new(),
    };
    for before in &golden.given {
        let reply = client.send(&read("events", before)).await?;
        if reply.status >= 300 {
            return Err(format!(
                "`{before}` before it got {}: {}",
                reply.status, reply.body
            ));
        }
    }
    let before = told(service, &tenant).await.len();
    let text = read("events", name);
    let reply = client.send(&text).await?;
    let mut tells = told(service, &tenant).await.split_off(before);
    let then = client.afterwards(&text, &reply).await?;
    for event in &mut tells {
        *event = client.tell(event, then.as_ref().unwrap_or(&reply.body));
    }
    let seen = Golden {
        given: golden.given.clone(),
        reply,
        then,
        tells,
    };
    if seen == golden {
        return Ok(());
    }
    let (expected, actual) = (pretty(&golden), pretty(&seen));
    if update {
        return std::fs::write(&path, actual).map_err(|error| error.to_string());
    }
    Err(TextDiff::from_lines(&expected, &actual)
        .unified_diff()
        .header("golden", "answer")
        .to_string())
}

/// All member events of a tenant, the oldest first.
async fn told(service: &Service, tenant: &str) -> Vec<Value> {
    let (tenant, meter, gate) = (
        TenantId::parse(tenant).unwrap(),
        Meter::default(),
        Gate::opened(),
    );
    let directory = service.app.store.tenant(&tenant, &meter, &gate);
    let span = Span {
        from: OffsetDateTime::UNIX_EPOCH,
        to: OffsetDateTime::now_utc() + time::Duration::DAY,
    };
    let (items, next) = directory.outbox_page(span, None).await.unwrap();
    assert!(next.is_none(), "more than a page");
    let publisher = publisher();
    let events = items.iter().flat_map(|item| publisher.events_of_item(item));
    let events = events.map(|event| serde_json::from_str(&event.json()).unwrap());
    events.inspect(schema::check).collect()
}

/// One tenant's Entra.
struct Client<'a> {
    service: &'a Service,
    key: String,
    /// Its OAuth 2.0 client, for events that ask for a token.
    oauth: Option<oauth::Client>,
    /// The ids of the users and groups created, in order.
    ids: Vec<String>,
}

impl Client<'_> {
    /// Answers an event.
    ///
    /// # Errors
    /// When the answer violates SCIM or is inconsistent, whatever the golden says.
    async fn send(&mut self, event: &str) -> Result<Reply, String> {
        let mut event = event.replace(KEY, &self.key);
        for (index, id) in self.ids.iter().enumerate() {
            event = event.replace(&placeholder(index), id);
        }
        let mut event: Value = serde_json::from_str(&event).expect("an event is JSON");
        if let Some(client) = &self.oauth {
            let replaced = |coded: &str| {
                let text = decoded(coded).replace(CLIENT, client.id.as_str());
                STANDARD.encode(text.replace(SECRET, &client.secret))
            };
            if let Some(body) = event["body"].as_str() {
                event["body"] = replaced(body).into();
            }
            let headers = event["headers"].as_object_mut().expect("headers");
            if let Some(header) = headers.get_mut("authorization") {
                let pair = header.as_str().unwrap_or_default();
                let pair = pair.trim_start_matches("Basic ");
                *header = format!("Basic {}", replaced(pair)).into();
            }
        }
        let answer = self.service.answer(&event).await;
        if answer.status == 201 {
            self.ids.push(answer.id());
        }
        self.reply(&answer)
    }

    /// What GET shows after a write, unless the write has shown it.
    async fn afterwards(&mut self, event: &str, reply: &Reply) -> Result<Option<Value>, String> {
        let mut event: Value = serde_json::from_str(event).expect("an event is JSON");
        let method = event["requestContext"]["http"]["method"].take();
        if method == "GET" || (method == "POST" && reply.status != 201) {
            return Ok(None);
        }
        event["requestContext"]["http"]["method"] = json!("GET");
        if let Some(location) = reply.body["meta"]["location"].as_str() {
            let path = location.strip_prefix("https://scim.hellotracks.example");
            event["rawPath"] = json!(path.expect("a location below the service"));
        }
        let shown = self.send(&event.to_string()).await?;
        if reply.status >= 300 || reply.status == 204 {
            return Ok(Some(shown.body));
        }
        let is_same =
            shown.status == 200 && shown.body == reply.body && shown.headers == reply.headers;
        is_same.then_some(None).ok_or_else(|| {
            format!(
                "the answer is\n{}, and then GET shows\n{}",
                reply.body, shown.body
            )
        })
    }

    fn reply(&self, answer: &Answer) -> Result<Reply, String> {
        let ensure = |holds: bool, what: &str| match holds {
            true => Ok(()),
            false => Err(format!("{what}: {answer:?}")),
        };
        let has_body = !answer.body.is_null();
        ensure(
            answer.status < 500 || answer.status == 501,
            "the service failed",
        )?;
        ensure(
            has_body == (answer.status != 204),
            "a body where none belongs, or none",
        )?;
        let media_type = match &self.oauth {
            Some(_) => "application/json",
            None => "application/scim+json",
        };
        ensure(
            !has_body || answer.header("content-type") == media_type,
            "not an answer of its kind",
        )?;
        if answer.status >= 400 && self.oauth.is_none() {
            let status = answer.body["status"].as_str().unwrap_or_default();
            ensure(status == answer.status.to_string(), "not a SCIM error")?;
        }
        let headers = answer
            .headers
            .keys()
            .map(|name| (name.to_string(), self.normal(answer.header(name.as_str()))))
            .collect();
        let mut body: Value = serde_json::from_str(&self.normal(&answer.body.to_string()))
            .expect("JSON with other ids is JSON");
        if let Some(token) = body.get_mut("access_token") {
            let text = token.as_str().unwrap_or_default();
            ensure(text.starts_with("htsat_"), "no token")?;
            *token = TOKEN.into();
        }
        let resources = match body.get_mut("Resources") {
            Some(Value::Array(resources)) => resources.iter_mut().collect(),
            _ => vec![&mut body],
        };
        for resource in resources {
            for name in ["created", "lastModified"] {
                if let Some(instant) = resource.pointer_mut(&format!("/meta/{name}")) {
                    let text = instant.as_str().unwrap_or_default();
                    let is_instant = OffsetDateTime::parse(text, &Rfc3339).is_ok();
                    let has_milliseconds = text.len() == "2026-11-24T06:00:00.000Z".len();
                    ensure(is_instant && has_milliseconds, "no instant")?;
                    *instant = json!(INSTANT);
                }
            }
            for name in ["members", "groups"] {
                if let Some(Value::Array(elements)) = resource.get_mut(name) {
                    elements.sort_by_key(|element| element["value"].to_string());
                }
            }
        }
        Ok(Reply {
            status: answer.status,
            headers,
            body,
        })
    }

    /// An event without what is another each time, and without what is shown already.
    fn tell(&self, event: &Value, shown: &Value) -> Value {
        let mut data: Value = serde_json::from_str(&self.normal(&event["data"].to_string()))
            .expect("JSON with other ids is JSON");
        let members = data.as_object_mut().expect("an object");
        for name in ["tenant", "actor", "requestId"] {
            members.remove(name).expect(name);
        }
        if let Some(Value::Array(ids)) = members.get_mut("members") {
            ids.sort_by_key(ToString::to_string);
            // A time.
            members.remove("version");
        }
        if let Some(previous) = members.get_mut("previous") {
            *previous = json!(INSTANT);
        }
        for name in ["user", "group"] {
            let Some(state) = data.get_mut(name) else {
                continue;
            };
            for instant in ["created", "lastModified"] {
                state["meta"][instant] = json!(INSTANT);
            }
            let mut shown = shown.clone();
            if let Some(resource) = shown.as_object_mut() {
                // They are told by events of their own, and make versions of a group.
                resource.retain(|name, _| !["members", "groups"].contains(&name.as_str()));
                if name == "group" {
                    resource["meta"].as_object_mut().unwrap().remove("version");
                }
            }
            if *state == shown {
                *state = json!("as shown");
            }
        }
        json!({"type": event["type"], "data": data})
    }

    fn normal(&self, text: &str) -> String {
        let ids = self.ids.iter().enumerate();
        ids.fold(text.to_owned(), |text, (index, id)| {
            text.replace(id, &placeholder(index))
        })
    }
}

/// The text of what is in base64.
fn decoded(coded: &str) -> String {
    String::from_utf8(STANDARD.decode(coded).expect("base64")).expect("text")
}

/// Placeholder in events and goldens for the id of the first user or group, the second, and so on.
fn placeholder(index: usize) -> String {
    format!("00000000-0000-4000-8000-{:012}", index + 1)
}

/// The names of the JSON files in a folder.
fn names(folder: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(root().join(folder)).unwrap();
    let names = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .map(|name| match name.strip_suffix(".json") {
            Some(name) => name.to_owned(),
            None => panic!("{folder}/{name} is not a JSON file"),
        })
        .collect()
}

fn read(folder: &str, name: &str) -> String {
    std::fs::read_to_string(file(folder, name)).unwrap_or_else(|_| panic!("{folder} has no {name}"))
}

fn file(folder: &str, name: &str) -> PathBuf {
    root().join(folder).join(format!("{name}.json"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pretty(golden: &Golden) -> String {
    let mut text = serde_json::to_string_pretty(golden).unwrap();
    text.push('\n');
    text
}
