//! What lets a tenant's administrator into the settings page: a link, which opens a session once,
//! and the session, which the browser keeps in a cookie.

use std::fmt;

use super::digest::{KeyDigest, KeyId};
use super::id::TenantId;
use super::secret::Secret;

/// The secret part of a link: `htlink_<tenant>_<random>_<checksum>`. It has the form of an
/// [`ApiKey`](crate::ApiKey), so that secret scanners find it and what cannot be one costs no read.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkToken(Secret);

/// The secret of a session: `htsession_<tenant>_<random>_<checksum>`.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(Secret);

macro_rules! token {
    ($token:ident, $prefix:literal, $what:literal) => {
        impl $token {
            #[doc = concat!("The ", $what, " of `tenant` that is made of these bytes, which must be random.")]
            pub fn from_secret(tenant: &TenantId, secret: [u8; 32]) -> Self {
                Self(Secret::new($prefix, tenant, secret))
            }

            /// Checks the form and the checksum of what is presented. What passes was not
            /// necessarily ever issued.
            pub fn parse(presented: &str) -> Option<Self> {
                Secret::parse($prefix, presented.as_bytes()).ok().map(Self)
            }

            /// The tenant that it names. It grants nothing by itself.
            pub fn tenant(&self) -> &TenantId {
                self.0.tenant()
            }

            /// What is stored.
            pub fn digest(&self) -> KeyDigest {
                self.0.digest()
            }

            /// Its name in logs and commands.
            pub fn id(&self) -> KeyId {
                self.digest().key_id()
            }

            /// The secret itself.
            pub fn expose(&self) -> &str {
                self.0.expose()
            }
        }

        impl fmt::Debug for $token {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($token))
                    .field("tenant", self.tenant())
                    .finish_non_exhaustive()
            }
        }
    };
}

token!(LinkToken, "htlink_", "link");
token!(SessionToken, "htsession_", "session");

#[cfg(test)]
mod tests {
    use crate::{ApiKey, ApiKeyError};

    use super::*;

    #[test]
    fn each_is_only_what_it_is() {
        let acme = TenantId::parse("acme").unwrap();
        let (link, session) = (
            LinkToken::from_secret(&acme, [1; 32]),
            SessionToken::from_secret(&acme, [1; 32]),
        );
        assert!(link.expose().starts_with("htlink_acme_0101"));
        assert_eq!(LinkToken::parse(link.expose()), Some(link.clone()));
        assert_eq!(SessionToken::parse(session.expose()), Some(session.clone()));
        assert_eq!(LinkToken::parse(session.expose()), None);
        assert_eq!(SessionToken::parse(link.expose()), None);
        assert_eq!(
            LinkToken::parse(link.expose().trim_start_matches("ht")),
            None
        );
        let as_key = ApiKey::parse(link.expose().as_bytes());
        assert_eq!(as_key, Err(ApiKeyError::Foreign));
        assert_ne!(link.digest(), session.digest());
        assert_eq!(link.tenant(), session.tenant());
        assert!(!format!("{link:?}{session:?}").contains("0101"));
    }
}
