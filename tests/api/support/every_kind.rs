//! Not tests: a tenant with an item of every kind that the service writes.

use scim::ResourceId;
use scim::members::MemberChange;
use scim::schema::GROUPS;
use serde_json::{Value, json};
use store::access::{Fetching, StoredKey};
use store::directory::members::{Attributes, ChangeOfMembers};
use store::directory::record::{Actor, ChangeKind, Origin};
use store::secrets::{Successor, Trust};
use store::usage::answers::Answers;
use store::{Gate, Meter, Store};
use tenant::{AccessToken, ApiKey, ClientId, ClientSecret, TenantId};
use time::{Duration, OffsetDateTime};

use crate::support::admin::Admin;
use crate::support::groups::{NOBODY, adding, change, group, path, renaming, replacing, users};
use crate::support::items::BothTables;
use crate::support::service::Service;

/// How long everything is kept: longer than anybody tests with it.
const FOR_EVER: Duration = Duration::days(36_500);

/// More than one transaction makes members, and more than a user leaves in one.
const CROWD: usize = 34;

/// Entra's object id of a user in its recycle bin.
const BIN: &str = "5d1c9b1e6a0f4a5d9a433f4c0f6f3f11";

/// The tenant's key that goes on being accepted.
pub fn key() -> ApiKey {
    ApiKey::from_secret(&acme(), [7; 32])
}

pub fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

/// A service, the operator's command line, and both tables, in which there is everything.
pub async fn every_kind() -> (Service, Admin, BothTables) {
    let (mut service, _, admin) = Admin::with_service().await;
    service.app.config.history_retention = FOR_EVER;
    service.app.config.tombstone_retention = FOR_EVER;
    service.app.config.request_log = Some(FOR_EVER);
    let tables = BothTables::of(admin.prefix()).await;
    // Boxed: together they are more than the stack of a test holds.
    Box::pin(secrets(&service.app.store)).await;
    Box::pin(clients(&service.app.store)).await;
    let crowd = users(&service, "user", CROWD).await;
    run(&admin, "breaker lift acme --for 0s --reason drill").await;
    let others = Box::pin(people(&service, &admin)).await;
    Box::pin(groups(&service, &admin, &crowd, &others)).await;
    Box::pin(usage(&service)).await;
    Box::pin(under_way(&service, &admin, &tables)).await;
    (service, admin, tables)
}

/// An erasure and an import that were ended early, and a tenant that was deleted.
async fn under_way(service: &Service, admin: &Admin, tables: &BothTables) {
    let uma = service.create_user("uma", json!({})).await;
    let erase = format!("user erase acme {uma} --reason drill");
    for calls in 1.. {
        let outcome = Box::pin(admin.killed_after(calls, &erase)).await;
        assert_eq!(outcome, None, "nothing was under way");
        let mut items = tables.items().await.into_iter();
        if items.any(|stored| stored.sort_key().starts_with("X#")) {
            break;
        }
    }
    let (store, meter) = (&service.app.store, Meter::default());
    let now = OffsetDateTime::now_utc();
    run(admin, "tenant create beta").await;
    run(admin, "tenant disable beta --reason drill").await;
    let [beta, gamma] = ["beta", "gamma"].map(|id| TenantId::parse(id).unwrap());
    let later = now + Duration::minutes(2);
    let deletion = account::delete::delete(store, &beta, later, |_| {});
    Box::pin(deletion).await.unwrap();
    let begun = store.create_importing(&gamma, "gamma", ("table drill", false), now, &meter);
    begun.await.unwrap();
}

async fn run(admin: &Admin, command: &str) {
    let (code, said) = admin.run(command).await;
    assert_eq!(code, 0, "{command}: {said}");
}

