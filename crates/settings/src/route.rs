//! What a path means.

use http::Method;
use store::directory::latest::Place;
use tenant::{ClientId, LinkToken};

use crate::label::has_key;

/// What is asked for. The same in every language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// A link, with its secret.
    Open(String),
    /// How the tenant is doing.
    Overview,
    /// How to connect Entra.
    Connect,
    /// Whether the first request has come, for the script.
    Status,
    /// The switch of the API.
    Api,
    /// The keys.
    Keys,
    /// A key to be replaced.
    Rotate(String),
    /// A key to be revoked.
    Revoke(String),
    /// The OAuth 2.0 clients.
    Clients,
    /// What is to be done with one of them, which is named.
    Client(String, OfClient),
    /// What was changed.
    Activity,
    /// What was refused.
    Requests,
    /// Users by any name.
    People,
    /// A user.
    Person(String),
    /// The limit on lost access, and who was deleted.
    Safety,
    /// The end of the session.
    End,
    /// Another language.
    Language,
    /// A static file.
    Asset(String),
    /// Links for the product, which is known by its role.
    Links,
    /// Nothing of this page.
    Unknown,
}

/// What is to be done with a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfClient {
    /// It gets a secret, as it has none.
    Secret,
    /// A secret is to be replaced.
    Rotate(String),
    /// It is to trust an issuer.
    Trust,
    /// One of its secrets or trusts is to be revoked, or all of it.
    Revoke(Option<String>),
}

impl Route {
    /// What a path means.
    pub fn of(path: &str) -> Self {
        let mut parts = path.trim_end_matches('/').split('/').skip(1);
        if parts.next() != Some("settings") {
            return Self::Unknown;
        }
        let parts: Vec<&str> = parts.collect();
        match parts.as_slice() {
            [] => Self::Overview,
            ["open", secret] => Self::Open((*secret).to_owned()),
            ["connect"] => Self::Connect,
            ["connect", "status"] => Self::Status,
            ["api"] => Self::Api,
            ["keys"] => Self::Keys,
            ["keys", key, "rotate"] => Self::Rotate((*key).to_owned()),
            ["keys", key, "revoke"] => Self::Revoke((*key).to_owned()),
            ["clients"] => Self::Clients,
            ["clients", client, what @ ..] => match OfClient::of(what) {
                Some(what) => Self::Client((*client).to_owned(), what),
                None => Self::Unknown,
            },
            ["activity"] => Self::Activity,
            ["requests"] => Self::Requests,
            ["people"] => Self::People,
            ["people", id] => Self::Person((*id).to_owned()),
            ["safety"] => Self::Safety,
            ["end"] => Self::End,
            ["language"] => Self::Language,
            ["static", name] => Self::Asset((*name).to_owned()),
            ["links"] => Self::Links,
            _ => Self::Unknown,
        }
    }

    /// Its address, with the parameters that its page reads; that of the first page if it has none.
    /// What is no page's, and may be a key in the wrong field, is not repeated.
    pub fn here<'q>(&self, parameter: impl Fn(&str) -> Option<&'q str>) -> String {
        let is_id = |id: &str| id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        let with = |path: &str, name: &str| match parameter(name) {
            None => path.to_owned(),
            Some(value) => {
                let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
                format!("{path}?{name}={value}")
            }
        };
        match self {
            Self::Connect | Self::Keys | Self::Clients | Self::Safety => self.name().to_owned(),
            Self::Activity | Self::Requests => match parameter("from").and_then(Place::parse) {
                Some(_) => with(self.name(), "from"),
                None => self.name().to_owned(),
            },
            Self::People if parameter("name").is_some_and(has_key) => self.name().to_owned(),
            Self::People => with(self.name(), "name"),
            Self::Person(id) if is_id(id) => format!("/settings/people/{id}"),
            Self::Rotate(key) if is_id(key) => format!("/settings/keys/{key}/rotate"),
            Self::Revoke(key) if is_id(key) => format!("/settings/keys/{key}/revoke"),
            Self::Client(client, what) if ClientId::parse(client).is_ok() => what
                .path(client, is_id)
                .unwrap_or_else(|| "/settings/clients".to_owned()),
            Self::Open(secret) if LinkToken::parse(secret).is_some() => {
                format!("/settings/open/{secret}")
            }
            _ => "/settings".to_owned(),
        }
    }

    /// Whether it is about OAuth 2.0 clients.
    pub fn is_of_clients(&self) -> bool {
        matches!(self, Self::Clients | Self::Client(..))
    }

    /// Its name in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open(_) => "/settings/open",
            Self::Overview => "/settings",
            Self::Connect => "/settings/connect",
            Self::Status => "/settings/connect/status",
            Self::Api => "/settings/api",
            Self::Keys => "/settings/keys",
            Self::Rotate(_) => "/settings/keys/rotate",
            Self::Revoke(_) => "/settings/keys/revoke",
            Self::Clients => "/settings/clients",
            Self::Client(_, OfClient::Secret) => "/settings/clients/secret",
            Self::Client(_, OfClient::Rotate(_)) => "/settings/clients/rotate",
            Self::Client(_, OfClient::Trust) => "/settings/clients/trust",
            Self::Client(_, OfClient::Revoke(_)) => "/settings/clients/revoke",
            Self::Activity => "/settings/activity",
            Self::Requests => "/settings/requests",
            Self::People | Self::Person(_) => "/settings/people",
            Self::Safety => "/settings/safety",
            Self::End => "/settings/end",
            Self::Language => "/settings/language",
            Self::Asset(_) => "/settings/static",
            Self::Links => "/settings/links",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it answers requests of this method.
    pub fn takes(&self, method: &Method) -> bool {
        let reads = *method == Method::GET || *method == Method::HEAD;
        let posts = *method == Method::POST;
        match self {
            Self::Api | Self::End | Self::Language | Self::Links => posts,
            Self::Open(_) | Self::Keys | Self::Rotate(_) | Self::Revoke(_) => reads || posts,
            Self::Clients | Self::Client(..) => reads || posts,
            _ => reads,
        }
    }

    /// Those methods, in the format of the `Allow` header; none of what is not there.
    pub fn allow(&self) -> &'static str {
        let takes = [Method::GET, Method::POST].map(|method| self.takes(&method));
        match takes {
            [true, true] => "GET, HEAD, POST",
            [true, false] => "GET, HEAD",
            [false, _] => "POST",
        }
    }
}

