//! `directory check`.

use serde_json::{Value, json};
use store::audit::Audit;
use store::{Gate, Meter, Store, StoreError};
use tenant::TenantId;

use crate::clock::now;
use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::printable;

/// What the last audit found, and how many defects were mended before it.
#[derive(Debug)]
pub struct Checked {
    audit: Audit,
    repaired: u64,
}

/// Audits a tenant's directory, which may be in use. A repair is followed by another audit, for as
/// long as there is something to mend and it helps. It carries out what is pending, too.
pub async fn run(tenant: &TenantId, repair: bool, store: &Store) -> Result<Checked, Failure> {
    const ROUNDS: usize = 5;
    let (meter, gate) = (Meter::default(), Gate::opened());
    store.find_tenant(tenant, &meter).await?;
    let directory = store.tenant(tenant, &meter, &gate);
    let mut audit = directory.audit(now()).await?;
    let mut repaired = 0;
    if repair {
        for _ in 0..ROUNDS {
            if audit.defects.is_empty() {
                break;
            }
            let before = repaired;
            for defect in &audit.defects {
                repaired += u64::from(directory.repair(defect).await?);
            }
            audit = directory.audit(now()).await?;
            if repaired == before {
                break;
            }
        }
        match directory.finish_all().await {
            // It is for the newer release to carry out.
            Ok(()) | Err(StoreError::NewerFormat { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Checked { audit, repaired })
}

impl Report for Checked {
    fn text(&self) -> String {
        let mut text = format!(
            "{} resources, {} defects, {} repaired",
            self.audit.resources,
            self.audit.defects.len(),
            self.repaired
        );
        for defect in &self.audit.defects {
            text.push('\n');
            text.push_str(&printable(&defect.to_string()));
        }
        if self.audit.newer > 0 {
            text.push_str(&format!(
                "\n{} items of a newer release, not judged",
                self.audit.newer
            ));
        }
        for suspect in &self.audit.in_use {
            text.push_str("\nin use, not judged: ");
            text.push_str(&printable(&suspect.to_string()));
        }
        text
    }

    fn json(&self) -> Value {
        let defects = self.audit.defects.iter();
        let in_use = self.audit.in_use.iter();
        json!({
            "resources": self.audit.resources,
            "repaired": self.repaired,
            "defects": defects.map(ToString::to_string).collect::<Vec<_>>(),
            "newer": self.audit.newer,
            "inUse": in_use.map(ToString::to_string).collect::<Vec<_>>(),
        })
    }

    fn note(&self) -> Option<String> {
        if self.repaired == 0 && self.is_bad_news() {
            return Some("add --repair to mend what can be, also while clients write".to_owned());
        }
        (!self.audit.in_use.is_empty()).then(|| {
            "what was in use each time it was looked at may be right: check again when it is quieter"
                .to_owned()
        })
    }

    fn is_bad_news(&self) -> bool {
        !self.audit.defects.is_empty()
    }
}
