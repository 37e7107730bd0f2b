//! GET of one resource (RFC 7644 §3.4.1).

use scim::ResourceType;
use scim::ignored::Ignored;
use scim::project::Projection;
use store::directory::members::MembersChanged;

use super::{Answer, Directory, Failure, matches_etag};

/// What a GET finds.
#[derive(Debug)]
pub enum Got {
    /// The resource.
    Resource(Box<Answer>),
    /// The client has this version.
    Known {
        /// Its entity tag.
        etag: String,
    },
}

impl Directory<'_> {
    /// The resource with this id, unless the client knows its version. Then nothing that is stored
    /// apart is read.
    ///
    /// # Errors
    /// 404 when there is none; `tooMany` when an answer cannot have all of it.
    pub async fn get(
        &self,
        resource_type: &'static ResourceType,
        id: &str,
        if_none_match: Option<&str>,
        projection: &Projection,
    ) -> Result<Got, Failure> {
        let found = self.load(resource_type, id).await?;
        let etag = found.meta.etag();
        if if_none_match.is_some_and(|known| matches_etag(known, &etag)) {
            return Ok(Got::Known { etag });
        }
        Ok(Got::Resource(Box::new(Answer {
            etag: Some(etag),
            location: found.location(resource_type, self.base),
            id: found.id.to_string(),
            body: Some(self.show(resource_type, found, projection).await?),
            ignored: Ignored::default(),
            untold: None,
            members: MembersChanged::default(),
        })))
    }
}
