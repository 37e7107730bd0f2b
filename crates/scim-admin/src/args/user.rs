//! `user` and its arguments.

use clap::Subcommand;
use scim::ResourceId;
use tenant::TenantId;
use time::OffsetDateTime;

use super::data::EraseArgs;
use super::values::{Retention, instant, resource_id};

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// List the users that can be restored
    Deleted {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
    },
    /// Bring deleted users back under their ids, as they were
    Restore {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// The users' ids, as listed
        #[arg(required_unless_present = "deleted_since", value_parser = resource_id)]
        ids: Vec<ResourceId>,
        /// All that were deleted since a time, or how long ago, such as 2h
        #[arg(long, value_name = "WHEN", value_parser = instant, conflicts_with = "ids")]
        deleted_since: Option<OffsetDateTime>,
        #[command(flatten)]
        history: Retention,
    },
    /// Remove what is known of a person, in every item of the tenant; who did what when stays on
    /// record
    Erase(EraseArgs),
}
