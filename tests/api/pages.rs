//! Pages in the middle of a large directory, which are found through the counters.

use hellotracks_scim::scim::schema::{USERS, check::check};
use hellotracks_scim::scim::{Meta, ResourceId, Stored};
use hellotracks_scim::storage::{Gate, Meter};
use hellotracks_scim::tenant::TenantId;
use serde_json::Map;
use time::OffsetDateTime;

use crate::capture::cost;
use crate::directory::Directory;
use crate::service::Service;

/// Adds a user with a chosen id, so that many share the first digits as they do in a directory
/// of a million.
async fn add(service: &Service, id: &str) {
    let body = Map::from_iter([("userName".to_owned(), id.into())]);
    let stored = Stored {
        id: ResourceId::parse(id).unwrap(),
        meta: Meta::new(OffsetDateTime::UNIX_EPOCH),
        resource: check(&USERS, body).unwrap(),
        reserved_user_name: None,
    };
    let (meter, gate) = (Meter::default(), Gate::opened());
    let acme = TenantId::parse("acme").unwrap();
    let store = service.app.store.tenant(&acme, &meter, &gate);
    store.create(&USERS, &stored).await.unwrap();
}

#[tokio::test]
async fn a_page_is_found_in_the_middle_of_a_full_bucket() {
    let (service, directory) = Directory::with_service().await;
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

/// The key, the counters of the first two digits, those of the first four, the page: whatever
/// comes before it.
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
