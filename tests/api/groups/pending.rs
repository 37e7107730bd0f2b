//! A large change is made when it is decided: a function that dies before all of it is carried out
//! leaves work to the next, and nobody who reads can tell.

use std::time::Duration;

use account::pending::carry_out_all;
use hellotracks_scim::instance::Instance;
use serde_json::json;
use stand::wire::{Fate, Trouble, Wire};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::requests::errors::refused;
use crate::support::admin::Admin;
use crate::support::engine;
use crate::support::groups::{
    adding, call, change, count, found, group, groups_of, members_of, patch, path, renaming,
    replacing, version_of,
};
use crate::support::members;
use crate::support::permissions::{Guarded, role};
use crate::support::service::{Answer, Service};

/// How many users there are: the first fifty are in the group before, the last hundred after.
const USERS: usize = 130;

/// A group whose members one request replaces, and the function that carries it out dies.
struct Interrupted {
    service: Service,
    directory: crate::support::directory::DirectoryTable,
    admin: Admin,
    users: Vec<String>,
    id: String,
    /// Whether the change is decided and not carried out.
    is_pending: bool,
}

impl Interrupted {
    /// The function makes this number of transactions and is not seen again.
    async fn after(transactions: usize) -> Self {
        let (mut service, directory, admin) = Admin::with_service().await;
        service.app.config.breaker.share_percent = 100;
        let users = directory.plant_users("acme", USERS).await;
        let id = group(&service, "North Crew", &[]).await;
        directory.plant_members("acme", &id, &users[..50]).await;
        let wire = Wire::start(
            engine::endpoint(),
            move |operation, before| match operation {
                "TransactWriteItems" if before >= transactions => Fate::Ignored,
                _ => Fate::Passed,
            },
        )
        .await;
        let store = engine::troubled_store_through(&wire.endpoint, admin.prefix()).await;
        let dying = Service {
            app: Instance::new(store, service.app.config.clone()),
            key: service.key.clone(),
        };
        let request = patch(&dying, &id, replacing(&users[30..]));
        let death = async {
            let made = || {
                let requests = wire.requests();
                let made = requests.iter().filter(|one| *one == "TransactWriteItems");
                made.count()
            };
            while made() <= transactions {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            answer = request => assert_eq!(answer.status, 200, "{}", answer.body),
            () = death => {}
        }
        let items = directory.items("acme").await;
        members::check(&items);
        Self {
            is_pending: items.contains_key(&format!("J#{id}")),
            service,
            directory,
            admin,
            users,
            id,
        }
    }

    /// One that is decided, and of which two steps are carried out.
    async fn halfway() -> Self {
        for transactions in [3, 2, 1] {
            let interrupted = Self::after(transactions).await;
            if interrupted.is_pending {
                return interrupted;
            }
        }
        panic!("the change was never pending");
    }

    /// Checks that all who read see these members, and no others.
    async fn shows(&self, expected: &[String]) {
        let (service, id) = (&self.service, &self.id);
        assert_eq!(members_of(service, id).await, expected);
        assert_eq!(count(service, id).await, expected.len() as u64);
        let listed = service.get("/Groups").await;
        let listed = &listed.body["Resources"][0];
        assert_eq!(crate::support::groups::values(listed, "members"), expected);
        let by_group = format!("groups.value eq \"{id}\"");
        assert_eq!(found(service, "/Users", &by_group).await, expected);
        let by_name = "groups.display eq \"North Crew\" and userName pr";
        assert_eq!(found(service, "/Users", by_name).await, expected);
        for user in self.users.iter().step_by(9) {
            let is_member = expected.contains(user);
            let groups = if is_member { vec![id.clone()] } else { vec![] };
            assert_eq!(
                found(service, "/Groups", &format!("members eq \"{user}\"")).await,
                groups
            );
            let user = service.get(&format!("/Users/{user}")).await;
            if user.status == 200 {
                assert_eq!(crate::support::groups::values(&user.body, "groups"), groups);
            }
        }
    }

    /// Checks that nothing is pending any more, and that these are the members.
    async fn is_carried_out(&self, expected: &[String]) {
        let items = self.directory.items("acme").await;
        assert!(!items.contains_key(&format!("J#{}", self.id)));
        assert!(
            items
                .keys()
                .all(|key| !key.starts_with("J#") || key.starts_with("J#!"))
        );
        let census = self.directory.check("acme").await;
        let found: Vec<_> = census.members[&self.id].iter().cloned().collect();
        assert_eq!(found, expected);
        self.shows(expected).await;
    }
}

/// Wherever it dies, all of the change is seen or nothing; and the next write carries it on.
#[tokio::test]
async fn whoever_writes_next_carries_on() {
    let mut has_been_pending = false;
    for transactions in 0..7 {
        let it = Interrupted::after(transactions).await;
        let members = members_of(&it.service, &it.id).await;
        let is_made = members == it.users[30..];
        assert!(is_made || members == it.users[..50], "{}", members.len());
        assert!(is_made || !it.is_pending, "{transactions}");
        assert!(!is_made || transactions > 0);
        has_been_pending |= it.is_pending;
        it.shows(&members).await;
        let version = version_of(&it.service, &it.id).await;
        // To carry it out is no other change.
        change(&it.service, &it.id, adding(&it.users[0])).await;
        let mut expected = members;
        if is_made {
            expected.insert(0, it.users[0].clone());
        }
        let versions = version_of(&it.service, &it.id).await - version;
        assert_eq!(versions, u64::from(is_made), "{transactions}");
        if !is_made {
            // Sent again, it is made.
            change(&it.service, &it.id, replacing(&it.users[30..])).await;
            expected = it.users[30..].to_vec();
        }
        it.is_carried_out(&expected).await;
    }
    assert!(has_been_pending);
}

/// The same request, as a client sends it again whose answer did not come.
#[tokio::test]
async fn the_request_is_sent_again() {
    let it = Interrupted::halfway().await;
    let version = version_of(&it.service, &it.id).await;
    let again = change(&it.service, &it.id, replacing(&it.users[30..])).await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(version_of(&it.service, &it.id).await, version);
    it.is_carried_out(&it.users[30..]).await;
}

#[tokio::test]
async fn the_next_write_may_be_of_any_kind() {
    for kind in 0..4 {
        let it = Interrupted::halfway().await;
        let location = path(&it.id);
        let put = |body| call(&it.service, "PUT", &location).json(body).send();
        let (answer, expected): (Answer, &[String]) = match kind {
            0 => (
                patch(&it.service, &it.id, renaming("North Crew")).await,
                &it.users[30..],
            ),
            1 => (
                put(json!({"displayName": "North Crew", "externalId": "x"})).await,
                &it.users[30..],
            ),
            2 => (
                put(json!({"displayName": "North Crew", "members": []})).await,
                &[],
            ),
            _ => (
                patch(&it.service, &it.id, replacing(&it.users)).await,
                &it.users,
            ),
        };
        assert!(
            [200, 204].contains(&answer.status),
            "{kind} {}",
            answer.body
        );
        it.shows(expected).await;
        if kind > 0 {
            it.is_carried_out(expected).await;
        }
    }
}

/// Neither who is still to be added nor who is still to be removed is there once it is deleted.
#[tokio::test]
async fn users_are_deleted_meanwhile() {
    let it = Interrupted::halfway().await;
    let mut expected = it.users[30..].to_vec();
    // Removed; there before and after; and added first, in the middle, and last.
    for place in [2, 29, 40, 50, 90, 129] {
        let user = &it.users[place];
        let deleted = it.service.delete(&format!("/Users/{user}")).await;
        assert_eq!(deleted.status, 204, "{}", deleted.body);
        expected.retain(|member| member != user);
        assert_eq!(members_of(&it.service, &it.id).await, expected);
        assert_eq!(count(&it.service, &it.id).await, expected.len() as u64);
        members::check(&it.directory.items("acme").await);
    }
    it.shows(&expected).await;
    change(&it.service, &it.id, adding(&it.users[0])).await;
    expected.insert(0, it.users[0].clone());
    it.is_carried_out(&expected).await;
}

#[tokio::test]
async fn the_group_is_deleted_meanwhile_and_restored() {
    let it = Interrupted::halfway().await;
    assert_eq!(it.service.delete(&path(&it.id)).await.status, 204);
    for user in it.users.iter().step_by(10) {
        assert_eq!(groups_of(&it.service, user).await, [""; 0]);
    }
    it.service.get(&path(&it.id)).await.error(404, "");
    let gone = &it.users[100];
    assert_eq!(
        it.service.delete(&format!("/Users/{gone}")).await.status,
        204
    );
    let (code, said) = it.admin.run(&format!("group restore acme {}", it.id)).await;
    assert_eq!(code, 0, "{said}");
    let mut expected = it.users[30..].to_vec();
    expected.retain(|member| member != gone);
    it.shows(&expected).await;
    change(&it.service, &it.id, adding(&it.users[0])).await;
    expected.insert(0, it.users[0].clone());
    it.is_carried_out(&expected).await;
}

#[tokio::test]
async fn the_operator_carries_it_out() {
    let it = Interrupted::halfway().await;
    let (code, said) = it
        .admin
        .run("directory check acme --repair --reason drill")
        .await;
    assert_eq!(code, 0, "{said}");
    it.is_carried_out(&it.users[30..]).await;
}

/// The function that is called every minute does so, once the request that decided it has had its
/// time; and nobody has to look for it.
#[tokio::test]
async fn it_is_carried_out_within_minutes() {
    let it = Interrupted::halfway().await;
    let store = it.admin.store();
    let run = async |now: OffsetDateTime| {
        let until = Instant::now() + Duration::from_secs(30);
        let outcome = Box::pin(carry_out_all(&store, now, until)).await;
        let outcome = outcome.unwrap();
        (outcome.changes, outcome.left.len(), outcome.failed.len())
    };
    // It may still be at it.
    assert_eq!(run(OffsetDateTime::now_utc()).await, (0, 0, 0));
    Box::pin(pending_changes::handle(&store)).await.unwrap();
    it.shows(&it.users[30..]).await;
    assert!(
        it.directory
            .items("acme")
            .await
            .contains_key(&format!("J#{}", it.id))
    );
    // In a minute; or now, if it was decided by a clock that is an hour ahead.
    let minute = time::Duration::minutes(1);
    let hour = time::Duration::hours(1);
    let other = Interrupted::halfway().await;
    let store_of_other = other.admin.store();
    let until = Instant::now() + Duration::from_secs(30);
    let before = OffsetDateTime::now_utc() - hour;
    let ahead = Box::pin(carry_out_all(&store_of_other, before, until)).await;
    assert_eq!(ahead.unwrap().changes, 1);
    other.is_carried_out(&other.users[30..]).await;
    assert_eq!(run(OffsetDateTime::now_utc() + minute).await, (1, 0, 0));
    it.is_carried_out(&it.users[30..]).await;
    assert_eq!(run(OffsetDateTime::now_utc() + minute).await, (0, 0, 0));
    Box::pin(pending_changes::handle(&store)).await.unwrap();
}

/// The role that template.yaml gives the function is enough, and all of it is needed.
#[tokio::test]
async fn it_is_carried_out_with_the_role_of_its_function() {
    let it = Interrupted::halfway().await;
    let guarded = Guarded::start(engine::endpoint(), role("PendingFunction")).await;
    let store = engine::troubled_store_through(&guarded.wire.endpoint, it.admin.prefix()).await;
    let until = Instant::now() + Duration::from_secs(30);
    let now = OffsetDateTime::now_utc() + time::Duration::minutes(1);
    let outcome = Box::pin(carry_out_all(&store, now, until)).await.unwrap();
    assert!(guarded.refused().is_empty(), "{:?}", guarded.refused());
    assert_eq!((outcome.changes, outcome.failed.len()), (1, 0));
    assert!(guarded.unused().is_empty(), "{:?}", guarded.unused());
    it.is_carried_out(&it.users[30..]).await;
}

/// What cannot be carried out holds up nobody else's, and is told of. What belongs to a part of a
/// tenant is left alone.
#[tokio::test]
async fn what_fails_holds_up_no_other() {
    let it = Interrupted::halfway().await;
    let store = it.admin.store();
    // Those of three tenants more: one without a time, one of a tenant that nobody knows, and one of
    // a tenant that is being deleted. And what is no pending change.
    let foreign = [("record", "E#of another kind")];
    it.directory
        .plant("acme", "J#of-another-kind", &foreign)
        .await;
    let pending = it.directory.items("acme").await[&format!("J#{}", it.id)].clone();
    let sort_key = format!("J#{}", it.id);
    for tenant in ["broken", "nobody", "leaving"] {
        if tenant != "nobody" {
            let (code, said) = it.admin.run(&format!("tenant create {tenant}")).await;
            assert_eq!(code, 0, "{said}");
        }
        let mut item = pending.clone();
        if tenant == "broken" {
            item.remove("at");
        }
        let items = vec![(sort_key.clone(), item)];
        it.directory.put_all(tenant, items).await;
    }
    let leaving = "tenant disable leaving --reason drill";
    assert_eq!(it.admin.run(leaving).await.0, 0);
    it.directory
        .plant_disabled("leaving", "2026-11-26T20:00:00Z")
        .await;
    let delete = "tenant delete leaving --confirm leaving --reason drill";
    for calls in 1.. {
        assert_eq!(it.admin.killed_after(calls, delete).await, None);
        let tenant = it.directory.secrets_of("leaving").await.remove("TENANT");
        if tenant.unwrap().contains_key("deleting") {
            break;
        }
    }
    let now = OffsetDateTime::now_utc() + time::Duration::minutes(1);
    let until = Instant::now() + Duration::from_secs(30);
    let outcome = Box::pin(carry_out_all(&store, now, until)).await.unwrap();
    it.directory.remove("acme", "J#of-another-kind").await;
    assert_eq!((outcome.changes, outcome.partial), (1, 2), "{outcome:?}");
    assert_eq!((outcome.left.len(), outcome.unreadable), (0, 1));
    let failed = outcome
        .failed
        .iter()
        .map(|failed| failed.change.tenant.as_str());
    assert_eq!(failed.collect::<Vec<_>>(), ["broken"]);
    it.is_carried_out(&it.users[30..]).await;
}

/// A table of an earlier release has no index: that is told, and nothing is taken for done.
#[tokio::test]
async fn a_table_without_the_index_is_told() {
    let store = engine::empty_store("nothing").await;
    let error = Box::pin(pending_changes::handle(&store)).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("what is pending cannot be read"),
        "{error}"
    );
}

