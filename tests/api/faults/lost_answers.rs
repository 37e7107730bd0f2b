//! A POST whose answer was lost is sent again. RFC 7644 §3.3 has a duplicate answered with 409, and
//! the service cannot know whether the client heard the first answer: so the second POST gets 409
//! `uniqueness` with the user's `Location`, and the client's match query leads it on. There is
//! never a second user, and the client is never stranded.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::service::{Answer, BASE, Service};
use stand::wire::{Fate, Wire};

fn otto() -> Value {
    json!({"userName": "otto@crew.example", "externalId": "x-otto", "active": true,
        "emails": [{"value": "otto@crew.example", "type": "work"}]})
}

/// The service on a connection of its own.
async fn over(wire: &Wire, service: &Service, prefix: &str, deadline: Duration) -> Service {
    let store = engine::troubled_store_through(&wire.endpoint, prefix).await;
    let mut config = service.app.config.clone();
    config.request_deadline = deadline;
    Service {
        app: hellotracks_scim::instance::Instance::new(store, config),
        key: service.key.clone(),
    }
}

/// What a client does next: it finds its user by either value, and by the `Location` that it was
/// told, and can change it.
async fn leads_on(service: &Service, refused: &Answer) {
    refused.error(409, "uniqueness");
    let location = refused.header("location");
    let path = location.strip_prefix(BASE).expect("the user's location");
    let mut ids = Vec::new();
    for filter in [
        "userName eq \"Otto@crew.example\"",
        "externalId eq \"x-otto\"",
        "userName eq \"otto@crew.example\" and externalId eq \"x-otto\"",
    ] {
        ids.extend(service.find(filter).await.ids());
    }
    assert_eq!(ids.len(), 3, "{ids:?}");
    assert!(
        ids.iter().all(|id| path == format!("/Users/{id}")),
        "{ids:?}"
    );
    let change = json!([{"op": "replace", "path": "title", "value": "Lead"}]);
    let changed = service.patch(path, change).await;
    assert_eq!(
        (changed.status, &changed.body["title"]),
        (200, &json!("Lead"))
    );
}

/// Between the client and the service: the service has answered, and nobody has heard it.
#[tokio::test]
async fn a_post_whose_answer_the_client_never_got_is_sent_again() {
    let (service, directory) = DirectoryTable::with_service().await;
    assert_eq!(service.post("/Users", otto()).await.status, 201);
    for _ in 0..2 {
        let again = service.post("/Users", otto()).await;
        leads_on(&service, &again).await;
        assert_eq!(directory.check("acme").await.users.len(), 1);
    }
}

/// Between the service and DynamoDB, for each of the SDK's attempts: the service looks whether its
/// own write took effect, and the client gets its 201.
#[tokio::test]
async fn a_post_whose_write_was_never_confirmed_is_still_answered() {
    let (service, directory, prefix) = DirectoryTable::with_prefix().await;
    let wire = Wire::start(
        crate::support::engine::endpoint(),
        |operation, _| match operation {
            "TransactWriteItems" => Fate::AnswerLost,
            _ => Fate::Passed,
        },
    )
    .await;
    let troubled = over(&wire, &service, &prefix, Duration::from_secs(20)).await;
    let created = troubled.post("/Users", otto()).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert!(wire.requests().len() > 4, "the SDK has tried again");
    assert_eq!(directory.check("acme").await.users.len(), 1);
    let again = service.post("/Users", otto()).await;
    leads_on(&service, &again).await;
    assert_eq!(again.header("location"), created.header("location"));
    assert_eq!(directory.check("acme").await.users.len(), 1);
}

/// The same when the connection stays broken: the client is told to send it again, and the second
/// POST leads it to the user that the first has made.
#[tokio::test]
async fn a_post_that_ended_with_503_after_its_write_is_sent_again() {
    let (service, directory, prefix) = DirectoryTable::with_prefix().await;
    let wire = Wire::planned(
        crate::support::engine::endpoint(),
        |asked| match (asked.operation.as_str(), asked.label.as_str()) {
            ("TransactWriteItems", _) => Fate::AnswerLost,
            // Whether the write took effect cannot be seen either.
            (_, "GetItem directory E") => Fate::Refused,
            _ => Fate::Passed,
        },
        None,
    )
    .await;
    let troubled = over(&wire, &service, &prefix, Duration::from_secs(20)).await;
    let lost = troubled.post("/Users", otto()).await;
    lost.error(503, "");
    assert_eq!(directory.check("acme").await.users.len(), 1);
    let again = service.post("/Users", otto()).await;
    leads_on(&service, &again).await;
    assert_eq!(directory.check("acme").await.users.len(), 1);
}

/// A client, or a gateway in between, that does not wait: the same POST several times at once, over
/// a connection that loses every third answer.
#[tokio::test]
async fn posts_that_are_sent_again_at_once_make_one_user() {
    let (service, directory, prefix) = DirectoryTable::with_prefix().await;
    for round in 0..6 {
        let wire = Wire::start(
            crate::support::engine::endpoint(),
            move |operation, before| {
                if operation == "TransactWriteItems" && (before + round) % 3 == 0 {
                    Fate::AnswerLost
                } else {
                    Fate::Passed
                }
            },
        )
        .await;
        let troubled = over(&wire, &service, &prefix, Duration::from_secs(20)).await;
        let posts = join_all((0..6).map(|post| {
            let id = format!("post-{round}-{post}");
            troubled
                .call("POST", "/Users")
                .request_id(&id)
                .json(otto())
                .send()
        }));
        let answers = posts.await;
        let created: Vec<_> = answers
            .iter()
            .filter(|answer| answer.status == 201)
            .collect();
        assert_eq!(created.len(), 1, "{answers:?}");
        for refused in answers.iter().filter(|answer| answer.status != 201) {
            refused.error(409, "uniqueness");
        }
        let census = directory.check("acme").await;
        assert_eq!(census.users.len(), 1, "round {round}");
        let again = service.post("/Users", otto()).await;
        leads_on(&service, &again).await;
        assert_eq!(again.header("location"), created[0].header("location"));
        let path = format!("/Users/{}", created[0].id());
        assert_eq!(service.delete(&path).await.status, 204);
    }
}
