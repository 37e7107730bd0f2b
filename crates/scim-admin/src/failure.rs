//! Why a command failed, and what to do about it.

use std::error::Error;

use std::path::PathBuf;

use aws_sdk_sqs::error::DisplayErrorContext;
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
    Account(#[from] account::Failure),
    #[error(transparent)]
    Pasted(#[from] oauth::PastedError),
    #[error(transparent)]
    Tables(#[from] TablesError),
    #[error("--confirm `{confirmed}` is not the tenant `{tenant}`; nothing was deleted")]
    NotConfirmed {
        tenant: TenantId,
        confirmed: TenantId,
    },
    #[error(
        "the end {} is not after the beginning {}; name a --since that is before --until",
        stamp(*.until),
        stamp(*.since)
    )]
    EmptySpan {
        since: OffsetDateTime,
        until: OffsetDateTime,
    },
    #[error("{}: {error}", path.display())]
    File {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("the events could not be sent: {0}; those before were, and may be sent again")]
    Sending(String),
    #[error("an event was refused: {0}; those before were sent, and may be sent again")]
    Refused(String),
    #[error("reading or printing failed: {0}")]
    Print(#[from] std::io::Error),
    #[error("no new file at {}: {source}; name one that does not exist yet", path.display())]
    NewFile {
        path: PathBuf,
        source: std::io::Error,
    },
}

impl From<SecretsError> for Failure {
    fn from(error: SecretsError) -> Self {
        Self::Account(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Account(error.into())
    }
}

impl Failure {
    /// Events could not be sent.
    pub fn sending(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Sending(DisplayErrorContext(error).to_string())
    }

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
            Self::Account(failure) => failure.store_error(),
            Self::Tables(TablesError::Store(error)) => Some(error),
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
    use account::Failure as Of;
    if let Failure::Account(failure) = failure {
        let hint = match failure {
            Of::NoUser(_) => {
                "`scim-admin user find` finds users by any of their names, deleted ones too"
            }
            Of::NoUserAtAll(_) => {
                "`scim-admin requests --user` shows whether the client has asked for somebody who is not here"
            }
            Of::SeveralUsers(..) => "`scim-admin user find` lists them",
            Of::NoGroup(_) => "`scim-admin group deleted` lists the deleted ones",
            Of::NoDeletedGroup(_) | Of::SeveralDeletedGroups(_) => {
                "`scim-admin group deleted` lists those that can be restored, with their ids"
            }
            _ => "",
        };
        if !hint.is_empty() {
            return Some(hint);
        }
    }
    match failure.store_error()? {
        StoreError::Refused { message, .. } if message.starts_with("ResourceNotFoundException") => {
            Some("run `scim-admin tables create` first, or check --secrets-table and the region")
        }
        StoreError::Refused { message, .. } if message.starts_with("AccessDeniedException") => {
            Some(
                "your role lacks a policy that this command needs: the stack has one for viewers, one for keys and one for repairs",
            )
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
        let text = explain(&error.into());
        assert!(text.contains("caused by: inner"), "{text}");
        assert!(text.contains("scim-admin tables create"), "{text}");
    }
}
