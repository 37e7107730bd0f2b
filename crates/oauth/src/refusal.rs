//! Why a token request is refused: outward as RFC 6749, section 5.2, wants it, inward as a word for
//! the log.

use tenant::ClientId;

/// The `error` of a refused token request (RFC 6749, section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The request itself is not as it should be.
    InvalidRequest,
    /// Nothing proves that the request comes from the client that it names, or from any.
    InvalidClient,
    /// The grant is another than client credentials.
    UnsupportedGrantType,
    /// It can be tried again. RFC 6749 has this word for redirects only (section 4.1.2.1), and
    /// others answer with it here too.
    TemporarilyUnavailable,
}

impl ErrorCode {
    /// The word in the answer.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// The HTTP status that goes with it.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest | Self::UnsupportedGrantType => 400,
            Self::InvalidClient => 401,
            Self::TemporarilyUnavailable => 503,
        }
    }
}

/// A token request that gets no token. [`Refusal::new`] makes one, so that the description can
/// always be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{description}")]
#[non_exhaustive]
pub struct Refusal {
    /// The `error` of the answer.
    pub code: ErrorCode,
    /// Which rule refused, for the log: one word for each.
    pub reason: &'static str,
    /// The `error_description`: what the administrator can do. It has only the characters that
    /// RFC 6749, section 5.2, allows, and repeats nothing that was presented but the names of
    /// fields and claims.
    pub description: String,
    /// The client that the request names, if it names one.
    pub client: Option<ClientId>,
}

impl Refusal {
    /// A refusal of a request whose client is not known yet. Characters that a description may not
    /// have are replaced.
    pub fn new(code: ErrorCode, reason: &'static str, description: impl AsRef<str>) -> Self {
        let allowed = |character| match character {
            '"' => '\'',
            ' '..='[' | ']'..='~' => character,
            _ => '?',
        };
        Self {
            code,
            reason,
            description: description.as_ref().chars().map(allowed).collect(),
            client: None,
        }
    }

    /// The refusal of credentials that nothing here knows. Its words are the same for an unknown
    /// client, a wrong secret, an issuer without a trust, and a signature that is not the issuer's:
    /// whoever tries learns from none of them which client exists, or what it trusts. The log
    /// tells them apart.
    pub fn unknown(reason: &'static str, client: Option<ClientId>) -> Self {
        let description = "the client id or its credentials are not known here; copy the client id \
                           and the client secret again, or, for workload identity federation, set \
                           up the trust again with issuer, subject and audience as Entra shows them";
        Self {
            client,
            ..Self::new(ErrorCode::InvalidClient, reason, description)
        }
    }

    /// The same refusal, of a request that names this client.
    #[must_use]
    pub fn of(self, client: Option<ClientId>) -> Self {
        Self { client, ..self }
    }

    pub(crate) fn request(reason: &'static str, description: impl AsRef<str>) -> Self {
        Self::new(ErrorCode::InvalidRequest, reason, description)
    }

    pub(crate) fn client(reason: &'static str, description: impl AsRef<str>) -> Self {
        Self::new(ErrorCode::InvalidClient, reason, description)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_and_statuses_are_the_standard_s() {
        for (code, word, status) in [
            (ErrorCode::InvalidRequest, "invalid_request", 400),
            (ErrorCode::InvalidClient, "invalid_client", 401),
            (
                ErrorCode::UnsupportedGrantType,
                "unsupported_grant_type",
                400,
            ),
            (
                ErrorCode::TemporarilyUnavailable,
                "temporarily_unavailable",
                503,
            ),
        ] {
            assert_eq!((code.as_str(), code.status()), (word, status));
        }
    }

    #[test]
    fn what_is_not_known_is_told_in_the_same_words() {
        let client = ClientId::parse("acme.3f9c1b7a2d4e").unwrap();
        let (first, second) = (
            Refusal::unknown("wrongSecret", Some(client)),
            Refusal::unknown("badSignature", None),
        );
        assert_eq!(first.description, second.description);
        assert_eq!(first.code, second.code);
        let new = Refusal::new(first.code, "x", &first.description);
        assert_eq!(new.description, first.description);
    }

    #[test]
    fn other_characters_are_replaced() {
        let refusal = Refusal::new(ErrorCode::InvalidRequest, "x", "\"a\\b\" é\n~`!");
        assert_eq!(refusal.description, "'a?b' ??~`!");
    }

    proptest! {
        #[test]
        fn every_description_can_be_sent(text: String) {
            let refusal = Refusal::new(ErrorCode::InvalidRequest, "x", text);
            let can_be_sent =
                |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            prop_assert!(refusal.description.bytes().all(can_be_sent));
        }
    }
}
