//! `link` and its arguments.

use clap::{Args, Subcommand, ValueEnum};
use store::sessions::Scope;
use tenant::TenantId;
use time::Duration;

use super::values::{life_of_link, text, web_address};

#[derive(Debug, Subcommand)]
pub enum LinkCommand {
    /// Issue a link: it opens the settings page once, and the link before it does not any more
    Create(CreateLinkArgs),
    /// List the links of a tenant and the sessions that are open
    List {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
    },
    /// End the links of a tenant and all of its sessions
    Revoke {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
    },
}

#[derive(Debug, Args)]
pub struct CreateLinkArgs {
    /// The tenant
    #[arg(value_parser = TenantId::parse)]
    pub tenant: TenantId,
    /// For whom it is, as the page shows it: a name or an e-mail address
    #[arg(long = "for", value_name = "WHOM", value_parser = text)]
    pub issued_for: String,
    /// What the person may do
    #[arg(long, value_enum, default_value = "setup")]
    pub scope: ScopeName,
    /// For how long it can be opened, such as 15m or 24h, and 7days at most
    #[arg(long, value_name = "TIME", value_parser = life_of_link, default_value = "24h")]
    pub lasts: Duration,
    /// Where the person gets another one, if that is another page
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub return_url: Option<String>,
    /// What comes before /settings: the public URL of the service
    #[arg(long, env = "SCIM_PUBLIC_URL", value_name = "URL", value_parser = web_address)]
    pub public_url: String,
}

/// What a person may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ScopeName {
    /// Everything
    Setup,
    /// Look, and change nothing
    View,
}

impl ScopeName {
    pub fn scope(self) -> Scope {
        match self {
            Self::Setup => Scope::Setup,
            Self::View => Scope::View,
        }
    }
}
