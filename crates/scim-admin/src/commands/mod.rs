//! The commands, one file each, and which of them is asked for.

mod breaker;
mod check;
mod deleted;
mod erase;
mod group;
mod history;
mod key;
mod restore;
mod tables;
mod tenant;

use std::io::Write;

use scim::schema::{GROUPS, USERS};
use store::Store;

use crate::args::{
    BreakerCommand, Command, DirectoryCommand, GroupCommand, KeyCommand, TablesCommand,
    TenantCommand, UserCommand,
};
use crate::failure::Failure;
use crate::report::Report;

/// What a command that did its work leaves to be said.
pub enum Done {
    /// All of it.
    Report(Box<dyn Report>),
    /// Nothing: it was printed as it became known.
    Printed {
        /// Whether something is wrong.
        is_bad_news: bool,
    },
}

/// Runs a command. What `history` finds and what a restore does is printed at once; others have a
/// report.
pub async fn run(
    command: Command,
    json: bool,
    store: &Store,
    results: &mut (dyn Write + Send),
) -> Result<Done, Failure> {
    match command {
        Command::Tables(TablesCommand::Create) => reported(tables::create(store).await),
        Command::Tenant(command) => tenant(command, store).await,
        Command::Key(command) => key(command, store).await,
        Command::Directory(DirectoryCommand::Check { tenant, repair }) => {
            reported(check::run(&tenant, repair, store).await)
        }
        Command::History(arguments) => {
            history::run(&arguments, json, store, results).await?;
            Ok(Done::Printed { is_bad_news: false })
        }
        Command::User(command) => user(command, json, store, results).await,
        Command::Group(command) => group(command, json, store, results).await,
        Command::Breaker(BreakerCommand::Lift { tenant, length }) => {
            reported(breaker::lift(&tenant, length, store).await)
        }
    }
}

fn reported<R: Report + 'static>(outcome: Result<R, Failure>) -> Result<Done, Failure> {
    outcome.map(|report| Done::Report(Box::new(report)))
}

async fn tenant(command: TenantCommand, store: &Store) -> Result<Done, Failure> {
    match command {
        TenantCommand::Create { id, name, again } => {
            reported(tenant::create(&id, name.as_deref(), again, store).await)
        }
        TenantCommand::Delete(arguments) => reported(tenant::delete::run(arguments, store).await),
        TenantCommand::Status { id, since } => {
            reported(tenant::status::run(&id, since, store).await)
        }
        TenantCommand::List { deleted } => {
            // The scan of another table would find no tenants.
            store.check_tables().await?;
            match deleted {
                true => reported(tenant::delete::list(store).await),
                false => reported(tenant::list(store).await),
            }
        }
        TenantCommand::Enable { id } => reported(tenant::set_enabled(&id, true, store).await),
        TenantCommand::Disable { id } => reported(tenant::set_enabled(&id, false, store).await),
    }
}

async fn key(command: KeyCommand, store: &Store) -> Result<Done, Failure> {
    match command {
        KeyCommand::Create {
            tenant,
            label,
            expires_in_days,
        } => reported(key::create::run(&tenant, &label, expires_in_days, store).await),
        KeyCommand::Rotate {
            tenant,
            key_id,
            overlap_days,
            label,
            expires_in_days,
        } => {
            let rotation = key::rotate::Arguments {
                tenant,
                key_id,
                overlap_days,
                label,
                expires_in_days,
            };
            reported(key::rotate::run(rotation, store).await)
        }
        KeyCommand::List { tenant } => reported(key::list::run(&tenant, store).await),
        KeyCommand::Warnings => {
            store.check_tables().await?;
            reported(key::warnings::run(store).await)
        }
        KeyCommand::Revoke { tenant, key_id } => {
            reported(key::revoke(&tenant, &key_id, store).await)
        }
    }
}

async fn user(
    command: UserCommand,
    json: bool,
    store: &Store,
    results: &mut (dyn Write + Send),
) -> Result<Done, Failure> {
    match command {
        UserCommand::Erase(arguments) if arguments.again => {
            reported(erase::again(arguments, store).await)
        }
        UserCommand::Erase(arguments) => reported(erase::run(arguments, store).await),
        UserCommand::Deleted { tenant } => reported(deleted::run(&USERS, &tenant, store).await),
        UserCommand::Restore {
            tenant,
            ids,
            deleted_since,
            history,
        } => {
            let which = match deleted_since {
                Some(since) => restore::Which::DeletedSince(since),
                None => restore::Which::Ids(ids),
            };
            let asked = restore::Asked {
                resource_type: &USERS,
                tenant,
                which,
                history: history.length(),
            };
            let is_bad_news = !restore::run(&asked, json, store, results).await?;
            Ok(Done::Printed { is_bad_news })
        }
    }
}

async fn group(
    command: GroupCommand,
    json: bool,
    store: &Store,
    results: &mut (dyn Write + Send),
) -> Result<Done, Failure> {
    match command {
        GroupCommand::List { tenant } => reported(group::list::run(&tenant, store).await),
        GroupCommand::Show { tenant, group } => {
            reported(group::show::run(&tenant, &group, store).await)
        }
        GroupCommand::Members {
            tenant,
            group,
            undo_since: None,
            ..
        } => reported(group::members::run(&tenant, &group, store).await),
        GroupCommand::Members {
            tenant,
            group,
            undo_since: Some(since),
            dry_run,
            history,
        } => {
            let asked = group::undo::Asked {
                tenant,
                group,
                since,
                is_dry_run: dry_run,
                history: history.length(),
            };
            reported(group::undo::run(&asked, store).await)
        }
        GroupCommand::Deleted { tenant } => reported(deleted::run(&GROUPS, &tenant, store).await),
        GroupCommand::Restore {
            tenant,
            group,
            history,
        } => {
            let asked = restore::Asked {
                resource_type: &GROUPS,
                tenant,
                which: restore::Which::Named(group),
                history: history.length(),
            };
            let is_bad_news = !restore::run(&asked, json, store, results).await?;
            Ok(Done::Printed { is_bad_news })
        }
    }
}
