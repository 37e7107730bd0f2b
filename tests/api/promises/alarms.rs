//! template.yaml's metric filters, rules and saved queries over the lines that the functions really
//! write: each filter counts the lines that it should and no others, and what is asked of a line is
//! in it.

use std::collections::{BTreeMap, BTreeSet};

use hellotracks_scim::instance::Instance;
use hellotracks_scim::log::install;
use member_events::function;
use saphyr::Yaml;
use serde_json::{Value, json};
use settings::App;
use stand::issuer::Behaviour;
use stand::wire::{Fate, Trouble, Wire};
use store::sessions::Scope;
use time::{Duration, OffsetDateTime};

use super::panics::{HOOK, Planted};
use crate::keys::issue::{key, tenant};
use crate::settings::pages::stage;
use crate::support::admin::Admin;
use crate::support::capture::logged;
use crate::support::clock::{date, set_date};
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::groups::{crew, group, patch, path};
use crate::support::log_patterns::Pattern;
use crate::support::oauth::{Federation, new_client};
use crate::support::service::Service;
use crate::support::settings::{Browser, Page};
use crate::support::told::publisher;
use crate::template::{at, items, parse, source, string, tagged};

const SCIM: &str = "FunctionLogGroup";
const PAGE: &str = "SettingsLogGroup";
const PENDING: &str = "PendingLogGroup";
const EVENTS: &str = "EventLogGroup";

/// What every answered request of a tenant counts as.
const SERVED: &[&str] = &["Served"];
const NOTHING: &[&str] = &[];
const FAILED: &[&str] = &["AnsweredErrors"];

/// The resources of a type, by name.
fn of_type<'y, 't>(template: &'y Yaml<'t>, kind: &str) -> BTreeMap<String, &'y Yaml<'t>> {
    let all = at(template, &["Resources"]).as_mapping().unwrap().iter();
    let of_kind = all.filter(|(_, resource)| string(at(resource, &["Type"])) == kind);
    of_kind
        .map(|(name, resource)| (string(name), at(resource, &["Properties"])))
        .collect()
}

/// A metric filter.
struct Filter {
    name: String,
    group: String,
    metric: String,
    pattern: Pattern,
}

fn filters() -> Vec<Filter> {
    let text = source("template.yaml");
    let template = parse(&text);
    let filters = of_type(&template, "AWS::Logs::MetricFilter").into_iter();
    let read = |(name, filter): (String, &Yaml<'_>)| {
        let pattern = string(at(filter, &["FilterPattern"]));
        let pattern = Pattern::parse(&pattern).unwrap_or_else(|why| panic!("{name}: {why}"));
        let transformation = items(at(filter, &["MetricTransformations"])).next();
        Filter {
            group: tagged(at(filter, &["LogGroupName"])).1,
            metric: string(at(transformation.unwrap(), &["MetricName"])),
            name,
            pattern,
        }
    };
    filters.map(read).collect()
}

