//! `key` and its arguments.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use store::secrets::Successor;
use tenant::{KeyId, TenantId};
use time::{Duration, OffsetDateTime};

use super::data::AsInArgs;
use super::values::text;

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
        #[command(flatten)]
        expiry: KeyExpiry,
        /// Write the key to this new file, which only you can read, instead of showing it
        #[arg(long, value_name = "FILE")]
        to_file: Option<PathBuf>,
    },
    /// List the keys and client secrets of all enabled tenants that are near expiry or unused;
    /// fails if there are any
    Warnings,
    /// Say whose key or client secret it is that standard input has, and whether it is accepted;
    /// fails if it is
    Identify,
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
        #[command(flatten)]
        overlap: Overlap,
        /// What the new key is for; the old one's label if left out
        #[arg(long, value_parser = text)]
        label: Option<String>,
        #[command(flatten)]
        expiry: KeyExpiry,
        /// Write the new key to this new file, which only you can read, instead of showing it
        #[arg(long, value_name = "FILE")]
        to_file: Option<PathBuf>,
    },
    /// Refuse a key for ever, effective at once
    Revoke {
        /// The tenant
        #[arg(value_parser = TenantId::parse, required_unless_present_any = ["as_in", "as_in_log"])]
        tenant: Option<TenantId>,
        /// The id of the key, as listed
        #[arg(value_parser = KeyId::parse, required_unless_present_any = ["as_in", "as_in_log"])]
        key_id: Option<KeyId>,
        #[command(flatten)]
        as_in: AsInArgs,
    },
}

/// When a new key ends.
#[derive(Debug, Args)]
pub struct KeyExpiry {
    /// Accept the new key for this number of days; a key that replaces another one has to outlive
    /// it
    #[arg(
        long,
        value_name = "DAYS",
        default_value_t = 365,
        value_parser = clap::value_parser!(u16).range(1..=3650)
    )]
    expires_in_days: u16,
    /// Accept the new key for ever: it is then up to you to replace it
    #[arg(long, conflicts_with = "expires_in_days")]
    never: bool,
}

impl KeyExpiry {
    /// The time from which on the key is refused.
    pub fn end(&self) -> Option<OffsetDateTime> {
        let length = Duration::days(self.expires_in_days.into());
        (!self.never).then(|| account::now().saturating_add(length))
    }
}

impl fmt::Display for KeyExpiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.never {
            true => f.write_str("--never"),
            false => write!(f, "--expires-in-days {}", self.expires_in_days),
        }
    }
}

/// For how long two keys are accepted, or two secrets.
#[derive(Debug, Args)]
pub struct Overlap {
    /// Accept the old one for this number of days; 0 ends it at once
    #[arg(
        long,
        value_name = "DAYS",
        default_value_t = 7,
        value_parser = clap::value_parser!(u16).range(0..=365)
    )]
    overlap_days: u16,
}

impl Overlap {
    /// As a length of time.
    pub fn length(&self) -> Duration {
        Duration::days(self.overlap_days.into())
    }

    /// What takes the place of an old key.
    pub fn successor(
        &self,
        old: Option<KeyId>,
        label: Option<String>,
        expires: Option<OffsetDateTime>,
    ) -> Successor {
        Successor {
            old,
            overlap: self.length(),
            label,
            expires,
        }
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--overlap-days {}", self.overlap_days)
    }
}
