//! Why a use case failed. What to do about it, the surface says in its own terms.

use std::path::PathBuf;

use scim::ResourceId;
use store::StoreError;
use store::secrets::SecretsError;
use tenant::{ClientId, KeyId, TenantId};

use crate::as_in::NoEntry;

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A tenant or a key is not as it has to be, or DynamoDB failed.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// DynamoDB failed or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No user goes by this name now.
    #[error("no user of the tenant has the userName `{0}`")]
    NoUser(String),
    /// Nobody goes by this name, or did.
    #[error("nobody of the tenant goes by `{0}`, or did as far as there are records")]
    NoUserAtAll(String),
    /// Several users go by this name, or did.
    #[error("{1} users go by `{0}`, or did; name one by its id")]
    SeveralUsers(String, usize),
    /// No group goes by this name or id now.
    #[error("no group of the tenant has the displayName or id `{0}`")]
    NoGroup(String),
    /// No deleted group went by this name.
    #[error("no deleted group has the displayName `{0}`")]
    NoDeletedGroup(String),
    /// Several deleted groups went by this name.
    #[error("several deleted groups have the displayName `{0}`; name one by its id")]
    SeveralDeletedGroups(String),
    /// More is to be taken back than one change can.
    #[error(
        "{size} memberships would change, and {accepted} can at a time; undo a shorter time first"
    )]
    TooMuchToUndo {
        /// How many memberships.
        size: usize,
        /// How many can be changed.
        accepted: usize,
    },
    /// There are no records of this user.
    #[error(
        "nothing is on record of user {0}: the id is another tenant's or wrong, or its records have ended"
    )]
    NothingOnRecord(ResourceId),
    /// No user goes by this name now, and no deleted one went by it.
    #[error(
        "no user of the tenant has the userName `{0}`, and no deleted one had it; one of whom only records are left is named by the id"
    )]
    NoUserEver(String),
    /// Several deleted users went by this name.
    #[error("several deleted users had the userName `{name}`; name one by its id: {ids}")]
    SeveralDeletedUsers {
        /// What they were called.
        name: String,
        /// Their ids.
        ids: String,
    },
    /// A line of a file is no entry of the operator's log.
    #[error(transparent)]
    NoEntry(NoEntry),
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A folder has something else in it than it should.
    #[error("{}: {why}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What there is to know.
        why: String,
    },
    /// What is to be written would mix with what is there.
    #[error(
        "tenant `{0}` has a directory already; --replace removes it first, once the tenant has been disabled for a minute"
    )]
    NotEmpty(TenantId),
    /// The tenant was deleted.
    #[error(
        "tenant `{0}` was deleted; to import into it, create it with `scim-admin tenant create --again`, and disable it a minute before"
    )]
    WasDeleted(TenantId),
    /// An import of something else was ended early.
    #[error(
        "an import of something else into tenant `{0}` was ended early; run that one again, or start over with --replace"
    )]
    OtherImport(TenantId),
    /// Another command changed the tenant in the middle of an import or a deletion.
    #[error(
        "another command changed tenant `{0}` meanwhile, so this one did nothing more; see `scim-admin tenant list`, and run it again if there is something left to do"
    )]
    Overtaken(TenantId),
    /// There is no such tenant in the other table.
    #[error("the table `{table}` has nothing of tenant `{tenant}`")]
    NothingThere {
        /// The table.
        table: String,
        /// The tenant.
        tenant: TenantId,
    },
    /// The client has no such secret, or no such trust.
    #[error("client `{client}` has no secret or trust `{id}`; list the clients to find the id")]
    NoCredential {
        /// The client.
        client: ClientId,
        /// What was named.
        id: KeyId,
    },
    /// The client has several secrets, so the one to replace must be named.
    #[error("{}", choose(client, active))]
    ChooseSecret {
        /// The client.
        client: ClientId,
        /// Those that are accepted.
        active: Vec<KeyId>,
    },
    /// The secret is not accepted any more, so there is nothing to be replaced.
    #[error(
        "the secret `{id}` of client `{client}` {how}, so it cannot be rotated; name one that is active, or none if there is none"
    )]
    SecretEnded {
        /// The client.
        client: ClientId,
        /// The secret.
        id: KeyId,
        /// Why it is not accepted.
        how: &'static str,
    },
    /// There is no randomness for a key.
    #[error("the operating system gave no random bytes; try again")]
    Random(#[from] getrandom::Error),
}

impl Failure {
    /// The failure of DynamoDB, if it is one.
    pub fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Secrets(SecretsError::Store(error)) | Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

fn choose(client: &ClientId, active: &[KeyId]) -> String {
    let ids: Vec<&str> = active.iter().map(KeyId::as_str).collect();
    format!(
        "client `{client}` has {} active secrets; name the one to rotate: {}",
        ids.len(),
        ids.join(", ")
    )
}
