//! The functions under `cargo lambda watch`.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use stand::tenant::{DIRECTORY_TABLE, REGION, SECRETS_TABLE, SESSIONS_TABLE};
use tokio::process::{Child, Command};

use crate::processes;
use crate::settings::Settings;

/// What the functions need to find the engine and the issuer, and no access to a real account.
pub fn environment<'e>(endpoint: &'e str, authority: &'e str) -> [(&'static str, &'e str); 11] {
    [
        ("SCIM_SECRETS_TABLE", SECRETS_TABLE),
        ("SCIM_DIRECTORY_TABLE", DIRECTORY_TABLE),
        ("SCIM_SESSIONS_TABLE", SESSIONS_TABLE),
        ("SCIM_ENTRA_AUTHORITY", authority),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
}

/// Would override, or mix with, the credentials above.
const NOT_PASSED_ON: &[&str] = &[
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
];

/// cargo-lambda and the functions it started. Dropping it ends them all.
pub struct Watch(Child);

impl Watch {
    pub fn start(settings: &Settings, port: u16, environment: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new(&settings.cargo_lambda);
        command
            .args(["lambda", "watch"])
            // Without `--bin`: the workspace's router says which function a path is for.
            .args(["--concurrency", "4"])
            .args(["--invoke-address", "127.0.0.1"])
            .args(["--invoke-port", &port.to_string()])
            // As deployed: every answer comes from the function, to OPTIONS too.
            .arg("--disable-cors");
        if settings.release {
            // The deployed build, for testing or measuring, not for editing.
            command.args(["--release", "--ignore-changes"]);
        }
        for name in NOT_PASSED_ON {
            command.env_remove(name);
        }
        let child = command
            .envs(environment.iter().copied())
            .current_dir(stand::root())
            .stdin(Stdio::null())
            // In its own group: Ctrl-C only reaches this program, which then shuts down in order.
            .process_group(0)
            .spawn()
            .with_context(|| {
                format!(
                    "cannot start {}; `make dev` installs it",
                    settings.cargo_lambda.display()
                )
            })?;
        Ok(Self(child))
    }

    /// Returns when cargo-lambda has ended, with its exit message.
    pub async fn ended(&mut self) -> String {
        let status = self.0.wait().await;
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        format!("cargo lambda watch ended ({status})")
    }

    /// Returns when the service will never answer. cargo-lambda does not restart a function that
    /// ended by itself; it waits for a change of the source.
    pub async fn failed(&mut self) -> String {
        let id = self.0.id();
        tokio::select! {
            ended = self.ended() => ended,
            () = childless(id) => "the function ended by itself".to_owned(),
        }
    }
}

/// Returns when a process that had children has had none for a few seconds.
async fn childless(id: Option<u32>) {
    let mut had_children = false;
    let mut looks_in_vain = 0;
    while looks_in_vain < 3 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if id.is_some_and(processes::has_descendants) {
            had_children = true;
            looks_in_vain = 0;
        } else if had_children {
            looks_in_vain += 1;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // `None` once it has ended and was waited for.
        if let Some(id) = self.0.id() {
            processes::end_tree(id, || matches!(self.0.try_wait(), Ok(None)));
        }
    }
}
