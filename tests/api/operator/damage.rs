//! Damage that only an audit encounters: items that name no resource, and unreadable resources.

use serde_json::json;
use store::audit::DefectKind;
use store::{Gate, Meter};
use tenant::TenantId;

use super::audit::{repair, start};
use crate::support::service::Service;

/// What the audit finds, and whether it was repaired.
async fn audit(service: &Service) -> Vec<(DefectKind, bool)> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let acme = TenantId::parse("acme").unwrap();
    let store = service.app.store.tenant(&acme, &meter, &gate);
    let found = super::audit::audit(&store).await;
    let mut judged = Vec::new();
    for defect in &found.defects {
        judged.push((defect.kind, repair(&store, defect).await));
    }
    judged
}

#[tokio::test]
async fn lookups_that_name_no_resource_are_removed() {
    let (service, directory) = start().await;
    service.create_user("lena", json!({})).await;
    for lookup in ["L#U#userName#lena#no-id", "L#U#userName#lena", "L#U#"] {
        directory.plant("acme", lookup, &[]).await;
        let removed = [(DefectKind::StrayLookup, true)];
        assert_eq!(audit(&service).await, removed, "{lookup}");
        assert_eq!(audit(&service).await, [], "{lookup}");
    }
    directory.check("acme").await;
}

/// A damaged user's other items are not removed: the user may be repaired by hand.
#[tokio::test]
async fn nothing_of_a_damaged_user_is_removed() {
    let (service, directory) = start().await;
    let id = service
        .create_user("lena", json!({"externalId": "x-1"}))
        .await;
    let (user, whole) = (format!("U#{id}"), format!("R#{id}"));
    directory.plant_copy("acme", &user, &whole).await;
    directory.plant("acme", &user, &[("document", "{")]).await;
    let judged = audit(&service).await;
    assert!(
        judged.contains(&(DefectKind::Unreadable, false)),
        "{judged:?}"
    );
    let is_removal = |kind| matches!(kind, DefectKind::StrayLookup | DefectKind::StrayGuard);
    let removals: Vec<_> = judged
        .iter()
        .filter(|(kind, _)| is_removal(*kind))
        .collect();
    assert_eq!(removals.len(), 3, "{judged:?}");
    assert!(
        removals.iter().all(|(_, is_mended)| !is_mended),
        "{judged:?}"
    );

    directory.plant_copy("acme", &whole, &user).await;
    directory.remove("acme", &whole).await;
    // The counters were left alone: they count the unreadable user.
    assert_eq!(audit(&service).await, []);
    directory.check("acme").await;
}

/// Tombstones that would never expire, and those of unreadable users.
#[tokio::test]
async fn damaged_tombstones_are_told() {
    let (service, directory) = start().await;
    let id = service.create_user("lena", json!({})).await;
    let deleted = service.delete(&format!("/Users/{id}")).await;
    assert_eq!(deleted.status, 204);
    let tombstone = format!("D#U#{id}");
    for texts in [
        &[("document", "{}")][..],
        &[("document", "{"), ("deleted", "2026-11-24T06:00:00.000Z")],
    ] {
        directory.plant("acme", &tombstone, texts).await;
        let judged = audit(&service).await;
        assert!(
            judged.contains(&(DefectKind::Unreadable, false)),
            "{judged:?}"
        );
    }
}
