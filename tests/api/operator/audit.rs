//! The operator's audit finds every kind of damage, repairs it, and leaves correct data alone.

use serde_json::json;
use stand::wire::Wire;
use store::audit::{Audit, Defect, DefectKind};
use store::{Gate, Meter, TenantStore};
use tenant::TenantId;

use crate::support::clock::{passing_unanswered, passing_when_idle};
use crate::support::directory::{DirectoryTable, number};
use crate::support::engine;
use crate::support::service::Service;

/// A service whose requests the clock knows of, and the table under it.
pub async fn start() -> (Service, DirectoryTable) {
    let wire = Wire::passing(engine::endpoint()).await;
    let (service, directory, _) = DirectoryTable::at(&wire.endpoint).await;
    (service, directory)
}

/// What an audit finds. Its pauses, in which what looks wrong has to hold still, take no time.
pub async fn audit(store: &TenantStore<'_>) -> Audit {
    let audit = store.audit(time::OffsetDateTime::now_utc());
    passing_when_idle(Box::pin(audit)).await.unwrap()
}

/// Whether a defect is repaired, in the same way. Where nothing can be done nothing is asked.
pub async fn repair(store: &TenantStore<'_>, defect: &Defect) -> bool {
    passing_unanswered(Box::pin(store.repair(defect)))
        .await
        .unwrap()
}

/// What the audit finds, by kind; then repairs until there is nothing left to repair.
async fn audit_and_repair(service: &Service) -> Vec<DefectKind> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let acme = TenantId::parse("acme").unwrap();
    let store = service.app.store.tenant(&acme, &meter, &gate);
    let mut found = Vec::new();
    loop {
        let audit = audit(&store).await;
        if audit.defects.is_empty() {
            return found;
        }
        for defect in &audit.defects {
            assert!(!defect.to_string().contains("lena"), "{defect}");
            let repaired = repair(&store, defect).await;
            assert!(repaired, "{defect}");
            found.push(defect.kind);
        }
    }
}

/// What the audit finds, none of which can be repaired.
async fn defects(service: &Service) -> Vec<DefectKind> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let acme = TenantId::parse("acme").unwrap();
    let store = service.app.store.tenant(&acme, &meter, &gate);
    let audit = audit(&store).await;
    let mut kinds = Vec::new();
    for defect in &audit.defects {
        kinds.push(defect.kind);
        if kinds.len() == 1 {
            let repaired = repair(&store, defect).await;
            assert!(!repaired, "{defect}");
        }
    }
    kinds
}

async fn lena(service: &Service) -> String {
    let attributes = json!({"externalId": "x-1", "emails": [{"value": "lena@crew.example"}]});
    service.create_user("lena", attributes).await
}

#[tokio::test]
async fn a_directory_in_use_has_no_defects() {
    let (service, _) = start().await;
    let id = lena(&service).await;
    let other = service.create_user("max", json!({})).await;
    let path = format!("/Users/{id}");
    let recycled = format!("{}lena", "0123456789abcdef".repeat(2));
    for name in ["lena.vega", "LENA", "lena", &recycled] {
        let operation = json!([{"op": "replace", "path": "userName", "value": name}]);
        assert_eq!(service.patch(&path, operation).await.status, 200);
    }
    assert_eq!(service.delete(&format!("/Users/{other}")).await.status, 204);
    assert_eq!(audit_and_repair(&service).await, []);
}

