//! Why a command failed, and what to do about it.

use std::error::Error;

use account::erase::EraseError;
use scim::ResourceId;
use store::client::tables::TablesError;
use store::secrets::SecretsError;
use store::{Store, StoreError};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::terminal::{printable, stamp};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error(transparent)]
    Tables(#[from] TablesError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Erase(#[from] EraseError),
    #[error("--confirm `{confirmed}` is not the tenant `{tenant}`; nothing was deleted")]
    NotConfirmed {
        tenant: TenantId,
        confirmed: TenantId,
    },
    #[error("no user of the tenant has the userName `{0}`; a deleted one is found by its id")]
    NoUser(String),
    #[error(
        "no group of the tenant has the displayName or id `{0}`; `scim-admin group deleted` lists the deleted ones"
    )]
    NoGroup(String),
    #[error(
        "no deleted group has the displayName `{0}`; `scim-admin group deleted` lists those that can be restored"
    )]
    NoDeletedGroup(String),
    #[error(
        "several deleted groups have the displayName `{0}`; name one by its id, as `scim-admin group deleted` lists them"
    )]
    SeveralDeletedGroups(String),
    #[error(
        "{size} memberships would change, and {accepted} can at a time; undo a shorter time first"
    )]
    TooMuchToUndo { size: usize, accepted: usize },
    #[error(
        "nothing is on record of user {0}: the id is another tenant's or wrong, or its records have ended"
    )]
    NothingOnRecord(ResourceId),
    #[error(
        "the end {} is not after the beginning {}; name a --since that is before --until",
        stamp(*.until),
        stamp(*.since)
    )]
    EmptySpan {
        since: OffsetDateTime,
        until: OffsetDateTime,
    },
    #[error("the result could not be printed: {0}")]
    Print(#[from] std::io::Error),
    #[error("the operating system gave no random bytes for a key; try again")]
    Random(#[from] getrandom::Error),
}

impl Failure {
    /// Why DynamoDB refused a call, if that is because a table is one of another kind.
    pub async fn or_other_table(self, store: &Store) -> Self {
        if !matches!(self.store_error(), Some(StoreError::Refused { .. })) {
            return self;
        }
        match store.check_tables().await {
            Err(error @ TablesError::OtherKind { .. }) => error.into(),
            _ => self,
        }
    }

    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Secrets(SecretsError::Store(error))
            | Self::Tables(TablesError::Store(error))
            | Self::Erase(
                EraseError::Store(error) | EraseError::Secrets(SecretsError::Store(error)),
            )
            | Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

/// A failure with its causes, and what to do when that can be said.
pub fn explain(failure: &Failure) -> String {
    let mut text = format!("error: {}", printable(&failure.to_string()));
    let mut cause = failure.source();
    while let Some(error) = cause {
        let said = error.to_string();
        let said = printable(&said);
        // The SDK repeats itself from layer to layer.
        if !text.contains(&*said) {
            text.push_str("\n  caused by: ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    if let Some(hint) = hint(failure) {
        text.push_str("\nhint: ");
        text.push_str(hint);
    }
    text
}

fn hint(failure: &Failure) -> Option<&'static str> {
    match failure.store_error()? {
        StoreError::Refused { message, .. } if message.starts_with("ResourceNotFoundException") => {
            Some("run `scim-admin tables create` first, or check --secrets-table and the region")
        }
        StoreError::Unavailable { .. } => {
            Some("check the AWS credentials, the region and the network, then try again")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_table_comes_with_a_hint() {
        let error = StoreError::Refused {
            message: "ResourceNotFoundException: cannot do operations".to_owned(),
            source: "inner".into(),
        };
        let text = explain(&Failure::Secrets(error.into()));
        assert!(text.contains("caused by: inner"), "{text}");
        assert!(text.contains("scim-admin tables create"), "{text}");
    }
}
