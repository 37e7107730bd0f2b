//! What the operator's command line asks of the store: tenants and keys, the check of a directory
//! and its repair, its history, and the restoration of users.

use scim::ResourceId;
use scim::schema::{GROUPS, ResourceType, USERS};
use serde_json::{Value, json};
use store::directory::history::Span;
use store::directory::record::{Actor, ChangeKind, Origin};
use store::secrets::{Act, Successor};
use store::{Gate, Meter, Store, StoreError, TenantStore};
use tenant::{ApiKey, TenantId};
use time::{Duration, OffsetDateTime};

use super::operations::{self, Breadth, Operation};
use super::refusal::Refusal;
use super::request::Request;
use super::sessions::{self, Step};
use super::tenants::{Fixture, Found, Item, Tenant, Users};

/// What the operator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    CreateTenant,
    FindTenant,
    ListTenants,
    Disable,
    CreateKey,
    ListKeys,
    RevokeKey,
    RotateKey,
    ListAllKeys,
    LastUses,
    LatestChange,
    Check,
    Repair,
    /// The same, where the members of a group are damaged.
    RepairMembers,
    /// Carries out what is decided and not carried out.
    CarryOut,
    History,
    Life,
    Tombstones,
    Restore,
    RestoreGroup,
    LiftBreaker,
    Migrate,
    ShowBreaker,
    ListRefusals,
    Erase,
    /// The same, where a lookup was left behind.
    EraseAfterDamage,
    DeleteTenant,
    DeletedTenants,
    EndKey,
    Export,
    Import,
    ListAnswers,
    ListRequests,
    /// The erasure under way of somebody who had a name.
    FindErasure,
    /// The change records of which events are made.
    Outbox,
    /// Who is in which group.
    Memberships,
    /// An act of several steps, on the operator's log.
    Act,
    /// The operator's log.
    Log,
    /// The deletion of a tenant that an old release disabled, which did not note when.
    DeleteOld,
    /// A step on the way into the settings page.
    Settings(Step),
}

const KEY: [u8; 32] = [8; 32];

fn nova(tenant: &TenantId) -> TenantId {
    TenantId::parse(&format!("new-{tenant}")).unwrap()
}