/// Keys that expire, that were replaced and that were revoked.
async fn secrets(store: &Store) {
    let (now, meter) = (OffsetDateTime::now_utc(), Meter::default());
    let [one, two, three] = [1, 2, 3].map(|secret| ApiKey::from_secret(&acme(), [secret; 32]));
    let ends = Some(now + FOR_EVER);
    for (key, label, expires) in [
        (&key(), "entra", None),
        (&one, "old", ends),
        (&two, "older", ends),
    ] {
        let created = store.create_key(key, label, now, expires, &meter);
        created.await.unwrap();
    }
    let successor = Successor {
        old: Some(one.id()),
        overlap: Duration::days(7),
        expires: ends,
        ..Successor::default()
    };
    let rotated = store.rotate_key(&three, &successor, now, &meter);
    rotated.await.unwrap();
    let (acme, two) = (acme(), two.id());
    store.revoke_key(&acme, &two, now, &meter).await.unwrap();
}

/// A client with a secret and a trust, a token, and web keys.
async fn clients(store: &Store) {
    let (meter, gate, acme) = (Meter::default(), Gate::opened(), acme());
    let (now, client) = (
        OffsetDateTime::now_utc(),
        ClientId::from_random(&acme, [1; 6]),
    );
    let (secret, ends) = (ClientSecret::from_secret(&acme, [4; 32]), now + FOR_EVER);
    let created = store.create_secret(&client, &secret, "entra", now, Some(ends), &meter);
    created.await.unwrap();
    let issuer = "https://login.microsoftonline.com/0f5e2b0c-3c5b-4d0e-9d37-6f1c8a2b7e10/v2.0";
    let trust = Trust {
        issuer: issuer.to_owned(),
        subject: "5b1d7a60-7a52-4c0f-8c3e-2f9e0d4b6a11".to_owned(),
        audiences: vec!["a4c1e8d2-96b3-4f7a-b1d5-3e8f7c2a9b12".to_owned()],
    };
    let trusted = store.create_trust(&client, &trust, now, &meter);
    trusted.await.unwrap();
    let found = store.client_secret(&client, &secret, now, &meter);
    let since = found.await.unwrap().unwrap().created;
    let directory = store.tenant(&acme, &meter, &gate);
    let token = AccessToken::from_secret(&client, secret.digest(), [5; 32]);
    let issued = directory.issue_token(&token, since, now, ends);
    issued.await.unwrap();
    let keys = [StoredKey {
        kid: "1".to_owned(),
        n: "AQAB".to_owned(),
        e: "AQAB".to_owned(),
    }];
    for why in [Fetching::Stale, Fetching::Unknown] {
        let claimed = directory.claim_fetch(issuer, why, now - FOR_EVER, now);
        assert!(claimed.await.unwrap());
    }
    let noted = directory.note_failed_fetch(issuer, now);
    noted.await.unwrap();
    let stored = directory.store_web_keys(issuer, &keys, now, ends, ends);
    stored.await.unwrap();
}

/// Users with everything, deactivated, in the recycle bin, deleted and restored; a refused request.
async fn people(service: &Service, admin: &Admin) -> [String; 3] {
    let whole = json!({
        "externalId": "x-lena",
        "displayName": "Lena",
        "active": true,
        "name": {"givenName": "Lena", "familyName": "Berg"},
        "emails": [{"value": "lena@crew.example", "type": "work", "primary": true}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "7",
            "department": "North",
        },
    });
    let lena = service.create_user("lena@crew.example", whole).await;
    let again = json!({"userName": "lena@crew.example"});
    service
        .post("/Users", again.clone())
        .await
        .error(409, "uniqueness");
    let several = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "POST", "path": "/Users", "bulkId": "1", "data": again}],
    });
    let done = service.post("/Bulk", several).await;
    assert_eq!(done.body["Operations"][0]["status"], "409", "{}", done.body);
    let kim = service.create_user("kim", json!({})).await;
    set(service, &kim, "active", false.into()).await;
    set(service, &kim, "userName", format!("{BIN}kim").into()).await;
    let max = service.create_user("max", json!({})).await;
    assert_eq!(service.delete(&format!("/Users/{max}")).await.status, 204);
    run(
        admin,
        &format!("user restore acme {max} --history-days 3650"),
    )
    .await;
    [lena, kim, max]
}

