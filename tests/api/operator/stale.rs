//! A command that was suspended wakes up after others have done its work and more: it changes
//! nothing of what is there now.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use stand::wire::{Fate, Rival, Wire};

use crate::support::admin::{Admin, set};
use crate::support::directory::{DirectoryTable, Items};
use crate::support::engine;
use crate::support::exports::{Folder, disable, export, import, stage};

const DELETE: &str = "tenant delete acme --confirm acme --reason x";

/// What a tenant has: its directory, its keys and itself.
async fn found(directory: &DirectoryTable) -> (Items, Items) {
    let mut items = directory.items("acme").await;
    items.retain(|key, _| !key.starts_with(['K', 'R', 'P', 'H']));
    (items, directory.secrets_of("acme").await)
}

/// A wire whose request after so many reaches DynamoDB when others have done their work.
async fn overtaking<F>(calls: usize, others: impl Fn() -> F + Send + Sync + 'static) -> Wire
where
    F: Future<Output = ()> + Send + 'static,
{
    let rival: Rival = Box::new(move || {
        // A task, so that it does not lie on the stack of the wire.
        let others = tokio::spawn(others());
        Box::pin(async move { others.await.unwrap() })
    });
    let passed = AtomicUsize::new(0);
    let plan = move |_: &_| match passed.fetch_add(1, Relaxed) == calls {
        true => Fate::Overtaken,
        false => Fate::Passed,
    };
    Wire::planned(engine::endpoint(), plan, Some(rival)).await
}

/// Runs a command, which others overtake before its call after so many; then the tenant is as they
/// left it. Returns whether the command made as many calls.
async fn overtaken<F>(
    admin: &Admin,
    directory: Arc<DirectoryTable>,
    calls: usize,
    command: &str,
    others: impl Fn() -> F + Send + Sync + 'static,
) -> bool
where
    F: Future<Output = ()> + Send + 'static,
{
    let left = Arc::new(Mutex::new(None));
    let (seen, kept) = (directory.clone(), left.clone());
    let others = move || {
        let (seen, kept, others) = (seen.clone(), kept.clone(), others());
        async move {
            others.await;
            *kept.lock().unwrap() = Some(found(&seen).await);
        }
    };
    let wire = overtaking(calls, others).await;
    let admin = admin.behind(&wire).await;
    let (_, said) = Box::pin(admin.run(command)).await;
    let Some(left) = left.lock().unwrap().take() else {
        return false;
    };
    assert_eq!(found(&directory).await, left, "after {calls} calls: {said}");
    true
}

#[tokio::test]
async fn a_deletion_that_wakes_up_late_leaves_the_next_tenant_alone() {
    for calls in 0.. {
        let (_, directory, admin) = Box::pin(stage()).await;
        Box::pin(disable(&directory, &admin)).await;
        let (admin, directory) = (Arc::new(admin), Arc::new(directory));
        let (other, planted) = (admin.clone(), directory.clone());
        let others = move || {
            let (other, planted) = (other.clone(), planted.clone());
            async move {
                for command in [
                    DELETE,
                    "tenant create acme --again",
                    "key create acme --label next",
                ] {
                    let (code, said) = Box::pin(other.run(command)).await;
                    assert_eq!(code, 0, "{command}: {said}");
                }
                planted.plant_users("acme", 3).await;
            }
        };
        if !overtaken(&admin, directory, calls, DELETE, others).await {
            assert!(calls > 12, "{calls}");
            break;
        }
    }
}

#[tokio::test]
async fn an_import_that_wakes_up_late_changes_nothing() {
    let (_, directory, admin) = Box::pin(stage()).await;
    let folder = Arc::new(Folder::new());
    assert_eq!(Box::pin(admin.run(&export(&folder))).await.0, 0);
    let users = folder.lines("users.ndjson");
    let lena = Arc::new(format!("/Users/{}", users[0]["id"].as_str().unwrap()));
    drop(directory);
    for replaces in [false, true] {
        let command = match replaces {
            false => import(&folder),
            true => format!("{} --replace", import(&folder)),
        };
        for calls in 0.. {
            let (service, target, admin) = Admin::with_service().await;
            Box::pin(disable(&target, &admin)).await;
            let (admin, service) = (Arc::new(admin), Arc::new(service));
            let (other, client) = (admin.clone(), service.clone());
            let (again, lena) = (command.clone(), lena.clone());
            let others = move || {
                let (other, client) = (other.clone(), client.clone());
                let (again, lena) = (again.clone(), lena.clone());
                async move {
                    let (code, said) = Box::pin(other.run(&again)).await;
                    assert_eq!(code, 0, "{said}");
                    let (code, said) = Box::pin(other.run("tenant enable acme")).await;
                    assert_eq!(code, 0, "{said}");
                    set(&client, &lena, "title", "Later".into()).await;
                }
            };
            let directory = Arc::new(target);
            if !overtaken(&admin, directory, calls, &command, others).await {
                assert!(calls > 10, "{calls}");
                break;
            }
        }
    }
}

/// The certificate says what there was, whoever counts late.
#[tokio::test]
async fn a_certificate_is_of_what_there_was_before_the_first_run() {
    for calls in 0.. {
        let (_, directory, admin) = Box::pin(stage()).await;
        Box::pin(disable(&directory, &admin)).await;
        let admin = Arc::new(admin);
        let other = admin.clone();
        let others = move || {
            let other = other.clone();
            async move {
                // Some of it is gone by then.
                Box::pin(other.killed_after(10, DELETE)).await;
            }
        };
        let wire = overtaking(calls, others).await;
        let alice = admin.behind(&wire).await;
        let (code, said) = Box::pin(alice.json(DELETE)).await;
        assert_eq!(code, 0, "after {calls} calls: {said}");
        let (_, stones) = admin.json("tenant list --deleted").await;
        for certificate in [&said, &stones[0]] {
            let (users, keys) = (&certificate["items"]["users"], &certificate["keys"]);
            assert_eq!(
                (users, keys),
                (&3.into(), &1.into()),
                "after {calls}: {certificate}"
            );
        }
        if wire.requests().len() <= calls {
            assert!(calls > 12, "{calls}");
            break;
        }
    }
}

/// An export that another command meets is whole, or none.
#[tokio::test]
async fn an_export_is_of_one_directory() {
    let (_, directory, admin) = Box::pin(stage()).await;
    let before = Arc::new(Folder::new());
    Box::pin(disable(&directory, &admin)).await;
    assert_eq!(Box::pin(admin.run(&export(&before))).await.0, 0);
    let whole = before.lines("items.ndjson").len();
    let (mut calls, mut exports) = (0, 0);
    loop {
        let (_, target, admin) = Admin::with_service().await;
        Box::pin(disable(&target, &admin)).await;
        assert_eq!(Box::pin(admin.run(&import(&before))).await.0, 0);
        let admin = Arc::new(admin);
        let (other, from) = (admin.clone(), before.clone());
        let others = move || {
            let (other, from) = (other.clone(), from.clone());
            async move {
                let command = format!("{} --replace", import(&from));
                Box::pin(other.killed_after(4, &command)).await;
            }
        };
        let wire = overtaking(calls, others).await;
        let folder = Folder::new();
        let alice = admin.behind(&wire).await;
        let (code, said) = Box::pin(alice.run(&export(&folder))).await;
        let is_there = folder.file("manifest.json").exists();
        assert_eq!(code == 0, is_there, "after {calls} calls: {said}");
        if is_there {
            assert_eq!(
                folder.lines("items.ndjson").len(),
                whole,
                "after {calls} calls"
            );
            exports += 1;
        }
        if wire.requests().len() <= calls {
            break;
        }
        calls += 1;
    }
    assert!(calls > 8 && exports < 5, "{calls} {exports}");
}

/// What was begun on a directory ends when the directory is replaced: nothing of it meets the other
/// one.
#[tokio::test]
async fn work_on_a_directory_ends_when_an_import_begins() {
    let (_, directory, admin) = Box::pin(stage()).await;
    let folder = Arc::new(Folder::new());
    Box::pin(disable(&directory, &admin)).await;
    assert_eq!(Box::pin(admin.run(&export(&folder))).await.0, 0);
    let kim = folder.lines("deleted.ndjson");
    let kim = kim.iter().find(|deleted| deleted["userName"] == "kim");
    let kim = kim.unwrap()["id"].as_str().unwrap().to_owned();
    let users = folder.lines("users.ndjson");
    let lena = users[0]["id"].as_str().unwrap();
    for command in [
        "directory check acme --repair --reason x".to_owned(),
        format!("user erase acme {lena} --reason x"),
        format!("user restore acme {kim}"),
        "breaker lift acme --reason x".to_owned(),
    ] {
        for calls in 0.. {
            let (_, target, admin) = Admin::with_service().await;
            Box::pin(disable(&target, &admin)).await;
            assert_eq!(Box::pin(admin.run(&import(&folder))).await.0, 0);
            // Something to mend.
            target.remove("acme", "N#U#userName#max").await;
            let admin = Arc::new(admin);
            let (other, from) = (admin.clone(), folder.clone());
            let others = move || {
                let (other, from) = (other.clone(), from.clone());
                async move {
                    let command = format!("{} --replace", import(&from));
                    assert_eq!(Box::pin(other.killed_after(6, &command)).await, None);
                }
            };
            let directory = Arc::new(target);
            let again = overtaken(&admin, directory.clone(), calls, &command, others).await;
            if !again {
                assert!(calls > 3, "{command}: {calls}");
                break;
            }
            let replace = format!("{} --replace", import(&folder));
            let (code, said) = Box::pin(admin.run(&replace)).await;
            assert_eq!(code, 0, "{command} after {calls} calls: {said}");
        }
    }
}

/// A command that waited too long does nothing to the next tenant of the id.
#[tokio::test]
async fn a_command_of_the_last_tenant_is_none_of_the_next() {
    for command in [
        "key create acme --label stale",
        "tenant enable acme",
        "breaker lift acme --for 30days --reason x",
    ] {
        for calls in 1.. {
            let (_, directory, admin) = Box::pin(stage()).await;
            Box::pin(disable(&directory, &admin)).await;
            let admin = Arc::new(admin);
            let other = admin.clone();
            let others = move || {
                let other = other.clone();
                async move {
                    for command in [
                        DELETE,
                        "tenant create acme --again",
                        "tenant disable acme --reason x",
                    ] {
                        let (code, said) = Box::pin(other.run(command)).await;
                        assert_eq!(code, 0, "{command}: {said}");
                    }
                }
            };
            // The first call reads the tenant; what comes before it is a command of its own.
            if !overtaken(&admin, Arc::new(directory), calls, command, others).await {
                break;
            }
        }
    }
}

/// Of two imports of different things, one is there, and whole.
#[tokio::test]
async fn two_imports_do_not_mix() {
    let (service, directory, admin) = Box::pin(stage()).await;
    let (folder, more) = (Folder::new(), Arc::new(Folder::new()));
    assert_eq!(Box::pin(admin.run(&export(&folder))).await.0, 0);
    service.create_user("later", serde_json::json!({})).await;
    assert_eq!(Box::pin(admin.run(&export(&more))).await.0, 0);
    drop(directory);
    for calls in 0.. {
        let (_, target, admin) = Admin::with_service().await;
        Box::pin(disable(&target, &admin)).await;
        let admin = Arc::new(admin);
        let (other, from) = (admin.clone(), more.clone());
        let others = move || {
            let (other, from) = (other.clone(), from.clone());
            async move {
                let command = format!("{} --replace", import(&from));
                let (code, said) = Box::pin(other.run(&command)).await;
                assert_eq!(code, 0, "{said}");
            }
        };
        let directory = Arc::new(target);
        let is_over = !overtaken(&admin, directory.clone(), calls, &import(&folder), others).await;
        assert_eq!(Box::pin(admin.run("directory check acme")).await.0, 0);
        assert_eq!(
            directory.check("acme").await.users.len(),
            if is_over { 3 } else { 4 },
            "after {calls} calls"
        );
        if is_over {
            assert!(calls > 10, "{calls}");
            break;
        }
    }
}
