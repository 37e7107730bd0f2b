//! `client` and its arguments.

use std::fmt;
use std::path::PathBuf;

use account::clients::{DEFAULT_SECRET_DAYS, SECRET_DAYS};
use clap::{Args, Subcommand};
use oauth::Authorities;
use tenant::{ClientId, KeyId, TenantId};
use time::Duration;

use super::key::Overlap;
use super::values::{text, web_address};

#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Create a client and print its id and secret, the secret this once
    Create {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// What the client is for
        #[arg(long, value_parser = text)]
        label: String,
        #[command(flatten)]
        life: SecretLife,
        /// Write the secret to this new file, which only you can read, instead of showing it
        #[arg(long, value_name = "FILE")]
        to_file: Option<PathBuf>,
        #[command(flatten)]
        service: PublicUrl,
    },
    /// List a tenant's clients with their secrets and trusts; the secrets themselves are not stored
    List {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
    },
    /// Create a secret in the place of another one, which gives tokens for a while longer
    Rotate {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// The id of the client, as listed
        #[arg(value_parser = ClientId::parse)]
        client: ClientId,
        /// The id of the old secret, as listed; not needed if the client has one active secret, or
        /// none
        #[arg(value_parser = KeyId::parse)]
        secret_id: Option<KeyId>,
        #[command(flatten)]
        overlap: Overlap,
        #[command(flatten)]
        life: SecretLife,
        /// Write the new secret to this new file, which only you can read, instead of showing it
        #[arg(long, value_name = "FILE")]
        to_file: Option<PathBuf>,
        #[command(flatten)]
        service: PublicUrl,
    },
    /// End a secret or a trust for ever, or all that a client has, and their tokens, effective at
    /// once
    Revoke {
        /// The tenant
        #[arg(value_parser = TenantId::parse)]
        tenant: TenantId,
        /// The id of the client, as listed
        #[arg(value_parser = ClientId::parse)]
        client: ClientId,
        /// The id of the secret or trust, as listed; all of the client's if left out
        #[arg(value_name = "SECRET_OR_TRUST_ID", value_parser = KeyId::parse)]
        id: Option<KeyId>,
    },
    /// Have a client trust assertions of an issuer, in the place of what it trusted this issuer
    /// with before
    Trust(TrustArgs),
}

#[derive(Debug, Args)]
pub struct TrustArgs {
    /// The tenant
    #[arg(value_parser = TenantId::parse)]
    pub tenant: TenantId,
    /// The id of the client, as listed
    #[arg(value_parser = ClientId::parse)]
    pub client: ClientId,
    /// Issuer, as the provisioning page in Entra shows it
    #[arg(long)]
    pub issuer: String,
    /// JWKS URL, as Entra shows it; it is compared with the issuer, and not used
    #[arg(long, value_name = "URL")]
    pub jwks_url: Option<String>,
    /// Subject, as Entra shows it
    #[arg(long)]
    pub subject: String,
    /// Audience, as Entra shows it
    #[arg(long)]
    pub audience: String,
    /// Whose issuers can be trusted: the beginning of their URLs, as the function has it; several
    /// with commas between them
    #[arg(
        long,
        env = "SCIM_ENTRA_AUTHORITY",
        default_value = Authorities::ENTRA,
        value_name = "URL",
        value_parser = Authorities::parse
    )]
    pub entra_authority: Authorities,
    #[command(flatten)]
    pub service: PublicUrl,
}

/// Where the service is.
#[derive(Debug, Args)]
pub struct PublicUrl {
    /// What comes before /oauth2/token: the public URL of the service
    #[arg(long, env = "SCIM_PUBLIC_URL", value_name = "URL", value_parser = web_address)]
    public_url: Option<String>,
}

impl PublicUrl {
    /// Where a client gets its tokens, if that is known.
    pub fn token_url(&self) -> Option<String> {
        let url = self.public_url.as_ref()?;
        Some(format!("{url}/oauth2/token"))
    }

    /// The host, if it is known, as Entra puts it into an audience: without port and path.
    pub fn host(&self) -> Option<&str> {
        let (_, rest) = self.public_url.as_ref()?.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        Some(match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        })
    }
}

/// When a new secret ends.
#[derive(Debug, Args)]
pub struct SecretLife {
    /// Accept the new secret for this number of days; one that replaces another has to outlive it
    #[arg(
        long,
        value_name = "DAYS",
        default_value_t = DEFAULT_SECRET_DAYS,
        value_parser = clap::value_parser!(u32)
            .range(i64::from(*SECRET_DAYS.start())..=i64::from(*SECRET_DAYS.end()))
    )]
    expires_days: u32,
}

impl SecretLife {
    /// As a length of time.
    pub fn length(&self) -> Duration {
        Duration::days(self.expires_days.into())
    }
}

impl fmt::Display for SecretLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--expires-days {}", self.expires_days)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_url_tells_token_url_and_host() {
        for (url, token_url, host) in [
            (
                "https://scim.example.com",
                "https://scim.example.com/oauth2/token",
                "scim.example.com",
            ),
            (
                "http://127.0.0.1:9000",
                "http://127.0.0.1:9000/oauth2/token",
                "127.0.0.1",
            ),
            (
                "https://a.example:8443/base",
                "https://a.example:8443/base/oauth2/token",
                "a.example",
            ),
        ] {
            let known = PublicUrl {
                public_url: Some(url.to_owned()),
            };
            assert_eq!(known.token_url().as_deref(), Some(token_url));
            assert_eq!(known.host(), Some(host));
        }
        let unknown = PublicUrl { public_url: None };
        assert_eq!((unknown.token_url(), unknown.host()), (None, None));
    }
}
