//! The grammar of the command line.

use clap::{Parser, Subcommand};
use hellotracks_scim::tenant::{KeyId, TenantId};

/// The longest name or label, in characters.
const MAX_TEXT: usize = 100;

/// Creates the tables of the SCIM service and manages its tenants and their API keys
#[derive(Debug, Parser)]
#[command(name = "scim-admin", version, propagate_version = true)]
pub struct Cli {
    /// Print JSON instead of text
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
    /// Where DynamoDB is, if not in the AWS region
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// The two DynamoDB tables
    #[command(subcommand)]
    Tables(TablesCommand),
    /// Tenants, that is customers
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// The API keys of a tenant
    #[command(subcommand)]
    Key(KeyCommand),
    /// What a tenant owns
    #[command(subcommand)]
    Directory(DirectoryCommand),
}

#[derive(Debug, Subcommand)]
pub enum TablesCommand {
    /// Create the tables that do not exist yet
    Create,
}

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
    },
    /// List all tenants
    List,
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
    },
}

#[derive(Debug, Subcommand)]
pub enum DirectoryCommand {
    /// Compare a tenant's users with their lookups, guards and counters; fails if they differ
    Check {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// Mend what differs
        #[arg(long)]
        repair: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Create a key and print it, this once
    Create {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// What the key is for
        #[arg(long, value_parser = text)]
        label: String,
        /// Accept the key for this number of days only
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=3650))]
        expires_in_days: Option<u16>,
    },
    /// List the keys of all enabled tenants that are near expiry or unused; fails if there are any
    Warnings,
    /// List a tenant's keys by their ids; the keys themselves are not stored
    List {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
    },
    /// Create a key in the place of another one, which is accepted for a while longer
    Rotate {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// The id of the old key, as listed; not needed if the tenant has one active key
        #[arg(value_parser = KeyId::parse)]
        key_id: Option<KeyId>,
        /// Accept the old key for this number of days; 0 ends it at once
        #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(0..=365))]
        overlap_days: u16,
        /// What the new key is for; the old one's label if left out
        #[arg(long, value_parser = text)]
        label: Option<String>,
        /// Accept the new key for this number of days only
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=3650))]
        expires_in_days: Option<u16>,
    },
    /// Refuse a key for ever, effective at once
    Revoke {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// The id of the key, as listed
        #[arg(value_parser = KeyId::parse)]
        key_id: KeyId,
    },
}

/// A name or a label. Control characters would garble the listings.
fn text(text: &str) -> Result<String, String> {
    let text = text.trim();
    let length = text.chars().count();
    if (1..=MAX_TEXT).contains(&length) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(format!("use 1 to {MAX_TEXT} characters on one line"))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_grammar_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn names_and_labels_are_one_line() {
        assert_eq!(text("  Acme Ltd "), Ok("Acme Ltd".to_owned()));
        for refused in ["", "  ", "a\nb", "\u{1b}[2J", &"a".repeat(MAX_TEXT + 1)] {
            assert!(text(refused).is_err(), "accepted `{refused}`");
        }
    }
}