/// Runs a command. The value is what the operator is shown, as far as it does not depend on the
/// time or on other tenants.
pub async fn run(
    fixture: &Fixture,
    store: &Store,
    tenant: &Tenant,
    command: Command,
) -> Result<Value, Refusal> {
    let users = &fixture.users;
    let (meter, gate) = (Meter::default(), Gate::opened());
    let now = OffsetDateTime::now_utc().truncate_to_millisecond();
    let id = &tenant.id;
    let directory = store.tenant(id, &meter, &gate);
    let lena = ResourceId::parse(&users.lena).unwrap();
    Ok(match command {
        Command::CreateTenant => {
            let created = store.create_tenant(&nova(id), "New", now, &meter).await?;
            json!(created.enabled)
        }
        Command::FindTenant => json!(store.find_tenant(id, &meter).await?.active_keys),
        Command::ListTenants => {
            let tenants = store.list_tenants(&meter).await?;
            json!(tenants.iter().any(|other| other.id == *id))
        }
        Command::Disable => json!(store.set_enabled(id, false, &meter).await?.enabled),
        Command::CreateKey => {
            let key = ApiKey::from_secret(id, KEY);
            let created = store.create_key(&key, "next", now, None, &meter).await?;
            json!(created.label)
        }
        Command::ListKeys => json!(store.list_keys(id, &meter).await?.len()),
        Command::RevokeKey => {
            let key = tenant.key.digest().key_id();
            let revoked = store.revoke_key(id, &key, now, &meter).await?;
            json!(revoked.revoked.is_some())
        }
        Command::RotateKey => {
            let key = ApiKey::from_secret(id, KEY);
            let successor = Successor::default();
            let rotation = store.rotate_key(&key, &successor, now, &meter).await?;
            json!(rotation.old.expires.is_some())
        }
        Command::ListAllKeys => {
            let keys = store.list_all_keys(&meter).await?;
            json!(keys.iter().any(|key| key.tenant == *id))
        }
        Command::LastUses => json!(directory.last_uses().await?.len()),
        Command::LatestChange => {
            let latest = Box::pin(directory.latest_changes(None, 100)).await?;
            json!([
                directory.latest_change().await?.is_some(),
                latest.found.len()
            ])
        }
        Command::Check => {
            let audit = Box::pin(directory.audit(now)).await?;
            json!([audit.resources, audit.defects.len()])
        }
        Command::Repair | Command::RepairMembers => {
            for _ in 0..3 {
                for defect in directory.audit(now).await?.defects {
                    directory.repair(&defect).await?;
                }
            }
            json!(directory.audit(now).await?.defects.len())
        }
        Command::CarryOut => {
            store.pending_of_all(&meter).await?;
            Box::pin(directory.finish_all()).await?;
            json!(directory.pending_changes().await?.len())
        }
        Command::History => {
            let span = Span {
                from: OffsetDateTime::UNIX_EPOCH,
                to: now + Duration::DAY,
            };
            let mut count = 0;
            let counted = Box::pin(directory.history(span, |_| {
                count += 1;
                true
            }));
            counted.await?;
            json!(count)
        }
        Command::Outbox => {
            let span = Span {
                from: OffsetDateTime::UNIX_EPOCH,
                to: now + Duration::DAY,
            };
            let page = Box::pin(directory.outbox_page(span, None));
            json!(page.await?.0.len())
        }
        Command::Memberships => {
            let mut count = 0;
            Box::pin(directory.all_memberships(|_, _, _| count += 1)).await?;
            json!(count)
        }
        Command::Life => json!(Box::pin(directory.life(&USERS, &lena)).await?.len()),
        Command::Tombstones => {
            let mut count = 0;
            directory.tombstones(&USERS, |_| count += 1).await?;
            json!(count)
        }
        Command::Restore => json!(restore(&directory, &USERS, &lena).await?),
        Command::RestoreGroup => {
            let crew = ResourceId::parse(&users.crew).unwrap();
            json!(restore(&directory, &GROUPS, &crew).await?)
        }
        Command::Erase | Command::EraseAfterDamage => {
            let origin = origin(ChangeKind::Erase);
            let erased = Box::pin(directory.erase(&lena, &origin, false, |_| {})).await?;
            json!(erased.is_some())
        }
        Command::Settings(step) => {
            let sessions = store.sessions(&fixture.sessions_table());
            return sessions::take(&sessions, id, step).await;
        }
        Command::DeleteTenant | Command::DeleteOld => {
            let deletion = Box::pin(account::delete::delete(store, id, now, |_| {})).await;
            json!(deletion.map(|deletion| deletion.stone.keys)?)
        }
        Command::DeletedTenants => {
            let stones = store.list_deleted_tenants(&meter).await?;
            json!([stones.len(), store.stone(id, &meter).await?.is_some()])
        }
        Command::EndKey => {
            let key = tenant.key.digest().key_id();
            json!(
                store
                    .end_key(id, &key, now, &meter)
                    .await?
                    .expires
                    .is_some()
            )
        }
        Command::Export => {
            let mut lines = 0;
            directory
                .lines(|_| {
                    lines += 1;
                    Ok::<_, StoreError>(())
                })
                .await?;
            json!(lines)
        }
        Command::Import => {
            let mut lines = Vec::new();
            directory
                .lines(|line| {
                    lines.push(line.to_owned());
                    Ok::<_, StoreError>(())
                })
                .await?;
            let has_items = directory.has_items().await?;
            let into = store.may_be_imported(id, now, &meter).await?;
            let begin = store.begin_import(&into, "an export", false, now, &meter);
            let (hold, begun) = begin.await?;
            let mut written = directory.writing(&hold)?;
            for line in &lines {
                written.add_line(line).await?;
            }
            written.end().await?;
            store.note_removed(id, &hold, &meter).await?;
            let done = (&begun, "done");
            store.end_import(id, &hold, done, now, &meter).await?;
            json!(has_items)
        }
        Command::LiftBreaker => {
            let until = OffsetDateTime::UNIX_EPOCH + Duration::days(36_500);
            directory.lift_breakers(&[&USERS], until).await?;
            json!(null)
        }
        Command::Migrate => {
            store.migrate_secrets(id, false, &meter).await?;
            directory.migrate(false).await?;
            json!(store.tenant_ids(&meter).await?.contains(id))
        }
        Command::ShowBreaker => {
            let breaker = directory.breaker(&USERS).await?;
            json!(
                breaker
                    .window(OffsetDateTime::now_utc())
                    .map(|window| window.used)
            )
        }
        Command::ListRefusals => {
            let refusals = directory.refusals(OffsetDateTime::UNIX_EPOCH).await?;
            json!(refusals.len())
        }
        Command::ListAnswers => {
            let answers = directory.answers(OffsetDateTime::UNIX_EPOCH).await?;
            json!(answers.len())
        }
        Command::FindErasure => {
            json!(directory.unfinished_erasure_of("lena").await?.is_some())
        }
        Command::ListRequests => {
            let (from, to) = (OffsetDateTime::UNIX_EPOCH, now + Duration::days(1));
            let mut requests = 0;
            let visit = |_| {
                requests += 1;
                true
            };
            directory.requests(Span { from, to }, visit).await?;
            let latest = Box::pin(directory.latest_requests(None, 100)).await?;
            json!([requests, latest.found.len()])
        }
        Command::Act => {
            let begun = store.begin_act(id, Act::Erase, None, None, &meter).await?;
            store.complete_act(&begun, "done", &meter).await?;
            json!(null)
        }
        Command::Log => {
            let since = OffsetDateTime::UNIX_EPOCH;
            let mut count = 0;
            let counted = store.operator_log(id, since, &meter, |_| count += 1);
            counted.await?;
            let all = store.operator_log_of_all(since, &meter).await?;
            let latest = store.latest_of_operator_log(id, 100, &meter).await?;
            json!([
                count,
                latest.len(),
                all.iter().filter(|entry| entry.tenant == *id).count()
            ])
        }
    })
}

