//! A span of time, of which something is read.

use time::OffsetDateTime;

/// Of which time records, or logged requests, are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Those made at this time or later.
    pub from: OffsetDateTime,
    /// Those made before this time, to the millisecond. The keys of those made exactly then are
    /// longer than the bound of the Query, so they are beyond it.
    pub to: OffsetDateTime,
}
