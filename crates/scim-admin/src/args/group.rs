//! `group` and its arguments.

use clap::Subcommand;
use tenant::TenantId;
use time::OffsetDateTime;

use super::values::{Retention, instant};

#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    /// List the groups, with how many members each has
    List {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
    },
    /// Show a group
    Show {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// The group's displayName or id
        #[arg(value_name = "NAME|ID")]
        group: String,
    },
    /// List the members of a group, or take back how they changed lately
    Members {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// The group's displayName or id
        #[arg(value_name = "NAME|ID")]
        group: String,
        /// Make the members those of a time, or of how long ago, such as 2h
        #[arg(long, value_name = "WHEN", value_parser = instant)]
        undo_since: Option<OffsetDateTime>,
        /// Only say what --undo-since would do
        #[arg(long, requires = "undo_since")]
        dry_run: bool,
        #[command(flatten)]
        history: Retention,
    },
    /// List the groups that can be restored
    Deleted {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
    },
    /// Bring a deleted group back under its id, with its members
    Restore {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// The group's displayName or id
        #[arg(value_name = "NAME|ID")]
        group: String,
        #[command(flatten)]
        history: Retention,
    },
}

impl GroupCommand {
    /// Whose groups.
    pub fn tenant(&self) -> &TenantId {
        match self {
            Self::List { tenant }
            | Self::Show { tenant, .. }
            | Self::Members { tenant, .. }
            | Self::Deleted { tenant }
            | Self::Restore { tenant, .. } => tenant,
        }
    }
}
