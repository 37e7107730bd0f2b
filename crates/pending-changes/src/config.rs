//! The environment variables of the function.

use store::Tables;

/// The function's configuration. docs/OPERATING.md lists the variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `SCIM_SECRETS_TABLE` and `SCIM_DIRECTORY_TABLE`.
    pub tables: Tables,
}

/// A variable that is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {0} is not set; it is the name of a DynamoDB table")]
pub struct ConfigError(&'static str);

impl Config {
    /// Reads the variables through `variable`, which is [`std::env::var`] in the function.
    ///
    /// # Errors
    /// When a table's name is missing.
    pub fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, ConfigError> {
        let required = |name| {
            let value = variable(name).filter(|value| !value.trim().is_empty());
            value.ok_or(ConfigError(name))
        };
        Ok(Self {
            tables: Tables {
                secrets: required("SCIM_SECRETS_TABLE")?,
                directory: required("SCIM_DIRECTORY_TABLE")?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tables_are_required() {
        let read = |secrets: &str, directory: &str| {
            Config::read(|name| match name {
                "SCIM_SECRETS_TABLE" => Some(secrets.to_owned()),
                "SCIM_DIRECTORY_TABLE" => Some(directory.to_owned()),
                _ => None,
            })
        };
        assert_eq!(read("s", "d").unwrap().tables.directory, "d");
        for (secrets, directory, name) in [
            (" ", "d", "SCIM_SECRETS_TABLE"),
            ("s", "", "SCIM_DIRECTORY_TABLE"),
        ] {
            let error = read(secrets, directory).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
