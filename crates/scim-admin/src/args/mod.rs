//! The grammar of the command line.

mod client;
mod data;
mod events;
mod group;
mod key;
mod link;
mod records;
mod smoke;
mod tenant;
mod user;
mod values;

use ::tenant::TenantId;
use clap::{Args, Parser, Subcommand};
use time::{Duration, OffsetDateTime};

pub use client::{ClientCommand, PublicUrl, SecretLife, TrustArgs};
pub use data::{AsInArgs, DeleteArgs, EraseArgs, ExportArgs, ImportArgs};
pub use events::{EventsArgs, TargetKind};
pub use group::GroupCommand;
pub use key::KeyCommand;
pub use link::{CreateLinkArgs, LinkCommand};
pub use records::{HistoryArgs, RequestsArgs};
pub use smoke::SmokeArgs;
pub use tenant::TenantCommand;
pub use user::UserCommand;
use values::{instant, lift, text};

/// Creates the tables of the SCIM service and manages its tenants, their API keys and OAuth clients
#[derive(Debug, Parser)]
#[command(name = "scim-admin", version, propagate_version = true)]
pub struct Cli {
    /// Print JSON instead of text; `history --follow` prints one object a line, as with --ndjson
    #[arg(long, global = true)]
    pub json: bool,
    /// The table of tenants and API keys
    #[arg(
        long,
        global = true,
        env = "SCIM_SECRETS_TABLE",
        default_value = "hellotracks-scim-secrets",
        value_name = "NAME"
    )]
    pub secrets_table: String,
    /// The table of everything the tenants own
    #[arg(
        long,
        global = true,
        env = "SCIM_DIRECTORY_TABLE",
        default_value = "hellotracks-scim-directory",
        value_name = "NAME"
    )]
    pub directory_table: String,
    /// The table of links to the settings page, and of the sessions that they open
    #[arg(
        long,
        global = true,
        env = "SCIM_SESSIONS_TABLE",
        default_value = "hellotracks-scim-sessions",
        value_name = "NAME"
    )]
    pub sessions_table: String,
    /// Where DynamoDB is, if not in the AWS region
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// The three DynamoDB tables
    #[command(subcommand)]
    Tables(TablesCommand),
    /// Tenants, that is customers
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// The API keys of a tenant
    #[command(subcommand)]
    Key(KeyCommand),
    /// The OAuth 2.0 clients of a tenant: their secrets, and the issuers that they trust
    #[command(subcommand)]
    Client(ClientCommand),
    /// Links by which a tenant's admin opens the settings page
    #[command(subcommand)]
    Link(LinkCommand),
    /// What a tenant owns
    #[command(subcommand)]
    Directory(DirectoryCommand),
    /// Who changed what in a tenant's directory, and when
    History(HistoryArgs),
    /// What the product is told of changes, one JSON object a line; printed, or sent again
    Events(EventsArgs),
    /// Which requests of a tenant's client were refused, failed or left something out, and for whom
    Requests(RequestsArgs),
    /// The users of a tenant: found by any name, shown, activated, restored
    #[command(subcommand)]
    User(UserCommand),
    /// The groups of a tenant, and the deleted ones
    #[command(subcommand)]
    Group(GroupCommand),
    /// The limits on how many users may lose access, and groups be deleted, within a window
    #[command(subcommand)]
    Breaker(BreakerCommand),
    /// Who changed tenants, keys and directories with this program, when and why
    Audit(AuditArgs),
    /// Bring stored items to the format of this release, after it is deployed everywhere
    Migrate(MigrateArgs),
    /// Try a running service as Entra would: with a key of its own for ten minutes, and a user that
    /// it creates, changes, deactivates and deletes; fails with what is wrong
    Smoke(SmokeArgs),
}

#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Only the items of one tenant
    #[arg(long, value_name = "TENANT", value_parser = TenantId::parse)]
    pub tenant: Option<TenantId>,
    /// Only say what would be changed
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct AuditArgs {
    /// The tenant; all tenants if left out
    #[arg(value_parser = TenantId::parse)]
    pub tenant: Option<TenantId>,
    /// From when on: a time such as 2026-11-24T06:00:00Z, or how long ago, such as 2h or 7days
    #[arg(long, value_name = "WHEN", value_parser = instant, default_value = "30days")]
    pub since: OffsetDateTime,
    /// Print one JSON object a line, for programs
    #[arg(long)]
    pub ndjson: bool,
}

#[derive(Debug, Subcommand)]
pub enum BreakerCommand {
    /// Let all deactivations and deletions of a tenant's users and groups through for a while
    Lift {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// For how long, such as 2h, and 30days at most; 0s ends the lifting, and what was counted
        /// before does not count any more
        #[arg(long = "for", value_name = "TIME", value_parser = lift, default_value = "24h")]
        length: Duration,
        /// Why, for the operator's log
        #[arg(long, value_parser = text)]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum TablesCommand {
    /// Create the tables that do not exist yet
    Create,
    /// Give tables that were restored from a backup the settings that they need: time to live,
    /// recovery, protection against deletion
    Adopt,
}

#[derive(Debug, Subcommand)]
pub enum DirectoryCommand {
    /// Compare a tenant's users and groups with their lookups, guards, counters and memberships;
    /// fails if they differ
    Check {
        /// The tenant
        #[arg(value_parser = TenantId::parse, required_unless_present = "all")]
        tenant: Option<TenantId>,
        /// Check all tenants, one after the other
        #[arg(long, conflicts_with_all = ["tenant", "repair"])]
        all: bool,
        /// Mend what differs
        #[arg(long, requires = "reason")]
        repair: bool,
        /// Why it is mended, for the operator's log
        #[arg(long, value_parser = text, requires = "repair")]
        reason: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_grammar_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Whatever takes a number, a length or a time refuses what is out of all proportion.
    #[test]
    fn every_time_and_number_has_its_bounds() {
        for (command, bounds) in [
            ("breaker lift acme --for", "30days"),
            ("history acme --since", "1970 to 2199"),
            ("history acme --until", "1970 to 2199"),
            ("tenant status acme --since", "1970 to 2199"),
            ("user restore acme --deleted-since", "1970 to 2199"),
            ("group members acme crew --undo-since", "1970 to 2199"),
            ("group restore acme crew --history-days", "1..=3650"),
            (
                "user restore acme --deleted-since 1h --history-days",
                "1..=3650",
            ),
            ("key create acme --label x --expires-in-days", "1..=3650"),
            ("link create acme --for x --lasts", "7days"),
            ("key rotate acme --overlap-days", "0..=365"),
            ("key rotate acme --expires-in-days", "1..=3650"),
            ("client create acme --label x --expires-days", "365..=1095"),
            (
                "client rotate acme acme.0123456789ab --expires-days",
                "365..=1095",
            ),
            (
                "client rotate acme acme.0123456789ab --overlap-days",
                "0..=365",
            ),
        ] {
            for beyond in ["9999999years", "9999999", "18446744073709551616"] {
                let words = format!("scim-admin {command}={beyond}");
                let refused = Cli::try_parse_from(words.split(' '));
                let said = refused.expect_err(&words).to_string();
                let is_number = bounds.contains("..=");
                let told = said.contains(bounds) || (is_number && beyond.len() != 7);
                assert!(told, "{said}");
            }
        }
    }
}
