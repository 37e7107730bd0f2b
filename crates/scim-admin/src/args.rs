//! The grammar of the command line.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use scim::ResourceId;
use store::secrets::Successor;
use tenant::{KeyId, TenantId};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::data_args::{DeleteArgs, EraseArgs};

/// The longest name or label, in characters.
const MAX_TEXT: usize = 100;

/// The longest time for which a breaker can be lifted: it is there for accidents, and one that is
/// lifted for good protects nobody.
const MAX_LIFT: Duration = Duration::days(30);

/// The longest retention of records, in days.
const MAX_RETENTION: u16 = 3650;

/// The years that a time may be of.
const YEARS: RangeInclusive<i32> = 1970..=2199;

/// Creates the tables of the SCIM service and manages its tenants and their API keys
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
    /// Where DynamoDB is, if not in the AWS region
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// What to do.
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
    /// Who changed what in a tenant's directory, and when
    History(HistoryArgs),
    /// The deleted users of a tenant
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

#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The tenant
    #[arg(value_parser = TenantId::parse)]
    pub tenant: TenantId,
    /// The whole life of one user, by id or userName
    #[arg(long, value_name = "USER", conflicts_with_all = ["since", "until", "follow", "group"])]
    pub user: Option<String>,
    /// Only what concerns one group and its members, by id or displayName
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// From when on: a time such as 2026-11-24T06:00:00Z, or how long ago, such as 2h or 7days
    #[arg(long, value_name = "WHEN", value_parser = instant, default_value = "24h")]
    pub since: OffsetDateTime,
    /// Until when
    #[arg(long, value_name = "WHEN", value_parser = instant, conflicts_with = "follow")]
    pub until: Option<OffsetDateTime>,
    /// Go on with what changes from now on, until interrupted
    #[arg(long)]
    pub follow: bool,
    /// Print one JSON object a line, for programs
    #[arg(long)]
    pub ndjson: bool,
}

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

#[derive(Debug, Args)]
pub struct Retention {
    /// How long the records of what the command does are kept; the same as the function keeps its
    /// own
    #[arg(
        long,
        env = "SCIM_HISTORY_RETENTION_DAYS",
        value_name = "DAYS",
        default_value_t = 90,
        value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_RETENTION))
    )]
    history_days: u16,
}

impl Retention {
    /// As a length of time.
    pub fn length(&self) -> Duration {
        Duration::days(self.history_days.into())
    }
}

#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    /// List the groups, with how many members each has
    List {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
    },
    /// Show a group
    Show {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// The group's displayName or id
        #[arg(value_name = "NAME|ID")]
        group: String,
    },
    /// List the members of a group, or take back how they changed lately
    Members {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// The group's displayName or id
        #[arg(value_name = "NAME|ID")]
        group: String,
        /// Make the members those of a time, or of how long ago, such as 2h
        #[arg(long, value_name = "WHEN", value_parser = instant)]
        undo_since: Option<OffsetDateTime>,
        /// Only say what --undo-since would do
        #[arg(long, requires = "undo_since")]
        dry_run: bool,
        #[command(flatten)]
        history: Retention,
    },
    /// List the groups that can be restored
    Deleted {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
    },
    /// Bring a deleted group back under its id, with its members
    Restore {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// The group's displayName or id
        #[arg(value_name = "NAME|ID")]
        group: String,
        #[command(flatten)]
        history: Retention,
    },
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

#[derive(Debug, Subcommand)]
pub enum DirectoryCommand {
    /// Compare a tenant's users and groups with their lookups, guards, counters and memberships;
    /// fails if they differ
    Check {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// Mend what differs
        #[arg(long, requires = "reason")]
        repair: bool,
        /// Why it is mended, for the operator's log
        #[arg(long, value_parser = text, requires = "repair")]
        reason: Option<String>,
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
        #[command(flatten)]
        expiry: KeyExpiry,
        /// Write the key to this new file, which only you can read, instead of showing it
        #[arg(long, value_name = "FILE")]
        to_file: Option<PathBuf>,
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
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// The id of the key, as listed
        #[arg(value_parser = KeyId::parse)]
        key_id: KeyId,
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

/// For how long two keys are accepted.
#[derive(Debug, Args)]
pub struct Overlap {
    /// Accept the old key for this number of days; 0 ends it at once
    #[arg(
        long,
        value_name = "DAYS",
        default_value_t = 7,
        value_parser = clap::value_parser!(u16).range(0..=365)
    )]
    overlap_days: u16,
}

