//! A bulk request means what its operations mean one after another: the same requests, sent singly
//! to another tenant, get the same answers and leave the same directory.
//!
//! Calls of the bulk requests reach DynamoDB late by chance, so that operations meet in every
//! order. The clock goes on only while nothing is under way.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use hellotracks_scim::instance::Instance;
use scim::text::fold;
use serde_json::{Value, json};
use stand::wire::asked::Asked;
use stand::wire::{Fate, Rival, Wire};

use crate::support::clock::passing_when_idle;
use crate::support::directory::{self, DirectoryTable};
use crate::support::engine;
use crate::support::service::{Answer, BASE, Service};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What puts a user into Entra's recycle bin.
const OBJECT_ID: &str = "0123456789abcdef0123456789abcdef";

/// One operation, before ids are known.
#[derive(Debug, Clone)]
struct Step {
    method: &'static str,
    target: Target,
    version: Option<u64>,
    data: Value,
    /// The operation whose user becomes the manager.
    manager: Option<usize>,
}

/// On whom an operation works.
#[derive(Debug, Clone, Copy)]
enum Target {
    /// A new user.
    New,
    /// A user who was there before.
    Old(usize),
    /// The user that this operation creates.
    Made(usize),
}

/// A directory and what is to be done in it.
#[derive(Debug, Clone)]
struct Script {
    /// The end of all its users' names, which tells them from those of other scripts.
    name: String,
    users: Vec<Value>,
    steps: Vec<Step>,
}

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
struct Stand {
    bulk: Service,
    single: Service,
    directory: DirectoryTable,
    _wires: [Wire; 2],
}