impl OfClient {
    fn of(parts: &[&str]) -> Option<Self> {
        Some(match parts {
            ["secret"] => Self::Secret,
            ["trust"] => Self::Trust,
            ["revoke"] => Self::Revoke(None),
            [id, "rotate"] => Self::Rotate((*id).to_owned()),
            [id, "revoke"] => Self::Revoke(Some((*id).to_owned())),
            _ => return None,
        })
    }

    /// Its address; none if what it names has not the form of an id.
    fn path(&self, client: &str, is_id: impl Fn(&str) -> bool) -> Option<String> {
        let under = |rest: &str| format!("/settings/clients/{client}/{rest}");
        Some(match self {
            Self::Secret => under("secret"),
            Self::Trust => under("trust"),
            Self::Revoke(None) => under("revoke"),
            Self::Rotate(id) if is_id(id) => under(&format!("{id}/rotate")),
            Self::Revoke(Some(id)) if is_id(id) => under(&format!("{id}/revoke")),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_one_thing() {
        for (path, route) in [
            ("/settings", Route::Overview),
            ("/settings/", Route::Overview),
            ("/settings/open/x", Route::Open("x".to_owned())),
            ("/settings/connect/status", Route::Status),
            ("/settings/keys/a/rotate", Route::Rotate("a".to_owned())),
            ("/settings/people/7", Route::Person("7".to_owned())),
            ("/settings/clients", Route::Clients),
            (
                "/settings/clients/x/revoke",
                Route::Client("x".to_owned(), OfClient::Revoke(None)),
            ),
            (
                "/settings/clients/x/7/rotate",
                Route::Client("x".to_owned(), OfClient::Rotate("7".to_owned())),
            ),
            ("/settings/clients/x", Route::Unknown),
            ("/settings/clients/x/7/trust", Route::Unknown),
            ("/settings/nothing", Route::Unknown),
            ("/scim/v2/Users", Route::Unknown),
            ("/", Route::Unknown),
            ("", Route::Unknown),
        ] {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }

    #[test]
    fn a_page_is_seen_again_with_what_it_reads() {
        for (path, here) in [
            ("/settings", "/settings"),
            ("/settings/keys/", "/settings/keys"),
            ("/settings/people", "/settings/people?name=a%2F%2Fb+%26"),
            ("/settings/activity", "/settings/activity"),
            ("/settings/people/0-f", "/settings/people/0-f"),
            ("/settings/keys/0f/rotate", "/settings/keys/0f/rotate"),
            ("/settings/keys/htscim_x/revoke", "/settings"),
            (
                "/settings/clients/acme.0123456789ab/trust",
                "/settings/clients/acme.0123456789ab/trust",
            ),
            (
                "/settings/clients/acme.0123456789ab/0f/revoke",
                "/settings/clients/acme.0123456789ab/0f/revoke",
            ),
            (
                "/settings/clients/acme.0123456789ab/htscs_x/revoke",
                "/settings/clients",
            ),
            ("/settings/clients/htscs_x/trust", "/settings"),
            ("/settings/open/htlink_x", "/settings"),
            ("/settings/api", "/settings"),
            ("/settings/htscim_x", "/settings"),
        ] {
            let parameter = |name: &str| (name == "name").then_some("a//b &");
            assert_eq!(Route::of(path).here(parameter), here, "{path}");
        }
    }

    #[test]
    fn what_changes_something_is_posted() {
        for route in [Route::Api, Route::End, Route::Links] {
            assert!(!route.takes(&Method::GET) && route.takes(&Method::POST));
        }
        assert!(!Route::Overview.takes(&Method::POST));
        assert!(!Route::Overview.takes(&Method::DELETE));
        for (route, allowed) in [
            (Route::Api, "POST"),
            (Route::Keys, "GET, HEAD, POST"),
            (Route::Overview, "GET, HEAD"),
        ] {
            assert_eq!(route.allow(), allowed);
        }
    }
}