async fn set(service: &Service, user: &str, name: &str, value: Value) {
    let operation = json!([{"op": "replace", "path": name, "value": value}]);
    let answer = service.patch(&format!("/Users/{user}"), operation).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// Groups that are changed by a few and by many, one whose change is decided and not carried out,
/// and a deleted one; users who leave their groups, and one who comes back.
async fn groups(service: &Service, admin: &Admin, crowd: &[String], others: &[String; 3]) {
    let [lena, kim, max] = others;
    let north = group(service, "North", &[]).await;
    let members = json!([{"op": "add", "path": "members", "value": [
        {"value": lena, "display": "Lena B."}, {"value": max}, {"value": NOBODY},
    ]}]);
    change(service, &north, members).await;
    change(service, &north, replacing(&[lena.clone(), kim.clone()])).await;
    change(service, &north, renaming("North Crew")).await;
    let undo = format!("group members acme {north} --undo-since 1h --history-days 3650");
    run(admin, &undo).await;
    let old = group(service, "Old", std::slice::from_ref(lena)).await;
    assert_eq!(service.delete(&path(&old)).await.status, 204);

    let south = group(service, "South", &[]).await;
    change(service, &south, replacing(crowd)).await;
    // Two who leave more groups than the deletion has room for, one of whom comes back to more than
    // the restoration has room for, and one in a few.
    for (name, is_back) in [("mo", false), ("ro", true)] {
        let addresses: Value = (0..40)
            .map(|number| json!({"value": format!("{name}{number}@crew.example")}))
            .collect();
        let user = service
            .create_user(name, json!({"emails": addresses}))
            .await;
        for number in 0..20 {
            let name = format!("Crew {number} of {name}");
            group(service, &name, std::slice::from_ref(&user)).await;
        }
        assert_eq!(service.delete(&format!("/Users/{user}")).await.status, 204);
        if is_back {
            let restore = format!("user restore acme {user} --history-days 3650");
            run(admin, &restore).await;
        }
    }
    change(service, &south, adding(max)).await;
    assert_eq!(service.delete(&format!("/Users/{max}")).await.status, 204);
    run(
        admin,
        &format!("user restore acme {max} --history-days 3650"),
    )
    .await;

    let west = group(service, "West", &[]).await;
    decide(&service.app.store, &west, crowd).await;
    let gone = format!("/Users/{}", crowd[0]);
    assert_eq!(service.delete(&gone).await.status, 204);
}

/// Decides a large change that makes users members of a group, and does not carry it out.
async fn decide(store: &Store, group: &str, users: &[String]) {
    let (meter, gate, acme) = (Meter::default(), Gate::opened(), acme());
    let store = store.tenant(&acme, &meter, &gate);
    let id = |text: &str| ResourceId::parse(text).unwrap();
    let group = store.get(&GROUPS, &id(group)).await.unwrap().unwrap();
    let members = MemberChange::adding(users.iter().map(|user| (id(user), None)));
    let now = OffsetDateTime::now_utc().truncate_to_millisecond();
    let origin = Origin {
        actor: Actor::Operator,
        operation: ChangeKind::Patch,
        request_id: "decided".to_owned(),
        at: now,
        expires: now + FOR_EVER,
        entry: None,
    };
    let change = ChangeOfMembers {
        group: &group,
        attributes: Attributes::Unchanged,
        members: &members,
        id: &id(&uuid::Uuid::new_v4().to_string()),
        origin: &origin,
        is_conditional: false,
    };
    assert!(store.change_members(change).await.unwrap().is_pending);
}

/// When a key was used, and how fast.
async fn usage(service: &Service) {
    let (meter, gate, acme) = (Meter::default(), Gate::opened(), acme());
    let store = service.app.store.tenant(&acme, &meter, &gate);
    let now = OffsetDateTime::now_utc();
    store.note_use(&key().id(), now).await.unwrap();
    store.lease(&key().id(), 1, 50).await.unwrap();
    let mut answers = Answers::none(now, now + FOR_EVER);
    answers.succeeded = 1;
    store.count_answers(&answers).await.unwrap();
}
