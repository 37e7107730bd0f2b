//! The check of a directory, and its repair.

use store::audit::Audit;
use store::secrets::Act;
use store::{Meter, Store, StoreError};
use tenant::TenantId;

use crate::{Account, Failure, now};

/// How often a check is followed by a repair and another check, at most.
const ROUNDS: usize = 5;

/// What the last audit found, and how many defects were mended before it.
#[derive(Debug)]
pub struct Checked {
    /// What was found last.
    pub audit: Audit,
    /// How many defects were mended.
    pub repaired: u64,
}

impl Account {
    /// Audits the directory, which may be in use. A repair is followed by another audit, for as
    /// long as there is something to mend and it helps. It carries out what is pending, too.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn check(&self, repair: bool) -> Result<Checked, Failure> {
        let directory = self.directory();
        let mut checked = Checked {
            audit: directory.audit(now()).await?,
            repaired: 0,
        };
        if repair {
            let begun = self.begin(Act::Repair, None).await?;
            for _ in 0..ROUNDS {
                if checked.audit.defects.is_empty() {
                    break;
                }
                let before = checked.repaired;
                for defect in &checked.audit.defects {
                    checked.repaired += u64::from(directory.repair(defect).await?);
                }
                checked.audit = directory.audit(now()).await?;
                if checked.repaired == before {
                    break;
                }
            }
            match directory.finish_all().await {
                // It is for the newer release to carry out.
                Ok(()) | Err(StoreError::NewerFormat { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            let outcome = format!(
                "{} defects repaired, {} left",
                checked.repaired,
                checked.audit.defects.len()
            );
            self.complete(&begun, &outcome).await?;
        }
        Ok(checked)
    }
}

/// The checks of all tenants, one after the other.
///
/// # Errors
/// Failures of DynamoDB.
pub async fn all(store: &Store) -> Result<Vec<(TenantId, Checked)>, Failure> {
    let mut all = Vec::new();
    for tenant in store.list_tenants(&Meter::default()).await? {
        let account = Account::open(store, &tenant.id).await?;
        all.push((tenant.id, Box::pin(account.check(false)).await?));
    }
    Ok(all)
}
