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
        /// List those that were deleted
        #[arg(long)]
        deleted: bool,
    },
    /// Delete all that a disabled tenant owns, its keys and the tenant itself, for good
    Delete(DeleteArgs),
    /// Write all that a tenant owns to files
    Export(ExportArgs),
    /// Take what a tenant owns from an export, or from another table
    Import(ImportArgs),
    /// Show the state of a tenant: users, groups, last change, the breakers, and what was refused
    /// since when
    Status {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        id: TenantId,
        /// From when on refused requests are shown, and members who were left out
        #[arg(long, value_name = "WHEN", value_parser = instant, default_value = "24h")]
        since: OffsetDateTime,
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
