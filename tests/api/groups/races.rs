//! Many writers of one group: whatever was answered is there, and no edge is left dangling.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures_util::future::join_all;
use serde_json::json;
use stand::wire::{Fate, Trouble, Wire};

use crate::support::clock::passing_when_idle;
use crate::support::directory::DirectoryTable;
use crate::support::engine;
use crate::support::groups::{
    adding, call, change, count, crew, found, group, groups_of, members_of, named, patch, path,
    removing, renaming, replacing, version_of,
};
use crate::support::service::{Answer, Service};

/// A service on an engine of its own, whose transactions meet trouble as this tells from how many
/// came before; the clock knows of its requests.
async fn over(
    trouble: impl Fn(usize) -> bool + Send + Sync + 'static,
) -> (Service, DirectoryTable) {
    let transactions = AtomicUsize::new(0);
    let plan = move |operation: &str, _| match operation {
        "TransactWriteItems" if trouble(transactions.fetch_add(1, Relaxed)) => {
            Fate::Answered(Trouble::Conflict)
        }
        _ => Fate::Passed,
    };
    let engine = engine::own_endpoint();
    let wire = Wire::start(&engine, plan).await;
    let (mut service, directory, prefix) = DirectoryTable::at(&engine).await;
    service.app.store = engine::troubled_store_through(&wire.endpoint, &prefix).await;
    (service, directory)
}

/// All of them have succeeded.
fn all_done(answers: &[Answer]) {
    for answer in answers {
        assert!([200, 204].contains(&answer.status), "{}", answer.body);
    }
}

/// Two hundred members of a hundred at first: each writer adds or removes one. Entra sends them so,
/// and gives up on a reference that fails too often.
async fn two_hundred_writers(service: &Service, directory: &DirectoryTable) {
    let users = directory.plant_users("acme", 300).await;
    let id = group(service, "North Crew", &[]).await;
    directory.plant_members("acme", &id, &users[..100]).await;
    let before = version_of(service, &id).await;
    let writes = users[..200].iter().enumerate().map(|(number, user)| {
        // The first hundred are members: every other one goes. Of the rest, all come.
        let id = &id;
        async move {
            match number {
                0..100 if number % 2 == 0 => patch(service, id, removing(user)).await,
                0..100 => {
                    let value =
                        json!([{"op": "Remove", "path": "members", "value": [{"value": user}]}]);
                    patch(service, id, value).await
                }
                _ => patch(service, id, adding(user)).await,
            }
        }
    });
    all_done(&passing_when_idle(Box::pin(join_all(writes))).await);
    assert_eq!(members_of(service, &id).await, users[100..200]);
    assert_eq!(count(service, &id).await, 100);
    assert_eq!(
        version_of(service, &id).await,
        before + 200,
        "one version each"
    );
    let census = directory.check("acme").await;
    assert_eq!(census.members[&id].len(), 100);
}

#[tokio::test]
async fn two_hundred_changes_of_one_member_each_are_all_made() {
    let (service, directory) = over(|_| false).await;
    two_hundred_writers(&service, &directory).await;
}

/// On AWS, transactions that meet on a shard are cancelled, which no local engine does.
#[tokio::test]
async fn they_are_all_made_where_three_in_ten_meet_another() {
    let (service, directory) = over(|before| [2, 5, 6].contains(&(before % 10))).await;
    two_hundred_writers(&service, &directory).await;
}

#[tokio::test]
async fn one_user_comes_into_forty_groups_at_once() {
    let (service, directory) = over(|before| before % 10 == 3).await;
    let user = service.create_user("lena", json!({})).await;
    let mut groups = Vec::new();
    for number in 0..40 {
        groups.push(group(&service, &format!("Crew {number}"), &[]).await);
    }
    groups.sort();
    let writes = groups
        .iter()
        .map(|group| patch(&service, group, adding(&user)));
    all_done(&passing_when_idle(Box::pin(join_all(writes))).await);
    assert_eq!(groups_of(&service, &user).await, groups);
    directory.check("acme").await;
}

