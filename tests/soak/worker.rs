//! A worker drives users of its own, so that it knows the right answer to each of its requests.

use std::sync::Arc;

use anyhow::{Result, ensure};
use fastrand::Rng;
use serde_json::Value;

use crate::client::{Sent, Wish};
use crate::entra::{self, ATTRIBUTES, Change, Mode};
use crate::model::{User, is_between, nobody};
use crate::tenant::Tenant;
use crate::walk;

/// One of the clients of a tenant.
pub struct Worker {
    pub tenant: Arc<Tenant>,
    pub places: Vec<Place>,
    number: usize,
    rng: Rng,
    contests: usize,
}

/// Where a user is, or was and will be again.
pub struct Place {
    number: usize,
    /// The userName of the user, or of the last one that was deleted.
    name: String,
    external_id: String,
    renames: usize,
    pub user: Option<User>,
    /// The path of the user that was deleted last.
    gone: Option<String>,
}

const FIRST_NAMES: [&str; 5] = ["Lena", "Óscar", "O'Brien", "李娜", "Zoë \"Z\""];

impl Worker {
    /// A worker with so many users to create. Its choices depend on the seed alone.
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
        Self {
            places: places.collect(),
            tenant,
            number,
            rng,
            contests: 0,
        }
    }

    /// The initial cycle: looks for each user, and creates it.
    pub async fn create_all(&mut self) -> Result<()> {
        for index in 0..self.places.len() {
            self.create(index).await?;
        }
        Ok(())
    }

    /// One request of the incremental cycles, or a few that belong together.
    pub async fn step(&mut self) -> Result<()> {
        let index = self.rng.usize(..self.places.len());
        if self.rng.u32(..400) == 0 {
            let count = self.rng.usize(50..=500);
            let by_cursor = self.rng.bool();
            return walk::under_load(&self.tenant, count, by_cursor).await;
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

    async fn create(&mut self, index: usize) -> Result<()> {
        self.find_nobody_by_name(index).await?;
        let place = &self.places[index];
        let user = self.post(&place.name, &place.external_id).await?;
        ensure!(user.is_some(), "`{}` is taken, by nobody", place.name);
        self.places[index].user = user;
        Ok(())
    }

    /// Creates a user; none if the name is taken.
    async fn post(&self, name: &str, external_id: &str) -> Result<Option<User>> {
        let tenant = &self.tenant;
        let body = entra::creation(name, external_id)?;
        let attributes = entra::created(&body);
        let wish = Wish::with_body("POST", "POST", "/Users".to_owned(), body.into());
        tenant.creations.begin();
        let sent = tenant.client.send(wish).await?;
        let user = if sent.answer.status == 201 {
            Some(User::created(
                &sent,
                sent.first,
                &sent.answer.body,
                attributes,
            )?)
        } else {
            sent.must_be_error(409, Some("uniqueness"))?;
            // What Entra does then: it looks whether it is the user that it wanted to create.
            let wish = Wish::matching("match query", "externalId", external_id);
            let found = tenant.client.send(wish).await?;
            if sent.unanswered == 0 || found.answer.body["totalResults"] == 0 {
                found.must_be(200, Some(&nobody()))?;
                None
            } else {
                let shown = &found.answer.body["Resources"][0];
                let user = User::created(&found, sent.first, shown, attributes)?;
                user.must_be_found(&found)?;
                Some(user)
            }
        };
        tenant.creations.end();
        if let Some(user) = &user {
            tenant.is_there(user.id());
            self.count(&sent, sent.answer.status == 409, "POST");
        }
        Ok(user)
    }

    /// Counts what a request had done that stayed without an answer.
    fn count(&self, sent: &Sent, was_done: bool, method: &str) {
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

    async fn find(&mut self, index: usize, attribute: &str) -> Result<()> {
        let user = user(&self.places, index)?;
        let mut value = user.text(attribute).to_owned();
        // Names have no case; externalId has.
        if attribute == "userName" && self.rng.u32(..4) == 0 {
            value = value.to_uppercase();
        }
        let wish = Wish::matching("match query", attribute, &value);
        user.must_be_found(&self.tenant.client.send(wish).await?)
    }

    /// A value that nobody has: never had, had before, or keeps from the recycle bin.
    async fn find_nobody(&mut self, index: usize) -> Result<()> {
        let place = &self.places[index];
        let name = match &place.user {
            None => place.name.clone(),
            Some(user) => match &user.name_before_bin {
                Some(name) => name.clone(),
                None => format!("nobody.{}@crew.example", self.rng.u32(..)),
            },
        };
        let wish = Wish::matching("match query, nobody", "userName", &name);
        let sent = self.tenant.client.send(wish).await?;
        sent.must_be(200, Some(&nobody()))
    }

    async fn find_nobody_by_name(&self, index: usize) -> Result<()> {
        let name = &self.places[index].name;
        let wish = Wish::matching("match query, nobody", "userName", name);
        let sent = self.tenant.client.send(wish).await?;
        sent.must_be(200, Some(&nobody()))
    }

    async fn read(&self, index: usize) -> Result<()> {
        let user = user(&self.places, index)?;
        let sent = self
            .tenant
            .client
            .send(Wish::get("GET", user.path()))
            .await?;
        user.must_be_shown(&sent, 200)
    }

    async fn read_deleted(&self, index: usize) -> Result<()> {
        let Some(path) = &self.places[index].gone else {
            return Ok(());
        };
        let wish = Wish::get("GET, deleted", path.clone());
        let sent = self.tenant.client.send(wish).await?;
        sent.must_be_error(404, None)
    }

    /// Changes some attributes, on the condition of the version or without one.
    async fn update(&mut self, index: usize, if_match: bool) -> Result<()> {
        let mut attributes = ATTRIBUTES.to_vec();
        self.rng.shuffle(&mut attributes);
        let count = self.rng.usize(1..=4);
        let changes: Vec<_> = attributes
            .into_iter()
            .take(count)
            .map(|(path, may_be_cleared)| {
                let clears = may_be_cleared && self.rng.u32(..4) == 0;
                Change {
                    path,
                    value: (!clears).then(|| self.value()),
                }
            })
            .collect();
        let version = user(&self.places, index)?.etag();
        self.patch(index, &changes, if_match.then_some(version))
            .await
    }

    fn value(&mut self) -> Value {
        let name = FIRST_NAMES[self.rng.usize(..FIRST_NAMES.len())];
        format!("{name} {}", self.rng.u32(..)).into()
    }

    /// The same values again, as Entra sends them after a restart.
    async fn change_nothing(&mut self, index: usize) -> Result<()> {
        let user = user(&self.places, index)?;
        let changes = ["userName", "displayName", "active"].map(|path| Change {
            path,
            value: Some(user.object()[path].clone()),
        });
        self.patch(index, &changes, None).await
    }

    /// Disables a user, or restores it.
    async fn turn(&mut self, index: usize) -> Result<()> {
        let user = user(&self.places, index)?;
        let active = !user.is_active();
        if user.name_before_bin.is_some() {
            return self.recycle(index).await;
        }
        if !active && !self.tenant.may_deactivate() {
            return Ok(());
        }
        let change = Change {
            path: "active",
            value: Some(active.into()),
        };
        self.patch(index, &[change], None).await
    }

    /// Moves a user to Entra's recycle bin, or back.
    async fn recycle(&mut self, index: usize) -> Result<()> {
        let user = user(&self.places, index)?;
        let name = user.text("userName").to_owned();
        let before_bin = user.name_before_bin.clone();
        let (next, active) = match &before_bin {
            Some(before) => (before.clone(), true),
            None => {
                let object_id = user.text("externalId").replace('-', "");
                (format!("{object_id}{name}"), false)
            }
        };
        if !active && user.is_active() && !self.tenant.may_deactivate() {
            return Ok(());
        }
        let changes = [
            Change {
                path: "userName",
                value: Some(next.into()),
            },
            Change {
                path: "active",
                value: Some(active.into()),
            },
        ];
        self.patch(index, &changes, None).await?;
        if let Some(user) = &mut self.places[index].user {
            user.name_before_bin = before_bin.is_none().then_some(name);
        }
        Ok(())
    }

    async fn rename(&mut self, index: usize) -> Result<()> {
        if user(&self.places, index)?.name_before_bin.is_some() {
            return self.recycle(index).await;
        }
        let name = self.new_name(index);
        let change = Change {
            path: "userName",
            value: Some(name.clone().into()),
        };
        self.patch(index, &[change], None).await?;
        self.places[index].name = name;
        Ok(())
    }

    /// Another name, or the same with other letters in capitals.
    fn new_name(&mut self, index: usize) -> String {
        let of = self.tenant.number;
        let place = &mut self.places[index];
        if self.rng.u32(..3) == 0 {
            let upper = place.name.to_uppercase();
            let lower = place.name.to_lowercase();
            return if place.name == upper { lower } else { upper };
        }
        place.renames += 1;
        let (number, renames) = (place.number, place.renames);
        format!("lena.vega.{number}.{renames}@crew-{of}.example")
    }

    async fn delete(&mut self, index: usize) -> Result<()> {
        let user = user(&self.places, index)?;
        if user.is_active() && !self.tenant.may_deactivate() {
            return Ok(());
        }
        self.end(user).await?;
        let path = user.path();
        let place = &mut self.places[index];
        place.gone = Some(path);
        place.user = None;
        Ok(())
    }

    async fn end(&self, user: &User) -> Result<()> {
        let tenant = &self.tenant;
        tenant.may_be_gone(user.id());
        tenant.deletions.begin();
        let wish = Wish {
            method: "DELETE",
            ..Wish::get("DELETE", user.path())
        };
        let sent = tenant.client.send(wish).await?;
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

    /// Another user with a name that is taken, or kept for a user in the recycle bin.
    async fn duplicate(&mut self, index: usize) -> Result<()> {
        let user = user(&self.places, index)?;
        let name = user.name_before_bin.as_deref();
        let name = name.unwrap_or(user.text("userName")).to_uppercase();
        let external_id = self.new_external_id();
        let second = self.post(&name, &external_id).await?;
        ensure!(second.is_none(), "a second user for `{name}` was created");
        Ok(())
    }

    fn new_external_id(&mut self) -> String {
        self.contests += 1;
        let (of, number, contests) = (self.tenant.number, self.number, self.contests);
        format!("{of:08x}-0000-4000-8{number:03x}-{contests:012x}")
    }

    /// A change of a version that is no longer there.
    async fn update_stale(&mut self, index: usize) -> Result<()> {
        let value = Some(self.value());
        let user = user(&self.places, index)?;
        let change = Change {
            path: "displayName",
            value,
        };
        let mode = self.tenant.mode;
        let body = entra::patch(mode, user.object(), &[change]);
        let wish = Wish {
            if_match: Some(user.etag_before()),
            ..Wish::with_body("PATCH, stale", "PATCH", user.path(), body)
        };
        let sent = self.tenant.client.send(wish).await?;
        sent.must_be_error(412, None)
    }

    /// Two clients of the tenant want one name at the same moment: exactly one gets it.
    async fn contend(&mut self, index: usize) -> Result<()> {
        if !self.tenant.may_deactivate() {
            return Ok(());
        }
        let name = format!("lena.{}@contested.example", self.rng.u32(..));
        let (one, other) = (self.new_external_id(), self.new_external_id());
        let is_in_bin = user(&self.places, index)?.name_before_bin.is_some();
        let posted = if is_in_bin || self.rng.bool() {
            let upper = name.to_uppercase();
            let (one, other) = tokio::join!(self.post(&name, &one), self.post(&upper, &other));
            let winners: Vec<User> = [one?, other?].into_iter().flatten().collect();
            ensure!(winners.len() == 1, "`{name}` has {} users", winners.len());
            winners.into_iter().next()
        } else {
            let change = Change {
                path: "userName",
                value: Some(name.clone().into()),
            };
            let changes = [change];
            let wish = self.wish(index, &changes, None)?;
            let (renamed, posted) =
                tokio::join!(self.tenant.client.send(wish), self.post(&name, &one));
            let (renamed, posted) = (renamed?, posted?);
            if posted.is_some() {
                renamed.must_be_error(409, Some("uniqueness"))?;
            } else {
                self.changed(index, &renamed, &changes)?;
                self.places[index].name = name.clone();
            }
            posted
        };
        let wish = Wish::matching("match query", "userName", &name);
        let found = self.tenant.client.send(wish).await?;
        match &posted {
            Some(winner) => {
                winner.must_be_found(&found)?;
                self.end(winner).await
            }
            None => user(&self.places, index)?.must_be_found(&found),
        }
    }

    /// Makes changes of a user, which must succeed.
    async fn patch(
        &mut self,
        index: usize,
        changes: &[Change],
        if_match: Option<String>,
    ) -> Result<()> {
        let is_conditional = if_match.is_some();
        let wish = self.wish(index, changes, if_match)?;
        let mut sent = self.tenant.client.send(wish).await?;
        self.tenant.tried_to_deactivate(sent.unanswered);
        if is_conditional && sent.unanswered > 0 && sent.answer.status == 412 {
            // It was done, and the version has changed by that.
            let get = Wish::get("GET", user(&self.places, index)?.path());
            let (first, unanswered) = (sent.first, sent.unanswered);
            sent = self.tenant.client.send(get).await?;
            (sent.first, sent.unanswered) = (first, unanswered);
        }
        self.changed(index, &sent, changes)
    }

    fn wish(&mut self, index: usize, changes: &[Change], if_match: Option<String>) -> Result<Wish> {
        // Provisioning on demand never knows of the flag.
        let mode = if self.rng.u32(..10) == 0 {
            Mode::Legacy
        } else {
            self.tenant.mode
        };
        let user = user(&self.places, index)?;
        let body = entra::patch(mode, user.object(), changes);
        let kind = match mode {
            Mode::Legacy => "PATCH, without the flag",
            Mode::Flag => "PATCH, with the flag",
        };
        Ok(Wish {
            if_match,
            ..Wish::with_body(kind, "PATCH", user.path(), body)
        })
    }

    fn changed(&mut self, index: usize, sent: &Sent, changes: &[Change]) -> Result<()> {
        let Some(user) = &mut self.places[index].user else {
            return Ok(());
        };
        if !user.change(sent, changes)? {
            return Ok(());
        }
        let modified = &sent.answer.body["meta"]["lastModified"];
        let modified = modified.as_str().unwrap_or_default();
        let was_done = !is_between(modified, sent.last, sent.answered);
        self.count(sent, was_done, "PATCH");
        Ok(())
    }
}

fn user(places: &[Place], index: usize) -> Result<&User> {
    let user = places.get(index).and_then(|place| place.user.as_ref());
    user.ok_or_else(|| anyhow::anyhow!("the worker has no user there"))
}
