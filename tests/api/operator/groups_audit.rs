//! The operator's audit finds every kind of damage to memberships, repairs it, and leaves alone
//! what is right, also while it changes.

use std::collections::BTreeSet;

use scim::ResourceId;
use scim::members::MemberChange;
use scim::schema::GROUPS;
use serde_json::json;
use store::audit::DefectKind;
use store::directory::members::{Attributes, ChangeOfMembers};
use store::directory::record::{Actor, ChangeKind, Origin};
use store::{Gate, Meter, TenantStore};
use tenant::TenantId;
use time::OffsetDateTime;

use super::audit::{audit, repair, start};
use crate::support::clock::passing_when_idle;
use crate::support::directory::{DirectoryTable, Items, number};
use crate::support::groups::{
    adding, change, group, groups_of, members_of, path, removing, replacing, users,
};
use crate::support::service::Service;

/// The directory of `acme`, for the operator.
fn acme<'a>(service: &'a Service, meter: &'a Meter, gate: &'a Gate) -> TenantStore<'a> {
    let acme = TenantId::parse("acme").unwrap();
    service.app.store.tenant(&acme, meter, gate)
}

/// What the audit finds, by kind; then repairs until it finds nothing.
async fn mended(service: &Service) -> BTreeSet<DefectKind> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let store = acme(service, &meter, &gate);
    let mut kinds = BTreeSet::new();
    for _ in 0..6 {
        let found = audit(&store).await;
        assert_eq!(found.in_use, []);
        if found.defects.is_empty() {
            return kinds;
        }
        let mut repaired = 0;
        for defect in &found.defects {
            kinds.insert(defect.kind);
            assert!(!defect.to_string().contains("user"), "{defect}");
            // One may have been mended with another.
            repaired += u64::from(repair(&store, defect).await);
        }
        assert!(repaired > 0, "{:?}", found.defects);
    }
    panic!("not mended: {kinds:?}");
}

/// A service with a group of three users, two of whom are in another group as well.
async fn crew() -> (Service, DirectoryTable, Vec<String>, [String; 2]) {
    let (service, directory) = start().await;
    let users = users(&service, "user", 3).await;
    let north = group(&service, "North", &users).await;
    let south = group(&service, "South", &users[1..]).await;
    (service, directory, users, [north, south])
}

#[tokio::test]
async fn what_is_right_is_left_alone() {
    let (service, directory, users, [north, south]) = crew().await;
    change(&service, &south, removing(&users[1])).await;
    let deleted = group(&service, "West", &users).await;
    assert_eq!(service.delete(&path(&deleted)).await.status, 204);
    assert_eq!(
        service.delete(&format!("/Users/{}", users[2])).await.status,
        204
    );
    let planted = directory.plant_users("acme", 120).await;
    decide(&service, &north, &planted).await;
    let before = directory.items("acme").await;
    assert!(before.contains_key(&format!("J#{north}")));
    assert_eq!(mended(&service).await, BTreeSet::new());
    assert_eq!(directory.items("acme").await, before);
    directory.check("acme").await;
}

/// Decides a large change that makes users members of a group, and does not carry it out.
async fn decide(service: &Service, group: &str, users: &[String]) {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let store = acme(service, &meter, &gate);
    let id = |text: &String| ResourceId::parse(text).unwrap();
    let group = store.get(&GROUPS, &id(&group.to_owned())).await.unwrap();
    let members = MemberChange::adding(users.iter().map(|user| (id(user), None)));
    let now = OffsetDateTime::now_utc().truncate_to_millisecond();
    let origin = Origin {
        actor: Actor::Operator,
        operation: ChangeKind::Patch,
        request_id: "decided".to_owned(),
        at: now,
        expires: now + time::Duration::DAY,
        entry: None,
    };
    let change = ChangeOfMembers {
        group: &group.unwrap(),
        attributes: Attributes::Unchanged,
        members: &members,
        id: &id(&uuid::Uuid::new_v4().to_string()),
        origin: &origin,
        is_conditional: false,
    };
    assert!(store.change_members(change).await.unwrap().is_pending);
}

#[tokio::test]
async fn a_side_that_is_missing_is_put_back_or_its_other_one_goes() {
    let (service, directory, users, [north, _]) = crew().await;
    let [first, second, third] = &users[..] else {
        panic!("three users")
    };
    // What is found from the group is what counts.
    directory
        .remove("acme", &format!("I#{first}#{north}"))
        .await;
    assert_eq!(
        mended(&service).await,
        BTreeSet::from([DefectKind::MissingEdge])
    );
    assert_eq!(
        groups_of(&service, first).await,
        std::slice::from_ref(&north)
    );
    directory.check("acme").await;
    // As if the user had left it.
    let at = "2026-11-24T06:00:00.000Z";
    directory
        .plant("acme", &format!("I#{first}#{north}"), &[("left", at)])
        .await;
    directory
        .plant_text("acme", &format!("I#{second}#{north}"), "display", "Max")
        .await;
    assert_eq!(
        mended(&service).await,
        BTreeSet::from([DefectKind::MissingEdge])
    );
    directory.check("acme").await;
    directory
        .remove("acme", &format!("M#{north}#{third}"))
        .await;
    assert_eq!(
        mended(&service).await,
        BTreeSet::from([DefectKind::StrayEdge, DefectKind::WrongMemberCount])
    );
    assert_eq!(members_of(&service, &north).await, users[..2]);
    assert_eq!(groups_of(&service, third).await.len(), 1);
}

