//! The secrets table: which tenants exist, and the digests of their API keys and client secrets.
//!
//! | item | `secrets_pk` | `secrets_sk` |
//! |---|---|---|
//! | tenant | `TENANT#<tenant id>` | `TENANT` |
//! | stone of a deleted tenant | `TENANT#<tenant id>` | `DELETED` |
//! | key | `TENANT#<tenant id>` | `KEY#<digest of the key>` |
//! | client secret | `TENANT#<tenant id>` | `KEY#<digest of the secret>` |
//! | trust | `TENANT#<tenant id>` | `KEY#<digest of client and issuer>` |
//! | entry of the operator's log | `LOG#<tenant id>` | `O#<time>#<id of the entry>` |
//!
//! A key item repeats whether its tenant is enabled, so that authentication is one GetItem. The
//! tenant item in turn lists the digests of the keys that are not revoked, and every write that
//! adds or removes a key or enables or disables the tenant changes the tenant item in the same
//! transaction. Long-expired keys leave the list when a new one needs the space: an expiry is never
//! postponed, so they will not be accepted again. Code that changes all keys of a tenant can
//! therefore rely on that list, as long as the tenant's version is unchanged. A Query for the keys
//! would not be enough: DynamoDB does not isolate a Query from transactions, so it can miss a key
//! that is being added.
//!
//! A client secret and a trust are keys in all this, with a client besides.
//!
//! The tenant item also says that the tenant is being deleted, or that something is being imported
//! into it. The writes of both check it ([`Hold`]).

mod clients;
mod credential;
mod deletion;
mod error;
mod hold;
mod import;
mod item;
mod keys;
mod operator_log;
mod rotate;
mod scan;
mod stone;
mod switch;
mod tenants;
mod warning;
mod write;

pub(crate) use item::{kind, partition_of};
pub(crate) use operator_log::log_of;

pub use clients::{ClientCredential, MAX_TOKEN_LIFE, Trust};
pub use credential::Credential;
pub use deletion::{Deleting, MIN_DISABLED};
pub use error::SecretsError;
pub use hold::Hold;
pub use import::{Import, Importable, Imported};
pub use keys::{KeyKind, KeyRecord, MAX_ACTIVE_KEYS};
pub use operator_log::{Act, Begun, Operator, OperatorEntry};
pub use rotate::{Rotation, Successor};
pub use scan::TenantKey;
pub use stone::Stone;
pub use tenants::Tenant;
pub use warning::{Expiry, KeyWarning};