/// Restores a deleted resource. The value is its version.
async fn restore(
    directory: &TenantStore<'_>,
    resource_type: &ResourceType,
    id: &ResourceId,
) -> Result<u64, Refusal> {
    let Some(tombstone) = directory.tombstone(resource_type, id).await? else {
        return Err(Refusal::Final("there is no tombstone".to_owned()));
    };
    let restored = directory
        .restore(resource_type, &tombstone, &origin(ChangeKind::Restore))
        .await?;
    Ok(restored.stored.meta.version)
}

fn origin(operation: ChangeKind) -> Origin {
    let now = OffsetDateTime::now_utc().truncate_to_millisecond();
    Origin {
        actor: Actor::Operator,
        operation,
        request_id: uuid::Uuid::new_v4().to_string(),
        at: now,
        expires: now + Duration::days(90),
        entry: None,
    }
}

/// Brings a tenant into the state that a command is for.
pub async fn prepare(fixture: &Fixture, tenant: &Tenant, command: Command) {
    let id = tenant.id.as_str();
    match command {
        Command::Repair => {
            let lookup = format!("L#U#externalId#x-lena#{}", fixture.users.lena);
            let counter = format!("C#U#{}", &fixture.users.max[..2]);
            fixture.directory.remove(id, &lookup).await;
            fixture.directory.remove(id, "N#U#userName#lena").await;
            fixture
                .directory
                .plant_count(id, &counter, "count", 7)
                .await;
        }
        Command::RepairMembers => {
            let Users { lena, crew, .. } = &fixture.users;
            let shard = format!("G#{crew}#{}", &fixture.users.max[..1]);
            fixture
                .directory
                .remove(id, &format!("I#{lena}#{crew}"))
                .await;
            fixture.directory.plant_count(id, &shard, "count", 7).await;
        }
        Command::RestoreGroup => {
            let calm = fixture.calm(tenant);
            let path = format!("/Groups/{}", fixture.users.crew);
            assert_eq!(calm.delete(&path).await.status, 204);
        }
        Command::EraseAfterDamage => {
            let stray = format!("L#U#externalId#x-former#{}", fixture.users.lena);
            fixture.directory.plant(id, &stray, &[]).await;
        }
        Command::Settings(step) => sessions::prepare(fixture, tenant, step).await,
        Command::DeleteOld => {
            let store = &fixture.calm(tenant).app.store;
            let meter = Meter::default();
            store.set_enabled(&tenant.id, false, &meter).await.unwrap();
            fixture.directory.forget_disabled(id).await;
        }
        Command::DeleteTenant | Command::Import => {
            let store = &fixture.calm(tenant).app.store;
            let meter = Meter::default();
            store.set_enabled(&tenant.id, false, &meter).await.unwrap();
            let directory = &fixture.directory;
            directory.plant_disabled(id, "2026-01-01T00:00:00Z").await;
            if matches!(command, Command::Import) {
                let now = OffsetDateTime::now_utc();
                let into = store.may_be_imported(&tenant.id, now, &meter);
                let into = into.await.unwrap();
                let begun = store.begin_import(&into, "an export", true, now, &meter);
                begun.await.unwrap();
            }
        }
        Command::Migrate => {
            fixture
                .age(tenant, &format!("U#{}", fixture.users.lena))
                .await
        }
        Command::Restore | Command::Tombstones => {
            let calm = fixture.calm(tenant);
            let path = format!("/Users/{}", fixture.users.lena);
            assert_eq!(calm.delete(&path).await.status, 204);
        }
        _ => {}
    }
}