#[tokio::test]
async fn every_kind_of_damage_is_found_and_mended() {
    let (service, directory) = start().await;
    let id = lena(&service).await;
    let max = service.create_user("max", json!({})).await;
    let (coarse, fine) = (format!("C#U#{}", &id[..2]), format!("F#U#{}", &id[..4]));
    let lookup = format!("L#U#externalId#x-1#{id}");
    let count = i64::from(max[..2] == id[..2]) + 1;

    directory.remove("acme", &lookup).await;
    assert_eq!(
        service
            .get("/Users?filter=externalId+eq+%22x-1%22")
            .await
            .ids(),
        [""; 0]
    );
    assert_eq!(
        audit_and_repair(&service).await,
        [DefectKind::MissingLookup]
    );
    assert_eq!(
        service
            .get("/Users?filter=externalId+eq+%22x-1%22")
            .await
            .ids(),
        [id.as_str()]
    );

    directory
        .plant("acme", &format!("L#U#externalId#gone#{id}"), &[])
        .await;
    directory
        .plant(
            "acme",
            "L#U#externalId#gone#2819c223-7f76-453a-919d-413861904646",
            &[],
        )
        .await;
    assert_eq!(
        audit_and_repair(&service).await,
        [DefectKind::StrayLookup; 2]
    );

    directory.remove("acme", "N#U#userName#lena").await;
    assert_eq!(audit_and_repair(&service).await, [DefectKind::MissingGuard]);
    service
        .post("/Users", json!({"userName": "Lena"}))
        .await
        .error(409, "uniqueness");

    // An unused name is blocked; a name in use has the wrong holder.
    directory
        .plant("acme", "N#U#userName#ghost", &[("holder", &id)])
        .await;
    assert_eq!(audit_and_repair(&service).await, [DefectKind::StrayGuard]);
    service.create_user("ghost", json!({})).await;
    directory
        .plant("acme", "N#U#userName#lena", &[("holder", &max)])
        .await;
    assert_eq!(
        audit_and_repair(&service).await,
        [DefectKind::StrayGuard, DefectKind::MissingGuard]
    );

    directory
        .plant_count("acme", &coarse, "count", count + 5)
        .await;
    directory.remove("acme", &fine).await;
    assert_eq!(
        audit_and_repair(&service).await,
        [DefectKind::WrongCount; 2]
    );
    assert_eq!(service.get("/Users?count=0").await.body["totalResults"], 3);

    // A negative counter, or a wrong number of active users.
    directory.plant_count("acme", &fine, "count", -1).await;
    assert_eq!(audit_and_repair(&service).await, [DefectKind::WrongCount]);
    directory.plant_count("acme", &coarse, "active", 40).await;
    assert_eq!(audit_and_repair(&service).await, [DefectKind::WrongCount]);

    // A user who exists and is deleted at the same time.
    assert_eq!(service.delete(&format!("/Users/{max}")).await.status, 204);
    let (tombstone, of_lena) = (format!("D#U#{max}"), format!("D#U#{id}"));
    directory.plant_copy("acme", &tombstone, &of_lena).await;
    assert_eq!(
        audit_and_repair(&service).await,
        [DefectKind::StrayTombstone]
    );
    directory.check("acme").await;
}

/// What cannot be recovered is reported and left alone.
#[tokio::test]
async fn damage_beyond_repair_is_told() {
    let (service, directory) = start().await;
    let id = lena(&service).await;
    service.create_user("max", json!({})).await;
    let path = format!("/Users/{id}");
    for title in ["Lead", "Digger"] {
        let operation = json!([{"op": "replace", "path": "title", "value": title}]);
        assert_eq!(service.patch(&path, operation).await.status, 200);
    }
    let items = directory.items("acme").await;
    let record = |version: u32| {
        let end = format!("#U#{id}#{version}");
        let is_it = |sort_key: &&String| sort_key.starts_with("E#") && sort_key.ends_with(&end);
        items.keys().find(is_it).unwrap().clone()
    };
    for (version, lost) in [(3, "latest"), (2, "one between")] {
        let sort_key = record(version);
        let copy = format!("R#{lost}");
        directory.plant_copy("acme", &sort_key, &copy).await;
        directory.remove("acme", &sort_key).await;
        assert_eq!(
            defects(&service).await,
            [DefectKind::MissingRecord],
            "{lost}"
        );
        directory.plant_copy("acme", &copy, &sort_key).await;
        assert_eq!(defects(&service).await, [], "{lost}");
    }
    // A record of a version that was never made, and one of a user who never existed.
    let nobody = "2819c223-7f76-453a-919d-413861904646";
    for stray in [
        record(3).replace("#3", "#4"),
        record(1).replace(&id, nobody),
    ] {
        directory.plant_copy("acme", &record(1), &stray).await;
        assert_eq!(
            defects(&service).await,
            [DefectKind::StrayRecord],
            "{stray}"
        );
        directory.remove("acme", &stray).await;
    }
    for unreadable in [
        "U#no-id",
        "E#then",
        "C#U#zz",
        "N#U#userName#x",
        "B#U",
        "D#U#x",
    ] {
        directory
            .plant("acme", unreadable, &[("step", "soon")])
            .await;
        assert_eq!(
            defects(&service).await,
            [DefectKind::Unreadable],
            "{unreadable}"
        );
        directory.remove("acme", unreadable).await;
    }
    directory
        .plant("acme", &format!("U#{id}"), &[("document", "{")])
        .await;
    assert!(defects(&service).await.contains(&DefectKind::Unreadable));
}

