//! Pages in the middle of a large directory, found through the counters.

use scim::schema::{USERS, check::check};
use scim::{Meta, ResourceId, Stored};
use serde_json::{Map, Value, json};
use store::directory::record::{Actor, ChangeKind, Origin};
use store::{Gate, Meter};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::support::capture::cost;
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::service::{Service, query};
use stand::wire::{Asked, Fate, Wire};

/// Adds a user with a chosen id, so that many share the first digits as in a directory of a million
/// users.
async fn add(service: &Service, id: &str) {
    let body = Map::from_iter([("userName".to_owned(), id.into())]);
    let stored = Stored {
        id: ResourceId::parse(id).unwrap(),
        meta: Meta::new(OffsetDateTime::UNIX_EPOCH),
        resource: check(&USERS, body).unwrap().resource,
        reserved: None,
    };
    let (meter, gate) = (Meter::default(), Gate::opened());
    let acme = TenantId::parse("acme").unwrap();
    let store = service.app.store.tenant(&acme, &meter, &gate);
    let origin = Origin {
        actor: Actor::Operator,
        operation: ChangeKind::Create,
        request_id: "test".to_owned(),
        at: stored.meta.created,
        expires: OffsetDateTime::now_utc() + time::Duration::DAY,
        entry: None,
    };
    store.create(&USERS, &stored, &origin).await.unwrap();
}

#[tokio::test]
async fn a_page_is_found_in_the_middle_of_a_full_bucket() {
    let (service, directory) = DirectoryTable::with_service().await;
    let mut ids: Vec<String> = (0..60)
        .map(|user| format!("ab{:02x}{user:04x}-0000-4000-8000-000000000000", user / 3))
        .collect();
    ids.push("00000000-0000-4000-8000-000000000000".to_owned());
    ids.push("ff000000-0000-4000-8000-000000000000".to_owned());
    for id in &ids {
        add(&service, id).await;
    }
    ids.sort();
    for start in 1..=ids.len() + 1 {
        let page = service
            .get(&format!("/Users?startIndex={start}&count=5"))
            .await;
        let expected: Vec<_> = ids.iter().skip(start - 1).take(5).cloned().collect();
        assert_eq!(page.ids(), expected, "{start}");
        assert_eq!(page.body["totalResults"], 62);
    }
    directory.check("acme").await;
}

/// The calls: the key, the counters of the first two digits, those of the first four, the page,
/// and the memberships of its users, which are two; whatever comes before it.
#[tokio::test]
async fn a_late_page_costs_what_an_early_one_does() {
    let service = Service::start().await;
    for user in 0..200 {
        add(
            &service,
            &format!("ab{user:02x}0000-0000-4000-8000-000000000000"),
        )
        .await;
    }
    let (_, early) = cost(service.call("GET", "/Users?startIndex=20&count=10")).await;
    let (_, late) = cost(service.call("GET", "/Users?startIndex=190&count=10")).await;
    assert_eq!(early, late);
    assert_eq!(early[0], 6.0);
}

