//! Users found by their groups, and groups by their members, combined with anything.

use serde_json::json;

use crate::requests::lists::page;
use crate::support::groups::{
    NOBODY, adding, change, count, crew, found, group, read, removing, renaming,
};
use crate::support::service::{Service, query};

/// Ids in order, by their places.
fn of(ids: &[String], places: &[usize]) -> Vec<String> {
    let mut ids: Vec<_> = places.iter().map(|place| ids[*place].clone()).collect();
    ids.sort();
    ids
}

/// Six users and four groups, in the order of their ids:
///
/// | group | members |
/// |---|---|
/// | 0 North | 0 1 2 3 |
/// | 1 South | 2 3 4 |
/// | 2 West | 4 |
/// | 3 Empty | |
async fn start() -> (Service, Vec<String>, Vec<String>) {
    let (service, _, users) = crew(6).await;
    let mut groups = Vec::new();
    for (name, places) in [
        ("North", &[0, 1, 2, 3][..]),
        ("South", &[2, 3, 4]),
        ("West", &[4]),
        ("Empty", &[]),
    ] {
        groups.push(group(&service, name, &of(&users, places)).await);
    }
    for (place, user) in users.iter().enumerate() {
        let title = if place % 2 == 0 { "Lead" } else { "Driver" };
        let operation = json!([{"op": "add", "path": "title", "value": title}]);
        service.patch(&format!("/Users/{user}"), operation).await;
    }
    (service, users, groups)
}

#[tokio::test]
async fn groups_are_found_by_their_members() {
    let (service, users, groups) = start().await;
    let user = |place: usize| &users[place];
    for (filter, expected) in [
        (format!("members eq \"{}\"", user(2)), &[0, 1][..]),
        (format!("members.value eq \"{}\"", user(4)), &[1, 2]),
        (format!("MEMBERS.VALUE Eq \"{}\"", user(4)), &[1, 2]),
        (format!("members[value eq \"{}\"]", user(0)), &[0]),
        (
            format!("members[value eq \"{}\" and type eq \"User\"]", user(0)),
            &[0],
        ),
        (
            format!("members[value eq \"{}\" and type eq \"Group\"]", user(0)),
            &[],
        ),
        (format!("members eq \"{}\"", user(5)), &[]),
        (format!("members eq \"{NOBODY}\""), &[]),
        ("members eq \"x\"".to_owned(), &[]),
        ("members pr".to_owned(), &[0, 1, 2]),
        ("members.value pr".to_owned(), &[0, 1, 2]),
        ("not (members pr)".to_owned(), &[3]),
        ("members.type eq \"user\"".to_owned(), &[0, 1, 2]),
        ("members.type eq \"Group\"".to_owned(), &[]),
        // The negation of `eq`, also where there are no members.
        (format!("members ne \"{}\"", user(4)), &[0, 3]),
        (format!("not (members eq \"{}\")", user(4)), &[0, 3]),
        // Entra asks whether a user is a member.
        (
            format!("id eq \"{}\" and members eq \"{}\"", groups[0], user(1)),
            &[0],
        ),
        (
            format!("id eq \"{}\" and members eq \"{}\"", groups[2], user(1)),
            &[],
        ),
        (
            format!("members eq \"{}\" and members eq \"{}\"", user(2), user(4)),
            &[1],
        ),
        (
            format!("members eq \"{}\" or members eq \"{}\"", user(0), user(4)),
            &[0, 1, 2],
        ),
        (
            format!("displayName sw \"so\" and members eq \"{}\"", user(2)),
            &[1],
        ),
        (
            format!("displayName eq \"Empty\" or members eq \"{}\"", user(0)),
            &[0, 3],
        ),
        (
            format!("displayName co \"th\" and not (members eq \"{}\")", user(4)),
            &[0],
        ),
        (format!("externalId pr and members eq \"{}\"", user(2)), &[]),
    ] {
        assert_eq!(
            found(&service, "/Groups", &filter).await,
            of(&groups, expected),
            "{filter}"
        );
        let parameters = query(&[("filter", &filter), ("excludedAttributes", "members")]);
        let list = service.get(&format!("/Groups?{parameters}")).await;
        let shows =
            |list: &serde_json::Value| list["Resources"].to_string().contains("\"members\"");
        assert!(!shows(&list.body), "{filter}");
        assert_eq!(list.ids().len(), expected.len());
    }
}

