//! What runs: for the log, so that each line says which deployment wrote it.

use std::sync::LazyLock;

/// The release and Lambda's number for it, such as `0.1.0/12`; outside of Lambda the release alone.
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let published = std::env::var("AWS_LAMBDA_FUNCTION_VERSION").ok();
        version_of(published.as_deref())
    });
    &VERSION
}

fn version_of(published: Option<&str>) -> String {
    let release = env!("CARGO_PKG_VERSION");
    match published {
        Some(published) if !published.is_empty() => format!("{release}/{published}"),
        _ => release.to_owned(),
    }
}

/// The commit that was built, if whoever built it said so in `SCIM_COMMIT`. The build finds out
/// nothing by itself: the same source and variables make the same program.
pub const COMMIT: Option<&str> = said(option_env!("SCIM_COMMIT"));

/// A variable that is set to nothing says nothing.
const fn said(text: Option<&str>) -> Option<&str> {
    match text {
        Some(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_the_release_s_and_lambda_s() {
        let release = env!("CARGO_PKG_VERSION");
        assert_eq!(version_of(Some("12")), format!("{release}/12"));
        assert_eq!(version_of(Some("")), release);
        assert_eq!(version_of(None), release);
    }

    #[test]
    fn a_commit_is_what_the_build_was_told() {
        assert_eq!(said(Some("0123456789ab")), Some("0123456789ab"));
        assert_eq!(said(Some("")), None);
        assert_eq!(said(None), None);
    }
}
