//! Restoring one or many users: what prevents a restore, and what does not.

use serde_json::json;
use time::OffsetDateTime;

use crate::support::admin::{Admin, members, set};
use crate::support::directory::{number, text};
use stand::wire::asked::Asked;
use stand::wire::{Fate, Trouble, Wire};

/// The function's setting applies to the command too; otherwise the record of a restore would
/// expire before those around it.
#[tokio::test]
async fn the_record_of_a_restore_is_kept_as_long_as_the_others() {
    let (mut service, directory, admin) = Admin::with_service().await;
    service.app.config.history_retention = time::Duration::days(365);
    let id = service.create_user("lena", json!({})).await;
    let path = format!("/Users/{id}");
    for (arguments, days) in [
        ("--history-days 365", 365),
        ("--history-days 30", 30),
        ("", 90),
    ] {
        assert_eq!(service.delete(&path).await.status, 204);
        let (code, said) = admin
            .run(&format!("user restore acme {id} {arguments}"))
            .await;
        assert_eq!(code, 0, "{said}");
        let items = directory.items("acme").await;
        let mut records = items.iter().filter(|(key, _)| key.starts_with("E#"));
        let (_, latest) = records.next_back().unwrap();
        assert_eq!(text(latest, "operation"), "restore");
        let ends = OffsetDateTime::now_utc() + time::Duration::days(days);
        let kept = number(latest, "expires_at") - ends.unix_timestamp();
        assert!((-60..=0).contains(&kept), "{kept} s off {days} days");
    }
}

/// A user deleted from Entra's recycle bin has a different name there. That someone else has its
/// old name by now does not prevent a restore, unless they also have the new one.
#[tokio::test]
async fn a_user_is_restored_without_the_reserved_name_that_is_anothers_now() {
    let (service, directory, admin) = Admin::with_service().await;
    let id = service.create_user("lena", json!({})).await;
    let path = format!("/Users/{id}");
    let recycled = format!("{}lena", "0123456789abcdef".repeat(2));
    set(&service, &path, "userName", recycled.as_str().into()).await;
    assert_eq!(service.delete(&path).await.status, 204);
    let other = service.create_user("lena", json!({})).await;
    let thief = service.create_user(&recycled, json!({})).await;
    let (code, said) = admin.run(&format!("user restore acme {id}")).await;
    assert_eq!(code, 1);
    assert!(said.contains(&thief) && !said.contains(&other), "{said}");

    let thief = format!("/Users/{thief}");
    assert_eq!(service.delete(&thief).await.status, 204);
    let (code, said) = admin.run(&format!("user restore acme {id}")).await;
    assert_eq!(code, 0, "{said}");
    for (name, holder) in [("lena", &other), (recycled.as_str(), &id)] {
        let found = service.find(&format!("userName eq \"{name}\"")).await;
        assert_eq!(found.ids(), [holder.as_str()]);
    }
    directory.check("acme").await;

    // The old name stays reserved if nobody has taken it.
    let id = service.create_user("max", json!({})).await;
    let path = format!("/Users/{id}");
    let recycled = format!("{}max", "0123456789abcdef".repeat(2));
    set(&service, &path, "userName", recycled.as_str().into()).await;
    assert_eq!(service.delete(&path).await.status, 204);
    let (code, said) = admin.run(&format!("user restore acme {id}")).await;
    assert_eq!(code, 0, "{said}");
    let answer = service.post("/Users", json!({"userName": "max"})).await;
    answer.error(409, "uniqueness");
    directory.check("acme").await;
}

/// Of many users, one cannot be restored, the first meets another transaction, and one meets a
/// persistent failure: the others are restored, and the operator sees the result of each.
#[tokio::test]
async fn one_user_that_cannot_be_restored_holds_up_no_other() {
    let (service, directory, admin) = Admin::with_service().await;
    let mut ids = Vec::new();
    for user in 0..5 {
        let id = service.create_user(&format!("user{user}"), json!({})).await;
        assert_eq!(service.delete(&format!("/Users/{id}")).await.status, 204);
        ids.push(id);
    }
    // As after restoring a backup.
    directory.plant("acme", &format!("U#{}", ids[1]), &[]).await;
    let unlucky = format!("D#U#{}", ids[3]);
    let wire = Wire::planned(
        crate::support::engine::endpoint(),
        move |asked| match asked.operation.as_str() {
            "TransactWriteItems" if asked.before == 0 => Fate::Answered(Trouble::Conflict),
            "TransactWriteItems" if asked.before == 1 => Fate::Answered(Trouble::ItemThrottled),
            "TransactWriteItems" if asked.body.to_string().contains(&unlucky) => {
                Fate::Answered(Trouble::InternalServerError)
            }
            _ => Fate::Passed,
        },
        None,
    )
    .await;
    let (code, restored) = admin
        .behind(&wire)
        .await
        .json("user restore acme --deleted-since 5m")
        .await;
    assert_eq!(code, 1);
    let restored = restored.as_array().unwrap();
    let found: Vec<_> = restored.iter().map(|user| &user["id"]).collect();
    assert_eq!(found, ids.iter().collect::<Vec<_>>());
    let states = members(restored, "restored");
    assert_eq!(states, [true, false, true, false, true]);
    for (user, reason) in [(1, "a user with this id"), (3, "not available")] {
        let said = restored[user]["reason"].as_str().unwrap();
        assert!(said.contains(reason), "{said}");
    }
    directory.remove("acme", &format!("U#{}", ids[1])).await;
    let (code, again) = admin.json("user restore acme --deleted-since 5m").await;
    assert_eq!((code, again.as_array().unwrap().len()), (0, 2), "{again}");
    let users = directory.check("acme").await.users;
    assert_eq!(users, ids.into_iter().collect());
}

