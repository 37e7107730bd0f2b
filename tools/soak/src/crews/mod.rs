//! The groups of a worker, whose members are its own users: Entra's and Okta's traffic.

mod reads;

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use crate::client::{Call, Sent};
use crate::entra::Mode;
use crate::groups::{Crew, Group, creation, named};
use crate::model::nobody;
use crate::worker::Worker;

const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Entra has up to five requests for one group under way.
const AT_ONCE: usize = 5;

/// The most members that one request names: more than one transaction has room for.
const MANY: usize = 60;

impl Worker {
    /// Creates the groups and adds members, a few at a time.
    pub async fn create_crews(&mut self) -> Result<()> {
        for crew in 0..self.crews.len() {
            self.create_crew(crew).await?;
            self.join_several(crew).await?;
        }
        Ok(())
    }

    /// One request for a group, or a few related ones.
    pub async fn step_of_crew(&mut self) -> Result<()> {
        let crew = self.rng.usize(..self.crews.len());
        if self.crews[crew].group.is_none() {
            return self.create_crew(crew).await;
        }
        match self.rng.u32(..100) {
            0..30 => self.join_several(crew).await?,
            30..45 => self.part_one(crew).await?,
            45..52 => self.rename_crew(crew).await?,
            52..57 => self.rename_nothing(crew).await?,
            57..64 => self.replace_members(crew, false).await?,
            64..70 => self.replace_members(crew, true).await?,
            70..73 => self.take_name(crew).await?,
            73..78 => self.join_while_deleted(crew).await?,
            78..84 => self.delete_crew(crew).await?,
            84..89 => return self.ask_who_is_member(crew).await,
            89..94 => return self.list_members(crew).await,
            94..97 => return self.list_groups_of(crew).await,
            _ => {}
        }
        self.read_crew(crew).await
    }

    async fn create_crew(&mut self, crew: usize) -> Result<()> {
        let name = self.crews[crew].name.clone();
        let call = match_group(&name);
        let sent = self.tenant.client.send(call).await?;
        sent.must_be(200, Some(&nobody()))?;
        if let Some(path) = &self.crews[crew].gone {
            let call = Call::get("GET, deleted group", path.clone());
            let sent = self.tenant.client.send(call).await?;
            sent.must_be_error(404, None)?;
        }
        // Entra names no members, scripts name some.
        let members: BTreeSet<String> = match self.rng.u32(..3) {
            0 => self.some_users(MANY),
            _ => BTreeSet::new(),
        };
        let body = match (members.is_empty(), self.rng.bool()) {
            (true, true) => None,
            _ => Some(named(&members)),
        };
        let external_id = self.crews[crew].external_id.clone();
        let body = creation(&name, &external_id, body);
        let call = Call::with_body("POST of a group", "POST", "/Groups".to_owned(), body);
        let sent = self.tenant.client.send(call).await?;
        let names = [name.as_str(), external_id.as_str()];
        let group = if sent.answer.status == 201 {
            Group::created(&sent, &sent.answer.body, names, members)?
        } else {
            // It was done before.
            sent.must_be_error(409, Some("uniqueness"))?;
            ensure!(sent.unanswered > 0, "`{name}` is taken, and free");
            let path = match_group(&name).path;
            let path = path.replace("excludedAttributes=members&", "");
            let found = Call::get("match of a group", path);
            let mut found = self.tenant.client.send(found).await?;
            found.first = sent.first;
            let shown = &found.answer.body["Resources"][0];
            Group::created(&found, shown, names, members)?
        };
        self.count(&sent, sent.answer.status == 409, "POST");
        self.crews[crew].group = Some(group);
        self.show_groups();
        Ok(())
    }

    /// Adds members, each by a request of its own, several of them at once; and removes one.
    async fn join_several(&mut self, crew: usize) -> Result<()> {
        let members = group(&self.crews, crew)?.members.clone();
        let number = self.rng.usize(1..=AT_ONCE);
        let mut changes: Vec<(String, bool)> = self
            .some_users(number)
            .into_iter()
            .map(|user| (user, true))
            .collect();
        if let Some(user) = self.rng.choice(members.iter()).cloned() {
            changes.retain(|(other, _)| *other != user);
            changes.push((user, false));
        }
        self.change_members(crew, &changes).await
    }

