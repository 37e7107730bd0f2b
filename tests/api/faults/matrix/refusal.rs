//! Why a command of the operator failed.

use store::StoreError;
use store::secrets::SecretsError;

/// Why a command failed: whether it is worth another try.
#[derive(Debug)]
pub enum Refusal {
    Passing(String),
    Final(String),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. }
            | StoreError::Throttled
            | StoreError::Conflict
            | StoreError::VersionMismatch => Self::Passing(error.to_string()),
            _ => Self::Final(error.to_string()),
        }
    }
}

impl From<account::Failure> for Refusal {
    fn from(error: account::Failure) -> Self {
        match error {
            account::Failure::Secrets(error) => error.into(),
            account::Failure::Store(error) => error.into(),
            _ => Self::Final(error.to_string()),
        }
    }
}

impl From<SecretsError> for Refusal {
    fn from(error: SecretsError) -> Self {
        match error {
            SecretsError::Store(error) => error.into(),
            _ => Self::Final(error.to_string()),
        }
    }
}