#[tokio::test]
async fn a_user_is_deleted_while_it_is_added() {
    let (mut service, directory, staying) = crew(1).await;
    service.app.config.breaker.share_percent = 100;
    for round in 0..16 {
        let north = group(&service, &format!("North {round}"), &staying).await;
        let south = group(&service, &format!("South {round}"), &[]).await;
        let user = service
            .create_user(&format!("gone{round}"), json!({}))
            .await;
        let path = format!("/Users/{user}");
        let replace = replacing(&[staying.clone(), vec![user.clone()]].concat());
        let (added, replaced, deleted) = tokio::join!(
            patch(&service, &north, adding(&user)),
            patch(&service, &south, replace),
            service.delete(&path),
        );
        assert_eq!(deleted.status, 204, "{}", deleted.body);
        // Too late, the first names nobody; the second names somebody else too.
        if added.status != 200 {
            added.error(400, "invalidValue");
        }
        assert_eq!(replaced.status, 200, "{}", replaced.body);
        assert_eq!(members_of(&service, &north).await, staying);
        assert_eq!(members_of(&service, &south).await, staying);
        assert_eq!(count(&service, &south).await, 1);
    }
    directory.check("acme").await;
}

#[tokio::test]
async fn a_group_is_deleted_while_members_come_and_go() {
    let (mut service, directory, users) = crew(4).await;
    service.app.config.breaker.share_percent = 100;
    for round in 0..16 {
        let id = group(&service, &format!("North {round}"), &users[..2]).await;
        let location = path(&id);
        let (added, removed, renamed, deleted) = tokio::join!(
            patch(&service, &id, adding(&users[2])),
            patch(&service, &id, removing(&users[0])),
            patch(&service, &id, renaming(&format!("West {round}"))),
            service.delete(&location),
        );
        assert_eq!(deleted.status, 204, "{}", deleted.body);
        for changed in [added, removed, renamed] {
            // One that is deleted right after its change is not shown.
            if ![200, 204].contains(&changed.status) {
                changed.error(404, "");
            }
        }
        service.get(&location).await.error(404, "");
        for user in &users {
            assert_eq!(groups_of(&service, user).await, [""; 0]);
        }
    }
    let census = directory.check("acme").await;
    assert_eq!((census.groups.len(), census.deleted_groups.len()), (0, 16));
}

/// Which of the two is second shows in who is there, and in how many versions there were.
#[tokio::test]
async fn one_member_comes_and_goes_at_once() {
    let (service, directory, users) = crew(2).await;
    for round in 0..24 {
        let is_member = round % 2 == 0;
        let id = group(
            &service,
            &format!("North {round}"),
            &users[usize::from(!is_member)..],
        )
        .await;
        let user = &users[0];
        let before = version_of(&service, &id).await;
        let (added, removed) = tokio::join!(
            patch(&service, &id, adding(user)),
            patch(&service, &id, removing(user)),
        );
        all_done(&[added, removed]);
        let is_there = members_of(&service, &id).await.contains(user);
        assert_eq!(groups_of(&service, user).await.contains(&id), is_there);
        // One of them may have found nothing to do.
        let versions = version_of(&service, &id).await - before;
        let expected = if is_there == is_member { 2 } else { 1 };
        assert_eq!(versions, expected, "{round}: {is_member} {is_there}");
        assert_eq!(count(&service, &id).await, 1 + u64::from(is_there));
    }
    directory.check("acme").await;
}

#[tokio::test]
async fn a_group_is_renamed_while_members_come() {
    let (service, directory, users) = crew(12).await;
    for round in 0..6 {
        let id = group(&service, &format!("North {round}"), &[]).await;
        let before = version_of(&service, &id).await;
        let adds = join_all(users.iter().map(|user| patch(&service, &id, adding(user))));
        let new_name = format!("West {round}");
        let put = json!({"displayName": new_name, "externalId": "x"});
        let location = path(&id);
        let (added, renamed, put) = tokio::join!(
            adds,
            patch(&service, &id, renaming(&new_name)),
            call(&service, "PUT", &location).json(put).send(),
        );
        all_done(&added);
        all_done(&[renamed, put]);
        let found = service.get(&location).await;
        assert_eq!(found.body["displayName"], new_name);
        assert_eq!(members_of(&service, &id).await, users);
        let versions = version_of(&service, &id).await - before;
        assert!([13, 14].contains(&versions), "{versions}");
    }
    directory.check("acme").await;
}

/// A PUT that names members decides about those who came before it, and about no others.
#[tokio::test]
async fn a_put_meets_members_that_come() {
    let (service, directory, users) = crew(10).await;
    let (named_ones, coming) = users.split_at(2);
    for round in 0..8 {
        let name = format!("North {round}");
        let id = group(&service, &name, &[]).await;
        let body = json!({"displayName": name, "members": named(named_ones)});
        let location = path(&id);
        let adds = join_all(coming.iter().map(|user| patch(&service, &id, adding(user))));
        let (put, added) = tokio::join!(call(&service, "PUT", &location).json(body).send(), adds);
        all_done(&[put]);
        all_done(&added);
        let members = members_of(&service, &id).await;
        assert_eq!(members[..2], *named_ones);
        assert!(members.iter().all(|member| users.contains(member)));
        // After it, each of them is there for good.
        for user in coming {
            change(&service, &id, adding(user)).await;
        }
        assert_eq!(members_of(&service, &id).await, users);
    }
    directory.check("acme").await;
}

