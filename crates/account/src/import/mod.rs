//! An import: an export, or what another table has, becomes what a tenant owns.
//!
//! Everything is checked before anything is written. Keys are not imported: nobody has them but
//! their holders, and what is stored of them is not exported.

mod folder;

use std::path::PathBuf;

use store::audit::Audit;
use store::client::tables::TablesError;
use store::partition::Counts;
use store::secrets::{Begun, Hold, Importable, SecretsError};
use store::{Gate, Meter, Store, StoreError, TenantStore};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::{Failure, now};
use folder::{Lines, Verified, verify};

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many lines or items are checked.
    Checked(u64),
    /// So many items that were there are removed.
    Removed(u64),
    /// So many items are written.
    Written(u64),
}

/// From where to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The folder of an export.
    Folder(PathBuf),
    /// A directory table.
    Table(String),
}

/// An import that is complete.
#[derive(Debug)]
pub struct Imported {
    /// Whose.
    pub tenant: TenantId,
    /// Whether the tenant was created by it.
    pub is_new: bool,
    /// How many items were written of each kind.
    pub counts: Counts,
    /// Whether it goes on with an import that was ended early.
    pub was_begun: bool,
    /// When the same was imported before, if nothing was written now.
    pub was_complete: Option<OffsetDateTime>,
    /// What the check of the directory says.
    pub audit: Audit,
}

/// What is imported, once it is checked.
enum Checked {
    Folder(Verified),
    /// The store over the other table, and what tells it from other tables.
    Table(Box<Store>, String),
}

impl Checked {
    /// Tells it from anything else.
    fn mark(&self) -> String {
        match self {
            Self::Folder(verified) => format!("sha256 {}", verified.sha256),
            Self::Table(_, identity) => format!("table {identity}"),
        }
    }
}

