//! An OAuth 2.0 client of a tenant, the secret by which it may prove who it is, and the access
//! token that it is given for it.

use std::fmt;

use super::digest::{KeyDigest, hex, is_lower_hex};
use super::id::{MAX_LEN as MAX_TENANT_LEN, TenantId};
use super::key::ApiKey;
use super::secret::{CHECKSUM_LEN, NotWhole, RANDOM_LEN, Secret, checksum, of_secret};

/// Hexadecimal digits of a client id behind the tenant.
const CLIENT_LEN: usize = 12;

const SECRET_PREFIX: &str = "htscs_";
const TOKEN_PREFIX: &str = "htsat_";

/// The longest access token: anything longer is refused unread.
const MAX_TOKEN_LEN: usize = TOKEN_PREFIX.len()
    + MAX_TENANT_LEN
    + 1
    + CLIENT_LEN
    + 1
    + RANDOM_LEN
    + 1
    + RANDOM_LEN
    + 1
    + CHECKSUM_LEN;

/// The `client_id` of RFC 6749, section 2.2: `<tenant>.<12 hexadecimal digits>`. It is no secret.
/// The tenant in it tells where to look for the client's secrets and trusts; a tenant id has no
/// point.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId {
    text: String,
    tenant: TenantId,
}

/// The text is not a client id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a client id is a tenant id, a point and {CLIENT_LEN} of the digits 0 to 9 and a to f, as in `acme.3f9c1b7a2d4e`"
)]
pub struct ClientIdError(());

impl ClientId {
    /// The client of `tenant` that these bytes name, which must be random.
    pub fn from_random(tenant: &TenantId, random: [u8; 6]) -> Self {
        Self {
            text: format!("{tenant}.{}", hex(&random)),
            tenant: tenant.clone(),
        }
    }

    /// Checks that `text` is a client id.
    ///
    /// # Errors
    /// When it does not have the form.
    pub fn parse(text: &str) -> Result<Self, ClientIdError> {
        let (tenant, client) = text.split_once('.').ok_or(ClientIdError(()))?;
        let tenant = TenantId::parse(tenant).map_err(|_| ClientIdError(()))?;
        if client.len() == CLIENT_LEN && is_lower_hex(client) {
            Ok(Self {
                text: text.to_owned(),
                tenant,
            })
        } else {
            Err(ClientIdError(()))
        }
    }

    /// The tenant whose client it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What seals the client's cursors, whichever token or credential it comes with. Whoever may
    /// present a cursor at all knows this value, as the holder of an API key knows the digest of
    /// the key: a seal keeps the cursors of one tenant from being read with the data of another.
    pub fn seal(&self) -> KeyDigest {
        KeyDigest::of(format!("cursor {}", self.text).as_bytes())
    }

    /// What names the trust of this client in an issuer of assertions, as the digest of a secret
    /// names the secret. A client has one trust for an issuer.
    pub fn trust_digest(&self, issuer: &str) -> KeyDigest {
        KeyDigest::of(format!("trust {} {issuer}", self.text).as_bytes())
    }

    /// The digits behind the tenant.
    fn digits(&self) -> &str {
        self.text.rsplit('.').next().unwrap_or_default()
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A client secret: `htscs_<tenant>_<random>_<checksum>`. It has the form of an [`ApiKey`] and only
/// characters that form-encoding leaves alone, so a client that encodes the halves of HTTP Basic
/// (RFC 6749, section 2.3.1) and one that does not send the same bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(Secret);

/// Why something is not a client secret. No variant repeats any part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientSecretError {
    /// It does not start like a client secret.
    #[error("this is not a client secret, which starts with `{SECRET_PREFIX}`; copy it whole")]
    Foreign,
    /// It is an API key.
    #[error(
        "this is an API key; the client secret starts with `{SECRET_PREFIX}` and was shown once, when it was created"
    )]
    ApiKey,
    /// It starts like a client secret, but characters are missing, added or changed.
    #[error("the client secret is incomplete or has a typing mistake; copy it again")]
    Mistyped,
}

impl ClientSecret {
    /// Checks the form and the checksum of a presented secret.
    ///
    /// # Errors
    /// When either is wrong. A secret that passes was not necessarily ever issued.
    pub fn parse(presented: &[u8]) -> Result<Self, ClientSecretError> {
        match Secret::parse(SECRET_PREFIX, presented) {
            Ok(secret) => Ok(Self(secret)),
            Err(NotWhole::Mistyped) => Err(ClientSecretError::Mistyped),
            Err(NotWhole::Foreign) if ApiKey::is_like(presented) => Err(ClientSecretError::ApiKey),
            Err(NotWhole::Foreign) => Err(ClientSecretError::Foreign),
        }
    }

    /// Whether something starts like a client secret.
    pub fn is_like(presented: &[u8]) -> bool {
        Secret::parse(SECRET_PREFIX, presented) != Err(NotWhole::Foreign)
    }

