//! Two tenants of equal content, one for bulk requests and one for single requests, and what is
//! different in the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use hellotracks_scim::instance::Instance;
use scim::text::fold;
use serde_json::{Value, json};
use stand::wire::{Fate, Wire};

use super::script::{Script, Target};
use crate::support::directory::{self, DirectoryTable};
use crate::support::engine;
use crate::support::service::{Answer, BASE, Service};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What came of an operation, with users called by what they are to the script.
#[derive(Debug, PartialEq, Clone)]
struct Outcome {
    status: String,
    scim_type: String,
    location: Option<String>,
    version: String,
}

/// Two tenants of equal content: one for bulk requests, whose calls come late by chance, and one
/// for single requests.
pub struct Stand {
    bulk: Service,
    single: Service,
    directory: DirectoryTable,
    _wires: [Wire; 2],
}

impl Stand {
    pub async fn start(seed: u64) -> Self {
        let endpoint = engine::own_endpoint();
        let calm = Wire::passing(&endpoint).await;
        let (service, directory, prefix) = DirectoryTable::at(&calm.endpoint).await;
        let chance = Mutex::new(Rng::with_seed(seed));
        let late = move |_: &str, _| match chance.lock().unwrap().u64(0..8) {
            steps @ 0..3 => Fate::Held(Duration::from_millis(60 * (steps + 1))),
            steps @ 3..5 => Fate::Slow(Duration::from_millis(60 * (steps - 2))),
            _ => Fate::Passed,
        };
        let late = Wire::start(&endpoint, late).await;
        let mut config = service.app.config.clone();
        config.request_deadline = Duration::from_secs(600);
        config.requests_per_second = 1_000_000;
        config.breaker.share_percent = 100;
        let store = stand::tenant::connect(&late.endpoint, engine::tables(&prefix)).await;
        let key = service.add_tenant("single").await;
        Self {
            bulk: Service {
                app: Instance::new(store, config.clone()),
                key: service.key.clone(),
            },
            single: Service {
                app: Instance::new(service.app.store.clone(), config),
                key,
            },
            directory,
            _wires: [calm, late],
        }
    }

    /// Runs a script as a bulk request and as single requests, and returns the outcomes of both.
    async fn run(&self, script: &Script, names: &mut Names) -> [Vec<Outcome>; 2] {
        let [bulk, single] = names.0.each_mut();
        let bulk = run_in_bulk(&self.bulk, script, bulk);
        let single = run_singly(&self.single, script, single);
        let (bulk, single) = Box::pin(futures_util::future::join(bulk, single)).await;
        [bulk, single]
    }

    /// What both tenants hold in the end, and what is wrong with it.
    async fn compare(&self, names: &Names) -> Vec<String> {
        let mut found = Vec::new();
        for (tenant, names) in ["acme", "single"].iter().zip(&names.0) {
            self.directory.check(tenant).await;
            found.push(self.content(tenant, names).await);
        }
        let [bulk, single] = <[_; 2]>::try_from(found).unwrap();
        let all: BTreeSet<_> = bulk.keys().chain(single.keys()).collect();
        all.into_iter()
            .filter(|name| bulk.get(*name) != single.get(*name))
            .map(|name| format!("{name}: {:?}, {:?}", bulk.get(name), single.get(name)))
            .collect()
    }

    async fn content(
        &self,
        tenant: &str,
        names: &HashMap<String, String>,
    ) -> BTreeMap<String, Value> {
        let name = |id: &str| {
            names
                .get(id)
                .cloned()
                .unwrap_or_else(|| format!("unknown {id}"))
        };
        let items = self.directory.items(tenant).await;
        let users = items.iter().filter_map(|(sort_key, item)| {
            let id = sort_key.strip_prefix("U#")?;
            let mut user: Value = serde_json::from_str(directory::text(item, "document")).unwrap();
            user["version"] = directory::number(item, "version").into();
            if item.contains_key("reserved_user_name") {
                user["reserved"] = directory::text(item, "reserved_user_name").into();
            }
            let manager = &mut user[ENTERPRISE]["manager"]["value"];
            if let Some(id) = manager.as_str() {
                *manager = name(id).into();
            }
            Some((name(id), user))
        });
        users.collect()
    }
}

/// What users are called, by id, in both tenants.
#[derive(Default)]
struct Names([HashMap<String, String>; 2]);

/// Adds the users of a script, and returns their ids.
async fn prepare(
    service: &Service,
    script: &Script,
    names: &mut HashMap<String, String>,
) -> Vec<String> {
    let mut ids = Vec::new();
    for (number, user) in script.users.iter().enumerate() {
        let created = service.post("/Users", user.clone()).await;
        assert_eq!(created.status, 201, "{}", created.body);
        names.insert(created.id(), format!("{} {number}", script.name));
        ids.push(created.id());
    }
    ids
}

