//! `user` and its arguments.

use clap::Subcommand;
use scim::ResourceId;
use tenant::{KeyId, TenantId};
use time::OffsetDateTime;

use super::data::EraseArgs;
use super::values::{Retention, instant, resource_id};

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Find users by id, userName, externalId or e-mail address, deleted ones and former names too
    Find {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// A name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Show all that is known of a user: attributes, groups, changes, refused requests
    Show {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// An id, userName, externalId or e-mail address
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Activate users who were deactivated
    Reactivate {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// The users' ids
        #[arg(required_unless_present = "deactivated_since", value_parser = resource_id)]
        ids: Vec<ResourceId>,
        /// All that were deactivated since a time, or how long ago, such as 2h, and still are
        #[arg(long, value_name = "WHEN", value_parser = instant, conflicts_with = "ids")]
        deactivated_since: Option<OffsetDateTime>,
        /// Of these only those whom this key has deactivated
        #[arg(long, value_name = "KEY ID", value_parser = KeyId::parse, requires = "deactivated_since")]
        by: Option<KeyId>,
        /// Only say whom
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        history: Retention,
    },
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
