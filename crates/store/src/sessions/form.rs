//! Forms that create something: each works once.

use tenant::SessionToken;
use time::OffsetDateTime;

use super::{LONGEST, Sessions};
use crate::client::attributes::epoch_seconds;
use crate::client::tables::EXPIRES_AT;
use crate::{Meter, StoreError};

impl Sessions {
    /// Uses up a form of a session. Returns whether it was not used before.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn use_form(
        &self,
        token: &SessionToken,
        form: &str,
        now: OffsetDateTime,
        meter: &Meter,
    ) -> Result<bool, StoreError> {
        let sort_key = format!("FORM#{}#{form}", token.id());
        let mut item = Self::new_item(token.tenant(), sort_key);
        item.insert(EXPIRES_AT.to_owned(), epoch_seconds(now + LONGEST));
        match self.settled(&[self.put_new(item)?], meter).await {
            Ok(()) => Ok(true),
            Err(StoreError::VersionMismatch) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