async fn run_in_bulk(
    service: &Service,
    script: &Script,
    names: &mut HashMap<String, String>,
) -> Vec<Outcome> {
    let ids = prepare(service, script, names).await;
    let operations = script.steps.iter().enumerate().map(|(number, step)| {
        let mut data = step.data.clone();
        if let Some(manager) = step.manager {
            data[ENTERPRISE] = json!({"manager": {"value": format!("bulkId:b{manager}")}});
        }
        let mut operation = json!({"method": step.method, "data": data});
        operation["path"] = match step.target {
            Target::New => "/Users".into(),
            Target::Old(user) => format!("/Users/{}", ids[user]).into(),
            Target::Made(made) => format!("/Users/bulkId:b{made}").into(),
        };
        if let Target::New = step.target {
            operation["bulkId"] = format!("b{number}").into();
        }
        if let Some(version) = step.version {
            operation["version"] = format!("W/\"{version}\"").into();
        }
        operation
    });
    let body = json!({"Operations": operations.collect::<Vec<_>>()});
    let answer = service.post("/Bulk", body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let results = answer.body["Operations"].as_array().unwrap();
    assert_eq!(results.len(), script.steps.len());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for number in script.sequence() {
        let id = results[number]["location"]
            .as_str()
            .and_then(|url| url.rsplit('/').next());
        if let (Some(id), "201") = (id, text(&results[number]["status"]).as_str()) {
            let name = || format!("{} made by {number}", script.name);
            names.entry(id.to_owned()).or_insert_with(name);
        }
    }
    results
        .iter()
        .map(|result| Outcome {
            status: text(&result["status"]),
            scim_type: text(&result["response"]["scimType"]),
            location: result["location"].as_str().map(|url| {
                let id = url.strip_prefix(&format!("{BASE}/Users/")).unwrap();
                names.get(id).unwrap_or_else(|| panic!("{result}")).clone()
            }),
            version: text(&result["version"]),
        })
        .collect()
}

async fn run_singly(
    service: &Service,
    script: &Script,
    names: &mut HashMap<String, String>,
) -> Vec<Outcome> {
    let ids = prepare(service, script, names).await;
    let mut made = BTreeMap::<usize, String>::new();
    let mut outcomes = BTreeMap::new();
    for number in script.sequence() {
        let step = &script.steps[number];
        let id = match step.target {
            Target::New => None,
            Target::Old(user) => Some(ids[user].clone()),
            Target::Made(creation) => made.get(&creation).cloned(),
        };
        let manager = step
            .manager
            .and_then(|creation| made.get(&creation).cloned());
        let is_resolved = (id.is_some() || matches!(step.target, Target::New))
            && manager.is_some() == step.manager.is_some();
        if !is_resolved {
            let outcome = Outcome {
                status: "400".to_owned(),
                scim_type: "invalidValue".to_owned(),
                location: None,
                version: String::new(),
            };
            outcomes.insert(number, outcome);
            continue;
        }
        let mut data = step.data.clone();
        if let Some(manager) = manager {
            data[ENTERPRISE] = json!({"manager": {"value": manager}});
        }
        let path = id
            .as_ref()
            .map_or("/Users".to_owned(), |id| format!("/Users/{id}"));
        let mut call = service.call(step.method, &path);
        if step.method != "DELETE" {
            call = call.json(data.clone());
        }
        if let Some(version) = step.version {
            call = call.header("if-match", &format!("W/\"{version}\""));
        }
        let answer = call.send().await;
        let location = answer
            .header("location")
            .strip_prefix(&format!("{BASE}/Users/"));
        let id = id.or_else(|| Some(location?.to_owned()));
        if let (Target::New, Some(id)) = (step.target, &id) {
            if answer.status == 201 {
                let name = || format!("{} made by {number}", script.name);
                names.entry(id.clone()).or_insert_with(name);
            }
            if answer.status == 201 || is_the_same(service, id, &data).await {
                made.insert(number, id.clone());
            }
        }
        outcomes.insert(number, outcome(&answer, id.map(|id| names[&id].clone())));
    }
    outcomes.into_values().collect()
}

/// Whether the user that a creation met is evidently the one that it would create.
async fn is_the_same(service: &Service, id: &str, data: &Value) -> bool {
    let user = service.get(&format!("/Users/{id}")).await.body;
    let name = |user: &Value| fold(user["userName"].as_str().unwrap_or_default()).into_owned();
    name(&user) == name(data) && user["externalId"] == data["externalId"]
}

fn outcome(answer: &Answer, location: Option<String>) -> Outcome {
    Outcome {
        status: answer.status.to_string(),
        scim_type: answer.body["scimType"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        location,
        version: if answer.status < 300 {
            answer.header("etag").to_owned()
        } else {
            String::new()
        },
    }
}

/// Runs scripts, a few at a time, and says which of them differ, and how.
pub async fn wrong(stand: &Stand, scripts: Vec<Script>) -> BTreeMap<String, String> {
    let mut names = Names::default();
    let mut wrong = BTreeMap::new();
    for some in scripts.chunks(16) {
        let runs = some.iter().map(|script| async {
            let mut users = Names::default();
            let [bulk, single] = Box::pin(stand.run(script, &mut users)).await;
            let differs = (bulk != single).then(|| told(script, &bulk, &single));
            (script.name.clone(), users, differs)
        });
        for (name, users, differs) in join_all(runs).await {
            for (all, of_script) in names.0.iter_mut().zip(users.0) {
                all.extend(of_script);
            }
            if let Some(differs) = differs {
                wrong.insert(name, differs);
            }
        }
    }
    for differs in stand.compare(&names).await {
        let script = differs.split(' ').next().unwrap_or_default().to_owned();
        wrong.entry(script).or_insert(differs);
    }
    wrong
}

fn told(script: &Script, bulk: &[Outcome], single: &[Outcome]) -> String {
    let mut text = format!("users {}\n", json!(script.users));
    for ((step, bulk), single) in script.steps.iter().zip(bulk).zip(single) {
        text.push_str(&format!(
            "{step:?}\n  in bulk {bulk:?}\n  singly  {single:?}\n"
        ));
    }
    text
}