    async fn part_one(&mut self, crew: usize) -> Result<()> {
        let members = &group(&self.crews, crew)?.members;
        let Some(user) = self.rng.choice(members.iter()).cloned() else {
            return Ok(());
        };
        self.change_members(crew, &[(user, false)]).await
    }

    /// Each of these becomes a member or is none any more, by requests that are sent at once.
    async fn change_members(&mut self, crew: usize, changes: &[(String, bool)]) -> Result<()> {
        let group = group(&self.crews, crew)?;
        let calls = changes.iter().map(|(user, joins)| {
            let operation = membership(self.tenant.mode, user, *joins);
            let kind = match joins {
                true => "PATCH, a member joins",
                false => "PATCH, a member leaves",
            };
            self.tenant
                .client
                .send(patch(kind, group, json!([operation])))
        });
        let all = try_join_all(calls).await?;
        for sent in &all {
            must_be_done(sent, group)?;
        }
        let Some(group) = &mut self.crews[crew].group else {
            return Ok(());
        };
        for (user, joins) in changes {
            group.change(user, *joins);
        }
        self.show_groups();
        Ok(())
    }

    async fn rename_crew(&mut self, crew: usize) -> Result<()> {
        let of = self.tenant.number;
        let place = &mut self.crews[crew];
        place.renames += 1;
        let name = format!("Crew {} of {of}, {}", place.external_id, place.renames);
        let operation = json!([{"op": "Replace", "path": "displayName", "value": name}]);
        self.rename_to(crew, name, operation, true).await
    }

    /// Okta sends the name before each change of members.
    async fn rename_nothing(&mut self, crew: usize) -> Result<()> {
        let group = group(&self.crews, crew)?;
        let (id, name) = (group.id.clone(), group.name.clone());
        let operation =
            json!([{"op": "replace", "value": {"id": id, "displayName": name.clone()}}]);
        self.rename_to(crew, name, operation, false).await
    }

    async fn rename_to(
        &mut self,
        crew: usize,
        name: String,
        operations: Value,
        is_changed: bool,
    ) -> Result<()> {
        let call = patch("PATCH of a group", group(&self.crews, crew)?, operations);
        let sent = self.tenant.client.send(call).await?;
        must_be_done(&sent, group(&self.crews, crew)?)?;
        let place = &mut self.crews[crew];
        place.name.clone_from(&name);
        if let Some(group) = &mut place.group {
            group.name = name;
            group.moved(is_changed);
        }
        self.show_groups();
        Ok(())
    }

    /// All members anew: by PUT, as Okta's wizard apps do, or by PATCH, as Okta pushes a group.
    async fn replace_members(&mut self, crew: usize, puts: bool) -> Result<()> {
        let most = self.rng.usize(..=MANY);
        let members = self.some_users(most);
        let group = group(&self.crews, crew)?;
        let call = if puts {
            let body = creation(&group.name, &group.external_id, Some(named(&members)));
            Call::with_body("PUT of a group", "PUT", group.path(), body)
        } else {
            let operation = json!({"op": "replace", "path": "members", "value": named(&members)});
            patch("PATCH, all members", group, json!([operation]))
        };
        let sent = self.tenant.client.send(call).await?;
        must_be_done(&sent, group)?;
        if let Some(group) = &mut self.crews[crew].group {
            group.moved(group.members != members);
            group.members = members;
        }
        self.show_groups();
        Ok(())
    }

    /// A second group of this name is refused, and told whose it is.
    async fn take_name(&mut self, crew: usize) -> Result<()> {
        let group = group(&self.crews, crew)?;
        let body = creation(&group.name.to_uppercase(), "another", None);
        let call = Call::with_body("POST of a group", "POST", "/Groups".to_owned(), body);
        let sent = self.tenant.client.send(call).await?;
        sent.must_be_error(409, Some("uniqueness"))?;
        if sent.answer.headers["location"] == group.location().as_str() {
            return Ok(());
        }
        Err(sent.deviates(format!("the location of {}", group.id)))
    }