#[tokio::test]
async fn memberships_of_users_who_are_gone_are_removed() {
    let (service, directory, users, [north, _]) = crew().await;
    let ghost = uuid::Uuid::new_v4().to_string();
    for key in [
        format!("M#{north}#{ghost}"),
        format!("I#{ghost}#{north}"),
        format!("M#{north}#{}", uuid::Uuid::new_v4()),
    ] {
        directory.plant("acme", &key, &[]).await;
    }
    let kinds = mended(&service).await;
    let expected = [DefectKind::StrayEdge, DefectKind::WrongMemberCount];
    assert_eq!(kinds, BTreeSet::from(expected));
    assert_eq!(members_of(&service, &north).await, users);
    directory.check("acme").await;
    // Who has left, and can come back no more.
    assert_eq!(
        service.delete(&format!("/Users/{}", users[0])).await.status,
        204
    );
    assert_eq!(mended(&service).await, BTreeSet::new());
    directory.remove("acme", &format!("D#U#{}", users[0])).await;
    assert_eq!(
        mended(&service).await,
        BTreeSet::from([DefectKind::StrayEdge])
    );
    let of_user = format!("I#{}#", users[0]);
    let items = directory.items("acme").await;
    assert!(!items.keys().any(|key| key.starts_with(&of_user)));
}

#[tokio::test]
async fn shards_are_recounted() {
    let (service, directory, users, [north, south]) = crew().await;
    let shard = format!("G#{north}#{}", &users[0][..1]);
    directory.plant_count("acme", &shard, "count", 7).await;
    directory
        .remove("acme", &format!("G#{south}#{}", &users[1][..1]))
        .await;
    let unused = (0..16)
        .map(|digit| format!("{digit:x}"))
        .find(|digit| users.iter().all(|user| !user.starts_with(digit)));
    let empty = format!("G#{north}#{}", unused.unwrap());
    directory.plant_copy("acme", &shard, &empty).await;
    let (meter, gate) = (Meter::default(), Gate::opened());
    let store = acme(&service, &meter, &gate);
    let found = audit(&store).await;
    let told = found.defects[0].to_string();
    assert!(told.starts_with("wrong number of members: G#"), "{told}");
    assert_eq!(found.defects.len(), 3, "{found:?}");
    assert_eq!(
        mended(&service).await,
        BTreeSet::from([DefectKind::WrongMemberCount])
    );
    directory.check("acme").await;
}

/// A repair whose defect has moved meanwhile changes nothing.
#[tokio::test]
async fn what_has_moved_is_not_repaired() {
    let (service, directory, users, [north, _]) = crew().await;
    directory
        .remove("acme", &format!("I#{}#{north}", users[0]))
        .await;
    let shard = format!("G#{north}#{}", &users[0][..1]);
    let counted = number(&directory.items("acme").await[&shard], "count");
    directory
        .plant_count("acme", &shard, "count", counted + 1)
        .await;
    let (meter, gate) = (Meter::default(), Gate::opened());
    let store = acme(&service, &meter, &gate);
    let found = audit(&store).await;
    assert_eq!(found.defects.len(), 2, "{found:?}");
    // Somebody has mended both.
    directory
        .plant("acme", &format!("I#{}#{north}", users[0]), &[])
        .await;
    directory
        .plant_count("acme", &shard, "count", counted)
        .await;
    let before = directory.items("acme").await;
    for defect in &found.defects {
        assert!(!repair(&store, defect).await, "{defect}");
    }
    assert_eq!(directory.items("acme").await, before);
}

#[tokio::test]
async fn a_change_that_nobody_carries_out_is_carried_out() {
    let (service, directory, users, [north, _]) = crew().await;
    let planted = directory.plant_users("acme", 120).await;
    decide(&service, &north, &planted).await;
    let pending = format!("J#{north}");
    directory
        .plant_text("acme", &pending, "at", "2026-11-24T06:00:00.000Z")
        .await;
    let kinds = mended(&service).await;
    assert_eq!(kinds, BTreeSet::from([DefectKind::OverduePending]));
    assert!(!directory.items("acme").await.contains_key(&pending));
    let mut all = [users, planted].concat();
    all.sort();
    assert_eq!(members_of(&service, &north).await, all);
    directory.check("acme").await;
}

