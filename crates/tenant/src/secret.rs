//! The form of everything that a tenant's people present to prove something: a prefix, the tenant,
//! 256 random bits, a checksum.

use super::digest::{KeyDigest, hex, is_lower_hex};
use super::id::{MAX_LEN as MAX_TENANT_LEN, TenantId};

pub(super) const RANDOM_LEN: usize = 64;
pub(super) const CHECKSUM_LEN: usize = 8;

/// The length of the longest secret with a prefix: anything longer is rejected unread.
pub(super) const fn max_len(prefix: &str) -> usize {
    prefix.len() + MAX_TENANT_LEN + 1 + RANDOM_LEN + 1 + CHECKSUM_LEN
}

/// A secret: `<prefix><tenant>_<random>_<checksum>`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret {
    text: String,
    tenant: TenantId,
    digest: KeyDigest,
}

/// Why something is no such secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotWhole {
    /// It does not start with the prefix.
    Foreign,
    /// It does, but characters are missing, added or changed.
    Mistyped,
}

impl Secret {
    /// The secret of a tenant that is made of these random bytes.
    pub(super) fn new(prefix: &str, tenant: &TenantId, random: [u8; 32]) -> Self {
        let mut text = format!("{prefix}{tenant}_{}", hex(&random));
        let checksum = checksum(&text);
        text.push('_');
        text.push_str(&checksum);
        Self {
            digest: KeyDigest::of(text.as_bytes()),
            text,
            tenant: tenant.clone(),
        }
    }

    /// Checks the form and the checksum. The work is the same for any length beyond that of a
    /// secret.
    pub(super) fn parse(prefix: &str, presented: &[u8]) -> Result<Self, NotWhole> {
        if presented.len() <= max_len(prefix)
            && let Ok(text) = std::str::from_utf8(presented)
            && let Some((tenant, body, stated)) = split(prefix, text)
            && checksum(body) == stated
        {
            return Ok(Self {
                digest: KeyDigest::of(presented),
                text: text.to_owned(),
                tenant,
            });
        }
        // One in capitals, or with its end cut off, is still recognisable.
        match presented.get(..prefix.len()) {
            Some(start) if start.eq_ignore_ascii_case(prefix.as_bytes()) => Err(NotWhole::Mistyped),
            _ => Err(NotWhole::Foreign),
        }
    }

    /// The tenant named by anything that starts like such a secret, whatever follows.
    pub(super) fn named_tenant(prefix: &str, presented: &[u8]) -> Option<TenantId> {
        let start = presented.get(..presented.len().min(max_len(prefix)))?;
        let rest = start.strip_prefix(prefix.as_bytes())?;
        let name = rest.split(|byte| *byte == b'_').next()?;
        TenantId::parse(std::str::from_utf8(name).ok()?).ok()
    }

    pub(super) fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    pub(super) fn digest(&self) -> KeyDigest {
        self.digest
    }

    pub(super) fn expose(&self) -> &str {
        &self.text
    }
}

/// What every type around a [`Secret`] has. The text after the name says what it is.
macro_rules! of_secret {
    ($name:ident, $prefix:expr, $what:literal) => {
        impl $name {
            #[doc = concat!("The ", $what, " of `tenant` that is made of these bytes, which must be random.")]
            pub fn from_secret(tenant: &$crate::TenantId, secret: [u8; 32]) -> Self {
                Self($crate::secret::Secret::new($prefix, tenant, secret))
            }

            /// The tenant that it names. It grants nothing by itself.
            pub fn tenant(&self) -> &$crate::TenantId {
                self.0.tenant()
            }

            /// What is stored.
            pub fn digest(&self) -> $crate::KeyDigest {
                self.0.digest()
            }

            /// Its name in logs and commands.
            pub fn id(&self) -> $crate::KeyId {
                self.digest().key_id()
            }

            #[doc = concat!("The ", $what, " itself, shown once to the person it is issued to.")]
            pub fn expose(&self) -> &str {
                self.0.expose()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("tenant", self.tenant())
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(super) use of_secret;

/// The tenant, everything that the checksum covers, and the checksum.
fn split<'t>(prefix: &str, text: &'t str) -> Option<(TenantId, &'t str, &'t str)> {
    let (body, checksum) = text.rsplit_once('_')?;
    let (tenant, random) = body.strip_prefix(prefix)?.split_once('_')?;
    let well_formed = random.len() == RANDOM_LEN
        && is_lower_hex(random)
        && checksum.len() == CHECKSUM_LEN
        && is_lower_hex(checksum);
    let tenant = TenantId::parse(tenant).ok()?;
    well_formed.then_some((tenant, body, checksum))
}

/// The CRC-32 of everything before the last underscore.
pub(super) fn checksum(body: &str) -> String {
    format!("{:08x}", crc32fast::hash(body.as_bytes()))
}