    /// The tenant named by anything that starts like a client secret, whatever follows.
    pub fn named_tenant(presented: &[u8]) -> Option<TenantId> {
        Secret::named_tenant(SECRET_PREFIX, presented)
    }
}

of_secret!(ClientSecret, SECRET_PREFIX, "client secret");

/// An access token (RFC 6749, section 1.4), opaque to the client:
/// `htsat_<tenant>_<client>_<credential>_<random>_<checksum>`.
///
/// - The credential is the digest of the secret by which it was issued, or of the trust: the check
///   of a token reads the token's item and its credential's item at once. Nobody finds a secret of
///   256 random bits from its digest.
/// - What makes it a token is the 32 random bytes, and that the digest of the whole is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    text: String,
    client: ClientId,
    credential: KeyDigest,
    digest: KeyDigest,
}

/// The text is not an access token, though it starts like one: characters are missing, added or
/// changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the access token is incomplete or was changed on its way")]
pub struct AccessTokenError(());

impl AccessToken {
    /// The token of `client`, issued for a credential, that is made of these bytes, which must be
    /// random.
    pub fn from_secret(client: &ClientId, credential: KeyDigest, secret: [u8; 32]) -> Self {
        let mut text = format!(
            "{TOKEN_PREFIX}{}_{}_{}_{}",
            client.tenant,
            client.digits(),
            credential.to_hex(),
            hex(&secret),
        );
        let checksum = checksum(&text);
        text.push('_');
        text.push_str(&checksum);
        Self {
            digest: KeyDigest::of(text.as_bytes()),
            text,
            client: client.clone(),
            credential,
        }
    }

    /// Whether something starts like an access token.
    pub fn is_like(presented: &[u8]) -> bool {
        presented
            .get(..TOKEN_PREFIX.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(TOKEN_PREFIX.as_bytes()))
    }

    /// The tenant named by anything that starts like an access token, whatever follows.
    pub fn named_tenant(presented: &[u8]) -> Option<TenantId> {
        Secret::named_tenant(TOKEN_PREFIX, presented)
    }

    /// Checks the form and the checksum of a presented token. The work is the same for any length
    /// beyond that of a token.
    ///
    /// # Errors
    /// When either is wrong. A token that passes was not necessarily ever issued.
    pub fn parse(presented: &[u8]) -> Result<Self, AccessTokenError> {
        if presented.len() > MAX_TOKEN_LEN {
            return Err(AccessTokenError(()));
        }
        std::str::from_utf8(presented)
            .ok()
            .and_then(Self::read)
            .ok_or(AccessTokenError(()))
    }

    fn read(text: &str) -> Option<Self> {
        let (body, stated) = text.rsplit_once('_')?;
        let mut parts = body.strip_prefix(TOKEN_PREFIX)?.split('_');
        let (tenant, client) = (parts.next()?, parts.next()?);
        let (credential, random) = (parts.next()?, parts.next()?);
        let well_formed = parts.next().is_none()
            && random.len() == RANDOM_LEN
            && is_lower_hex(random)
            && checksum(body) == stated;
        if !well_formed {
            return None;
        }
        Some(Self {
            client: ClientId::parse(&format!("{tenant}.{client}")).ok()?,
            credential: KeyDigest::from_hex(credential)?,
            digest: KeyDigest::of(text.as_bytes()),
            text: text.to_owned(),
        })
    }

    /// The client that it names. It grants nothing by itself.
    pub fn client(&self) -> &ClientId {
        &self.client
    }

    /// The credential that it says it was issued for.
    pub fn credential(&self) -> KeyDigest {
        self.credential
    }

    /// What is stored for the token.
    pub fn digest(&self) -> KeyDigest {
        self.digest
    }

