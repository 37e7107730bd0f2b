//! `tenant` and its arguments.

use clap::Subcommand;
use tenant::TenantId;
use time::OffsetDateTime;

use super::data::{DeleteArgs, ExportArgs, ImportArgs};
use super::values::{instant, text};

#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Create a tenant
    Create {
        /// 1 to 40 lower-case letters, digits and hyphens
        #[arg(value_parser = TenantId::parse)]
        id: TenantId,
        /// What people call the tenant; its id if left out
        #[arg(long, value_parser = text)]
        name: Option<String>,
        /// Use the id of a tenant that was deleted
        #[arg(long)]
        again: bool,
    },
    /// List all tenants
    List {
        /// With how many users each has
        #[arg(long)]
        counts: bool,
        /// List those that were deleted
        #[arg(long, conflicts_with = "counts")]
        deleted: bool,
    },
    /// Delete all that a disabled tenant owns, its keys and the tenant itself, for good
    Delete(DeleteArgs),
    /// Write all that a tenant owns to files
    Export(ExportArgs),
    /// Take what a tenant owns from an export, or from another table
    Import(ImportArgs),
    /// Show the state of a tenant: a verdict, users, groups, last change, the breakers, answers,
    /// and what was refused since when; fails unless the verdict is ok
    Status {
        /// The tenant
        #[arg(value_parser = TenantId::parse, required_unless_present = "all")]
        id: Option<TenantId>,
        /// The verdicts on all tenants, the worst first
        #[arg(long, conflicts_with = "id")]
        all: bool,
        /// From when on answers and refused requests are shown, and members who were left out
        #[arg(long, value_name = "WHEN", value_parser = instant, default_value = "24h")]
        since: OffsetDateTime,
    },
    /// List the attributes that a tenant's users have, and the names that requests have in vain
    Attributes {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        id: TenantId,
    },
    /// Accept the tenant's keys again
    Enable {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        id: TenantId,
    },
    /// Refuse all of the tenant's keys, effective at once
    Disable {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        id: TenantId,
        /// Why, for the operator's log
        #[arg(long, value_parser = text)]
        reason: String,
    },
}
