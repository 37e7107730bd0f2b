//! `smoke` and its arguments.

use clap::Args;
use http::Uri;
use tenant::TenantId;

use super::values::web_address;

#[derive(Debug, Args)]
pub struct SmokeArgs {
    /// The service as its clients know it: the Tenant URL, or what is before /scim/v2 in it
    #[arg(long, value_name = "URL", value_parser = service)]
    pub url: String,
    /// The tenant; one that is there for nothing else
    #[arg(
        long,
        value_name = "TENANT",
        value_parser = TenantId::parse,
        default_value = "smoke"
    )]
    pub tenant: TenantId,
}

/// What comes before `/scim/v2`. A key goes there, so anything but the own machine is reached over
/// TLS.
fn service(text: &str) -> Result<String, String> {
    let url = web_address(text)?;
    let base = url.strip_suffix("/scim/v2").unwrap_or(&url);
    let uri: Uri = base
        .parse()
        .map_err(|_| "this is no address of a service".to_owned())?;
    let is_plain = !base.contains(['@', '?', '#']);
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) if is_plain => Ok(base.to_owned()),
        (Some("http"), Some("127.0.0.1" | "[::1]" | "localhost")) if is_plain => {
            Ok(base.to_owned())
        }
        _ => Err(
            "use an address such as https://scim.example.com; http:// is for the own machine only"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_named_by_its_tenant_url_or_what_is_before() {
        for (text, base) in [
            ("https://scim.example.com", "https://scim.example.com"),
            ("https://scim.example.com/", "https://scim.example.com"),
            (
                "https://scim.example.com/scim/v2",
                "https://scim.example.com",
            ),
            (
                "https://scim.example.com/scim/v2/",
                "https://scim.example.com",
            ),
            ("https://a.example:8443/base", "https://a.example:8443/base"),
            ("http://127.0.0.1:9000/scim/v2", "http://127.0.0.1:9000"),
            ("http://localhost:9000", "http://localhost:9000"),
        ] {
            assert_eq!(service(text).as_deref(), Ok(base), "{text}");
        }
        for refused in [
            "",
            "scim.example.com",
            "ftp://scim.example.com",
            // A key would go over the net for everybody to read.
            "http://scim.example.com",
            "http://localhost.example.com",
            "https://user:secret@scim.example.com",
            "https://scim.example.com?x=y",
            "https://",
        ] {
            assert!(service(refused).is_err(), "accepted `{refused}`");
        }
    }
}