/// Large changes follow one another: the members are those of one request, never a mixture.
#[tokio::test]
async fn two_whole_groups_are_pushed_at_once() {
    let (service, directory) = over(|before| before % 10 == 7).await;
    let users = directory.plant_users("acme", 401).await;
    let sets = [&users[..200], &users[150..350]];
    for round in 0..4 {
        let id = group(&service, &format!("North {round}"), &users[390..400]).await;
        let pushes = sets.map(|set| patch(&service, &id, replacing(set)));
        let late = patch(&service, &id, adding(&users[400]));
        let answers = passing_when_idle(Box::pin(async {
            let (mut answers, late) = tokio::join!(join_all(pushes), late);
            answers.push(late);
            answers
        }))
        .await;
        for answer in &answers {
            if answer.status == 503 {
                assert!(!answer.header("retry-after").is_empty());
            } else {
                assert!([200, 204].contains(&answer.status), "{}", answer.body);
            }
        }
        // Nothing was changed by what was answered with 503.
        let members = members_of(&service, &id).await;
        let without_late: Vec<_> = members
            .iter()
            .filter(|user| **user != users[400])
            .cloned()
            .collect();
        let possible = sets
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| answer.status == 204);
        let possible: Vec<_> = possible.map(|(set, _)| set.to_vec()).collect();
        assert!(!possible.is_empty(), "none of the two was carried out");
        assert!(
            possible.contains(&without_late),
            "{} members",
            members.len()
        );
        assert_eq!(count(&service, &id).await, members.len() as u64);
        let filter = format!("groups.value eq \"{id}\"");
        assert_eq!(found(&service, "/Users", &filter).await, members);
        for user in users.iter().step_by(40) {
            let is_member = groups_of(&service, user).await.contains(&id);
            assert_eq!(is_member, members.contains(user));
        }
    }
    directory.check("acme").await;
}

/// Everything at once on a few groups and users: requests end, and what is left is consistent.
#[tokio::test]
async fn fifty_writers_of_two_groups_come_to_an_end() {
    let (mut service, directory, users) = crew(10).await;
    service.app.config.breaker.share_percent = 100;
    for round in 0..3 {
        let names = [format!("North {round}"), format!("South {round}")];
        let ids = [
            group(&service, &names[0], &users[..5]).await,
            group(&service, &names[1], &[]).await,
        ];
        let service = &service;
        let writers = (0..50).map(|number| {
            let (id, user) = (&ids[number % 2], &users[number * 7 % 9]);
            let (names, users) = (&names, &users);
            async move {
                match number % 8 {
                    0 | 4 => patch(service, id, adding(user)).await,
                    1 | 5 => patch(service, id, removing(user)).await,
                    2 => patch(service, id, renaming(&names[number % 2])).await,
                    3 => patch(service, id, replacing(&users[2..6])).await,
                    6 => {
                        let body = json!({"displayName": names[number % 2], "members": named(&users[..3])});
                        call(service, "PUT", &path(id)).json(body).send().await
                    }
                    _ => {
                        let body = json!({"displayName": names[number % 2]});
                        call(service, "POST", "/Groups").json(body).send().await
                    }
                }
            }
        });
        for answer in join_all(writers).await {
            assert!([200, 204, 409].contains(&answer.status), "{}", answer.body);
        }
    }
    directory.check("acme").await;
}

#[tokio::test]
async fn of_many_creations_of_one_group_one_is_made() {
    let (service, directory, users) = crew(3).await;
    for round in 0..8 {
        let posts = (0..8).map(|writer| {
            let name = if writer % 2 == 0 {
                format!("North {round}")
            } else {
                format!("NORTH {round}")
            };
            let body = json!({"displayName": name, "members": named(&users)});
            call(&service, "POST", "/Groups").json(body).send()
        });
        let answers = join_all(posts).await;
        let (made, refused): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.status == 201);
        assert_eq!(made.len(), 1);
        for answer in refused {
            answer.error(409, "uniqueness");
        }
        assert!(groups_of(&service, &users[0]).await.contains(&made[0].id()));
    }
    // Those that were refused have left nothing.
    let census = directory.check("acme").await;
    assert_eq!((census.groups.len(), census.members.len()), (8, 8));
}
