//! What a tenant is and what an API key is.
//!
//! Architecture invariant: nothing here does I/O or reads a clock, the environment or a source
//! of randomness. Random bytes are an argument of [`ApiKey::from_secret`].

mod digest;
mod id;
mod key;

pub use digest::{KeyDigest, KeyId, KeyIdError};
pub use id::{TenantId, TenantIdError};
pub use key::{ApiKey, ApiKeyError};
