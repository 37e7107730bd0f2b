//! What clients read of crews, compared with the model.

use super::*;

impl Worker {
    pub(super) async fn read_crew(&mut self, crew: usize) -> Result<()> {
        let has_members = self.rng.u32(..3) > 0;
        let by_name = self.rng.u32(..3) == 0;
        let Some(group) = &mut self.crews[crew].group else {
            return Ok(());
        };
        if by_name {
            let sent = self.tenant.client.send(match_group(&group.name)).await?;
            return group.must_be_found(&sent, false);
        }
        let path = match has_members {
            true => group.path(),
            false => format!("{}?excludedAttributes=members", group.path()),
        };
        let sent = self.tenant.client.send(Call::get("GET of a group", path));
        group.must_be_shown(&sent.await?, has_members)
    }

    /// Entra's question whether a user is a member.
    pub(super) async fn ask_who_is_member(&mut self, crew: usize) -> Result<()> {
        let Some(user) = self.some_users(1).pop_first() else {
            return Ok(());
        };
        let Some(group) = &mut self.crews[crew].group else {
            return Ok(());
        };
        let id = &group.id;
        let path = format!(
            "/Groups?excludedAttributes=members&filter=id+eq+%22{id}%22+and+members+eq+%22{user}%22"
        );
        let sent = self.tenant.client.send(Call::get("is a member", path));
        let sent = sent.await?;
        match group.members.contains(&user) {
            true => group.must_be_found(&sent, false),
            false => sent.must_be(200, Some(&nobody())),
        }
    }

    /// The members as users.
    pub(super) async fn list_members(&mut self, crew: usize) -> Result<()> {
        let group = group(&self.crews, crew)?;
        let path = format!(
            "/Users?filter=groups.value+eq+%22{}%22&attributes=id&count=200",
            group.id
        );
        let sent = self.tenant.client.send(Call::get("users of a group", path));
        let sent = sent.await?;
        let shown = sent.answer.body["Resources"].as_array();
        let shown = shown.into_iter().flatten();
        let shown: Vec<&str> = shown.filter_map(|user| user["id"].as_str()).collect();
        let expected: Vec<&str> = group.members.iter().map(String::as_str).collect();
        if shown == expected && sent.answer.body["totalResults"] == expected.len() {
            return Ok(());
        }
        Err(sent.deviates(format!("the users {expected:?}")))
    }

    /// The groups of a user.
    pub(super) async fn list_groups_of(&mut self, crew: usize) -> Result<()> {
        let members = &group(&self.crews, crew)?.members;
        let Some(user) = self.rng.choice(members.iter()).cloned() else {
            return Ok(());
        };
        let path = format!("/Groups?filter=members.value+eq+%22{user}%22&attributes=id");
        let sent = self.tenant.client.send(Call::get("groups of a user", path));
        let sent = sent.await?;
        let shown = sent.answer.body["Resources"].as_array();
        let shown = shown.into_iter().flatten();
        let shown: BTreeSet<&str> = shown.filter_map(|group| group["id"].as_str()).collect();
        let groups = self.crews.iter().filter_map(|crew| crew.group.as_ref());
        let expected: BTreeSet<&str> = groups
            .filter(|group| group.members.contains(&user))
            .map(|group| group.id.as_str())
            .collect();
        if shown == expected {
            return Ok(());
        }
        Err(sent.deviates(format!("the groups {expected:?}")))
    }

    /// Some of the worker's users, at most so many.
    pub(super) fn some_users(&mut self, most: usize) -> BTreeSet<String> {
        let users = self.places.iter().filter_map(|place| place.user.as_ref());
        let ids: Vec<String> = users.map(|user| user.id().to_owned()).collect();
        self.rng.choose_multiple(ids, most).into_iter().collect()
    }

    /// Has each user show the groups that it is in.
    pub fn show_groups(&mut self) {
        let mut groups: Vec<&Group> = self
            .crews
            .iter()
            .filter_map(|crew| crew.group.as_ref())
            .collect();
        groups.sort_by(|one, other| one.id.cmp(&other.id));
        for user in self
            .places
            .iter_mut()
            .filter_map(|place| place.user.as_mut())
        {
            let of_user = groups
                .iter()
                .filter(|group| group.members.contains(user.id()));
            let shown = of_user.map(|group| group.of_user()).collect();
            user.show_groups(shown);
        }
    }

    /// The user is deleted, and in no group any more.
    pub fn leave_all(&mut self, id: &str) {
        for group in self.crews.iter_mut().filter_map(|crew| crew.group.as_mut()) {
            group.change(id, false);
        }
    }
}
