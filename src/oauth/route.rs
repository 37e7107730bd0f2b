//! The paths: each in any case, with doubled or trailing slashes, and behind what API Gateway may
//! put before it.

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// The token endpoint (RFC 6749, section 3.2): `/oauth2/token`.
    Token,
    /// The authorization server's metadata (RFC 8414, section 3):
    /// `/.well-known/oauth-authorization-server`.
    Metadata,
}

/// A path of one of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub endpoint: Endpoint,
    /// A stage or a custom domain's mapping, with a slash before each of its segments.
    pub prefix: String,
}

/// How many segments API Gateway may put before the path.
const MAX_PREFIX: usize = 3;

impl Endpoint {
    /// The path in the log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Token => "/oauth2/token",
            Self::Metadata => "/.well-known/oauth-authorization-server",
        }
    }
}

impl Target {
    /// Which of them a raw path is, if it is one. The metadata of an issuer with a path has that
    /// path at its end (RFC 8414, section 3.1).
    pub(crate) fn parse(raw_path: &str) -> Option<Self> {
        let segments: Vec<&str> = raw_path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        let at = |start: usize, one: &str, other: &str| {
            let is = |place: usize, text: &str| {
                let segment = segments.get(place);
                segment.is_some_and(|segment| segment.eq_ignore_ascii_case(text))
            };
            is(start, one) && is(start + 1, other)
        };
        let joined = |segments: &[&str]| -> String {
            segments
                .iter()
                .map(|segment| format!("/{segment}"))
                .collect()
        };
        (0..=MAX_PREFIX).find_map(|start| {
            let (before, rest) = segments.split_at_checked(start)?;
            // Below the base path of SCIM there is nothing but SCIM.
            if before
                .iter()
                .any(|segment| segment.eq_ignore_ascii_case("scim"))
            {
                return None;
            }
            let after = rest.get(2..)?;
            if at(start, "oauth2", "token") && after.is_empty() {
                return Some(Self {
                    endpoint: Endpoint::Token,
                    prefix: joined(before),
                });
            }
            let is_metadata = at(start, ".well-known", "oauth-authorization-server");
            let prefix = match (before, after) {
                (before, []) => before,
                ([], after) if after.len() <= MAX_PREFIX => after,
                _ => return None,
            };
            is_metadata.then(|| Self {
                endpoint: Endpoint::Metadata,
                prefix: joined(prefix),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_forgiving() {
        for (path, endpoint, prefix) in [
            ("/oauth2/token", Endpoint::Token, ""),
            ("//OAuth2/Token/", Endpoint::Token, ""),
            ("/prod/a/b/oauth2/token", Endpoint::Token, "/prod/a/b"),
            (
                "/.well-known/oauth-authorization-server",
                Endpoint::Metadata,
                "",
            ),
            (
                "/.well-known/oauth-authorization-server/prod",
                Endpoint::Metadata,
                "/prod",
            ),
            (
                "/prod/.well-known/oauth-authorization-server",
                Endpoint::Metadata,
                "/prod",
            ),
        ] {
            let prefix = prefix.to_owned();
            assert_eq!(
                Target::parse(path),
                Some(Target { endpoint, prefix }),
                "{path}"
            );
        }
        for path in [
            "",
            "/",
            "/oauth2",
            "/oauth2/token/x",
            "/a/b/c/d/oauth2/token",
            "/scim/v2/Users",
            "/scim/v2/oauth2/token",
            "/prod/scim/oauth2/token",
            "/.well-known/openid-configuration",
            "/prod/.well-known/oauth-authorization-server/prod",
        ] {
            assert_eq!(Target::parse(path), None, "{path}");
        }
    }
}
