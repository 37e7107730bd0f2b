//! Requests that change nothing, and must match the model.

use anyhow::Result;

use crate::client::Call;
use crate::model::nobody;
use crate::worker::{Worker, user};

impl Worker {
    pub async fn find(&mut self, index: usize, attribute: &str) -> Result<()> {
        let user = user(&self.places, index)?;
        let mut value = user.text(attribute).to_owned();
        // userName ignores case; externalId does not.
        if attribute == "userName" && self.rng.u32(..4) == 0 {
            value = value.to_uppercase();
        }
        let call = Call::matching("match query", attribute, &value);
        user.must_be_found(&self.tenant.client.send(call).await?)
    }

    /// Looks for a value that nobody has: it never existed, is outdated, or is only reserved in the
    /// recycle bin.
    pub async fn find_nobody(&mut self, index: usize) -> Result<()> {
        let place = &self.places[index];
        let name = match &place.user {
            None => place.name.clone(),
            Some(user) => match &user.name_before_bin {
                Some(name) => name.clone(),
                None => format!("nobody.{}@crew.example", self.rng.u32(..)),
            },
        };
        let call = Call::matching("match query, nobody", "userName", &name);
        let sent = self.tenant.client.send(call).await?;
        sent.must_be(200, Some(&nobody()))
    }

    pub async fn find_nobody_by_name(&self, index: usize) -> Result<()> {
        let name = &self.places[index].name;
        let call = Call::matching("match query, nobody", "userName", name);
        let sent = self.tenant.client.send(call).await?;
        sent.must_be(200, Some(&nobody()))
    }

    pub async fn read(&self, index: usize) -> Result<()> {
        let user = user(&self.places, index)?;
        let sent = self
            .tenant
            .client
            .send(Call::get("GET", user.path()))
            .await?;
        user.must_be_shown(&sent, 200)
    }

    pub async fn read_deleted(&self, index: usize) -> Result<()> {
        let Some(path) = &self.places[index].gone else {
            return Ok(());
        };
        let call = Call::get("GET, deleted", path.clone());
        let sent = self.tenant.client.send(call).await?;
        sent.must_be_error(404, None)
    }
}
