//! The grammar of the commands that take data away, out or in.

use clap::Args;
use tenant::TenantId;
use time::OffsetDateTime;

use crate::args::{Retention, instant, text};

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
