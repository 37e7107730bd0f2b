//! Checks and repairs the consistency of a tenant's directory. For operators: the function never
//! calls this.
//!
//! Transactions keep resources, lookups, guards and counters together. They can still diverge after
//! a partial restore from a backup, a manual edit, or a bug in this service.
//!
//! A directory is checked and repaired while it is in use: what one walk through everything finds
//! is judged again by itself, and mended in a transaction that fails if anything of it has moved.

mod judge;
mod members;
mod records;
mod repair;
mod seen;
mod seen_type;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use scim::ResourceId;
use time::OffsetDateTime;

use crate::{StoreError, TenantStore};

use judge::{PAUSE, ROUNDS, Verdict};
use seen::Seen;
use seen_type::{Counted, Counter};

/// How many suspects are judged at the same time.
const AT_ONCE: usize = 8;

/// What an audit found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// How many resources there are.
    pub resources: u64,
    /// What is wrong.
    pub defects: Vec<Defect>,
    /// What looked wrong and was in use each time it was looked at: it may be as it should.
    pub in_use: Vec<Defect>,
    /// How many items a newer release has written, in a format or of a kind that this one does not
    /// know. They are not judged, nor what depends on them.
    pub newer: u64,
}

/// Something that does not match the existing resources. Its text contains no attribute values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// What is wrong.
    pub kind: DefectKind,
    /// The sort key of the item that is, or should be, there.
    sort_key: String,
    /// The resource it belongs to, with the version seen by the audit; `None` for counters.
    resource: Option<(ResourceId, Option<u64>)>,
    /// The found and the expected value of a counter.
    count: CountDefect,
    resource_type: &'static str,
    /// What of a group's members it is about, if it is about those.
    members: Option<members::Place>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct CountDefect {
    found: Counted,
    expected: Counted,
    /// How often the counter was written, if it exists.
    sequence: Option<u64>,
}

impl CountDefect {
    /// What a counter shows and what it should.
    fn between(counter: Counter, mut expected: Counted) -> Self {
        let mut found = counter.counted;
        // A counter that has never counted an active one may lack the attribute.
        if found.active.or(expected.active).is_some() {
            found.active.get_or_insert_default();
            expected.active.get_or_insert_default();
        }
        Self {
            found,
            expected,
            sequence: counter.sequence,
        }
    }
}

/// The kinds of defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DefectKind {
    /// A resource cannot be found by one of its values.
    MissingLookup,
    /// A lookup leads to a resource that is gone or has another value. It costs a read and does no
    /// other harm.
    StrayLookup,
    /// A unique value could be taken twice.
    MissingGuard,
    /// A value that nobody has is blocked.
    StrayGuard,
    /// A total, a page or the number of active users is wrong.
    WrongCount,
    /// A resource exists and also has a tombstone.
    StrayTombstone,
    /// A change has no record, although its record cannot have expired yet.
    MissingRecord,
    /// A record describes a version that never existed.
    StrayRecord,
    /// A large change of a group's members lacks a part of its records, which are the change.
    BrokenPending,
    /// A large change of a group's members was decided long ago, and nobody has carried it out.
    OverduePending,
    /// A group waits for a change that is not there, or its edges are marked as being changed:
    /// nobody can change its members, or read them.
    StuckGroup,
    /// A membership is found from the group, and not as it is from the user.
    MissingEdge,
    /// A membership that is none: of a user or a group that is gone, or found from the user alone.
    StrayEdge,
    /// A shard does not count what is there.
    WrongMemberCount,
    /// A group that can be restored no more has left memberships behind. They do no harm.
    EndedGroup,
    /// An item does not match its sort key, or is of an unknown kind.
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
    (DefectKind::BrokenPending, "incomplete change of members"),
    (DefectKind::OverduePending, "overdue change of members"),
    (DefectKind::StuckGroup, "group that waits for nothing"),
    (DefectKind::MissingEdge, "missing side of a membership"),
    (DefectKind::StrayEdge, "stray membership"),
    (DefectKind::WrongMemberCount, "wrong number of members"),
    (DefectKind::EndedGroup, "memberships of an ended group"),
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
            members: None,
        }
    }
}

impl std::fmt::Display for Defect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = KINDS.iter().find(|(kind, _)| *kind == self.kind);
        let kind = kind.map_or("defect", |(_, name)| name);
        let CountDefect {
            found, expected, ..
        } = self.count;
        match (self.kind, &self.resource) {
            (DefectKind::WrongCount | DefectKind::WrongMemberCount, _) => {
                write!(
                    f,
                    "{kind}: {}, {found} instead of {expected}",
                    self.sort_key
                )
            }
            (DefectKind::MissingRecord | DefectKind::StrayRecord, _) => {
                write!(f, "{kind}: {}", self.sort_key)
            }
            // The sort keys of memberships have ids only.
            _ if self.members.is_some() => write!(f, "{kind}: {}", self.sort_key),
            (_, Some((id, _))) => write!(f, "{kind}: {} {id}", self.resource_type),
            // Later parts of a sort key may be attribute values.
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
    /// Reads everything the tenant has and compares it, and judges again, by itself, what looks
    /// wrong. The tenant may be in use: what moves each time it is looked at is told apart, and no
    /// change that is under way is taken for a defect. What a newer release has written is counted,
    /// and neither it nor what depends on it is judged.
    ///
    /// It does not detect: a readable document that violates the schema; a lost tombstone; a
    /// missing record older than the oldest one left; records whose `before` and `after` do not
    /// lead to the document; records of memberships that do not add up; and anything about requests
    /// and keys.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn audit(&self, now: OffsetDateTime) -> Result<Audit, StoreError> {
        let mut seen = Seen::default();
        let query = self.query().key_condition_expression("pk = :pk");
        self.each_of_any_format(query, |item| {
            seen.add(item, now)?;
            Ok(true)
        })
        .await?;
        for prefix in seen::counters() {
            self.each_of_any_format(self.query_prefix(prefix), |item| {
                seen.look_again(item)?;
                Ok(true)
            })
            .await?;
        }
        let mut suspects = seen.suspects(now);
        suspects.extend(Box::pin(self.compare_edges(&seen.memberships())).await?);
        let seen = &seen;
        let mut defects = Vec::new();
        for _ in 0..ROUNDS {
            if suspects.is_empty() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            let judged = stream::iter(suspects)
                .map(|suspect| async move { Box::pin(self.judge(&suspect, seen, now)).await });
            let verdicts: Vec<_> = judged.buffered(AT_ONCE).try_collect().await?;
            suspects = Vec::new();
            for verdict in verdicts {
                match verdict {
                    Verdict::Sound => {}
                    Verdict::Defect(defect) => defects.push(defect),
                    Verdict::Moved(suspect) => suspects.push(suspect),
                }
            }
        }
        for found in [&mut defects, &mut suspects] {
            found.sort_by(|one, other| {
                (one.kind, &one.sort_key).cmp(&(other.kind, &other.sort_key))
            });
        }
        Ok(Audit {
            resources: seen.resources(),
            defects,
            in_use: suspects,
            newer: seen.newer(),
        })
    }
}
