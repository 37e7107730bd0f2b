//! The limits on how many users may lose access, and groups be deleted, within a window.

use scim::schema::PROVIDED;
use time::Duration;

use crate::{Account, Failure, now};

impl Account {
    /// Lifts the limits of all types for a while; a length of zero ends the lifting.
    ///
    /// # Errors
    /// When only a part of the tenant is there, and failures of DynamoDB.
    pub async fn lift_breakers(&self, length: Duration) -> Result<(), Failure> {
        self.is_whole()?;
        let until = now().saturating_add(length);
        let lifted = self.directory().lift_breakers(PROVIDED, until).await;
        self.unless_overtaken(lifted).await
    }
}
