//! Lists sorted, searched by POST, and walked by cursor (RFC 7644 §3.4.2.3, §3.4.3; RFC 9865).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::service::{Answer, Service};

fn names(list: &Answer) -> Vec<String> {
    assert_eq!(list.status, 200, "{}", list.body);
    let resources = list.body["Resources"].as_array().unwrap();
    resources
        .iter()
        .map(|user| user["userName"].as_str().unwrap().to_owned())
        .collect()
}

fn cursor(list: &Answer, name: &str) -> Option<String> {
    list.body[name].as_str().map(str::to_owned)
}

async fn crew(service: &Service, users: usize) {
    for user in 0..users {
        let attributes = json!({"title": if user % 2 == 0 { "Lead" } else { "Driver" }});
        service
            .create_user(&format!("user{user:02}"), attributes)
            .await;
    }
}

/// Walks forward from the first page, and back again.
async fn walk(service: &Service, query: &str) -> (Vec<String>, Vec<String>) {
    let mut page = service
        .get(&format!("/Users?{query}&count=4&cursor="))
        .await;
    assert_eq!(cursor(&page, "previousCursor"), None);
    let mut forward = names(&page);
    while let Some(next) = cursor(&page, "nextCursor") {
        page = service
            .get(&format!("/Users?{query}&count=4&cursor={next}"))
            .await;
        assert_eq!(page.body["startIndex"], Value::Null);
        assert_eq!(page.body["itemsPerPage"], names(&page).len());
        forward.extend(names(&page));
    }
    let mut backward = names(&page);
    while let Some(previous) = cursor(&page, "previousCursor") {
        page = service
            .get(&format!("/Users?{query}&count=4&cursor={previous}"))
            .await;
        backward.splice(0..0, names(&page));
    }
    (forward, backward)
}

#[tokio::test]
async fn a_walk_by_cursor_sees_each_user_once_in_both_directions() {
    let service = Service::start().await;
    crew(&service, 11).await;
    let all: BTreeSet<_> = (0..11).map(|user| format!("user{user:02}")).collect();
    for query in [
        "",
        "filter=userName+sw+%22user%22",
        "sortBy=userName&sortOrder=descending",
    ] {
        let (forward, backward) = walk(&service, query).await;
        assert_eq!(
            forward.iter().cloned().collect::<BTreeSet<_>>(),
            all,
            "{query}"
        );
        assert_eq!(forward.len(), 11, "{query}");
        assert_eq!(forward, backward, "{query}");
    }
    let (leads, _) = walk(&service, "filter=title+eq+%22lead%22").await;
    assert_eq!(leads.len(), 6);
}

#[tokio::test]
async fn every_page_by_cursor_knows_the_total() {
    let service = Service::start().await;
    crew(&service, 9).await;
    for (query, total) in [
        ("", 9),
        ("filter=title+eq+%22lead%22", 5),
        ("sortBy=title", 9),
    ] {
        let first = service
            .get(&format!("/Users?{query}&count=4&cursor="))
            .await;
        let next = cursor(&first, "nextCursor").expect("a second page");
        let second = service
            .get(&format!("/Users?{query}&count=4&cursor={next}"))
            .await;
        assert_eq!(first.body["totalResults"], total, "{query}");
        assert_eq!(second.body["totalResults"], total, "{query}");
    }
    let empty = service.get("/Users?count=0&cursor=").await;
    assert_eq!(empty.body["totalResults"], 9);
    assert_eq!(names(&empty), [""; 0]);
}

#[tokio::test]
async fn users_created_and_deleted_during_a_walk_disturb_nobody_else() {
    let service = Service::start().await;
    crew(&service, 8).await;
    let first = service.get("/Users?count=3&cursor=").await;
    let seen = names(&first);
    let gone = first.body["Resources"][2]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(service.delete(&format!("/Users/{gone}")).await.status, 204);
    service.create_user("newcomer", json!({})).await;
    let next = cursor(&first, "nextCursor").unwrap();
    let rest = service.get(&format!("/Users?count=50&cursor={next}")).await;
    let rest: BTreeSet<_> = names(&rest).into_iter().collect();
    for user in (0..8).map(|user| format!("user{user:02}")) {
        assert_ne!(seen.contains(&user), rest.contains(&user), "{user}");
    }
}