/// Imports a tenant. With `replace`, what the tenant owns is removed first. A tenant that it
/// creates is disabled.
///
/// # Errors
/// [`Failure::Folder`] when the export is damaged, another tenant's or of a later format;
/// [`Failure::NotEmpty`], [`Failure::OtherImport`], [`Failure::Overtaken`],
/// [`SecretsError::HasClients`], [`SecretsError::DisabledLately`], [`SecretsError::BeingDeleted`],
/// and failures of DynamoDB, after which the same call does the rest.
pub async fn import(
    store: &Store,
    tenant: &TenantId,
    source: &Source,
    replace: bool,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Imported, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    let directory = store.tenant(tenant, &meter, &gate);
    // Before anything is checked, which takes its time: it must be the same tenant afterwards.
    let at = OffsetDateTime::now_utc();
    let into = match store.may_be_imported(tenant, at, &meter).await {
        Ok(into) => Some(into),
        Err(SecretsError::NoTenant(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let told = &mut |count| progress(Progress::Checked(count));
    let checked = match source {
        Source::Folder(folder) => {
            let check = |line: &str| directory.check_line(line);
            Checked::Folder(verify(folder, tenant, check, told)?)
        }
        Source::Table(table) => check_table(store, tenant, table, told).await?,
    };
    let mark = checked.mark();
    let imported = into.as_ref().and_then(|into| into.imported.clone());
    let imported = imported.filter(|imported| imported.source == mark);
    let is_begun = into.as_ref().is_some_and(|into| into.begun.is_some());
    if let Some(imported) = imported
        && !replace
        && !is_begun
    {
        return Ok(Imported {
            tenant: tenant.clone(),
            is_new: false,
            counts: Counts::default(),
            was_begun: false,
            was_complete: Some(imported.at),
            audit: Box::pin(directory.audit(now())).await?,
        });
    }
    let asked = Asked {
        store,
        tenant,
        replace,
        at,
    };
    let begun = asked.begin(&directory, into, &checked, &meter).await;
    let (hold, begun, plan) = unless_overtaken(tenant, begun)?;
    let run = async {
        if plan.removes {
            directory
                .remove_items(&hold, |removed| progress(Progress::Removed(removed)))
                .await?;
            store.note_removed(tenant, &hold, &meter).await?;
        }
        let written = &mut |count| progress(Progress::Written(count));
        let counts = match &checked {
            Checked::Folder(verified) => write(&directory, verified, &hold, written).await?,
            Checked::Table(other, _) => {
                let other = other.tenant(tenant, &meter, &gate);
                directory.copy_from(&other, &hold, written).await?
            }
        };
        let outcome = format!("{} items of {mark}", counts.total());
        let at = OffsetDateTime::now_utc();
        let end = store.end_import(tenant, &hold, (&begun, &outcome), at, &meter);
        end.await?;
        Ok(counts)
    };
    let run = unless_overtaken(tenant, Box::pin(run).await);
    if let Err(Failure::Overtaken(_)) = &run {
        let outcome = "overtaken by another command";
        store.complete_act(&begun, outcome, &meter).await?;
    }
    Ok(Imported {
        tenant: tenant.clone(),
        is_new: plan.is_new,
        counts: run?,
        was_begun: plan.was_begun,
        was_complete: None,
        audit: Box::pin(directory.audit(now())).await?,
    })
}

/// What an import does besides writing.
struct Plan {
    is_new: bool,
    was_begun: bool,
    /// Whether what is there is removed first.
    removes: bool,
}

/// What is asked for.
struct Asked<'a> {
    store: &'a Store,
    tenant: &'a TenantId,
    replace: bool,
    at: OffsetDateTime,
}

impl Asked<'_> {
    /// Takes the tenant for an import.
    async fn begin(
        &self,
        directory: &TenantStore<'_>,
        into: Option<Importable>,
        checked: &Checked,
        meter: &Meter,
    ) -> Result<(Hold, Begun, Plan), Failure> {
        let Self { store, tenant, .. } = self;
        let mark = checked.mark();
        let Some(into) = into else {
            let name = match checked {
                Checked::Folder(verified) => &verified.name,
                Checked::Table(..) => tenant.as_str(),
            };
            // What is left of one of whom nothing else is known any more.
            if !self.replace && directory.has_items().await? {
                return Err(Failure::NotEmpty((*tenant).clone()));
            }
            let what = (mark.as_str(), self.replace);
            let created = store.create_importing(tenant, name, what, self.at, meter);
            let (hold, begun) = created.await.map_err(|error| match error {
                SecretsError::TenantDeleted { .. } => Failure::WasDeleted((*tenant).clone()),
                error => error.into(),
            })?;
            let plan = Plan {
                is_new: true,
                was_begun: false,
                removes: self.replace,
            };
            return Ok((hold, begun, plan));
        };
        let goes_on = into.begun.as_ref().filter(|begun| begun.source == mark);
        if goes_on.is_none() && !self.replace {
            if into.begun.is_some() {
                return Err(Failure::OtherImport((*tenant).clone()));
            }
            if directory.has_items().await? {
                return Err(Failure::NotEmpty((*tenant).clone()));
            }
        }
        let plan = Plan {
            is_new: false,
            was_begun: goes_on.is_some() && !self.replace,
            removes: self.replace || goes_on.is_some_and(|begun| begun.removes),
        };
        let begin = store.begin_import(&into, &mark, plan.removes, self.at, meter);
        let (hold, begun) = begin.await?;
        Ok((hold, begun, plan))
    }
}

/// Names what a lost condition means.
fn unless_overtaken<T>(tenant: &TenantId, outcome: Result<T, Failure>) -> Result<T, Failure> {
    outcome.map_err(|failure| match failure {
        Failure::Store(StoreError::Overtaken)
        | Failure::Secrets(SecretsError::Store(StoreError::Overtaken)) => {
            Failure::Overtaken(tenant.clone())
        }
        other => other,
    })
}

/// Writes the items of an export, which must be those that were checked.
async fn write(
    directory: &TenantStore<'_>,
    verified: &Verified,
    hold: &Hold,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Counts, Failure> {
    let mut written = directory.writing(hold)?;
    let mut lines = Lines::open(&verified.items)?;
    while let Some(line) = lines.next_line()? {
        progress(written.add_line(line).await?);
    }
    let counts = written.end().await?;
    match lines.end().sha256 == verified.sha256 {
        true => Ok(counts),
        false => Err(Failure::Folder {
            path: verified.items.clone(),
            why: "it was changed while it was imported; start over with --replace".to_owned(),
        }),
    }
}

/// The other table is a directory table and not this one, and has something of the tenant that this
/// release can read.
async fn check_table(
    store: &Store,
    tenant: &TenantId,
    table: &str,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Checked, Failure> {
    let refused = |why: String| Failure::Folder {
        path: table.into(),
        why,
    };
    let other = store.over_directory(table);
    let identities = async {
        other.check_tables().await?;
        Ok((
            store.directory_identity().await?,
            other.directory_identity().await?,
        ))
    };
    let identity = match identities.await {
        Ok((own, identity)) if own == identity => {
            let why = "it is the directory table itself; name the one that was restored";
            return Err(refused(why.to_owned()));
        }
        Ok((_, identity)) => identity,
        Err(TablesError::Store(error)) => return Err(error.into()),
        Err(error) => return Err(refused(error.to_string())),
    };
    let (meter, gate) = (Meter::default(), Gate::opened());
    let there = other.tenant(tenant, &meter, &gate);
    if !there.has_items().await? {
        return Err(Failure::NothingThere {
            table: table.to_owned(),
            tenant: tenant.clone(),
        });
    }
    there.check_items(progress).await?;
    drop(there);
    Ok(Checked::Table(Box::new(other), identity))
}
