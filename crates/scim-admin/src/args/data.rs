//! The grammar of the commands that take data away, out or in.

use std::path::PathBuf;

use clap::Args;
use tenant::TenantId;
use time::OffsetDateTime;

use super::values::{Retention, instant, text};

#[derive(Debug, Args)]
pub struct EraseArgs {
    /// The tenant
    #[arg(value_parser = TenantId::parse)]
    pub tenant: TenantId,
    /// The user, by id, by userName, or by that of a deleted user
    #[arg(value_name = "USER", required_unless_present = "again")]
    pub user: Option<String>,
    /// Why, for the operator's log; nothing about the person
    #[arg(long, value_name = "TEXT", value_parser = text, required_unless_present_any = ["again", "dry_run"])]
    pub reason: Option<String>,
    /// Only say what would be erased
    #[arg(long)]
    pub dry_run: bool,
    /// Repeat all erasures that are on the operator's log: after the directory table was restored
    #[arg(long, conflicts_with_all = ["user", "dry_run"])]
    pub again: bool,
    /// Only those since a time, or how long ago, such as 35days
    #[arg(long, value_name = "WHEN", value_parser = instant, requires = "again")]
    pub since: Option<OffsetDateTime>,
    #[command(flatten)]
    pub history: Retention,
}

#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// The tenant, which has been disabled for at least a minute
    #[arg(value_parser = TenantId::parse)]
    pub tenant: TenantId,
    /// The same once more
    #[arg(long, value_name = "TENANT", value_parser = TenantId::parse)]
    pub confirm: TenantId,
    /// Why, for the operator's log and for what is kept of the tenant
    #[arg(long, value_name = "TEXT", value_parser = text)]
    pub reason: String,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The tenant
    #[arg(value_parser = TenantId::parse)]
    pub tenant: TenantId,
    /// A folder that does not exist yet, or is empty
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Replace an export in that folder that was ended early
    #[arg(long)]
    pub force: bool,
    /// Why, for the operator's log
    #[arg(long, value_name = "TEXT", value_parser = text)]
    pub reason: Option<String>,
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The tenant: the one that was exported
    #[arg(value_parser = TenantId::parse)]
    pub tenant: TenantId,
    /// The folder of an export
    #[arg(long, value_name = "DIR", required_unless_present = "from_table")]
    pub from: Option<PathBuf>,
    /// Another directory table, restored from a backup
    #[arg(long, value_name = "TABLE", conflicts_with = "from")]
    pub from_table: Option<String>,
    /// Remove first what the tenant owns, which has been disabled for at least a minute
    #[arg(long)]
    pub replace: bool,
    /// Why, for the operator's log
    #[arg(long, value_name = "TEXT", value_parser = text)]
    pub reason: Option<String>,
}

/// From where to learn what has ended.
#[derive(Debug, Args)]
pub struct AsInArgs {
    /// Another secrets table: end here what has ended there, after this one was restored
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["tenant", "key_id"])]
    pub as_in: Option<String>,
    /// The same from what `audit --ndjson` printed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tenant", "key_id", "as_in"])]
    pub as_in_log: Option<PathBuf>,
}
