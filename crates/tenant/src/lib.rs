//! What a tenant is; what its clients present: API keys, client secrets, access tokens; and what
//! lets an administrator into the settings page.
//!
//! Architecture invariant: nothing here does I/O or reads a clock, the environment or a source
//! of randomness. Random bytes are an argument of [`ApiKey::from_secret`].

mod client;
mod digest;
mod entrance;
mod id;
mod key;
mod secret;

pub use client::{
    AccessToken, AccessTokenError, ClientId, ClientIdError, ClientSecret, ClientSecretError,
};
pub use digest::{KeyDigest, KeyId, KeyIdError};
pub use entrance::{LinkToken, SessionToken};
pub use id::{TenantId, TenantIdError};
pub use key::{ApiKey, ApiKeyError};
