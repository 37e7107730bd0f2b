//! Who runs a command, and what of it goes on record.

use store::secrets::Operator;

use crate::args::{
    BreakerCommand, Cli, ClientCommand, Command, DirectoryCommand, GroupCommand, KeyCommand,
    LinkCommand, MigrateArgs, TenantCommand, UserCommand,
};

/// Who runs a command.
#[derive(Debug)]
pub enum Caller {
    /// Somebody whom the program knows by name.
    Named(String),
    /// Whoever AWS says: asked for when something is about to be changed.
    Aws(Box<aws_config::SdkConfig>),
}

impl Caller {
    /// The ARN that AWS gives; without an answer, the name of the local user.
    async fn name(&self) -> String {
        match self {
            Self::Named(name) => name.clone(),
            Self::Aws(config) => {
                let client = aws_sdk_sts::Client::new(config);
                let identity = client.get_caller_identity().send().await;
                let arn = identity.ok().and_then(|identity| identity.arn);
                arn.unwrap_or_else(local_user)
            }
        }
    }
}

/// The name of the local user, which AWS did not confirm.
pub fn local_user() -> String {
    let name = ["USER", "USERNAME", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .filter(|name| !name.trim().is_empty());
    format!("local user {}", name.as_deref().unwrap_or("unknown"))
}

/// What of a command goes on record: no name of a person, and no secret.
struct Recorded {
    command: &'static str,
    arguments: Vec<String>,
    reason: Option<String>,
}

/// The operator as the operator's log names them, if the command changes something.
pub async fn operator(cli: &Cli, caller: &Caller) -> Option<Operator> {
    let recorded = recorded(&cli.command)?;
    Some(Operator {
        caller: caller.name().await,
        command: recorded.command.to_owned(),
        arguments: recorded.arguments,
        reason: recorded.reason,
        release: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

fn recorded(command: &Command) -> Option<Recorded> {
    let (command, arguments, reason) = match command {
        Command::Tenant(TenantCommand::Create { name, .. }) => {
            let name = name.iter().map(|name| format!("--name {name}"));
            ("tenant create", name.collect(), None)
        }
        Command::Tenant(TenantCommand::Enable { .. }) => ("tenant enable", vec![], None),
        Command::Tenant(TenantCommand::Disable { reason, .. }) => {
            ("tenant disable", vec![], Some(reason.clone()))
        }
        Command::Key(KeyCommand::Create { label, expiry, .. }) => {
            let arguments = vec![format!("--label {label}"), expiry.to_string()];
            ("key create", arguments, None)
        }
        Command::Key(KeyCommand::Rotate {
            key_id,
            overlap,
            expiry,
            ..
        }) => {
            let key = key_id.iter().map(ToString::to_string);
            let rest = [overlap.to_string(), expiry.to_string()];
            ("key rotate", key.chain(rest).collect(), None)
        }
        Command::Key(KeyCommand::Revoke { key_id, as_in, .. }) => {
            let key = key_id.iter().map(ToString::to_string);
            let table = as_in.as_in.iter();
            let table = table.map(|table| format!("--as-in {table}"));
            let log = as_in.as_in_log.iter();
            let log = log.map(|path| format!("--as-in-log {}", path.display()));
            ("key revoke", key.chain(table).chain(log).collect(), None)
        }
        Command::Client(ClientCommand::Create { label, life, .. }) => {
            let arguments = vec![format!("--label {label}"), life.to_string()];
            ("client create", arguments, None)
        }
        Command::Client(ClientCommand::Rotate {
            client,
            secret_id,
            overlap,
            life,
            ..
        }) => {
            let named = std::iter::once(client.to_string());
            let named = named.chain(secret_id.iter().map(ToString::to_string));
            let rest = [overlap.to_string(), life.to_string()];
            ("client rotate", named.chain(rest).collect(), None)
        }
        Command::Client(ClientCommand::Revoke { client, id, .. }) => {
            let named = std::iter::once(client.to_string());
            let named = named.chain(id.iter().map(ToString::to_string));
            ("client revoke", named.collect(), None)
        }
        // Each of these has been read by the time that the entry is written, so none is anything
        // else that was pasted by mistake.
        Command::Client(ClientCommand::Trust(arguments)) => {
            let arguments = vec![
                arguments.client.to_string(),
                format!("--issuer {}", arguments.issuer.trim()),
                format!("--subject {}", arguments.subject.trim()),
                format!("--audience {}", arguments.audience.trim()),
            ];
            ("client trust", arguments, None)
        }
        // For whom a link is, is somebody's name.
        Command::Link(LinkCommand::Create(arguments)) => {
            let scope = format!("--scope {}", arguments.scope.scope().as_str());
            let lasts = format!("--lasts {}s", arguments.lasts.whole_seconds());
            ("link create", vec![scope, lasts], None)
        }
        Command::Link(LinkCommand::Revoke { .. }) => ("link revoke", vec![], None),
        Command::Directory(DirectoryCommand::Check {
            repair: true,
            reason,
            ..
        }) => (
            "directory check",
            vec!["--repair".to_owned()],
            reason.clone(),
        ),
        Command::User(UserCommand::Restore { ids, .. }) => {
            let ids = ids.iter().map(ToString::to_string).collect();
            ("user restore", ids, None)
        }
        Command::User(UserCommand::Reactivate {
            ids,
            deactivated_since,
            by,
            dry_run: false,
            ..
        }) => {
            let mut arguments: Vec<String> = ids.iter().map(ToString::to_string).collect();
            arguments.extend(
                deactivated_since
                    .map(|since| format!("--deactivated-since {}", crate::terminal::stamp(since))),
            );
            arguments.extend(by.iter().map(|key| format!("--by {key}")));
            ("user reactivate", arguments, None)
        }
        // The user may be named by the name that is to be erased. What names the person is the
        // target of the entry.
        Command::User(UserCommand::Erase(arguments)) if !arguments.dry_run => {
            let again = arguments.again.then(|| "--again".to_owned());
            let again = again.into_iter().collect();
            ("user erase", again, arguments.reason.clone())
        }
        Command::Tenant(TenantCommand::Export(arguments)) => {
            ("tenant export", vec![], arguments.reason.clone())
        }
        Command::Events(arguments) if arguments.replay.is_some() => {
            let since = format!("--since {}", crate::terminal::stamp(arguments.since));
            let snapshot = arguments.snapshot.then(|| "--snapshot".to_owned());
            let all = snapshot.map_or_else(|| vec![since], |snapshot| vec![snapshot]);
            ("events", all, None)
        }
        Command::Tenant(TenantCommand::Import(arguments)) => {
            let table = arguments.from_table.iter();
            let table = table.map(|table| format!("--from-table {table}"));
            let replace = arguments.replace.then(|| "--replace".to_owned());
            let all = table.chain(replace).collect();
            ("tenant import", all, arguments.reason.clone())
        }
        Command::Tenant(TenantCommand::Delete(arguments)) => {
            ("tenant delete", vec![], Some(arguments.reason.clone()))
        }
        // Groups go by names of their own, which are no person's.
        Command::Group(GroupCommand::Restore { group, .. }) => {
            ("group restore", vec![group.clone()], None)
        }
        Command::Group(GroupCommand::Members {
            group,
            undo_since: Some(since),
            ..
        }) => {
            let since = format!("--undo-since {}", crate::terminal::stamp(*since));
            ("group members", vec![group.clone(), since], None)
        }
        Command::Breaker(BreakerCommand::Lift { length, reason, .. }) => {
            let length = format!("--for {}s", length.whole_seconds());
            ("breaker lift", vec![length], Some(reason.clone()))
        }
        Command::Migrate(MigrateArgs { dry_run: false, .. }) => ("migrate", vec![], None),
        Command::Smoke(arguments) => ("smoke", vec![format!("--url {}", arguments.url)], None),
        _ => return None,
    };
    Some(Recorded {
        command,
        arguments,
        reason,
    })
}
