//! The arguments of `history` and `requests`.

use account::history::{By, horizon};
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use scim::schema::{PROVIDED, Schema};
use store::directory::history::Span;
use store::directory::record::ChangeKind;
use tenant::{KeyId, TenantId};
use time::OffsetDateTime;

use super::values::instant;
use crate::failure::Failure;
use crate::lines::Form;

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
    #[command(flatten)]
    pub reading: Reading,
    /// Only changes of this kind
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(ChangeKind::names()))]
    pub operation: Option<String>,
    /// Only changes of this attribute, such as userName, emails or department
    #[arg(long, value_name = "NAME", value_parser = attribute)]
    pub attribute: Option<String>,
    /// Only what this one did
    #[arg(long, value_name = "ACTOR", conflicts_with = "key")]
    pub actor: Option<ActorKind>,
    /// Only what came with this key
    #[arg(long, value_name = "KEY ID", value_parser = KeyId::parse)]
    pub key: Option<KeyId>,
}

/// The name of an attribute of users or groups, with or without the URN of an extension.
fn attribute(text: &str) -> Result<String, String> {
    let apart = ["members", "groups"];
    let is_known = PROVIDED.iter().any(|resource_type| {
        let within = |schema: &&Schema| {
            let full = format!("{}:{text}", schema.id);
            resource_type.resolve(&full).is_ok()
        };
        resource_type.resolve(text).is_ok() || resource_type.extensions.iter().any(within)
    });
    let is_apart = apart.iter().any(|name| name.eq_ignore_ascii_case(text));
    match is_known || is_apart {
        true => Ok(text.to_owned()),
        false => Err("no attribute of users or groups has this name".to_owned()),
    }
}

/// The time from one to the other.
pub(super) fn span(since: OffsetDateTime, until: OffsetDateTime) -> Result<Span, Failure> {
    match since < until {
        true => Ok(Span {
            from: since,
            to: until,
        }),
        false => Err(Failure::EmptySpan { since, until }),
    }
}

/// Of which time something is read, and how it is printed.
#[derive(Debug, Args)]
pub struct Reading {
    /// From when on: a time such as 2026-11-24T06:00:00Z, or how long ago, such as 2h or 7days
    #[arg(long, value_name = "WHEN", value_parser = instant, default_value = "24h")]
    pub since: OffsetDateTime,
    /// Until when
    #[arg(long, value_name = "WHEN", value_parser = instant, conflicts_with = "follow")]
    pub until: Option<OffsetDateTime>,
    /// Go on with what comes from now on, until interrupted
    #[arg(long)]
    pub follow: bool,
    /// Print one JSON object a line, for programs
    #[arg(long)]
    pub ndjson: bool,
}

impl Reading {
    /// The time that is asked for.
    pub fn span(&self) -> Result<Span, Failure> {
        let Self { since, until, .. } = *self;
        let until = until.unwrap_or_else(horizon);
        span(since, until)
    }

    /// How what is read is printed.
    pub fn form(&self, json: bool) -> Form {
        Form::of(self.ndjson, json, self.follow)
    }
}

/// Who changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ActorKind {
    /// A client, with any key
    Key,
    /// The operator
    Operator,
}

impl HistoryArgs {
    /// Whose changes are asked for.
    pub fn by(&self) -> Option<By> {
        match (&self.key, self.actor) {
            (Some(key), _) => Some(By::Key(key.clone())),
            (None, Some(ActorKind::Key)) => Some(By::AnyKey),
            (None, Some(ActorKind::Operator)) => Some(By::Operator),
            (None, None) => None,
        }
    }
}

#[derive(Debug, Args)]
pub struct RequestsArgs {
    /// The tenant
    #[arg(value_parser = TenantId::parse)]
    pub tenant: TenantId,
    /// Only those for one user or group: an id, userName, externalId or displayName
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Only those that were refused or failed, not those that left something out
    #[arg(long)]
    pub failed: bool,
    /// Only those that were refused for this reason, such as uniqueness
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub reading: Reading,
}