/// From a few hundred users on, filters and sorts read the directory in concurrent shares.
#[tokio::test]
async fn a_directory_read_in_shares_gives_the_same_lists() {
    let (service, directory) = DirectoryTable::with_service().await;
    fill(&service, 600, |user| {
        let title = if user % 3 == 0 { "Lead" } else { "Driver" };
        json!({"title": title})
    })
    .await;
    directory.check("acme").await;

    let leads = service
        .get("/Users?filter=title+eq+%22lead%22&count=1000")
        .await;
    let mut ids = leads.ids();
    assert_eq!(leads.body["totalResults"], 200);
    assert_eq!(ids.len(), 200);
    assert!(ids.is_sorted());
    let page = service
        .get("/Users?filter=title+eq+%22lead%22&startIndex=51&count=20")
        .await;
    assert_eq!(page.ids(), ids[50..70]);
    let sorted = service
        .get("/Users?sortBy=userName&startIndex=100&count=2&attributes=userName")
        .await;
    let names: Vec<_> = sorted.body["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["userName"].clone())
        .collect();
    assert_eq!(names, ["user0099", "user0100"]);

    // A walk by cursor stops reading when a page is full, and still sees every match once.
    let mut walked = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = service
            .get(&format!(
                "/Users?filter=title+eq+%22lead%22&count=30&cursor={cursor}"
            ))
            .await;
        assert_eq!(page.body["totalResults"], 200);
        walked.extend(page.ids());
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    ids.sort();
    assert_eq!(walked, ids);
}

/// The counters alone show that a list is too long to be read, so planted ones are enough.
#[tokio::test]
async fn a_list_that_is_too_long_to_be_read_is_refused_with_advice() {
    let (service, directory) = DirectoryTable::with_service().await;
    let id = service.create_user("lena", json!({})).await;
    let other_counter = if id.starts_with("00") {
        "C#U#01"
    } else {
        "C#U#00"
    };
    directory
        .plant_count("acme", other_counter, "count", 50_000)
        .await;
    for query in [
        "filter=title+pr",
        "sortBy=title",
        "filter=not+(userName+eq+%22a%22)&cursor=",
    ] {
        let detail = service.get(&format!("/Users?{query}")).await;
        assert!(
            detail.error(400, "tooMany").contains("50001 resources"),
            "{query}"
        );
    }
    let found = service
        .get("/Users?filter=userName+eq+%22lena%22&sortBy=title")
        .await;
    assert_eq!(found.ids().len(), 1);
    assert_eq!(
        service.get("/Users?count=1").await.body["totalResults"],
        50_001
    );
}

/// What has a value that starts as asked for cannot be counted: it is followed until reading that
/// many users costs more than reading as many as may be read. A tenant with more users is told.
#[tokio::test]
async fn a_lookup_that_finds_too_much_ends_with_advice() {
    let (mut service, directory, prefix) = DirectoryTable::with_prefix().await;
    let lena = service.create_user("lena", json!({})).await;
    let plan = |asked: &Asked| match asked.label.as_str() {
        "Query directory L" => Fate::Instead(endless_lookup()),
        _ => Fate::Passed,
    };
    let wire = Wire::planned(engine::endpoint(), plan, None).await;
    service.app.store = engine::store_through(&wire.endpoint, &prefix).await;
    // What goes ahead of the check of the key reads a hundred, and the rest follows.
    for (filter, calls) in [("userName sw \"l\"", 3), ("userName eq \"lena\"", 4)] {
        // A small directory is read instead.
        let before = wire.asked("Query directory L");
        assert_eq!(service.find(filter).await.ids(), [lena.as_str()]);
        assert_eq!(wire.asked("Query directory L") - before, calls);
    }
    let counter = if lena.starts_with("00") {
        "C#U#01"
    } else {
        "C#U#00"
    };
    directory
        .plant_count("acme", counter, "count", 50_000)
        .await;
    for filter in ["userName sw \"l\"", "userName eq \"lena\""] {
        let answer = service.find(filter).await;
        let detail = answer.error(400, "tooMany");
        assert!(detail.contains("more than 12500 resources"), "{detail}");
        assert!(detail.contains("give `sw` a longer value"), "{detail}");
    }
}

/// Many users behind one lookup: some are read one by one, then the directory, in either direction.
#[tokio::test]
async fn a_lookup_that_many_share_gives_the_same_lists() {
    let (service, directory) = DirectoryTable::with_service().await;
    fill(&service, 600, |user| {
        let email = if user % 3 == 0 { "one@x" } else { "all@x" };
        json!({"emails": [{"value": email}], "title": "Lead"})
    })
    .await;
    directory.check("acme").await;
    for (filter, same) in [
        ("emails eq \"all@x\"", "emails co \"all@x\""),
        (
            "userName sw \"user\" and emails eq \"one@x\"",
            "emails co \"one@x\"",
        ),
        ("emails eq \"all@x\" or emails eq \"one@x\"", "title pr"),
        ("userName sw \"user0\"", "userName co \"user0\""),
    ] {
        let list = |filter, start: &str, count: &str| {
            let page = [("filter", filter), ("startIndex", start), ("count", count)];
            format!("/Users?{}", query(&page))
        };
        for (start, count) in [("1", "1000"), ("150", "30"), ("1", "0"), ("900", "10")] {
            let looked_up = service.get(&list(filter, start, count)).await;
            let read = service.get(&list(same, start, count)).await;
            assert_eq!(looked_up.body, read.body, "{filter} {start} {count}");
        }
        let all = service.get(&list(same, "1", "1000")).await.ids();
        let page = |cursor: &str| {
            let page = [("filter", filter), ("cursor", cursor), ("count", "70")];
            format!("/Users?{}", query(&page))
        };
        let (mut forth, mut back) = (Vec::new(), Vec::new());
        let (mut next, mut previous) = (Some(String::new()), None);
        while let Some(cursor) = next {
            let answer = service.get(&page(&cursor)).await;
            forth.extend(answer.ids());
            assert_eq!(answer.body["totalResults"], all.len());
            let text = |name: &str| answer.body[name].as_str().map(str::to_owned);
            (next, previous) = (text("nextCursor"), text("previousCursor"));
        }
        assert_eq!(forth, all, "{filter}");
        while let Some(cursor) = previous {
            let answer = service.get(&page(&cursor)).await;
            back.splice(0..0, answer.ids());
            previous = answer.body["previousCursor"].as_str().map(str::to_owned);
        }
        assert_eq!(back, all[..back.len()], "{filter}");
        assert!(back.len() + 70 >= all.len(), "{filter}");
    }
}

/// Adds users with names that sort as they are numbered, a few at a time: a bulk request has a
/// deadline, and the machine may be slow.
pub async fn fill(service: &Service, users: usize, attributes: impl Fn(usize) -> Value) {
    let operation = |user| {
        let mut data = attributes(user);
        data["userName"] = format!("user{user:04}").into();
        json!({"method": "POST", "path": "/Users", "bulkId": format!("{user}"), "data": data})
    };
    let operations: Vec<_> = (0..users).map(operation).collect();
    for operations in operations.chunks(50) {
        let created = service
            .post("/Bulk", json!({"Operations": operations}))
            .await;
        assert_eq!(created.status, 200, "{}", created.body);
        for result in created.body["Operations"].as_array().unwrap() {
            assert_eq!(result["status"], "201", "{result}");
        }
    }
}

/// A page of 5,000 lookups, other ones each time, that another follows.
fn endless_lookup() -> &'static str {
    let item = |_| {
        let id = uuid::Uuid::new_v4();
        let sort_key = format!("L#U#userName#lena#{id}");
        json!({"pk": {"S": "T#acme"}, "sk": {"S": sort_key}})
    };
    let items: Vec<_> = (0..5_000).map(item).collect();
    let page = json!({"Items": items, "Count": 5_000, "LastEvaluatedKey": items[0]});
    page.to_string().leak()
}
