//! Not tests: a service whose stream is read as the product's consumers read it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use member_events::{Content, Publisher, function};
use serde_json::{Value, json};
use stand::consumer::{Consumer, View};
use stand::stream::{Stream, passes};
use stand::wire::{Fate, Wire};

use crate::support::admin::Admin;
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::service::{Answer, Service};
use crate::support::{patterns, schema};
use crate::template::{at, items, parse, source, string};

const TRANSACTION: &str = "TransactWriteItems";

/// A service and the stream of its directory table.
pub struct Told {
    pub service: Service,
    pub directory: DirectoryTable,
    pub admin: Admin,
    stream: Stream,
    pattern: Value,
    seen: BTreeSet<String>,
}

/// What makes the events: the service's URL in tests, and all that there is to say.
pub fn publisher() -> Publisher {
    Publisher::new(Some("https://scim.hellotracks.example"), Content::Full)
}

/// The filter of the pipes.
pub fn pattern() -> Value {
    let text = source("template.yaml");
    let template = parse(&text);
    let path = ["Resources", "QueuePipe", "Properties", "SourceParameters"];
    let filters = at(at(&template, &path), &["FilterCriteria", "Filters"]);
    let filter = items(filters).next().expect("a filter");
    serde_json::from_str(&string(at(filter, &["Pattern"]))).expect("JSON")
}

impl Told {
    pub async fn start() -> Self {
        Self::at(engine::endpoint()).await
    }

    /// The same in the engine at `endpoint`.
    pub async fn at(endpoint: &str) -> Self {
        let prefix = uuid::Uuid::new_v4().simple().to_string();
        let store = engine::store_through(endpoint, &prefix).await;
        store.create_tables().await.unwrap();
        let tables = engine::tables(&prefix);
        let stream = Stream::open(endpoint, &tables.directory, BTreeMap::new());
        Self {
            stream: stream.await.unwrap(),
            admin: Admin::of(&prefix, &store),
            directory: DirectoryTable::in_engine(endpoint, &tables).await,
            service: Service::over(store).await,
            pattern: pattern(),
            seen: BTreeSet::new(),
        }
    }

    /// What an instance answers that dies when it sends the transaction after so many, unless it
    /// does.
    pub async fn killed_after(
        &mut self,
        transactions: usize,
        request: impl AsyncFnOnce(&Service) -> Answer,
    ) -> Option<Answer> {
        let wire = Wire::start(engine::endpoint(), move |operation, before| {
            match operation == TRANSACTION && before >= transactions {
                true => Fate::Ignored,
                false => Fate::Passed,
            }
        })
        .await;
        let store = engine::store_through(&wire.endpoint, self.admin.prefix()).await;
        let dying = Service::with_key(store, self.service.key.clone());
        let is_over = async {
            let sent = || {
                let requests = wire.requests();
                requests.iter().filter(|sent| *sent == TRANSACTION).count()
            };
            while sent() <= transactions {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            answer = Box::pin(request(&dying)) => Some(answer),
            () = is_over => None,
        }
    }

    /// The events since the last call. Each is as its schema says, and none comes twice.
    pub async fn events(&mut self) -> Vec<Value> {
        let mut records = Vec::new();
        loop {
            let some = self.stream.read().await.unwrap();
            if some.is_empty() {
                break;
            }
            records.extend(some);
        }
        for record in &records {
            let is_wanted = patterns::matches(&self.pattern, record);
            assert_eq!(is_wanted, passes(record), "{record}");
        }
        records.retain(passes);
        let publisher = publisher();
        let batches = records.chunks(5);
        let events = batches.flat_map(|batch| {
            let events = function::handle(&publisher, &json!(batch));
            assert!(events.len() <= 10, "more than a target takes");
            events
        });
        let events: Vec<Value> = events
            .map(|event| serde_json::from_str(&event.json()).unwrap())
            .collect();
        for event in &events {
            schema::check(event);
            let id = event["id"].as_str().unwrap().to_owned();
            assert!(self.seen.insert(id), "told twice: {event}");
        }
        events
    }
}

/// The type of an event, without what all types start with.
pub fn kind(event: &Value) -> String {
    let kind = event["type"].as_str().unwrap();
    kind.strip_prefix("com.hellotracks.").unwrap().to_owned()
}

/// What a consumer knows that has got these events.
pub fn folded<'e>(events: impl IntoIterator<Item = &'e Value>) -> View {
    let mut consumer = Consumer::default();
    for event in events {
        consumer.apply(event);
    }
    assert_eq!(consumer.unreadable, 0);
    consumer.view("acme")
}

/// What SCIM shows, as far as events tell of it.
pub async fn shown(service: &Service) -> View {
    let mut view = View::default();
    for user in all(service, "/Users").await {
        let mut user = user;
        user.as_object_mut().unwrap().remove("groups");
        view.users.insert(id(&user), user);
    }
    for mut group in all(service, "/Groups").await {
        let members = group["members"].take();
        let members = members.as_array().into_iter().flatten();
        let members = members.map(|member| member["value"].as_str().unwrap().to_owned());
        let members = members.collect();
        view.groups.insert(id(&group), (of_group(group), members));
    }
    view
}

/// A group without what changes with its members.
fn of_group(mut group: Value) -> Value {
    group.as_object_mut().unwrap().remove("members");
    for name in ["version", "lastModified"] {
        group["meta"].as_object_mut().unwrap().remove(name);
    }
    group
}

/// The same of what a consumer knows.
pub fn comparable(mut view: View) -> View {
    for (group, _) in view.groups.values_mut() {
        *group = of_group(group.take());
    }
    view
}

fn id(resource: &Value) -> String {
    resource["id"].as_str().unwrap().to_owned()
}

async fn all(service: &Service, path: &str) -> Vec<Value> {
    let mut found = Vec::new();
    loop {
        let start = found.len() + 1;
        let page = service
            .get(&format!("{path}?startIndex={start}&count=100"))
            .await;
        assert_eq!(page.status, 200, "{}", page.body);
        let resources = page.body["Resources"].as_array();
        let resources = resources.cloned().unwrap_or_default();
        if resources.is_empty() {
            return found;
        }
        found.extend(resources);
    }
}
