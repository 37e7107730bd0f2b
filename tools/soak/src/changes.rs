//! Changes of users.

use anyhow::Result;
use serde_json::Value;

use crate::client::{Call, Sent};
use crate::entra::{self, ATTRIBUTES, Change, Mode};
use crate::model::is_between;
use crate::worker::{Worker, user};

const FIRST_NAMES: [&str; 5] = ["Lena", "Óscar", "O'Brien", "李娜", "Zoë \"Z\""];

impl Worker {
    /// Changes some attributes, with or without a condition on the version.
    pub async fn update(&mut self, index: usize, if_match: bool) -> Result<()> {
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

    pub fn value(&mut self) -> Value {
        let name = FIRST_NAMES[self.rng.usize(..FIRST_NAMES.len())];
        format!("{name} {}", self.rng.u32(..)).into()
    }

    /// Sends the same values again, as Entra does after a restart.
    pub async fn change_nothing(&mut self, index: usize) -> Result<()> {
        let user = user(&self.places, index)?;
        let changes = ["userName", "displayName", "active"].map(|path| Change {
            path,
            value: Some(user.object()[path].clone()),
        });
        self.patch(index, &changes, None).await
    }

    /// Disables or restores a user.
    pub async fn turn(&mut self, index: usize) -> Result<()> {
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
    pub async fn recycle(&mut self, index: usize) -> Result<()> {
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

    pub async fn rename(&mut self, index: usize) -> Result<()> {
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

    /// Another name, or the same in a different case.
    pub fn new_name(&mut self, index: usize) -> String {
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

    /// A change based on an old version.
    pub async fn update_stale(&mut self, index: usize) -> Result<()> {
        let value = Some(self.value());
        let user = user(&self.places, index)?;
        let change = Change {
            path: "displayName",
            value,
        };
        let mode = self.tenant.mode;
        let body = entra::patch(mode, user.object(), &[change]);
        let call = Call {
            if_match: Some(user.etag_before()),
            ..Call::with_body("PATCH, stale", "PATCH", user.path(), body)
        };
        let sent = self.tenant.client.send(call).await?;
        sent.must_be_error(412, None)
    }

    /// Changes a user, which must succeed.
    pub async fn patch(
        &mut self,
        index: usize,
        changes: &[Change],
        if_match: Option<String>,
    ) -> Result<()> {
        let is_conditional = if_match.is_some();
        let call = self.patch_call(index, changes, if_match)?;
        let mut sent = self.tenant.client.send(call).await?;
        self.tenant.tried_to_deactivate(sent.unanswered);
        if is_conditional && sent.unanswered > 0 && sent.answer.status == 412 {
            // It was done, so the version has changed.
            let get = Call::get("GET", user(&self.places, index)?.path());
            let (first, unanswered) = (sent.first, sent.unanswered);
            sent = self.tenant.client.send(get).await?;
            (sent.first, sent.unanswered) = (first, unanswered);
        }
        self.changed(index, &sent, changes)
    }

    pub fn patch_call(
        &mut self,
        index: usize,
        changes: &[Change],
        if_match: Option<String>,
    ) -> Result<Call> {
        // Provisioning on demand never uses the flag.
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
        Ok(Call {
            if_match,
            ..Call::with_body(kind, "PATCH", user.path(), body)
        })
    }

    pub fn changed(&mut self, index: usize, sent: &Sent, changes: &[Change]) -> Result<()> {
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