#[tokio::test]
async fn a_cursor_is_of_its_tenant_its_key_and_its_query() {
    let service = Service::start().await;
    crew(&service, 5).await;
    let other = service.add_tenant("other").await;
    let first = service.get("/Users?count=2&cursor=").await;
    let next = cursor(&first, "nextCursor").unwrap();
    let path = format!("/Users?count=2&cursor={next}");
    assert_eq!(service.get(&path).await.status, 200);
    let foreign = service.call("GET", &path).key(&other).send().await;
    foreign.error(400, "invalidCursor");
    let (start, last) = next.split_at(next.len() - 1);
    let changed = format!("{start}{}", if last == "A" { "B" } else { "A" });
    for path in [
        format!("{path}&filter=title+pr"),
        format!("{path}&sortBy=title"),
        format!("/Groups?cursor={next}"),
        format!("/Users?cursor={changed}"),
        "/Users?cursor=nonsense".to_owned(),
    ] {
        service.get(&path).await.error(400, "invalidCursor");
    }
    service
        .get("/Users?cursor=&count=-1")
        .await
        .error(400, "invalidCount");
    service
        .get("/Users?cursor=&count=x")
        .await
        .error(400, "invalidCount");
}

#[tokio::test]
async fn lists_are_sorted_by_any_attribute_with_missing_values_last() {
    let service = Service::start().await;
    for (user, attributes) in [
        ("b", json!({"title": "x", "name": {"familyName": "Zorn"}})),
        (
            "C",
            json!({"title": "A", "emails": [{"value": "z@x"}, {"value": "a@x", "primary": true}]}),
        ),
        (
            "a",
            json!({"name": {"familyName": "adler"}, "emails": [{"value": "m@x"}]}),
        ),
    ] {
        service.create_user(user, attributes).await;
    }
    for (query, expected) in [
        ("sortBy=userName", ["a", "b", "C"]),
        ("sortBy=USERNAME&sortOrder=descending", ["C", "b", "a"]),
        ("sortBy=title", ["C", "b", "a"]),
        ("sortBy=title&sortOrder=descending", ["a", "b", "C"]),
        ("sortBy=name.familyName", ["a", "b", "C"]),
        ("sortBy=emails", ["C", "a", "b"]),
        ("sortBy=meta.created", ["b", "C", "a"]),
    ] {
        let list = service.get(&format!("/Users?{query}")).await;
        assert_eq!(names(&list), expected, "{query}");
    }
    let page = service
        .get("/Users?sortBy=userName&startIndex=2&count=1&attributes=userName")
        .await;
    assert_eq!(names(&page), ["b"]);
    assert_eq!(page.body["totalResults"], 3);
    assert_eq!(page.body["startIndex"], 2);
    service
        .get("/Users?sortBy=shoeSize")
        .await
        .error(400, "invalidValue");
    service
        .get("/Users?sortBy=title&sortOrder=up")
        .await
        .error(400, "invalidValue");
}

#[tokio::test]
async fn a_search_by_post_answers_as_the_query_does() {
    let service = Service::start().await;
    crew(&service, 6).await;
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "title eq \"Lead\"", "sortBy": "userName", "startIndex": 2, "count": 5, "attributes": ["userName"]
    });
    let query =
        "filter=title+eq+%22Lead%22&sortBy=userName&startIndex=2&count=5&attributes=userName";
    let expected = service.get(&format!("/Users?{query}")).await;
    assert_eq!(names(&expected), ["user02", "user04"]);
    for path in ["/Users/.search", "/.search"] {
        assert_eq!(
            service.post(path, search.clone()).await.body,
            expected.body,
            "{path}"
        );
    }
    let root = service.get(&format!("/?{query}")).await;
    assert_eq!(root.body, expected.body);
    service
        .post("/Users/.search", json!({"filter": "title is x"}))
        .await
        .error(400, "invalidFilter");
    let groups = service.post("/Groups/.search", json!({})).await;
    assert_eq!(groups.body["totalResults"], 0);
}
