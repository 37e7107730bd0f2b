//! A worker has its own users, so that it knows the right answer to each of its requests.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Result, bail, ensure};
use fastrand::Rng;
use serde_json::Value;

use crate::client::{Call, Sent};
use crate::entra;
use crate::groups::{CREWS, Crew};
use crate::model::{User, nobody};
use crate::tenant::Tenant;
use crate::walk;

/// One of the clients of a tenant.
pub struct Worker {
    pub tenant: Arc<Tenant>,
    pub places: Vec<Place>,
    pub crews: Vec<Crew>,
    pub number: usize,
    pub rng: Rng,
    /// How many externalIds it has used for temporary users.
    pub made_up: usize,
}

/// The result of a POST.
#[derive(Debug)]
pub enum Posted {
    Created(User),
    /// The name belongs to the existing user.
    Taken {
        by: String,
    },
}

/// A place for a user, which may be empty for a while.
pub struct Place {
    pub number: usize,
    /// The userName outside of the recycle bin of the user, or of the last one here.
    pub name: String,
    pub external_id: String,
    pub renames: usize,
    pub user: Option<User>,
    /// The path of the user deleted last.
    pub gone: Option<String>,
}

impl Worker {
    /// A worker with this number of users to create. Its choices depend only on the seed.
    pub fn new(tenant: Arc<Tenant>, number: usize, users: usize, seed: u64) -> Self {
        let of = tenant.number;
        let rng = Rng::with_seed(seed ^ ((of as u64) << 32) ^ (number as u64).rotate_left(17));
        let places = (0..users).map(|place| {
            let number = number * 1_000_000 + place;
            Place {
                number,
                name: format!("lena.ortiz.{number}@crew-{of}.example"),
                external_id: format!("{of:08x}-5f2a-4b53-9f0e-{number:012x}"),
                renames: 0,
                user: None,
                gone: None,
            }
        });
        let crews = (0..CREWS).map(|crew| {
            let external_id = format!("{of:08x}-6f2a-4b53-9f0e-{:012x}", number * 1_000 + crew);
            Crew {
                name: format!("Crew {external_id} of {of}"),
                external_id,
                renames: 0,
                group: None,
                gone: None,
            }
        });
        Self {
            crews: crews.collect(),
            places: places.collect(),
            tenant,
            number,
            rng,
            made_up: 0,
        }
    }

    /// The initial cycle: looks for each user and creates it.
    pub async fn create_all(&mut self) -> Result<()> {
        for index in 0..self.places.len() {
            self.create(index).await?;
        }
        self.create_crews().await
    }

    /// One request of the incremental cycles, or a few related ones.
    pub async fn step(&mut self) -> Result<()> {
        let index = self.rng.usize(..self.places.len());
        if self.rng.u32(..400) == 0 {
            // Several pages, even for a small tenant.
            let count = self
                .rng
                .usize(self.places.len() / 4..=self.places.len())
                .max(1);
            let by_cursor = self.rng.bool();
            return walk::under_load(&self.tenant, count, by_cursor).await;
        }
        if self.rng.u32(..4) == 0 {
            return self.step_of_crew().await;
        }
        // The effect of kills on these requests matters most.
        if self.tenant.client.tally.may_be_killed.load(Relaxed) && self.rng.u32(..4) == 0 {
            return self.contend(index).await;
        }
        if self.places[index].user.is_none() {
            return match self.rng.u32(..4) {
                0 => self.find_nobody(index).await,
                1 => self.read_deleted(index).await,
                _ => self.create(index).await,
            };
        }
        match self.rng.u32(..100) {
            0..25 => self.find(index, "userName").await,
            25..30 => self.find(index, "externalId").await,
            30..34 => self.find_nobody(index).await,
            34..39 => self.read(index).await,
            39..41 => self.read_deleted(index).await,
            41..63 => self.update(index, false).await,
            63..66 => self.change_nothing(index).await,
            66..76 => self.turn(index).await,
            76..81 => self.recycle(index).await,
            81..86 => self.rename(index).await,
            86..91 => self.delete(index).await,
            91..93 => self.duplicate(index).await,
            93..95 => self.update_stale(index).await,
            95..97 => self.update(index, true).await,
            _ => self.contend(index).await,
        }
    }