impl Overlap {
    /// What takes the place of an old key.
    pub fn successor(
        &self,
        old: Option<KeyId>,
        label: Option<String>,
        expires: Option<OffsetDateTime>,
    ) -> Successor {
        Successor {
            old,
            overlap: Duration::days(self.overlap_days.into()),
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

impl GroupCommand {
    /// Whose groups.
    pub fn tenant(&self) -> &TenantId {
        match self {
            Self::List { tenant }
            | Self::Show { tenant, .. }
            | Self::Members { tenant, .. }
            | Self::Deleted { tenant }
            | Self::Restore { tenant, .. } => tenant,
        }
    }
}

/// A time, or how long ago it was.
pub fn instant(text: &str) -> Result<OffsetDateTime, String> {
    let now = OffsetDateTime::now_utc();
    let time = match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(time) => Some(time),
        Err(_) => length(text).and_then(|ago| now.checked_sub(ago)),
    };
    time.filter(|time| YEARS.contains(&time.year())).ok_or_else(|| {
        format!(
            "use a time such as 2026-11-24T06:00:00Z, or how long ago, such as 2h or 7days, in the years {} to {}",
            YEARS.start(),
            YEARS.end()
        )
    })
}

/// For how long a breaker is lifted.
fn lift(text: &str) -> Result<Duration, String> {
    let lift = length(text).filter(|length| *length <= MAX_LIFT);
    lift.ok_or_else(|| {
        format!(
            "use a length of time such as 30m, 2h or 7days, from 0s to {}days",
            MAX_LIFT.whole_days()
        )
    })
}

fn length(text: &str) -> Option<Duration> {
    let length = humantime::parse_duration(text).ok()?;
    Duration::try_from(length).ok()
}

fn resource_id(text: &str) -> Result<ResourceId, String> {
    ResourceId::parse(text).ok_or_else(|| "an id is a UUID in lower case".to_owned())
}

/// A name or a label. Control characters would garble the listings.
pub fn text(text: &str) -> Result<String, String> {
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
    fn times_are_absolute_or_ago() {
        assert_eq!(
            instant("2026-11-24T06:00:00Z").map(OffsetDateTime::unix_timestamp),
            Ok(1_795_500_000)
        );
        let ago = OffsetDateTime::now_utc() - instant("2h").unwrap_or(OffsetDateTime::UNIX_EPOCH);
        assert!((119..=120).contains(&ago.whole_minutes()), "{ago}");
        for accepted in ["20years", "1970-01-01T00:00:00Z", "2199-12-31T23:59:59Z"] {
            assert!(instant(accepted).is_ok(), "refused `{accepted}`");
        }
        for refused in [
            "",
            "yesterday",
            "2",
            "-1h",
            "100years",
            "9999999years",
            "99999999999y",
            "18446744073709551615s",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "2200-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ] {
            let said = instant(refused).expect_err(refused);
            assert!(said.contains("in the years 1970 to 2199"), "{said}");
        }
    }

    #[test]
    fn a_breaker_is_lifted_for_a_month_at_most() {
        assert_eq!(lift("0s"), Ok(Duration::ZERO));
        assert_eq!(lift("30days"), Ok(Duration::days(30)));
        for refused in ["", "2", "-1h", "30days 1s", "9999999years"] {
            let said = lift(refused).expect_err(refused);
            assert!(said.contains("from 0s to 30days"), "{said}");
        }
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
            ("key rotate acme --overlap-days", "0..=365"),
            ("key rotate acme --expires-in-days", "1..=3650"),
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

    #[test]
    fn names_and_labels_are_one_line() {
        assert_eq!(text("  Acme Ltd "), Ok("Acme Ltd".to_owned()));
        for refused in ["", "  ", "a\nb", "\u{1b}[2J", &"a".repeat(MAX_TEXT + 1)] {
            assert!(text(refused).is_err(), "accepted `{refused}`");
        }
    }
}