/// DynamoDB removes expired items within days and in any order, and the retention of records may
/// change. None of that is damage.
#[tokio::test]
async fn records_that_have_ended_are_not_missed() {
    let (mut service, directory) = start().await;
    let old = service.create_user("old", json!({})).await;
    let changed = service.create_user("changed", json!({})).await;
    service.app.config.history_retention = time::Duration::days(30);
    let path = format!("/Users/{changed}");
    let operation = json!([{"op": "replace", "path": "title", "value": "Lead"}]);
    assert_eq!(service.patch(&path, operation).await.status, 200);
    assert_eq!(service.delete(&format!("/Users/{old}")).await.status, 204);
    let (meter, gate) = (Meter::default(), Gate::opened());
    let acme = TenantId::parse("acme").unwrap();
    let store = service.app.store.tenant(&acme, &meter, &gate);
    let now = time::OffsetDateTime::now_utc();
    // After this number of days, with everything expired removed, or only the latest.
    for (days, gone) in [(0, ""), (31, "E#"), (31, "D#"), (91, "#2"), (91, "")] {
        let later = now + time::Duration::days(days);
        for (sort_key, item) in directory.items("acme").await {
            let has_ended = item
                .get("expires_at")
                .is_some_and(|_| number(&item, "expires_at") < later.unix_timestamp());
            if has_ended && (sort_key.starts_with(gone) || sort_key.ends_with(gone)) {
                directory.remove("acme", &sort_key).await;
            }
        }
        assert_eq!(
            passing_when_idle(Box::pin(store.audit(later)))
                .await
                .unwrap()
                .defects,
            [],
            "{days} {gone}"
        );
    }
}

/// Two operators repair the same stray guard, and a new user takes the name in between.
#[tokio::test]
async fn a_guard_of_a_new_holder_is_not_mended() {
    let (service, directory) = start().await;
    let id = lena(&service).await;
    let ghost = "N#U#userName#ghost";
    directory.plant("acme", ghost, &[("holder", &id)]).await;
    let (meter, gate) = (Meter::default(), Gate::opened());
    let acme = TenantId::parse("acme").unwrap();
    let store = service.app.store.tenant(&acme, &meter, &gate);
    let audit = audit(&store).await;
    let [guard] = &audit.defects[..] else {
        panic!("{audit:?}")
    };
    assert!(repair(&store, guard).await);
    service.create_user("ghost", json!({})).await;
    assert!(!repair(&store, guard).await);
    directory.check("acme").await;
}

/// A repair that comes after a change must not undo it.
#[tokio::test]
async fn a_defect_that_has_passed_is_not_mended() {
    let (service, directory) = start().await;
    let id = lena(&service).await;
    let lookup = format!("L#U#externalId#x-1#{id}");
    directory.remove("acme", &lookup).await;
    directory
        .plant_count("acme", &format!("C#U#{}", &id[..2]), "count", 9)
        .await;
    let (meter, gate) = (Meter::default(), Gate::opened());
    let acme = TenantId::parse("acme").unwrap();
    let store = service.app.store.tenant(&acme, &meter, &gate);
    let audit = audit(&store).await;
    assert_eq!(audit.defects.len(), 2);

    let operation = json!([{"op": "replace", "path": "externalId", "value": "x-2"}]);
    assert_eq!(
        service
            .patch(&format!("/Users/{id}"), operation)
            .await
            .status,
        200
    );
    directory
        .plant_count("acme", &format!("C#U#{}", &id[..2]), "count", 1)
        .await;
    for defect in &audit.defects {
        let repaired = repair(&store, defect).await;
        assert!(!repaired, "{defect}");
    }
    directory.check("acme").await;
}
