//! Pages in the middle of a large directory, found through the counters.

use scim::schema::{USERS, check::check};
use scim::{Meta, ResourceId, Stored};
use serde_json::{Map, json};
use store::directory::record::{Actor, ChangeKind, Origin};
use store::{Gate, Meter};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::keys::key_use::behind;
use crate::support::capture::cost;
use crate::support::directory::DirectoryTable;
use crate::support::service::Service;
use stand::wire::Fate;

/// Adds a user with a chosen id, so that many share the first digits as in a directory of a million
/// users.
async fn add(service: &Service, id: &str) {
    let body = Map::from_iter([("userName".to_owned(), id.into())]);
    let stored = Stored {
        id: ResourceId::parse(id).unwrap(),
        meta: Meta::new(OffsetDateTime::UNIX_EPOCH),
        resource: check(&USERS, body).unwrap(),
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

/// The calls: the key, the counters of the first two digits, those of the first four, and the page,
/// whatever comes before it.
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
    assert_eq!(early[0], 4.0);
}

/// From a few hundred users on, filters and sorts read the directory in concurrent shares.
#[tokio::test]
async fn a_directory_read_in_shares_gives_the_same_lists() {
    let (service, directory) = DirectoryTable::with_service().await;
    let operations: Vec<_> = (0..600)
        .map(|user| {
            let title = if user % 3 == 0 { "Lead" } else { "Driver" };
            json!({"method": "POST", "path": "/Users", "bulkId": format!("{user}"),
                   "data": {"userName": format!("user{user:03}"), "title": title}})
        })
        .collect();
    let created = service
        .post("/Bulk", json!({"Operations": operations}))
        .await;
    assert_eq!(created.status, 200);
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
    assert_eq!(names, ["user099", "user100"]);

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

/// What has a value that starts as asked for cannot be counted: it is read until it is too much.
#[tokio::test]
async fn a_lookup_that_finds_too_much_ends_with_advice() {
    let (service, wire, _) = behind(move |operation, _| match operation {
        "Query" => Fate::Instead(endless_lookup()),
        _ => Fate::Passed,
    })
    .await;
    let answer = service.find("userName sw \"l\"").await;
    let detail = answer.error(400, "tooMany");
    assert!(detail.contains("give `sw` a longer value"), "{detail}");
    assert_eq!(wire.asked("Query directory L"), 11);
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
