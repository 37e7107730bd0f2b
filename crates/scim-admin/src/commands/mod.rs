//! The commands, one file each, and which of them is asked for.

mod adopt;
mod audit;
mod breaker;
mod client;
mod delete;
mod deleted;
mod erase;
mod events;
mod export;
mod group;
mod history;
mod import;
mod key;
mod link;
mod reactivate;
mod requests;
mod restore;
mod secret_file;
mod send;
mod smoke;
mod tables;
mod tenant;

use std::io::{Read, Write};

use account::migrate::migrate;
use account::restore::Which;
use account::{Account, check, status, tenants, undo};
use scim::schema::{GROUPS, USERS};
use store::Store;
use store::sessions::Sessions;

use crate::args::{
    BreakerCommand, ClientCommand, Command, DirectoryCommand, GroupCommand, KeyCommand,
    LinkCommand, TablesCommand, TenantCommand, UserCommand,
};
use crate::failure::Failure;
use crate::report::Report;
use crate::report::user::{Found, Shown};

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
    sessions_table: &str,
    input: &mut (dyn Read + Send),
    results: &mut (dyn Write + Send),
) -> Result<Done, Failure> {
    match command {
        Command::Tables(TablesCommand::Adopt) => reported(Box::pin(adopt::run(store)).await),
        Command::Tables(TablesCommand::Create) => {
            reported(tables::create(store, sessions_table).await)
        }
        // Boxed: the state of a command is large, and this would hold that of each.
        Command::Tenant(command) => Box::pin(tenant(command, store, sessions_table)).await,
        Command::Key(command) => Box::pin(key(command, store, input)).await,
        Command::Client(command) => Box::pin(client(command, store)).await,
        Command::Link(command) => Box::pin(link(command, &store.sessions(sessions_table))).await,
        Command::Directory(DirectoryCommand::Check { tenant, repair, .. }) => match tenant {
            Some(tenant) => {
                let account = Account::open(store, &tenant).await?;
                reported(Ok(Box::pin(account.check(repair)).await?))
            }
            None => {
                store.check_tables().await?;
                reported(Ok(Box::pin(check::all(store)).await?))
            }
        },
        Command::Requests(arguments) => {
            let account = Account::open(store, &arguments.tenant).await?;
            Box::pin(requests::run(&arguments, json, &account, results)).await?;
            Ok(Done::Printed { is_bad_news: false })
        }
        Command::Events(arguments) => {
            let account = Account::open(store, &arguments.tenant).await?;
            Box::pin(events::run(&arguments, json, &account, results)).await
        }
        Command::History(arguments) => {
            let account = Account::open(store, &arguments.tenant).await?;
            Box::pin(history::run(&arguments, json, &account, results)).await?;
            Ok(Done::Printed { is_bad_news: false })
        }
        Command::User(command) => Box::pin(user(command, json, store, results)).await,
        Command::Group(command) => Box::pin(group(command, json, store, results)).await,
        Command::Breaker(BreakerCommand::Lift { tenant, length, .. }) => {
            let account = Account::open(store, &tenant).await?;
            reported(breaker::lift(&account, length).await)
        }
        Command::Audit(arguments) => reported(Box::pin(audit::run(&arguments, store)).await),
        Command::Migrate(arguments) => {
            // The scan of another table would find no tenants.
            store.check_tables().await?;
            let tenant = arguments.tenant.as_ref();
            reported(Ok(
                Box::pin(migrate(store, tenant, arguments.dry_run)).await?
            ))
        }
        Command::Smoke(arguments) => {
            let account = Account::open(store, &arguments.tenant).await?;
            let is_bad_news = !Box::pin(smoke::run(&arguments, json, &account, results)).await?;
            Ok(Done::Printed { is_bad_news })
        }
    }
}

fn reported<R: Report + 'static>(outcome: Result<R, Failure>) -> Result<Done, Failure> {
    outcome.map(|report| Done::Report(Box::new(report)))
}