/// A restore that is ended in the middle, here while DynamoDB does not answer for the second user,
/// has told what became of the first. Run again, it restores the others.
#[tokio::test]
async fn a_restore_that_is_ended_has_told_what_it_did_and_can_be_run_again() {
    for form in ["", "--json"] {
        let (service, directory, admin) = Admin::with_service().await;
        let mut ids = Vec::new();
        for user in 0..3 {
            let id = service.create_user(&format!("user{user}"), json!({})).await;
            assert_eq!(service.delete(&format!("/Users/{id}")).await.status, 204);
            ids.push(id);
        }
        let second = format!("D#U#{}", ids[1]);
        let plan = move |asked: &Asked| match asked.operation.as_str() {
            "TransactWriteItems" if asked.body.to_string().contains(&second) => Fate::Ignored,
            _ => Fate::Passed,
        };
        let wire = Wire::planned(crate::support::engine::endpoint(), plan, None).await;
        let mut lines = admin
            .behind(&wire)
            .await
            .follow(&format!("{form} user restore acme --deleted-since 5m"));
        let (head, first) = (lines.next().await, lines.next().await);
        if form.is_empty() {
            assert!(head.starts_with("NO   USER"), "{head}");
            let told = format!("1/3  {}  restored       user0", ids[0]);
            assert_eq!(first, told);
        } else {
            assert_eq!(head, "[");
            let first: serde_json::Value = first.trim_end_matches(',').parse().unwrap();
            assert_eq!(
                (&first["id"], &first["restored"]),
                (&json!(ids[0]), &json!(true))
            );
        }
        drop(lines);
        let users = directory.check("acme").await.users;
        assert_eq!(users, ids[..1].iter().cloned().collect());

        let (code, rest) = admin.json("user restore acme --deleted-since 5m").await;
        let rest = rest.as_array().unwrap();
        assert_eq!((code, members(rest, "restored")), (0, vec![json!(true); 2]));
        let again = format!("user restore acme {} {} {}", ids[0], ids[1], ids[2]);
        let (code, said) = admin.run(&again).await;
        assert_eq!(
            (code, said.matches("there already").count()),
            (0, 3),
            "{said}"
        );
        let users = directory.check("acme").await.users;
        assert_eq!(users, ids.into_iter().collect());
    }
}

/// While users are restored, clients continue to write and touch the same counters: every second
/// transaction meets another one.
#[tokio::test]
async fn users_are_restored_while_a_client_writes() {
    let (service, directory, admin) = Admin::with_service().await;
    let mut ids = Vec::new();
    for user in 0..40 {
        let id = service.create_user(&format!("user{user}"), json!({})).await;
        assert_eq!(service.delete(&format!("/Users/{id}")).await.status, 204);
        ids.push(id);
    }
    let plan = |asked: &Asked| match asked.operation.as_str() {
        "TransactWriteItems" if asked.before.is_multiple_of(2) => Fate::Answered(Trouble::Conflict),
        _ => Fate::Passed,
    };
    let wire = Wire::planned(crate::support::engine::endpoint(), plan, None).await;
    let admin = admin.behind(&wire).await;
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let relaxed = std::sync::atomic::Ordering::Relaxed;
    let restoring = async {
        let outcome = admin.json("user restore acme --deleted-since 5m").await;
        is_over.store(true, relaxed);
        outcome
    };
    let client = |number: usize| {
        let (service, is_over) = (&service, &is_over);
        async move {
            let mut created = Vec::new();
            while !is_over.load(relaxed) {
                let name = format!("new{number}-{}", created.len());
                created.push(service.create_user(&name, json!({})).await);
            }
            created
        }
    };
    let clients = futures_util::future::join_all((0..4).map(client));
    let ((code, restored), created) = tokio::join!(restoring, clients);
    assert_eq!(code, 0, "{restored}");
    assert!(created.iter().all(|created| !created.is_empty()));
    let all = ids.into_iter().chain(created.into_iter().flatten());
    assert_eq!(directory.check("acme").await.users, all.collect());
}