impl Stand {
    async fn start(seed: u64) -> Self {
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

fn patch(values: Value) -> Value {
    json!({"Operations": [{"op": "replace", "value": values}]})
}

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

impl Script {
    /// The operations in the order in which they count: that of the request, but for those that
    /// refer to what a later one creates, which come right after it.
    fn sequence(&self) -> Vec<usize> {
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
async fn wrong(stand: &Stand, scripts: Vec<Script>) -> BTreeMap<String, String> {
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

/// A script that does the same to users of any names.
type Shape = fn(&str) -> Script;

/// The scripts that are known to go wrong when operations overtake each other.
const SHAPES: &[(&str, Shape)] = &[
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
fn by_chance(chance: &mut Rng, name: &str) -> Script {
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

#[tokio::test]
async fn what_one_operation_frees_the_next_can_take() {
    const ROUNDS: usize = 30;
    let wrong = passing_when_idle(async {
        let stand = Stand::start(1).await;
        let scripts = SHAPES.iter().enumerate().flat_map(|(number, (_, shape))| {
            (0..ROUNDS).map(move |round| shape(&format!("s{number}r{round}")))
        });
        wrong(&stand, scripts.collect()).await
    })
    .await;
    for (number, (shape, _)) in SHAPES.iter().enumerate() {
        let of_shape = |name: &&String| name.starts_with(&format!("s{number}r"));
        let count = wrong.keys().filter(of_shape).count();
        println!("{shape}: {count} of {ROUNDS} wrong");
    }
    assert!(wrong.is_empty(), "{}", wrong.values().next().unwrap());
}

/// Each seed on a thread, and in an engine, of its own.
#[test]
fn any_bulk_request_is_its_operations_one_after_another() {
    const SEEDS: u64 = 5;
    const SCRIPTS: usize = 48;
    let of_seed = |seed: u64| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(passing_when_idle(async {
            let stand = Stand::start(seed).await;
            let mut chance = Rng::with_seed(seed);
            let scripts = (0..SCRIPTS).map(|round| by_chance(&mut chance, &format!("r{round}")));
            Box::pin(wrong(&stand, scripts.collect())).await
        }))
    };
    let wrong: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..SEEDS)
            .map(|seed| scope.spawn(move || of_seed(seed)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let wrong: Vec<&String> = wrong.iter().flat_map(BTreeMap::values).collect();
    let count = wrong.len();
    assert!(wrong.is_empty(), "{count} are wrong, such as {}", wrong[0]);
}

/// What the answers to `DELETE lena, POST otto` are while somebody else calls a user Otto, after
/// the service has found out that nobody is.
async fn while_somebody_is_called_otto(is_lena: bool) -> Vec<String> {
    let endpoint = engine::own_endpoint();
    let calm = Wire::passing(&endpoint).await;
    let (service, _, prefix) = DirectoryTable::at(&calm.endpoint).await;
    let lena = service.create_user("lena", json!({})).await;
    let max = service.create_user("max", json!({})).await;
    let path = format!("/Users/{}", if is_lena { &lena } else { &max });
    let service = Arc::new(service);
    let calm_service = service.clone();
    let rename = json!([{"op": "replace", "path": "userName", "value": "otto"}]);
    let rival: Rival = Box::new(move || {
        let (service, path, rename) = (calm_service.clone(), path.clone(), rename.clone());
        Box::pin(async move {
            let renamed = Box::pin(service.patch(&path, rename));
            assert_eq!(renamed.await.status, 200);
        })
    });
    // The rival comes before Lena is read; the creation before her deletion.
    let plan = |asked: &Asked| match (asked.label.as_str(), asked.before) {
        ("GetItem directory U", 0) => Fate::Overtaken,
        ("TransactWriteItems directory U", 0) => Fate::Held(Duration::from_millis(200)),
        ("TransactWriteItems directory U", 1) => Fate::Held(Duration::from_millis(600)),
        _ => Fate::Passed,
    };
    let wire = Wire::planned(&endpoint, plan, Some(rival)).await;
    let store = stand::tenant::connect(&wire.endpoint, engine::tables(&prefix)).await;
    let disturbed = Service {
        app: Instance::new(store, service.app.config.clone()),
        key: service.key.clone(),
    };
    let body = json!({"Operations": [
        {"method": "DELETE", "path": format!("/Users/{lena}")},
        {"method": "POST", "path": "/Users", "data": {"userName": "otto"}},
    ]});
    let answer = Box::pin(disturbed.post("/Bulk", body)).await;
    let operations = answer.body["Operations"].as_array().unwrap();
    operations
        .iter()
        .map(|operation| operation["status"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_name_that_a_deleted_user_got_meanwhile_is_free_all_the_same() {
    let statuses = passing_when_idle(Box::pin(while_somebody_is_called_otto(true))).await;
    assert_eq!(statuses, ["204", "201"]);
    // That it is tried again changes nothing for a name that stays taken.
    let statuses = passing_when_idle(Box::pin(while_somebody_is_called_otto(false))).await;
    assert_eq!(statuses, ["204", "409"]);
}

/// How many times as long as a call of DynamoDB a bulk request takes.
async fn rounds(operations: impl Fn(&[String]) -> Vec<Value>) -> u128 {
    const CALL: Duration = Duration::from_millis(100);
    // Due a little before the step of the clock at which it is seen.
    let slow = || Fate::Slow(CALL - Duration::from_millis(10));
    let endpoint = engine::own_endpoint();
    let calm = Wire::passing(&endpoint).await;
    let (service, _, prefix) = DirectoryTable::at(&calm.endpoint).await;
    let mut ids = Vec::new();
    for user in 0..20 {
        ids.push(service.create_user(&format!("user{user}"), json!({})).await);
    }
    let wire = Wire::start(&endpoint, move |_, _| slow()).await;
    let store = stand::tenant::connect(&wire.endpoint, engine::tables(&prefix)).await;
    let slow = Service {
        app: Instance::new(store, service.app.config.clone()),
        key: service.key.clone(),
    };
    let started = tokio::time::Instant::now();
    let body = json!({"Operations": operations(&ids)});
    let answer = Box::pin(slow.post("/Bulk", body)).await;
    for operation in answer.body["Operations"].as_array().unwrap() {
        assert!(["200", "201"].contains(&operation["status"].as_str().unwrap()));
    }
    started.elapsed().as_millis() / CALL.as_millis()
}

/// Eight at a time, after a round for the key and, where some operations could free names that
/// others take, one for who has these.
#[tokio::test]
async fn what_has_nothing_to_do_with_each_other_runs_at_once() {
    let create = |user| json!({"method": "POST", "path": "/Users", "data": {"userName": format!("new{user}")}});
    let title = |id: &String| json!({"method": "PATCH", "path": format!("/Users/{id}"), "data": patch(json!({"title": "Lead"}))});
    let creations = |_: &[String]| (0..40).map(create).collect();
    let changes = |ids: &[String]| ids.iter().map(title).collect();
    let both = |ids: &[String]| ids.iter().map(title).chain((0..40).map(create)).collect();
    let one_by_one = |ids: &[String]| (0..20).map(|_| title(&ids[0])).collect();
    let rounds = passing_when_idle(async {
        [
            Box::pin(rounds(creations)).await,
            Box::pin(rounds(changes)).await,
            Box::pin(rounds(both)).await,
            Box::pin(rounds(one_by_one)).await,
        ]
    })
    .await;
    println!("{rounds:?}");
    assert_eq!(rounds, [1 + 5, 1 + 3 * 2, 1 + 1 + 10, 1 + 21]);
}