async fn tenant(
    command: TenantCommand,
    store: &Store,
    sessions_table: &str,
) -> Result<Done, Failure> {
    match command {
        TenantCommand::Create { id, name, again } => {
            reported(tenant::create(&id, name.as_deref(), again, store).await)
        }
        TenantCommand::Delete(arguments) => {
            let sessions = store.sessions(sessions_table);
            reported(Box::pin(delete::run(arguments, store, &sessions)).await)
        }
        TenantCommand::Export(arguments) => {
            reported(Box::pin(export::run(&arguments, store)).await)
        }
        TenantCommand::Import(arguments) => {
            reported(Box::pin(import::run(&arguments, store)).await)
        }
        TenantCommand::Status {
            id: Some(id),
            since,
            ..
        } => {
            let account = Account::open(store, &id).await?;
            reported(Ok(Box::pin(account.status(since)).await?))
        }
        TenantCommand::Status {
            id: None, since, ..
        } => {
            store.check_tables().await?;
            reported(Ok(Box::pin(status::all(store, since)).await?))
        }
        TenantCommand::Attributes { id } => {
            let account = Account::open(store, &id).await?;
            reported(Ok(Box::pin(account.attributes()).await?))
        }
        TenantCommand::List { counts, deleted } => {
            // The scan of another table would find no tenants.
            store.check_tables().await?;
            match deleted {
                true => reported(Box::pin(delete::list(store)).await),
                false if counts => reported(Ok(tenants::counted(store).await?)),
                false => reported(tenant::list(store).await),
            }
        }
        TenantCommand::Enable { id } => reported(tenant::set_enabled(&id, true, store).await),
        TenantCommand::Disable { id, .. } => reported(tenant::set_enabled(&id, false, store).await),
    }
}

async fn link(command: LinkCommand, sessions: &Sessions) -> Result<Done, Failure> {
    match command {
        LinkCommand::Create(arguments) => {
            reported(Box::pin(link::create(arguments, sessions)).await)
        }
        LinkCommand::List { tenant } => reported(link::list(&tenant, sessions).await),
        LinkCommand::Revoke { tenant } => reported(link::revoke(&tenant, sessions).await),
    }
}

async fn key(
    command: KeyCommand,
    store: &Store,
    input: &mut (dyn Read + Send),
) -> Result<Done, Failure> {
    match command {
        KeyCommand::Identify => {
            store.check_tables().await?;
            reported(key::identify(store, input).await)
        }
        KeyCommand::Create {
            tenant,
            label,
            expiry,
            to_file,
        } => {
            let account = Account::open(store, &tenant).await?;
            reported(key::create(&account, &label, expiry.end(), to_file).await)
        }
        KeyCommand::Rotate {
            tenant,
            key_id,
            overlap,
            label,
            expiry,
            to_file,
        } => {
            let account = Account::open(store, &tenant).await?;
            let successor = overlap.successor(key_id, label, expiry.end());
            reported(Box::pin(key::rotate(&account, &successor, to_file)).await)
        }
        KeyCommand::List { tenant } => {
            let account = Account::open(store, &tenant).await?;
            reported(key::list::run(&account).await)
        }
        KeyCommand::Warnings => {
            store.check_tables().await?;
            reported(key::warnings::run(store).await)
        }
        KeyCommand::Revoke {
            tenant: Some(tenant),
            key_id: Some(key_id),
            ..
        } => {
            let account = Account::open(store, &tenant).await?;
            reported(Ok(account.revoke_key(&key_id).await?))
        }
        // The grammar has one or the other.
        KeyCommand::Revoke { as_in, .. } => {
            reported(Box::pin(key::as_in::run(&as_in, store)).await)
        }
    }
}

