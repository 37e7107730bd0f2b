//! What a path means.

use http::Method;
use store::directory::latest::Place;
use tenant::LinkToken;

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
            Self::Connect | Self::Keys | Self::Safety => self.name().to_owned(),
            Self::Activity | Self::Requests => match parameter("from").and_then(Place::parse) {
                Some(_) => with(self.name(), "from"),
                None => self.name().to_owned(),
            },
            Self::People if parameter("name").is_some_and(has_key) => self.name().to_owned(),
            Self::People => with(self.name(), "name"),
            Self::Person(id) if is_id(id) => format!("/settings/people/{id}"),
            Self::Rotate(key) if is_id(key) => format!("/settings/keys/{key}/rotate"),
            Self::Revoke(key) if is_id(key) => format!("/settings/keys/{key}/revoke"),
            Self::Open(secret) if LinkToken::parse(secret).is_some() => {
                format!("/settings/open/{secret}")
            }
            _ => "/settings".to_owned(),
        }
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