    /// The token itself, given once to the client.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client() -> ClientId {
        let tenant = TenantId::parse("acme-2").unwrap();
        ClientId::from_random(&tenant, [0x3f, 0x9c, 0x1b, 0x7a, 0x2d, 0x4e])
    }

    fn token() -> AccessToken {
        AccessToken::from_secret(&client(), KeyDigest::of(b"secret"), [0xa5; 32])
    }

    #[test]
    fn a_client_id_has_one_form() {
        assert_eq!(client().as_str(), "acme-2.3f9c1b7a2d4e");
        assert_eq!(ClientId::parse("acme-2.3f9c1b7a2d4e"), Ok(client()));
        for text in [
            "",
            "acme-2",
            "acme-2.",
            ".3f9c1b7a2d4e",
            "acme-2.3f9c1b7a2d4",
            "acme-2.3F9C1B7A2D4E",
            "acme-2.3f9c1b7a2d4e.",
            "acme_2.3f9c1b7a2d4e",
            " acme-2.3f9c1b7a2d4e",
        ] {
            assert!(ClientId::parse(text).is_err(), "accepted `{text}`");
        }
    }

    /// Clients hold these: the texts may never change.
    #[test]
    fn secret_and_token_have_the_documented_form() {
        let tenant = TenantId::parse("acme-2").unwrap();
        let (random, credential) = ("a5".repeat(32), KeyDigest::of(b"secret").to_hex());
        let secret = ClientSecret::from_secret(&tenant, [0xa5; 32]);
        let body = format!("htscs_acme-2_{random}");
        assert_eq!(secret.expose(), format!("{body}_{}", checksum(&body)));
        let body = format!("htsat_acme-2_3f9c1b7a2d4e_{credential}_{random}");
        assert_eq!(token().expose(), format!("{body}_{}", checksum(&body)));
    }

    #[test]
    fn each_is_only_what_it_is() {
        let tenant = TenantId::parse("acme-2").unwrap();
        let secret = ClientSecret::from_secret(&tenant, [1; 32]);
        let key = ApiKey::from_secret(&tenant, [1; 32]);
        let parsed = ClientSecret::parse(secret.expose().as_bytes());
        assert_eq!(parsed, Ok(secret.clone()));
        let refused = ClientSecret::parse(key.expose().as_bytes());
        assert_eq!(refused, Err(ClientSecretError::ApiKey));
        let refused = ClientSecret::parse(b"secret");
        assert_eq!(refused, Err(ClientSecretError::Foreign));
        let refused = ClientSecret::parse(b"HTSCS_acme");
        assert_eq!(refused, Err(ClientSecretError::Mistyped));
        assert!(ClientSecret::is_like(secret.expose().as_bytes()));
        assert!(!ClientSecret::is_like(key.expose().as_bytes()));
        assert!(!AccessToken::is_like(secret.expose().as_bytes()));
        assert!(AccessToken::parse(secret.expose().as_bytes()).is_err());
    }

    #[test]
    fn every_single_typo_in_a_token_is_found() {
        let token = token();
        assert_eq!(
            AccessToken::parse(token.expose().as_bytes()),
            Ok(token.clone())
        );
        for (position, original) in token.expose().char_indices() {
            let replacement = if original == '0' { "1" } else { "0" };
            let mut typo = token.expose().to_owned();
            typo.replace_range(position..=position, replacement);
            assert!(AccessToken::parse(typo.as_bytes()).is_err(), "`{typo}`");
        }
        for length in 0..token.expose().len() {
            let cut = token.expose().get(..length).unwrap();
            assert!(AccessToken::parse(cut.as_bytes()).is_err(), "{length}");
        }
    }

    #[test]
    fn the_longest_token_is_accepted() {
        let tenant = TenantId::parse(&"a".repeat(MAX_TENANT_LEN)).unwrap();
        let client = ClientId::from_random(&tenant, [1; 6]);
        let token = AccessToken::from_secret(&client, KeyDigest::of(b""), [1; 32]);
        assert_eq!(token.expose().len(), MAX_TOKEN_LEN);
        assert_eq!(AccessToken::parse(token.expose().as_bytes()), Ok(token));
    }

    #[test]
    fn trusts_and_seals_are_a_client_s_own() {
        let other = ClientId::parse("acme-2.3f9c1b7a2d4f").unwrap();
        assert_ne!(
            client().trust_digest("https://a"),
            other.trust_digest("https://a")
        );
        assert_ne!(
            client().trust_digest("https://a"),
            client().trust_digest("https://b")
        );
        assert_ne!(client().seal(), other.seal());
    }

    #[test]
    fn debug_is_mute() {
        let shown = format!("{:?}", token());
        assert!(shown.contains("acme-2.3f9c1b7a2d4e"), "{shown}");
        assert!(!shown.contains("a5a5"), "{shown}");
        let tenant = TenantId::parse("acme-2").unwrap();
        let shown = format!("{:?}", ClientSecret::from_secret(&tenant, [0xa5; 32]));
        assert!(!shown.contains("a5a5"), "{shown}");
    }

    proptest! {
        #[test]
        fn parse_never_panics(bytes: Vec<u8>) {
            let _ = AccessToken::parse(&bytes);
            let _ = ClientSecret::parse(&bytes);
        }

        #[test]
        fn parse_never_panics_near_the_form(
            text in "htsat_[a-z_é-]{0,9}_[0-9a-f_é]{10,14}_[0-9a-f_]{60,66}_[0-9a-f_é]{60,66}_[0-9a-f]{7,9}",
        ) {
            let _ = AccessToken::parse(text.as_bytes());
        }

        #[test]
        fn every_token_round_trips(
            secret: [u8; 32],
            random: [u8; 6],
            credential: [u8; 4],
            tenant in "[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?",
        ) {
            let client = ClientId::from_random(&TenantId::parse(&tenant).unwrap(), random);
            let token = AccessToken::from_secret(&client, KeyDigest::of(&credential), secret);
            prop_assert_eq!(AccessToken::parse(token.expose().as_bytes()), Ok(token));
        }
    }
}