    pub async fn create(&mut self, index: usize) -> Result<()> {
        self.find_nobody_by_name(index).await?;
        let place = &self.places[index];
        match self.post(&place.name, &place.external_id, true).await? {
            Posted::Created(user) => self.places[index].user = Some(user),
            Posted::Taken { by } => bail!("`{}` is taken by {by}, and free", place.name),
        }
        Ok(())
    }

    /// Creates a user, if the name is free.
    pub async fn post(&self, name: &str, external_id: &str, active: bool) -> Result<Posted> {
        let tenant = &self.tenant;
        let body = entra::creation(name, external_id, active)?;
        let attributes = entra::created(&body);
        let call = Call::with_body("POST", "POST", "/Users".to_owned(), body.into());
        tenant.creations.begin();
        let sent = tenant.client.send(call).await?;
        let posted = if sent.answer.status == 201 {
            let shown = &sent.answer.body;
            Posted::Created(User::created(&sent, sent.first, shown, attributes)?)
        } else {
            sent.must_be_error(409, Some("uniqueness"))?;
            // As Entra does: check whether it is the user that it wanted to create.
            let call = Call::matching("match query", "externalId", external_id);
            let found = tenant.client.send(call).await?;
            let location = sent.answer.headers["location"].as_str();
            let by = location.unwrap_or_default().to_owned();
            if sent.unanswered == 0 || found.answer.body["totalResults"] == 0 {
                found.must_be(200, Some(&nobody()))?;
                Posted::Taken { by }
            } else {
                let shown = &found.answer.body["Resources"][0];
                let user = User::created(&found, sent.first, shown, attributes)?;
                user.must_be_found(&found)?;
                ensure!(
                    by == user.location(),
                    "`{by}` is named for {}",
                    user.location()
                );
                Posted::Created(user)
            }
        };
        tenant.creations.end();
        if let Posted::Created(user) = &posted {
            tenant.is_there(user.id());
            self.count(&sent, sent.answer.status == 409, "POST");
        }
        Ok(posted)
    }

    pub async fn end(&self, user: &User) -> Result<()> {
        let tenant = &self.tenant;
        tenant.may_be_gone(user.id());
        tenant.deletions.begin();
        let call = Call {
            method: "DELETE",
            ..Call::get("DELETE", user.path())
        };
        let sent = tenant.client.send(call).await?;
        let was_done = sent.unanswered > 0 && sent.answer.status == 404;
        if was_done {
            sent.must_be_error(404, None)?;
        } else {
            sent.must_be(204, Some(&Value::Null))?;
        }
        tenant.deletions.end();
        tenant.tried_to_deactivate(sent.unanswered);
        self.count(&sent, was_done, "DELETE");
        Ok(())
    }

    pub async fn delete(&mut self, index: usize) -> Result<()> {
        let user = user(&self.places, index)?;
        if user.is_active() && !self.tenant.may_deactivate() {
            return Ok(());
        }
        self.end(user).await?;
        let (id, path) = (user.id().to_owned(), user.path());
        self.leave_all(&id);
        let place = &mut self.places[index];
        place.gone = Some(path);
        place.user = None;
        Ok(())
    }

    /// Counts the effect of an unanswered request.
    pub fn count(&self, sent: &Sent, was_done: bool, method: &str) {
        if sent.unanswered > 0 {
            self.tenant.client.tally.fate(match (method, was_done) {
                ("POST", true) => "POST had been done",
                ("POST", false) => "POST had not been done",
                ("PATCH", true) => "PATCH had been done",
                ("PATCH", false) => "PATCH had not been done",
                (_, true) => "DELETE had been done",
                (_, false) => "DELETE had not been done",
            });
        }
    }
}

pub fn user(places: &[Place], index: usize) -> Result<&User> {
    let user = places.get(index).and_then(|place| place.user.as_ref());
    user.ok_or_else(|| anyhow::anyhow!("the worker has no user there"))
}
