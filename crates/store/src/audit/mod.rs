//! Whether a tenant's directory is consistent, and making it so again. For operators: nothing
//! here is called by the function.
//!
//! Transactions keep resources, lookups, guards and counters together. What parts them all the
//! same is a restored backup of a part, an edit by hand, or a defect of this service.

mod repair;
mod seen;

use scim::ResourceId;
use time::OffsetDateTime;

use crate::{StoreError, TenantStore};

use seen::{Counted, Seen};

/// What an audit found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// How many resources there are.
    pub resources: u64,
    /// What is wrong.
    pub defects: Vec<Defect>,
}

/// Something that does not fit the resources there are. Its text names no values of attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// What is wrong.
    pub kind: DefectKind,
    /// The sort key of the item that is, or should be, there.
    sort_key: String,
    /// The resource it belongs to, with the version that was seen; none for counters.
    resource: Option<(ResourceId, Option<u64>)>,
    /// What a counter says and what it should say.
    count: CountDefect,
    resource_type: &'static str,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct CountDefect {
    found: Counted,
    expected: Counted,
}

/// The kinds of defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DefectKind {
    /// A resource cannot be found by one of its values.
    MissingLookup,
    /// A lookup leads to a resource that is gone or has another value. It costs a read and harms
    /// nothing else.
    StrayLookup,
    /// A unique value could be taken twice.
    MissingGuard,
    /// A value is taken by nobody, and cannot be given.
    StrayGuard,
    /// A total or a page is wrong, or the number of active users.
    WrongCount,
    /// A resource is there and has a tombstone.
    StrayTombstone,
    /// A change is not on record, and its record cannot have ended yet.
    MissingRecord,
    /// A record tells of a version that was never there.
    StrayRecord,
    /// An item is not what its sort key says, or of no kind.
    Unreadable,
}

const KINDS: &[(DefectKind, &str)] = &[
    (DefectKind::MissingLookup, "missing lookup"),
    (DefectKind::StrayLookup, "stray lookup"),
    (DefectKind::MissingGuard, "missing guard"),
    (DefectKind::StrayGuard, "stray guard"),
    (DefectKind::WrongCount, "wrong count"),
    (DefectKind::StrayTombstone, "stray tombstone"),
    (DefectKind::MissingRecord, "missing record"),
    (DefectKind::StrayRecord, "stray record"),
    (DefectKind::Unreadable, "unreadable item"),
];

impl Defect {
    fn of_record(kind: DefectKind, sort_key: &str, id: &ResourceId) -> Self {
        Self {
            resource: Some((id.clone(), None)),
            kind,
            ..Self::of_item(sort_key)
        }
    }

    fn of_item(sort_key: &str) -> Self {
        Self {
            kind: DefectKind::Unreadable,
            sort_key: sort_key.to_owned(),
            resource: None,
            count: CountDefect::default(),
            resource_type: "resource",
        }
    }
}

impl std::fmt::Display for Defect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = KINDS.iter().find(|(kind, _)| *kind == self.kind);
        let kind = kind.map_or("defect", |(_, name)| name);
        let CountDefect { found, expected } = self.count;
        match (self.kind, &self.resource) {
            (DefectKind::WrongCount, _) => {
                write!(
                    f,
                    "{kind}: {}, {found} instead of {expected}",
                    self.sort_key
                )
            }
            (DefectKind::MissingRecord | DefectKind::StrayRecord, _) => {
                write!(f, "{kind}: {}", self.sort_key)
            }
            (_, Some((id, _))) => write!(f, "{kind}: {} {id}", self.resource_type),
            // Further parts of a sort key may be values of attributes.
            (_, None) => {
                let parts: Vec<&str> = self.sort_key.splitn(3, '#').take(2).collect();
                write!(f, "{kind}: {}", parts.join("#"))
            }
        }
    }
}

impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.count)?;
        match self.active {
            Some(active) => write!(f, " ({active} active)"),
            None => Ok(()),
        }
    }
}

impl TenantStore<'_> {
    /// Reads everything the tenant has and compares it. Run it when the tenant is quiet: what
    /// changes meanwhile may look like a defect once, but not twice.
    ///
    /// It does not see: a document that can be read and breaks the schema; a tombstone that is
    /// lost; a record older than the oldest one left; before and after in a record that do not lead
    /// to the document; and what is kept of requests and keys.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn audit(&self, now: OffsetDateTime) -> Result<Audit, StoreError> {
        let mut seen = Seen::default();
        let query = self.query().key_condition_expression("pk = :pk");
        self.each(query, |item| {
            seen.add(item, now)?;
            Ok(true)
        })
        .await?;
        let mut defects = seen.defects(now);
        defects.sort_by(|one, other| (one.kind, &one.sort_key).cmp(&(other.kind, &other.sort_key)));
        Ok(Audit {
            resources: seen.resources(),
            defects,
        })
    }
}