pub fn read(name: &'static str, command: Command) -> Operation {
    Operation {
        name,
        request: Request::Operator(command),
        status: 200,
        change: None,
        rivals: Vec::new(),
        breadth: Breadth::Whole,
    }
}

pub fn change(
    name: &'static str,
    command: Command,
    again: u16,
    is_made: fn(&Users, &Found) -> bool,
) -> Operation {
    let request = Request::Operator(command);
    Operation::changes(name, request, [200, again], operations::USERS, is_made)
}

/// Commands that read.
pub fn reads(_: &Users) -> Vec<Operation> {
    vec![
        read("tenant", Command::FindTenant),
        read("tenant list", Command::ListTenants),
        read("key list", Command::ListKeys),
        read("key list of all tenants", Command::ListAllKeys),
        read("last uses", Command::LastUses),
        read("latest change", Command::LatestChange),
        read("directory check", Command::Check),
        read("history", Command::History),
        read("change records for events", Command::Outbox),
        read("memberships", Command::Memberships),
        read("life of a user", Command::Life),
        read("tombstones", Command::Tombstones),
        read("breaker", Command::ShowBreaker),
        read("refusals", Command::ListRefusals),
        read("answers", Command::ListAnswers),
        read("requests", Command::ListRequests),
        read("erasure under way", Command::FindErasure),
        read("operator's log", Command::Log),
        read("tenant list of deleted ones", Command::DeletedTenants),
        read("tenant export", Command::Export),
    ]
}

/// Commands that change something.
pub fn changes(_: &Users) -> Vec<Operation> {
    vec![
        change("tenant create", Command::CreateTenant, 400, |_, found| {
            on_record(found, "createTenant", found.has_new_tenant)
        }),
        change("tenant disable", Command::Disable, 200, |_, found| {
            let is_disabled = found.secrets["TENANT"]["enabled"].as_bool() == Ok(&false);
            on_record(found, "disableTenant", is_disabled)
        }),
        change("key create", Command::CreateKey, 400, |_, found| {
            on_record(found, "createKey", found.secrets.len() == 3)
        }),
        change("key revoke", Command::RevokeKey, 200, |_, found| {
            let mut keys = found.secrets.values();
            let is_revoked = keys.any(|key| key.contains_key("revoked"));
            on_record(found, "revokeKey", is_revoked)
        }),
        change("key rotate", Command::RotateKey, 400, |_, found| {
            let has_ended = |key: &&Item| key.contains_key("expires");
            let ended = found.secrets.values().filter(has_ended).count();
            assert_eq!(found.secrets.len(), 2 + ended, "half of a rotation");
            on_record(found, "rotateKey", ended == 1)
        }),
        change("directory repair", Command::Repair, 200, is_repaired),
        change("restore", Command::Restore, 400, |users, found| {
            found.users.contains_key(&users.lena)
        }),
        change("breaker lift", Command::LiftBreaker, 200, |_, found| {
            let breaker = found.items.get("B#U");
            let is_lifted = breaker.is_some_and(|breaker| breaker.contains_key("lifted_until"));
            on_record(found, "liftBreaker", is_lifted)
        }),
        change("act of several steps", Command::Act, 200, |_, found| {
            found.acts.iter().any(|act| act == "erase completed")
        }),
        change("migrate", Command::Migrate, 200, |users, found| {
            let user = &found.items[&format!("U#{}", users.lena)];
            [user, &found.secrets["TENANT"]]
                .iter()
                .all(|item| item.contains_key("f"))
        }),
    ]
}