/// A change of attributes alone waits for nothing that is pending, even if that takes long.
#[tokio::test]
async fn a_rename_does_not_wait() {
    let it = Interrupted::halfway().await;
    let silent_steps = |asked: &stand::wire::Asked| match asked.label.as_str() {
        "TransactWriteItems directory J" => Fate::Ignored,
        _ => Fate::Passed,
    };
    let wire = Wire::planned(engine::endpoint(), silent_steps, None).await;
    let store = engine::troubled_store_through(&wire.endpoint, it.admin.prefix()).await;
    let hasty = Service {
        app: Instance::new(store, it.service.app.config.clone()),
        key: it.service.key.clone(),
    };
    let begun = std::time::Instant::now();
    let renamed = patch(&hasty, &it.id, renaming("South Crew")).await;
    assert_eq!(renamed.status, 200, "{}", renamed.body);
    assert_eq!(renamed.body["displayName"], "South Crew");
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    change(&it.service, &it.id, renaming("North Crew")).await;
    it.is_carried_out(&it.users[30..]).await;
}

/// What cannot be carried out in time holds up the next change, which then has changed nothing.
#[tokio::test]
async fn a_change_that_cannot_be_carried_out_holds_up_the_next() {
    let it = Interrupted::halfway().await;
    let throttled = |asked: &stand::wire::Asked| match asked.operation.as_str() {
        "TransactWriteItems" | "BatchWriteItem" => Fate::Answered(Trouble::ItemThrottled),
        _ => Fate::Passed,
    };
    let wire = Wire::planned(engine::endpoint(), throttled, None).await;
    let store = engine::troubled_store_through(&wire.endpoint, it.admin.prefix()).await;
    let mut config = it.service.app.config.clone();
    config.request_deadline = Duration::from_secs(3);
    let troubled = Service {
        app: Instance::new(store, config),
        key: it.service.key.clone(),
    };
    let answer = patch(&troubled, &it.id, adding(&it.users[0])).await;
    refused(&answer, 503, "");
    assert!(!answer.header("retry-after").is_empty());
    // Whoever reads sees the first change, and nothing of the second.
    it.shows(&it.users[30..]).await;
    let shown = troubled.get(&path(&it.id)).await;
    assert_eq!(
        crate::support::groups::values(&shown.body, "members"),
        it.users[30..]
    );
    change(&it.service, &it.id, adding(&it.users[1])).await;
    let expected = [&it.users[1..2], &it.users[30..]].concat();
    it.is_carried_out(&expected).await;
}