#[tokio::test]
async fn users_are_found_by_their_groups() {
    let (service, users, groups) = start().await;
    let id = |place: usize| &groups[place];
    for (filter, expected) in [
        (format!("groups eq \"{}\"", id(0)), &[0, 1, 2, 3][..]),
        (format!("groups.value eq \"{}\"", id(1)), &[2, 3, 4]),
        (format!("groups[value eq \"{}\"]", id(2)), &[4]),
        (format!("groups.value eq \"{}\"", id(3)), &[]),
        (format!("groups.value eq \"{NOBODY}\""), &[]),
        ("groups.value eq \"x\"".to_owned(), &[]),
        ("groups.display eq \"South\"".to_owned(), &[2, 3, 4]),
        ("groups.display eq \"sOUTH\"".to_owned(), &[2, 3, 4]),
        ("groups.display eq \"none\"".to_owned(), &[]),
        // The negation of `eq`, also where there are no groups.
        (format!("groups.value ne \"{}\"", id(0)), &[4, 5]),
        (format!("not (groups.value eq \"{}\")", id(0)), &[4, 5]),
        ("groups.display ne \"North\"".to_owned(), &[4, 5]),
        ("not (groups.display eq \"North\")".to_owned(), &[4, 5]),
        (
            format!("groups eq \"{}\" and title eq \"Lead\"", id(0)),
            &[0, 2],
        ),
        (
            format!("title eq \"lead\" and not (groups eq \"{}\")", id(0)),
            &[4],
        ),
        (
            format!("groups eq \"{}\" and groups eq \"{}\"", id(0), id(1)),
            &[2, 3],
        ),
        (
            format!("groups eq \"{}\" or groups.display eq \"West\"", id(0)),
            &[0, 1, 2, 3, 4],
        ),
        (
            format!("userName sw \"user\" and groups eq \"{}\"", id(2)),
            &[4],
        ),
        (
            format!("id eq \"{}\" and groups eq \"{}\"", users[3], id(1)),
            &[3],
        ),
        (
            format!("id eq \"{}\" and groups eq \"{}\"", users[0], id(1)),
            &[],
        ),
        (
            format!("id eq \"{}\" or groups eq \"{}\"", users[5], id(2)),
            &[4, 5],
        ),
    ] {
        assert_eq!(
            found(&service, "/Users", &filter).await,
            of(&users, expected),
            "{filter}"
        );
        let excluded = query(&[("filter", &filter), ("excludedAttributes", "groups")]);
        let list = service.get(&format!("/Users?{excluded}")).await;
        assert_eq!(list.ids().len(), expected.len(), "{filter}");
        assert!(!list.body.to_string().contains("\"groups\""), "{filter}");
    }
}

/// The members of a group of any size, by page: the way out for groups that are too large to show.
#[tokio::test]
async fn members_are_paged_as_users_are() {
    let (service, directory, _) = crew(1).await;
    let users = directory.plant_users("acme", 60).await;
    let members: Vec<_> = users.iter().step_by(2).cloned().collect();
    let id = group(&service, "North", &members[..20]).await;
    for member in &members[20..] {
        change(&service, &id, adding(member)).await;
    }
    let filter = format!("groups.value eq \"{id}\"");
    for (start, size) in [(1, 7), (8, 7), (29, 7), (30, 1), (31, 5), (1, 0), (1, 100)] {
        let parameters = [
            ("filter", filter.as_str()),
            ("startIndex", &start.to_string()),
            ("count", &size.to_string()),
            ("attributes", "id"),
        ];
        let list = service.get(&format!("/Users?{}", query(&parameters))).await;
        let expected: Vec<_> = members.iter().skip(start - 1).take(size).cloned().collect();
        assert_eq!(page(&list, 30, start as u64), expected);
    }
    let (mut forward, mut backward) = (Vec::new(), Vec::new());
    let (mut next, mut previous) = (Some(String::new()), None::<String>);
    let walked = async |cursor: &str| {
        let parameters = [
            ("filter", filter.as_str()),
            ("count", "7"),
            ("cursor", cursor),
        ];
        let list = service.get(&format!("/Users?{}", query(&parameters))).await;
        assert_eq!(list.body["totalResults"], 30);
        list
    };
    while let Some(cursor) = next {
        let list = walked(&cursor).await;
        forward.extend(list.ids());
        next = list.body["nextCursor"].as_str().map(str::to_owned);
        previous = list.body["previousCursor"].as_str().map(str::to_owned);
    }
    assert_eq!(forward, members);
    while let Some(cursor) = previous {
        let list = walked(&cursor).await;
        backward.splice(0..0, list.ids());
        previous = list.body["previousCursor"].as_str().map(str::to_owned);
    }
    assert_eq!(backward, members[..28]);
    // Sorted, they are the same.
    let sorted = [
        ("filter", filter.as_str()),
        ("sortBy", "userName"),
        ("count", "100"),
    ];
    let list = service.get(&format!("/Users?{}", query(&sorted))).await;
    let mut ids = list.ids();
    ids.sort();
    assert_eq!(ids, members);
}

/// What a filter finds is what the representation shows, right after each change.
#[tokio::test]
async fn filters_follow_every_change_at_once() {
    let (service, users, groups) = start().await;
    let [user, north] = [&users[5], &groups[0]];
    let by_user = format!("members eq \"{user}\"");
    let by_name = "groups.display eq \"North\"";
    for round in 0..3 {
        change(&service, north, adding(user)).await;
        assert_eq!(found(&service, "/Groups", &by_user).await, [north.as_str()]);
        assert!(found(&service, "/Users", by_name).await.contains(user));
        assert_eq!(count(&service, north).await, 5);
        change(&service, north, removing(user)).await;
        assert_eq!(found(&service, "/Groups", &by_user).await, [""; 0]);
        assert!(!found(&service, "/Users", by_name).await.contains(user));
        assert_eq!(count(&service, north).await, 4, "{round}");
    }
    change(&service, north, renaming("East")).await;
    assert_eq!(found(&service, "/Users", by_name).await, [""; 0]);
    assert_eq!(
        found(&service, "/Users", "groups.display eq \"east\"")
            .await
            .len(),
        4
    );
    for list in [
        "/Groups?count=0",
        "/Users?count=0&filter=groups.display+eq+east",
    ] {
        let list = read(&service, list).await;
        assert_eq!(list.body["Resources"], json!([]));
        assert_eq!(list.body["totalResults"], 4);
    }
}
