//! What lets a tenant's administrator into the settings page: a link, which opens a session once,
//! and the session, which the browser keeps in a cookie.

use super::secret::{Secret, of_secret};

/// The secret part of a link: `htlink_<tenant>_<random>_<checksum>`. It has the form of an
/// [`ApiKey`](crate::ApiKey), so that secret scanners find it and what cannot be one costs no read.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkToken(Secret);

/// The secret of a session: `htsession_<tenant>_<random>_<checksum>`.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(Secret);

macro_rules! token {
    ($token:ident, $prefix:literal, $what:literal) => {
        of_secret!($token, $prefix, $what);

        impl $token {
            /// Checks the form and the checksum of what is presented. What passes was not
            /// necessarily ever issued.
            pub fn parse(presented: &str) -> Option<Self> {
                Secret::parse($prefix, presented.as_bytes()).ok().map(Self)
            }
        }
    };
}

token!(LinkToken, "htlink_", "link");
token!(SessionToken, "htsession_", "session");

#[cfg(test)]
mod tests {
    use crate::{ApiKey, ApiKeyError, TenantId};

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