/// Lines as the functions wrote them, with what each is to be counted as.
#[derive(Default)]
struct Lines(Vec<(&'static str, Value, BTreeSet<String>)>);

impl Lines {
    /// Adds the lines that something has left, all of which are said.
    fn add(&mut self, group: &'static str, lines: Vec<Value>, counts: &[&[&str]]) {
        assert_eq!(lines.len(), counts.len(), "{lines:#?}");
        for (line, counts) in lines.into_iter().zip(counts) {
            let counts = counts.iter().map(|name| (*name).to_owned());
            self.0.push((group, line, counts.collect()));
        }
    }
}

#[tokio::test]
async fn each_filter_counts_its_lines_and_no_others() {
    let mut lines = Lines::default();
    Box::pin(an_ordinary_day(&mut lines)).await;
    Box::pin(keys_that_are_refused(&mut lines)).await;
    Box::pin(clients_that_are_refused(&mut lines)).await;
    Box::pin(warnings_of_keys(&mut lines)).await;
    Box::pin(losses(&mut lines)).await;
    Box::pin(failures(&mut lines)).await;
    Box::pin(panics(&mut lines)).await;
    Box::pin(the_settings_page(&mut lines)).await;
    Box::pin(the_other_functions(&mut lines)).await;
    let filters = filters();
    let mut used = BTreeSet::new();
    for (group, line, expected) in &lines.0 {
        let mut expected = expected.clone();
        // What a deployment is taken back for: whatever the service calls a failure.
        let of_failures = |filter: &&Filter| filter.metric == "Failures";
        if *group == SCIM && line["level"] == "ERROR" {
            expected.extend(filters.iter().find(of_failures).map(|it| it.metric.clone()));
        }
        let hits = filters
            .iter()
            .filter(|filter| filter.group == *group && filter.pattern.matches(line));
        let mut counted = BTreeSet::new();
        for filter in hits {
            used.insert(&filter.name);
            let is_new = counted.insert(filter.metric.clone());
            assert!(is_new, "{} counts a line again: {line}", filter.name);
        }
        assert_eq!(counted, expected, "{group}: {line}");
    }
    let unused = filters.iter().filter(|filter| !used.contains(&filter.name));
    let unused: Vec<_> = unused.map(|filter| &filter.name).collect();
    assert!(unused.is_empty(), "no line is counted by {unused:?}");
}

async fn an_ordinary_day(lines: &mut Lines) {
    let service = Service::start().await;
    let id = service.create_user("lena", json!({})).await;
    let user = format!("/Users/{id}");
    let title = json!({"Operations": [{"op": "replace", "path": "title", "value": "Lead"}]});
    for (method, path, body, status) in [
        ("POST", "/Users", json!({"userName": "max"}), 201),
        ("POST", "/Groups", json!({"displayName": "Crew"}), 201),
        ("GET", "/Users", json!({}), 200),
        ("GET", "/Schemas", json!({}), 200),
        ("PATCH", &user, title, 200),
        ("DELETE", &user, json!({}), 204),
        // What clients do wrong, or only look for.
        ("GET", &user, json!({}), 404),
        ("POST", "/Users", json!({"userName": "max"}), 409),
        (
            "POST",
            "/Users",
            json!({"userName": "x", "active": "perhaps"}),
            400,
        ),
        ("DELETE", "/Users", json!({}), 405),
    ] {
        let (answer, told) = logged(service.call(method, path).json(body).send()).await;
        assert_eq!(answer.status, status, "{method} {path}");
        let counts = if status < 300 { SERVED } else { NOTHING };
        lines.add(SCIM, told, &[counts]);
    }
    let (answer, told) = logged(service.get("/Me")).await;
    assert_eq!(answer.status, 501, "the function's own answer all the same");
    lines.add(SCIM, told, &[FAILED]);
    let client = new_client(&service).await;
    let (_, told) = logged(client.token(&service)).await;
    lines.add(SCIM, told, &[SERVED]);
}

async fn keys_that_are_refused(lines: &mut Lines) {
    let service = Service::start().await;
    let store = &service.app.store;
    let (acme, now) = (tenant("acme"), OffsetDateTime::now_utc());
    let meter = store::Meter::default();
    for (seed, expires) in [(2, Some(now)), (3, None)] {
        let key = key(&acme, seed);
        let created = store.create_key(&key, "x", now, expires, &meter);
        created.await.unwrap();
    }
    let revoked = key(&acme, 3);
    let ended = store.revoke_key(&acme, &revoked.id(), now, &meter).await;
    ended.unwrap();
    let (closed, off) = (
        service.add_tenant("closed").await,
        service.add_tenant("off").await,
    );
    let closing = tenant("closed");
    store.set_enabled(&closing, false, &meter).await.unwrap();
    let turned_off = tenant("off");
    store.set_api(&turned_off, false, &meter).await.unwrap();
    let unknown = key(&acme, 9);
    let mistyped = format!("{}0", service.key);
    for (presented, reason, counts) in [
        (key(&acme, 2).expose(), "expiredKey", &["EndedKeys"][..]),
        (revoked.expose(), "revokedKey", &["EndedKeys"]),
        (&closed, "tenantDisabled", &["EndedKeys"]),
        (&off, "apiOff", NOTHING),
        (unknown.expose(), "unknownKey", &["UnknownKeys"]),
        (&mistyped, "mistypedKey", &["UnknownKeys"]),
        ("something", "foreignKey", &["UnknownKeys"]),
        ("", "noKey", NOTHING),
    ] {
        let call = service.call("GET", "/Users").key(presented);
        let (answer, told) = logged(call.send()).await;
        assert_eq!(answer.status, 401, "{reason}");
        assert_eq!(told[0]["reason"], reason);
        lines.add(SCIM, told, &[counts]);
    }
}

async fn clients_that_are_refused(lines: &mut Lines) {
    let (service, _, admin) = Admin::with_service().await;
    let client = new_client(&service).await;
    let token = client.token(&service).await;
    let wrong = format!("{token}0");
    let revoke = format!("client revoke acme {}", client.id.as_str());
    let of_token = async |token: &str| {
        let call = service.call("GET", "/Users").key(token);
        logged(call.send()).await.1
    };
    lines.add(SCIM, of_token(&token).await, &[SERVED]);
    lines.add(SCIM, of_token(&wrong).await, &[&["UnknownKeys"]]);
    lines.add(SCIM, of_token(&client.secret).await, &[&["UnknownKeys"]]);
    let (code, said) = admin.run(&revoke).await;
    assert_eq!(code, 0, "{said}");
    let told = of_token(&token).await;
    assert_eq!(told[0]["reason"], "revokedClient");
    lines.add(SCIM, told, &[&["EndedKeys"]]);
    let (_, told) = logged(client.call(&service).send()).await;
    assert_eq!(told[0]["reason"], "revokedSecret");
    lines.add(SCIM, told, &[&["EndedKeys"]]);

    // Web keys that cannot be fetched: with those of before, and without any.
    let mut service = Service::start().await;
    let start = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
    set_date(start);
    service.app.clock = date;
    let federation = Federation::over(service).await;
    let (_, told) = logged(federation.ask(json!({}))).await;
    lines.add(SCIM, told, &[SERVED]);
    let other = json!({"aud": "api://another"});
    let (_, told) = logged(federation.ask(other)).await;
    assert_eq!(told[0]["reason"], "wrongAudience");
    lines.add(SCIM, told, &[&["UnknownKeys"]]);
    federation.issuer.behave(Behaviour::Status(500));
    set_date(start + Duration::hours(2));
    let (_, told) = logged(federation.ask(json!({}))).await;
    lines.add(SCIM, told, &[NOTHING, SERVED]);
    set_date(start + Duration::hours(26));
    let (_, told) = logged(federation.ask(json!({}))).await;
    lines.add(SCIM, told, &[&["WebKeysMissing"], FAILED]);
}

async fn warnings_of_keys(lines: &mut Lines) {
    let mut service = Service::start().await;
    let now = OffsetDateTime::now_utc();
    let ending = key(&tenant("acme"), 2);
    let (store, soon) = (&service.app.store, Some(now + Duration::days(12)));
    let meter = store::Meter::default();
    let created = store.create_key(&ending, "x", now, soon, &meter).await;
    created.unwrap();
    let call = service.call("GET", "/Users").key(ending.expose());
    let (_, told) = logged(call.send()).await;
    lines.add(SCIM, told, &[&["KeyNearExpiry"], SERVED]);

    set_date(now);
    service.app.clock = date;
    service.app.config.requests_per_second = 1;
    for tries in 0.. {
        assert!(tries < 500, "nothing is refused");
        let (answer, told) = logged(service.get("/Schemas")).await;
        if answer.status == 429 {
            lines.add(SCIM, told, &[&["RateLimited"]]);
            return;
        }
    }
}

/// What tenants lose: access of many users, members of a group.
async fn losses(lines: &mut Lines) {
    let service = Service::start().await;
    let create = |number| json!({"method": "POST", "path": "/Users", "bulkId": format!("b{number}"), "data": {"userName": format!("user{number}")}});
    let created = json!({"Operations": (0..65).map(create).collect::<Vec<_>>()});
    assert_eq!(service.post("/Bulk", created).await.status, 200);
    let users = service.get("/Users?count=100").await.ids();
    let deleting = |users: &[String]| {
        let delete = |user: &String| json!({"method": "DELETE", "path": format!("/Users/{user}")});
        json!({"Operations": users.iter().map(delete).collect::<Vec<_>>()})
    };
    let (_, told) = logged(service.post("/Bulk", deleting(&users[..50]))).await;
    lines.add(SCIM, told, &[SERVED]);
    let (answer, told) = logged(service.post("/Bulk", deleting(&users[50..51]))).await;
    assert_eq!(answer.body["Operations"][0]["status"], "409");
    lines.add(SCIM, told, &[&["BreakerOpen", "Served"]]);
    let user = format!("/Users/{}", users[52]);
    let (answer, told) = logged(service.delete(&user)).await;
    assert_eq!(answer.status, 409, "{}", answer.body);
    lines.add(SCIM, told, &[&["BreakerOpen"]]);

    // Ten members are not many: the level of the line is for the user who was to lose access.
    let id = group(&service, "Crew", &users[53..63]).await;
    let all = json!({"Operations": [{"op": "remove", "path": "members"}]});
    let mut both = deleting(&users[51..52]);
    let emptying = json!({"method": "PATCH", "path": path(&id), "data": all});
    both["Operations"].as_array_mut().unwrap().push(emptying);
    let (_, told) = logged(service.post("/Bulk", both)).await;
    assert_eq!(told[0]["members_removed"], 10);
    lines.add(SCIM, told, &[&["BreakerOpen", "Served"]]);

    let (service, directory, _) = crew(0).await;
    let users = directory.plant_users("acme", 60).await;
    for (count, counts) in [(50, SERVED), (60, &["GroupsEmptied", "Served"])] {
        let id = group(&service, &format!("Crew of {count}"), &[]).await;
        directory.plant_members("acme", &id, &users[..count]).await;
        let all = json!([{"op": "remove", "path": "members"}]);
        let (answer, told) = logged(patch(&service, &id, all)).await;
        assert!(answer.status < 300, "{}", answer.body);
        lines.add(SCIM, told, &[counts]);
        assert_eq!(service.delete(&path(&id)).await.status, 204);
    }
}

async fn failures(lines: &mut Lines) {
    // DynamoDB throttles: neither the request nor its count is written.
    let (mut service, directory, prefix) = DirectoryTable::with_prefix().await;
    let plan = |operation: &str, _| match operation {
        "GetItem" => Fate::Passed,
        _ => Fate::Throttled,
    };
    let wire = Wire::start(engine::endpoint(), plan).await;
    let direct = service.app.store.clone();
    service.app.store = engine::troubled_store_through(&wire.endpoint, &prefix).await;
    service.app.config.request_deadline = std::time::Duration::from_secs(5);
    let post = service.post("/Users", json!({"userName": "lena"}));
    let (answer, told) = logged(post).await;
    assert_eq!(answer.status, 503);
    lines.add(SCIM, told, &[&["Bookkeeping"], FAILED]);

    service.app.store = direct;
    let id = service.create_user("lena", json!({})).await;
    let sort_key = format!("U#{id}");
    directory
        .plant("acme", &sort_key, &[("document", "{")])
        .await;
    let (answer, told) = logged(service.get(&format!("/Users/{id}"))).await;
    assert_eq!(answer.status, 500);
    lines.add(SCIM, told, &[&["AnsweredErrors", "Damaged", "Defects"]]);
}

/// A panic during a request, and one beside it.
async fn panics(lines: &mut Lines) {
    let service = Service::start().await;
    let broken = Service {
        app: Instance::new(Planted::Literal.store().await, service.app.config.clone()),
        key: service.key.clone(),
    };
    let (answer, told) = logged(broken.get("/Users")).await;
    assert_eq!(answer.status, 500);
    lines.add(SCIM, told, &[&["AnsweredErrors", "Defects"]]);
    lines.add(SCIM, panic_beside_a_request().await, &[&["Defects"]]);
    lines.add(SCIM, failed_start().await, &[&["Defects"]]);
}

/// A function that does not find what it needs says so and ends.
async fn failed_start() -> Vec<Value> {
    let ended = async { ::function::log::exit(Err("no table".into())) };
    logged(ended).await.1
}

/// As the functions do when they start; panics of tests are reported as before afterwards.
async fn panic_beside_a_request() -> Vec<Value> {
    let _alone = HOOK.lock().await;
    let before = std::panic::take_hook();
    install(std::io::sink, None);
    let panicking = async { std::panic::catch_unwind(|| panic!("planted")).is_err() };
    let (has_panicked, told) = logged(panicking).await;
    std::panic::set_hook(before);
    assert!(has_panicked);
    told
}

async fn the_settings_page(lines: &mut Lines) {
    let page = stage().await;
    let visitor = page.visitor("acme", Scope::Setup).await;
    for (path, status) in [("/settings", 200), ("/settings/nowhere", 404)] {
        let (reply, told) = logged(visitor.get(path)).await;
        assert_eq!(reply.status, status);
        lines.add(PAGE, told, &[NOTHING]);
    }
    let id = page
        .service
        .find("userName eq \"lena\"")
        .await
        .ids()
        .remove(0);
    let damage = [("document", "{")];
    page.directory
        .plant("acme", &format!("U#{id}"), &damage)
        .await;
    let (reply, told) = logged(visitor.get(&format!("/settings/people/{id}"))).await;
    assert_eq!(reply.status, 503);
    let counts: &[&str] = &["AnsweredErrors", "Damaged", "SettingsFailures"];
    lines.add(PAGE, told, &[counts]);

    let link = page.link("acme", Scope::View).await;
    let path = format!("/settings/open/{}", link.expose());
    let denied = |_: &stand::wire::Asked| Fate::Answered(Trouble::AccessDenied);
    let wire = Wire::planned(engine::endpoint(), denied, None).await;
    let page = page.behind(&wire).await;
    let (reply, told) = logged(Browser::new(&page).post(&path, &[])).await;
    assert_eq!(reply.status, 503);
    lines.add(PAGE, told, &[&["AnsweredErrors", "SettingsFailures"]]);

    let store = Planted::Literal.store().await;
    let authorities = oauth::Authorities::parse("https://login.microsoftonline.com").unwrap();
    let page = Page {
        app: App::new(&store, "none", None, authorities),
        ..page
    };
    let (reply, told) = logged(Browser::new(&page).post(&path, &[])).await;
    assert_eq!(reply.status, 500);
    let counts: &[&str] = &["AnsweredErrors", "Defects", "SettingsFailures"];
    lines.add(PAGE, told, &[counts]);
    lines.add(
        PAGE,
        panic_beside_a_request().await,
        &[&["Defects", "SettingsFailures"]],
    );
    lines.add(
        PAGE,
        failed_start().await,
        &[&["Defects", "SettingsFailures"]],
    );
}

async fn the_other_functions(lines: &mut Lines) {
    let (service, directory) = DirectoryTable::with_service().await;
    let pending = format!("J#{}", uuid::Uuid::new_v4());
    let record = [("record", "E#2026-01-01T00:00:00.000Z#M#x")];
    directory.plant("acme", &pending, &record).await;
    let (outcome, told) = logged(Box::pin(pending_changes::handle(&service.app.store))).await;
    assert!(outcome.is_err());
    lines.add(PENDING, told, &[&["Damaged"]]);
    directory.remove("acme", &pending).await;
    let (outcome, told) = logged(Box::pin(pending_changes::handle(&service.app.store))).await;
    assert!(outcome.is_ok());
    lines.add(PENDING, told, &[]);

    let keys = json!({"pk": {"S": "T#acme"}, "sk": {"S": "E#x"}});
    let batch = json!([{"eventID": "1", "eventName": "INSERT", "dynamodb": {"Keys": keys, "NewImage": keys}}]);
    let (_, told) = logged(async { function::handle(&publisher(), &batch) }).await;
    lines.add(EVENTS, told, &[&["UnreadableRecords"], NOTHING]);
}

/// The words of a list in the source, such as `const ENDED: &[&str] = &[…]`.
fn words(text: &str, name: &str) -> Vec<String> {
    let (_, list) = text
        .split_once(&format!("const {name}: &[&str] = &["))
        .unwrap();
    let (list, _) = list.split_once("];").unwrap();
    let words: Vec<_> = list
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    assert!(words.len() > 3, "{name}: {words:?}");
    words
}

/// Tenants are judged by the same reasons (`tenant status`): each is counted, as one or the other.
#[test]
fn every_reason_by_which_a_tenant_is_locked_out_is_counted() {
    let verdict = source("crates/account/src/verdict.rs");
    let counted = |reason: &str| {
        let line = json!({"message": "request", "level": "INFO", "status": 401, "reason": reason});
        let filters = filters().into_iter();
        let metrics = filters
            .filter(|filter| filter.group == SCIM && filter.pattern.matches(&line))
            .map(|filter| filter.metric);
        metrics.collect::<Vec<_>>()
    };
    for (list, metric) in [("ENDED", "EndedKeys"), ("STRANGE", "UnknownKeys")] {
        for reason in words(&verdict, list) {
            assert_eq!(counted(&reason), [metric], "{reason}");
        }
    }
    for reason in ["apiOff", "noKey", "expiredToken"] {
        assert_eq!(counted(reason), [""; 0], "{reason}");
    }
}

/// These are written beside the requests, where a test does not hear them, once by each instance.
#[test]
fn every_warning_of_the_bookkeeping_is_counted() {
    let mut found = 0;
    for file in ["answers", "key_use", "patience"] {
        let text = source(&format!("src/instance/{file}.rs"));
        let messages = text.split('"').skip(1).step_by(2);
        for message in messages.filter(|text| text.contains("could not be")) {
            let line = json!({"level": "WARN", "message": message});
            let filters = filters();
            let hit = filters.iter().filter(|filter| {
                let fields = ["level", "message"];
                let asks_no_more = filter.pattern.fields().iter().all(|it| fields.contains(it));
                filter.group == SCIM && asks_no_more && filter.pattern.matches(&line)
            });
            let hit: Vec<_> = hit.map(|filter| filter.metric.as_str()).collect();
            assert_eq!(hit, ["Bookkeeping"], "{message}");
            found += 1;
        }
    }
    assert_eq!(found, 3);
}

/// The fields of one line of each kind that rules and queries ask.
async fn fields() -> BTreeSet<String> {
    let mut lines = Lines::default();
    Box::pin(an_ordinary_day(&mut lines)).await;
    Box::pin(failures(&mut lines)).await;
    let lines = lines.0.iter().filter_map(|(_, line, _)| line.as_object());
    lines.flat_map(|line| line.keys().cloned()).collect()
}

#[tokio::test]
async fn what_rules_and_queries_ask_for_is_in_a_line() {
    let text = source("template.yaml");
    let template = parse(&text);
    let mut known = fields().await;
    // What the gateway writes, and what Lambda will.
    let format = [
        "Resources",
        "Api",
        "Properties",
        "AccessLogSettings",
        "Format",
    ];
    let format = string(at(&template, &format));
    known.extend(format.split('"').skip(1).step_by(2).map(str::to_owned));
    for (name, rule) in of_type(&template, "AWS::CloudWatch::InsightRule") {
        let (_, body) = tagged(at(rule, &["RuleBody"]));
        let asked = body.split("\"$.").skip(1);
        let asked: Vec<_> = asked.map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(asked.contains(&"tenant"), "{name}: {asked:?}");
        for field in asked {
            assert!(known.contains(field), "{name}: no line has {field}");
        }
    }
    let queries = of_type(&template, "AWS::Logs::QueryDefinition");
    assert_eq!(queries.len(), 6, "{:?}", queries.keys());
    for (name, query) in queries {
        let query = string(at(query, &["QueryString"]));
        let asked = asked_by(&query);
        assert!(!asked.is_empty(), "{name}: {query}");
        for field in asked {
            assert!(known.contains(&field), "{name}: no line has {field}");
        }
    }
}

/// The fields of a query: its words that are no commands, no texts, no patterns, no names that it
/// gives itself, and none of CloudWatch's own, which begin with `@`.
fn asked_by(query: &str) -> BTreeSet<String> {
    const COMMANDS: &[&str] = &[
        "fields", "filter", "sort", "limit", "and", "or", "as", "asc", "desc", "like",
    ];
    let without_texts: String = query.split('"').step_by(2).collect();
    let without_patterns: String = without_texts.split('/').step_by(2).collect();
    let words: Vec<&str> = without_patterns
        .split(|c: char| !c.is_alphanumeric() && c != '_' && c != '@')
        .filter(|word| !word.is_empty())
        .collect();
    let own = words.windows(2).filter(|pair| pair[0] == "as");
    let own: BTreeSet<&str> = own.map(|pair| pair[1]).collect();
    let is_field = |word: &&&str| {
        !word.starts_with(|c: char| c == '@' || c.is_ascii_digit())
            && !COMMANDS.contains(*word)
            && !own.contains(**word)
    };
    let fields = words.iter().filter(is_field);
    fields.map(|word| (*word).to_owned()).collect()
}

#[test]
fn what_a_query_asks_for_is_found() {
    let query = "fields @timestamp, a + 5 * b_c as sum, d\n| filter e = \"f g\" and h like /^(1|i)$/\n| sort sum desc";
    let expected = ["a", "b_c", "d", "e", "h"].map(str::to_owned);
    assert_eq!(asked_by(query), expected.into());
}