/// What is left of it is carried out, and the group is in use again.
#[tokio::test]
async fn a_change_without_a_part_of_its_records_ends() {
    let (service, directory, users, [north, _]) = crew().await;
    let planted = directory.plant_users("acme", 120).await;
    decide(&service, &north, &planted).await;
    let items = directory.items("acme").await;
    let digit = &planted[0][..1];
    let is_part = |key: &&String| {
        key.contains(&format!("#M#{north}#")) && key.ends_with(&format!("#{digit}"))
    };
    let part = items.keys().find(is_part).expect("a part of the record");
    directory.remove("acme", part).await;
    let kinds = mended(&service).await;
    assert!(kinds.contains(&DefectKind::BrokenPending), "{kinds:?}");
    assert!(kinds.contains(&DefectKind::StuckGroup), "{kinds:?}");
    let mut all: Vec<String> = planted
        .iter()
        .filter(|user| !user.starts_with(digit))
        .chain(&users)
        .cloned()
        .collect();
    all.sort();
    assert_eq!(members_of(&service, &north).await, all);
    directory.check("acme").await;
    change(&service, &north, replacing(&users)).await;
    assert_eq!(members_of(&service, &north).await, users);
}

#[tokio::test]
async fn a_group_that_waits_for_nothing_is_released() {
    let (service, directory, users, [north, south]) = crew().await;
    let shard = format!("G#{north}#{}", &users[0][..1]);
    let record = format!("E#2026-11-24T06:00:00.000Z#M#{north}#{}", users[0]);
    directory
        .plant_text("acme", &shard, "pending", &record)
        .await;
    let [head, tail] = [format!("M#{south}"), format!("M#{south}#~")];
    directory
        .plant("acme", &head, &[("pending", &record)])
        .await;
    directory.plant_count("acme", &head, "large", 2).await;
    directory.plant("acme", &tail, &[]).await;
    directory.plant_count("acme", &tail, "large", 1).await;
    let kinds = mended(&service).await;
    assert_eq!(kinds, BTreeSet::from([DefectKind::StuckGroup]));
    change(&service, &north, removing(&users[0])).await;
    assert_eq!(members_of(&service, &south).await, users[1..]);
    directory.check("acme").await;
}

/// A deleted group keeps its members until it can be restored no more.
#[tokio::test]
async fn what_an_ended_group_has_left_is_swept() {
    let (service, directory, users, [north, south]) = crew().await;
    let planted = directory.plant_users("acme", 120).await;
    directory.plant_members("acme", &south, &[]).await;
    change(
        &service,
        &south,
        json!([{"op": "add", "path": "members",
        "value": crate::support::groups::named(&planted)}]),
    )
    .await;
    assert_eq!(
        service.delete(&format!("/Users/{}", users[1])).await.status,
        204
    );
    assert_eq!(service.delete(&path(&south)).await.status, 204);
    assert_eq!(mended(&service).await, BTreeSet::new());
    directory.remove("acme", &format!("D#G#{south}")).await;
    let kinds = mended(&service).await;
    let expected = [DefectKind::StrayEdge, DefectKind::EndedGroup];
    assert_eq!(kinds, BTreeSet::from(expected));
    let items = directory.items("acme").await;
    let left: Items = items
        .into_iter()
        .filter(|(key, _)| key.contains(&south) && !key.starts_with("E#"))
        .collect();
    assert_eq!(left, Items::new());
    assert_eq!(members_of(&service, &north).await.len(), 2);
}

/// Members come and go while the check runs: it finds nothing, and repairs what is wrong.
#[tokio::test]
async fn memberships_in_use_are_no_defects() {
    let (service, directory, users, [north, south]) = crew().await;
    let more = crate::support::groups::users(&service, "more", 8).await;
    let is_enough = std::cell::Cell::new(false);
    let write = async {
        let mut written = 0;
        for user in more.iter().cycle() {
            if is_enough.get() && written % 16 == 0 {
                break;
            }
            for group in [&north, &south] {
                let operations = match written < 8 || written % 16 < 8 {
                    true => adding(user),
                    false => removing(user),
                };
                change(&service, group, operations).await;
            }
            written += 1;
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        written
    };
    let (meter, gate) = (Meter::default(), Gate::opened());
    let store = acme(&service, &meter, &gate);
    let check = async {
        for _ in 0..2 {
            let found = store.audit(OffsetDateTime::now_utc()).await.unwrap();
            assert_eq!(found.defects, []);
        }
        // What was wrong before is mended in between.
        directory
            .remove("acme", &format!("I#{}#{north}", users[0]))
            .await;
        let found = store.audit(OffsetDateTime::now_utc()).await.unwrap();
        let suspects = found.defects.iter().chain(&found.in_use);
        let kinds: Vec<_> = suspects.clone().map(|defect| defect.kind).collect();
        assert!(kinds.contains(&DefectKind::MissingEdge), "{kinds:?}");
        for defect in suspects {
            let _ = store.repair(defect).await.unwrap();
        }
        is_enough.set(true);
    };
    let both = futures_util::future::join(write, check);
    let (written, ()) = passing_when_idle(Box::pin(both)).await;
    assert!(written > 16, "{written}");
    let kinds = mended(&service).await;
    assert!(kinds.len() <= 1, "{kinds:?}");
    directory.check("acme").await;
}
