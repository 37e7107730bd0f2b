//! The limits on how many users may lose access, and groups be deleted, within a window.

use scim::schema::PROVIDED;
use time::Duration;

use crate::{Account, Failure, now};

impl Account {
    /// Lifts the limits of all types for a while; a length of zero ends the lifting.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn lift_breakers(&self, length: Duration) -> Result<(), Failure> {
        let until = now().saturating_add(length);
        Ok(self.directory().lift_breakers(PROVIDED, until).await?)
    }
}