async fn client(command: ClientCommand, store: &Store) -> Result<Done, Failure> {
    match command {
        ClientCommand::Create {
            tenant,
            label,
            life,
            to_file,
            service,
        } => {
            let account = Account::open(store, &tenant).await?;
            reported(client::create(&account, &label, &life, to_file, &service).await)
        }
        ClientCommand::List { tenant } => {
            let account = Account::open(store, &tenant).await?;
            reported(client::list::run(&account).await)
        }
        ClientCommand::Rotate {
            tenant,
            client,
            secret_id,
            overlap,
            life,
            to_file,
            service,
        } => {
            let asked = client::Rotation {
                client,
                old: secret_id,
                overlap: overlap.length(),
            };
            let account = Account::open(store, &tenant).await?;
            reported(Box::pin(client::rotate(&account, asked, &life, to_file, &service)).await)
        }
        ClientCommand::Revoke { tenant, client, id } => {
            let account = Account::open(store, &tenant).await?;
            reported(client::revoke::run(&account, client, id.as_ref()).await)
        }
        ClientCommand::Trust(arguments) => reported(client::trust::run(&arguments, store).await),
    }
}

async fn user(
    command: UserCommand,
    json: bool,
    store: &Store,
    results: &mut (dyn Write + Send),
) -> Result<Done, Failure> {
    match command {
        UserCommand::Find { tenant, name } => {
            let account = Account::open(store, &tenant).await?;
            let users = Box::pin(account.find_users(&name)).await?;
            reported(Ok(Found { users }))
        }
        UserCommand::Show { tenant, name } => {
            let account = Account::open(store, &tenant).await?;
            let user = Box::pin(account.know_user(&name)).await?;
            reported(Ok(Shown { tenant, user }))
        }
        UserCommand::Reactivate {
            tenant,
            ids,
            deactivated_since,
            by,
            dry_run,
            history,
        } => {
            let asked = reactivate::Asked {
                ids,
                since: deactivated_since,
                by,
                is_dry_run: dry_run,
                history: history.length(),
            };
            let account = Account::open(store, &tenant).await?;
            let run = reactivate::run(asked, json, &account, results);
            let is_bad_news = !Box::pin(run).await?;
            Ok(Done::Printed { is_bad_news })
        }
        UserCommand::Erase(arguments) if arguments.again => {
            reported(erase::again(&arguments, store).await)
        }
        UserCommand::Erase(arguments) => reported(Box::pin(erase::run(&arguments, store)).await),
        UserCommand::Deleted { tenant } => {
            let account = Account::open(store, &tenant).await?;
            reported(deleted::run(&USERS, &account).await)
        }
        UserCommand::Restore {
            tenant,
            ids,
            deleted_since,
            history,
        } => {
            let asked = restore::Asked {
                resource_type: &USERS,
                which: match deleted_since {
                    Some(since) => Which::DeletedSince(since),
                    None => Which::Ids(ids),
                },
                history: history.length(),
            };
            let account = Account::open(store, &tenant).await?;
            let is_bad_news = !Box::pin(restore::run(&asked, json, &account, results)).await?;
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
    let account = Account::open(store, command.tenant()).await?;
    match command {
        GroupCommand::List { .. } => reported(group::list::run(&account).await),
        GroupCommand::Show { group, .. } => reported(group::show::run(&account, &group).await),
        GroupCommand::Members {
            group,
            undo_since: None,
            ..
        } => reported(group::members::run(&account, &group).await),
        GroupCommand::Members {
            group,
            undo_since: Some(since),
            dry_run,
            history,
            ..
        } => {
            let asked = undo::Asked {
                group,
                since,
                is_dry_run: dry_run,
                history: history.length(),
            };
            reported(group::undo::run(&asked, &account).await)
        }
        GroupCommand::Deleted { .. } => reported(deleted::run(&GROUPS, &account).await),
        GroupCommand::Restore { group, history, .. } => {
            let asked = restore::Asked {
                resource_type: &GROUPS,
                which: Which::Named(group),
                history: history.length(),
            };
            let is_bad_news = !Box::pin(restore::run(&asked, json, &account, results)).await?;
            Ok(Done::Printed { is_bad_news })
        }
    }
}