/// The same operation, which leaves so many users.
fn with_users(mut operation: Operation, users: usize) -> Operation {
    if let Some(change) = &mut operation.change {
        change.users = users;
    }
    operation.with(Breadth::FewOfReads)
}

fn erase(name: &'static str, command: Command) -> Operation {
    let erase = change(name, command, 200, |users, found| {
        let is_under_way = found.items.keys().any(|key| key.starts_with("X#"));
        let is_found = found
            .items
            .keys()
            .any(|key| key.starts_with("L#") && key.ends_with(&users.lena));
        !found.users.contains_key(&users.lena) && !is_under_way && !is_found
    });
    with_users(erase, operations::USERS - 1)
}

/// Commands that take data away or bring it back.
pub fn of_data(_: &Users) -> Vec<Operation> {
    vec![
        erase("user erase", Command::Erase),
        erase("user erase after damage", Command::EraseAfterDamage).with(Breadth::FewOfWrites),
        with_users(
            change("tenant delete", Command::DeleteTenant, 200, |_, found| {
                found.secrets.contains_key("DELETED") && found.items.is_empty()
            }),
            0,
        ),
        // It is refused, and deleted once that is noted for a while.
        Operation::changes(
            "tenant delete of an old release",
            Request::Operator(Command::DeleteOld),
            [400, 400],
            operations::USERS,
            |_, found| found.secrets["TENANT"].contains_key("disabled"),
        ),
        with_users(
            change("tenant import", Command::Import, 200, |_, found| {
                !found.secrets["TENANT"].contains_key("importing")
            }),
            operations::USERS,
        ),
        change("end of a key", Command::EndKey, 200, |_, found| {
            let mut keys = found.secrets.values();
            let has_ended = keys.any(|key| key.contains_key("expires"));
            on_record(found, "endKey", has_ended)
        }),
    ]
}

/// Whether a change was made; it is on the operator's log exactly if it was.
pub fn on_record(found: &Found, act: &str, is_made: bool) -> bool {
    let entries = found.acts.iter().filter(|entry| *entry == act).count();
    assert_eq!(entries > 0, is_made, "{act} and its entry");
    is_made
}

/// Commands for groups and their members.
pub fn of_groups(_: &Users) -> Vec<Operation> {
    vec![
        read("directory check of groups", Command::Check).with(Breadth::FewOfReads),
        change(
            "directory repair of members",
            Command::RepairMembers,
            200,
            |users, found| {
                let Users {
                    lena, max, crew, ..
                } = users;
                let shard = &found.items[&format!("G#{crew}#{}", &max[..1])];
                let is_counted = shard["count"].as_n().map(String::as_str) != Ok("7");
                is_counted && found.items.contains_key(&format!("I#{lena}#{crew}"))
            },
        )
        .with(Breadth::FewOfReads),
        erase("user erase of a member", Command::Erase),
        change(
            "restore of a group",
            Command::RestoreGroup,
            400,
            |users, found| found.members.contains_key(&users.crew),
        ),
    ]
}

/// The same where a change is decided and not carried out.
pub fn of_pending(users: &Users) -> Vec<Operation> {
    let mut carry_out = change("carry out", Command::CarryOut, 200, |users, found| {
        !found.items.contains_key(&format!("J#{}", users.crew))
    });
    if let Some(change) = &mut carry_out.change {
        change.users += users.crowd.len();
    }
    vec![carry_out.with(Breadth::FewOfReads)]
}

fn is_repaired(users: &Users, found: &Found) -> bool {
    let lookup = format!("L#U#externalId#x-lena#{}", users.lena);
    let counter = &found.items[&format!("C#U#{}", &users.max[..2])];
    found.items.contains_key(&lookup)
        && found.items.contains_key("N#U#userName#lena")
        && counter["count"].as_n().map(String::as_str) != Ok("7")
}
