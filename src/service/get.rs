//! GET of one resource (RFC 7644 §3.4.1).

use super::{Answer, Failure, Resources};
use crate::scim::project::Projection;

impl Resources<'_> {
    /// The resource with this id.
    ///
    /// # Errors
    /// 404 when there is none.
    pub async fn get(&self, id: &str, projection: &Projection) -> Result<Answer, Failure> {
        Ok(self.answer(self.load(id).await?, projection))
    }
}
