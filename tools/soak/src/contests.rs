//! Requests for something that another has, or wants too.

use anyhow::{Result, bail, ensure};

use crate::client::Call;
use crate::entra::Change;
use crate::model::User;
use crate::worker::{Posted, Worker, user};

impl Worker {
    /// Creates a user with a name that is taken, or reserved for a user in the recycle bin.
    pub async fn duplicate(&mut self, index: usize) -> Result<()> {
        let holder = user(&self.places, index)?;
        let name = holder.name_before_bin.as_deref();
        let name = name.unwrap_or(holder.text("userName")).to_uppercase();
        let external_id = self.new_external_id();
        match self.post(&name, &external_id, false).await? {
            Posted::Created(second) => bail!("a second user for `{name}`: {second:?}"),
            Posted::Taken { by } => must_be_taken(&name, &by, user(&self.places, index)?),
        }
    }

    pub fn new_external_id(&mut self) -> String {
        self.made_up += 1;
        let (of, number, made_up) = (self.tenant.number, self.number, self.made_up);
        format!("{of:08x}-0000-4000-8{number:03x}-{made_up:012x}")
    }

    /// Two clients of the tenant request the same name at the same time: exactly one gets it. Users
    /// created for this are inactive, so that the breaker does not refuse their deletion.
    pub async fn contend(&mut self, index: usize) -> Result<()> {
        let Some(current) = &self.places[index].user else {
            return Ok(());
        };
        let is_in_bin = current.name_before_bin.is_some();
        let (one, other) = (self.new_external_id(), self.new_external_id());
        let name = format!("lena.{}.{}@contested.example", self.number, self.made_up);
        let posted = if is_in_bin || self.rng.bool() {
            let upper = name.to_uppercase();
            let (one, other) = tokio::join!(
                self.post(&name, &one, false),
                self.post(&upper, &other, false)
            );
            match (one?, other?) {
                (Posted::Created(user), Posted::Taken { by })
                | (Posted::Taken { by }, Posted::Created(user)) => {
                    must_be_taken(&name, &by, &user)?;
                    Some(user)
                }
                (one, other) => bail!("`{name}` is given to two or none: {one:?}, {other:?}"),
            }
        } else {
            let changes = [Change {
                path: "userName",
                value: Some(name.clone().into()),
            }];
            let call = self.patch_call(index, &changes, None)?;
            let (renamed, posted) =
                tokio::join!(self.tenant.client.send(call), self.post(&name, &one, false));
            let renamed = renamed?;
            match posted? {
                Posted::Created(user) => {
                    renamed.must_be_error(409, Some("uniqueness"))?;
                    Some(user)
                }
                Posted::Taken { by } => {
                    self.changed(index, &renamed, &changes)?;
                    self.places[index].name = name.clone();
                    must_be_taken(&name, &by, user(&self.places, index)?)?;
                    None
                }
            }
        };
        let call = Call::matching("match query", "userName", &name);
        let found = self.tenant.client.send(call).await?;
        match &posted {
            Some(winner) => {
                winner.must_be_found(&found)?;
                self.end(winner).await
            }
            None => user(&self.places, index)?.must_be_found(&found),
        }
    }
}

/// A client that is refused a name is told whose it is.
fn must_be_taken(name: &str, by: &str, holder: &User) -> Result<()> {
    let location = holder.location();
    ensure!(
        by == location,
        "`{name}` is taken by {location}, and {by} is named"
    );
    Ok(())
}