    /// A user is deleted while it becomes a member: it is none.
    async fn join_while_deleted(&mut self, crew: usize) -> Result<()> {
        let external_id = self.new_external_id();
        let name = format!("lena.{}.{}@leaves.example", self.number, self.made_up);
        let user = match self.post(&name, &external_id, false).await? {
            crate::worker::Posted::Created(user) => user,
            crate::worker::Posted::Taken { by } => bail!("`{name}` is taken by {by}, and free"),
        };
        let group = group(&self.crews, crew)?;
        let operation = membership(self.tenant.mode, user.id(), true);
        let call = patch("PATCH, a member joins", group, json!([operation]));
        let (joined, ended) = tokio::join!(self.tenant.client.send(call), self.end(&user));
        let joined = joined?;
        ended?;
        if joined.answer.status == 400 {
            joined.must_be_error(400, Some("invalidValue"))?;
        } else {
            must_be_done(&joined, group)?;
        }
        // It may have been a member for a while.
        let found = Call::get("GET of a group", group.path());
        let found = self.tenant.client.send(found).await?;
        if let Some(group) = &mut self.crews[crew].group {
            group.see(&found);
        }
        Ok(())
    }

    async fn delete_crew(&mut self, crew: usize) -> Result<()> {
        if !self.tenant.may_delete_group() {
            return Ok(());
        }
        let path = group(&self.crews, crew)?.path();
        let call = Call {
            method: "DELETE",
            ..Call::get("DELETE of a group", path.clone())
        };
        let sent = self.tenant.client.send(call).await?;
        let was_done = sent.unanswered > 0 && sent.answer.status == 404;
        if !was_done {
            sent.must_be(204, Some(&Value::Null))?;
        }
        self.tenant.tried_to_delete_group(sent.unanswered);
        self.count(&sent, was_done, "DELETE");
        self.crews[crew].group = None;
        self.crews[crew].gone = Some(path);
        self.show_groups();
        // As Entra does when the group is assigned again.
        if self.rng.bool() {
            self.create_crew(crew).await?;
        }
        Ok(())
    }
}

fn group(crews: &[Crew], index: usize) -> Result<&Group> {
    let group = crews.get(index).and_then(|crew| crew.group.as_ref());
    group.ok_or_else(|| anyhow::anyhow!("the worker has no group there"))
}

/// As Entra looks for a group.
fn match_group(name: &str) -> Call {
    let name = name.replace(' ', "%20").replace(',', "%2C");
    let path = format!("/Groups?excludedAttributes=members&filter=displayName+eq+%22{name}%22");
    Call::get("match of a group", path)
}

fn patch(kind: &'static str, group: &Group, operations: Value) -> Call {
    let body = json!({"schemas": [PATCH], "Operations": operations});
    Call::with_body(kind, "PATCH", group.path(), body)
}

/// As Entra adds and removes a member in each of its modes.
fn membership(mode: Mode, user: &str, joins: bool) -> Value {
    let value = json!([{"$ref": null, "value": user}]);
    match (mode, joins) {
        (Mode::Flag, true) => {
            json!({"op": "add", "path": "members", "value": [{"value": user}]})
        }
        (Mode::Flag, false) => {
            json!({"op": "remove", "path": format!("members[value eq \"{user}\"]")})
        }
        (Mode::Legacy, true) => json!({"op": "Add", "path": "members", "value": value}),
        (Mode::Legacy, false) => json!({"op": "Remove", "path": "members", "value": value}),
    }
}

/// The answer to a change says that it is made; who else changes the group at the same time may
/// show in it.
fn must_be_done(sent: &Sent, group: &Group) -> Result<()> {
    let body = &sent.answer.body;
    let is_right = match sent.answer.status {
        200 => body["id"] == group.id.as_str(),
        204 => body.is_null(),
        _ => false,
    };
    if is_right {
        return Ok(());
    }
    Err(sent.deviates(format!("200 and the group {}, or 204", group.id)))
}
