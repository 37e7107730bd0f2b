//! Every URL of the service.
//!
//! Below the base path `/scim/v2`, in any case, with doubled or trailing slashes; HEAD goes where
//! GET does:
//!
//! | path | methods |
//! |---|---|
//! | `/Users`, `/Groups` | GET, POST |
//! | `/Users/{id}`, `/Groups/{id}` | GET, PUT, PATCH, DELETE |
//! | `/Users/.search`, `/Groups/.search`, `/.search` | POST |
//! | `/` | GET: all resource types |
//! | `/ServiceProviderConfig` | GET |
//! | `/ResourceTypes`, `/ResourceTypes/{name}` | GET |
//! | `/Schemas`, `/Schemas/{urn}` | GET |
//! | `/Bulk` | POST |
//! | `/Me` | 501 |

use lambda_http::http::Method;
use percent_encoding::percent_decode_str;

use scim::ScimError;
use scim::schema::PROVIDED;
use scim::schema::{GROUPS, ResourceType, USERS};
use scim::text::quote;

/// What a request asks for. The text is the path pattern for the log, without ids.
#[derive(Debug)]
pub(super) enum Route {
    /// A discovery document.
    Discovery(&'static str, Document),
    /// A tenant's resources.
    Resources(&'static str, Endpoint),
}

/// What a URL and a method mean for a tenant's resources.
#[derive(Debug)]
pub(super) enum Endpoint {
    List(&'static ResourceType),
    ListAll,
    Search(Vec<&'static ResourceType>),
    Bulk,
    Create(&'static ResourceType),
    Get(&'static ResourceType, String),
    Patch(&'static ResourceType, String),
    Replace(&'static ResourceType, String),
    Delete(&'static ResourceType, String),
}

/// A discovery document.
#[derive(Debug)]
pub(super) enum Document {
    ServiceProviderConfig,
    ResourceTypes,
    ResourceType(String),
    Schemas,
    Schema(String),
}

/// Determines what `method` on a path means.
///
/// # Errors
/// 404, 405 or 501.
pub(super) fn route(method: &Method, target: &Target) -> Result<Route, ScimError> {
    let route = |name, endpoint| Ok(Route::Resources(name, endpoint));
    let meant = meant(method);
    let segments: Vec<&str> = target.segments.iter().map(String::as_str).collect();
    let lower: Vec<String> = segments
        .iter()
        .map(|segment| segment.to_ascii_lowercase())
        .collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let id = segments.get(1).copied().unwrap_or_default().to_owned();
    let discover = |name, document| match *meant {
        Method::GET => Ok(Route::Discovery(name, document)),
        _ => not_allowed(method, name, "GET, HEAD"),
    };
    let search = |name, resource_types| match *meant {
        Method::POST => route(name, Endpoint::Search(resource_types)),
        _ => not_allowed(method, name, "POST"),
    };
    match lower.as_slice() {
        ["serviceproviderconfig"] => {
            discover("/ServiceProviderConfig", Document::ServiceProviderConfig)
        }
        ["resourcetypes"] => discover("/ResourceTypes", Document::ResourceTypes),
        ["resourcetypes", _] => discover("/ResourceTypes/{name}", Document::ResourceType(id)),
        ["schemas"] => discover("/Schemas", Document::Schemas),
        ["schemas", _] => discover("/Schemas/{urn}", Document::Schema(id)),
        ["users"] => collection("/Users", &USERS, method),
        ["groups"] => collection("/Groups", &GROUPS, method),
        ["users", ".search"] => search("/Users/.search", vec![&USERS]),
        ["groups", ".search"] => search("/Groups/.search", vec![&GROUPS]),
        [".search"] => search("/.search", PROVIDED.to_vec()),
        ["users", _] => item("/Users/{id}", &USERS, method, id),
        ["groups", _] => item("/Groups/{id}", &GROUPS, method, id),
        ["me"] => not_implemented(
            "an API-KEY belongs to a tenant and not to a user, so there is no `/Me`",
        ),
        ["bulk"] => match *meant {
            Method::POST => route("/Bulk", Endpoint::Bulk),
            _ => not_allowed(method, "/Bulk", "POST"),
        },
        [] => match *meant {
            Method::GET => route("/", Endpoint::ListAll),
            _ => not_allowed(method, "/", "GET, HEAD"),
        },
        _ => Err(ScimError::NotFound(format!(
            "there is no {}; the Tenant URL ends with `/scim/v2`, and below it there are `/Users` and `/Groups`",
            quote(&segments.join("/"))
        ))),
    }
}

/// The method whose answer is asked for. HEAD asks for that of GET, which loses its body when it is
/// written (RFC 9110 §9.3.2).
fn meant(method: &Method) -> &Method {
    if *method == Method::HEAD {
        &Method::GET
    } else {
        method
    }
}

fn collection(
    name: &'static str,
    resource_type: &'static ResourceType,
    method: &Method,
) -> Result<Route, ScimError> {
    let endpoint = match *meant(method) {
        Method::GET => Endpoint::List(resource_type),
        Method::POST => Endpoint::Create(resource_type),
        _ => return not_allowed(method, name, "GET, HEAD, POST"),
    };
    Ok(Route::Resources(name, endpoint))
}

fn item(
    name: &'static str,
    resource_type: &'static ResourceType,
    method: &Method,
    id: String,
) -> Result<Route, ScimError> {
    let endpoint = match *meant(method) {
        Method::GET => Endpoint::Get(resource_type, id),
        Method::PUT => Endpoint::Replace(resource_type, id),
        Method::PATCH => Endpoint::Patch(resource_type, id),
        Method::DELETE => Endpoint::Delete(resource_type, id),
        _ => return not_allowed(method, name, "GET, HEAD, PUT, PATCH, DELETE"),
    };
    Ok(Route::Resources(name, endpoint))
}

fn not_allowed(method: &Method, name: &str, allow: &'static str) -> Result<Route, ScimError> {
    let detail = format!(
        "{} is not possible on `{name}`; it takes {allow}",
        quote(method.as_str())
    );
    Err(ScimError::MethodNotAllowed { detail, allow })
}

fn not_implemented(text: &str) -> Result<Route, ScimError> {
    Err(ScimError::NotImplemented(text.to_owned()))
}

/// A request's path, split at the base path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// What API Gateway put before the base path: a stage or a custom domain's mapping.
    pub prefix: String,
    /// The decoded segments below the base path, without empty ones: Entra doubles the slash if the
    /// Tenant URL ends with one.
    pub segments: Vec<String>,
}

/// The base path of all URLs.
pub(super) const BASE_PATH: &str = "/scim/v2";

/// How many segments API Gateway may put before the base path.
const MAX_PREFIX: usize = 3;

/// How long it may be. It is a stage of at most 128 characters, or a mapping of at most 300, and it
/// is in every location of an answer.
const MAX_PREFIX_LENGTH: usize = 512;

impl Target {
    /// Splits a raw path.
    ///
    /// # Errors
    /// 404 when it does not contain the base path.
    pub(super) fn parse(raw_path: &str) -> Result<Self, ScimError> {
        let raw: Vec<&str> = raw_path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        let is_base = |pair: &[&str]| matches!(pair, [scim, v2] if scim.eq_ignore_ascii_case("scim") && v2.eq_ignore_ascii_case("v2"));
        let split = raw
            .windows(2)
            .take(MAX_PREFIX + 1)
            .position(is_base)
            .map(|start| raw.split_at(start));
        let prefixed = split.map(|(before, rest)| {
            let prefix: String = before.iter().map(|segment| format!("/{segment}")).collect();
            (prefix, rest)
        });
        let (prefix, rest) = prefixed
            .filter(|(prefix, _)| prefix.len() <= MAX_PREFIX_LENGTH)
            .ok_or_else(|| {
                ScimError::NotFound(format!(
                    "there is nothing here; the Tenant URL ends with `{BASE_PATH}`"
                ))
            })?;
        Ok(Self {
            prefix,
            segments: rest
                .iter()
                .skip(2)
                .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(method: Method, path: &str) -> Result<&'static str, u16> {
        let target = Target::parse(path).map_err(|error| error.status().as_u16())?;
        route(&method, &target)
            .map(|(Route::Discovery(name, _) | Route::Resources(name, _))| name)
            .map_err(|error| error.status().as_u16())
    }

    #[test]
    fn paths_are_forgiving() {
        for path in [
            "/scim/v2/Users",
            "/scim/v2//Users",
            "/scim/v2/Users/",
            "//scim//v2/users",
            "/SCIM/V2/USERS",
            "/prod/scim/v2/Users",
        ] {
            assert_eq!(named(Method::GET, path), Ok("/Users"), "{path}");
        }
        assert_eq!(
            named(Method::GET, "/scim/v2/Schemas/urn%3Aietf:x"),
            Ok("/Schemas/{urn}")
        );
        assert_eq!(
            Target::parse("/a/b/scim/v2/Users/1").unwrap().prefix,
            "/a/b"
        );
    }

    #[test]
    fn other_paths_and_methods_are_refused() {
        for path in [
            "/",
            "",
            "/scim",
            "/scim/v1/Users",
            "/a/b/c/d/scim/v2/Users",
            "/scim/v2/Devices",
            "/scim/v2/Users/1/2",
        ] {
            assert_eq!(named(Method::GET, path), Err(404), "{path}");
        }
        assert_eq!(named(Method::DELETE, "/scim/v2/Users"), Err(405));
        assert_eq!(named(Method::HEAD, "/scim/v2/Bulk"), Err(405));
        assert_eq!(named(Method::POST, "/scim/v2/Users/1"), Err(405));
        assert_eq!(named(Method::PATCH, "/scim/v2/Schemas"), Err(405));
        assert_eq!(named(Method::POST, "/scim/v2"), Err(405));
        assert_eq!(named(Method::GET, "/scim/v2/Users/.search"), Err(405));
        assert_eq!(named(Method::DELETE, "/scim/v2/Groups"), Err(405));
        assert_eq!(named(Method::POST, "/scim/v2/Me"), Err(501));
    }
}
