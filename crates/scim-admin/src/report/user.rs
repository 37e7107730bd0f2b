//! Users, as `user find` and `user show` print them.

use account::users::{FoundUser, KnownUser, State};
use scim::schema::USERS;
use scim::{Resource, Stored};
use serde_json::{Value, json};
use tenant::TenantId;

use super::Report;
use super::record::{record_json, text_line};
use super::request::{self, request_json};
use crate::terminal::{columns, exact, printable, stamp};

/// How many of a user's changes the text shows, the last ones.
const CHANGES: usize = 10;

/// The users that go by a name.
#[derive(Debug)]
pub struct Found {
    pub users: Vec<FoundUser>,
}

/// All that is known of a user.
#[derive(Debug)]
pub struct Shown {
    pub tenant: TenantId,
    pub user: KnownUser,
}

fn resource(state: &State) -> Option<&Stored> {
    match state {
        State::Present(stored) => Some(stored),
        State::Deleted(tombstone) => Some(&tombstone.stored),
        State::OnRecord | State::Erased => None,
    }
}

fn word(state: &State) -> &'static str {
    match state {
        State::Present(stored) if USERS.has_access(&stored.resource) => "active",
        State::Present(_) => "deactivated",
        State::Deleted(_) => "deleted",
        State::OnRecord => "on record",
        State::Erased => "erased",
    }
}

fn text_of<'r>(state: &'r State, name: &str) -> Option<&'r str> {
    resource(state)?.resource.text(name)
}

impl Report for Found {
    fn text(&self) -> String {
        let rows = self.users.iter().map(|user| {
            let text = |name| text_of(&user.state, name).unwrap_or("-").to_owned();
            [
                user.id.to_string(),
                word(&user.state).to_owned(),
                if user.is_former { "before" } else { "now" }.to_owned(),
                text("externalId"),
                text("userName"),
            ]
        });
        columns(
            ["USER", "STATE", "NAMED SO", "EXTERNALID", "USERNAME"],
            rows,
        )
    }

    fn json(&self) -> Value {
        self.users
            .iter()
            .map(|user| {
                json!({
                    "id": user.id.as_str(),
                    "state": word(&user.state),
                    "isFormer": user.is_former,
                    "userName": text_of(&user.state, "userName"),
                    "externalId": text_of(&user.state, "externalId"),
                })
            })
            .collect()
    }

    /// Whether nobody was found.
    fn is_bad_news(&self) -> bool {
        self.users.is_empty()
    }
}

impl Shown {
    fn times(&self) -> Vec<(&'static str, String)> {
        let Some(stored) = resource(&self.user.state) else {
            return Vec::new();
        };
        let mut times = vec![
            ("created", stamp(stored.meta.created)),
            ("changed", stamp(stored.meta.last_modified)),
        ];
        if let State::Deleted(tombstone) = &self.user.state {
            times.push(("deleted", stamp(tombstone.deleted)));
            times.push(("kept until", stamp(tombstone.expires)));
        }
        times
    }
}

impl Report for Shown {
    fn text(&self) -> String {
        let user = &self.user;
        let mut lines = vec![
            ("id", user.id.to_string()),
            ("state", word(&user.state).to_owned()),
        ];
        lines.extend(self.times());
        if let Some(reserved) = resource(&user.state).and_then(|stored| stored.reserved.as_ref()) {
            lines.push(("reserved", format!("{reserved} is kept for the user")));
        }
        let groups: Vec<&str> = user.groups.iter().map(|group| &*group.display).collect();
        lines.push(("groups", format!("{}: {}", groups.len(), groups.join(", "))));
        let lines = lines.iter().map(|(name, value)| {
            let value = printable(value.trim_end_matches(": "));
            format!("{name:12} {value}")
        });
        let mut text = lines.collect::<Vec<_>>().join("\n");
        for (name, value) in resource(&user.state)
            .map(|stored| &stored.resource)
            .into_iter()
            .flat_map(Resource::attributes)
        {
            let line = format!("{name}: {value}");
            text.push_str(&format!("\n    {}", printable(&line)));
        }
        let shown = user.life.len().saturating_sub(CHANGES);
        text.push_str(&format!("\n\nchanges on record: {}", user.life.len()));
        for record in user.life.iter().skip(shown) {
            text.push('\n');
            text.push_str(&text_line(record, &std::collections::HashMap::new()));
        }
        text.push_str(&format!(
            "\n\nrequests that were refused, failed or left something out: {}",
            user.requests.len()
        ));
        for request in &user.requests {
            text.push('\n');
            text.push_str(&request::text_line(request));
        }
        text
    }

    fn json(&self) -> Value {
        let user = &self.user;
        let stored = resource(&user.state);
        let deletion = match &user.state {
            State::Deleted(tombstone) => Some(tombstone),
            _ => None,
        };
        json!({
            "id": user.id.as_str(),
            "state": word(&user.state),
            "created": stored.map(|stored| exact(stored.meta.created)),
            "lastModified": stored.map(|stored| exact(stored.meta.last_modified)),
            "version": stored.map(|stored| stored.meta.version),
            "deleted": deletion.map(|tombstone| exact(tombstone.deleted)),
            "keptUntil": deletion.map(|tombstone| exact(tombstone.expires)),
            "reserved": stored.and_then(|stored| stored.reserved.clone()),
            "attributes": stored.map(|stored| stored.resource.attributes().clone()),
            "groups": user.groups.iter().map(|group| json!({
                "id": group.id.as_str(),
                "displayName": &*group.display,
            })).collect::<Value>(),
            "changes": user.life.iter().map(|record| record_json(&self.tenant, record))
                .collect::<Value>(),
            "requests": user.requests.iter().map(|request| request_json(&self.tenant, request))
                .collect::<Value>(),
        })
    }
}
