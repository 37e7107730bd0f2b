//! What each group must look like, and whether an answer matches.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::client::Sent;
use crate::model::{BASE, LIST, is_between};

const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// How many groups each worker has.
pub const CREWS: usize = 2;

/// A place for a group, which may be empty for a while.
pub struct Crew {
    pub name: String,
    pub external_id: String,
    pub renames: usize,
    pub group: Option<Group>,
    /// The path of the group that was deleted last.
    pub gone: Option<String>,
}

/// An existing group.
#[derive(Debug, Clone)]
pub struct Group {
    pub id: String,
    pub name: String,
    pub external_id: String,
    /// The ids of its members.
    pub members: BTreeSet<String>,
    created: String,
    modified: String,
    version: u64,
    /// Whether it has changed since the version was seen.
    has_moved: bool,
}

/// The body that creates a group.
pub fn creation(name: &str, external_id: &str, members: Option<Value>) -> Value {
    let mut body = json!({"schemas": [SCHEMA], "displayName": name, "externalId": external_id});
    if let Some(members) = members {
        body["members"] = members;
    }
    body
}

/// Members as clients name them.
pub fn named<'i>(ids: impl IntoIterator<Item = &'i String>) -> Value {
    ids.into_iter().map(|id| json!({"value": id})).collect()
}

impl Group {
    /// The group that an answer shows, with these members; everything in it must be as it was sent.
    pub fn created(
        sent: &Sent,
        shown: &Value,
        [name, external_id]: [&str; 2],
        members: BTreeSet<String>,
    ) -> Result<Self> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut group = Self {
            id: text(&shown["id"]),
            name: name.to_owned(),
            external_id: external_id.to_owned(),
            members,
            created: text(&shown["meta"]["created"]),
            modified: String::new(),
            version: 0,
            has_moved: true,
        };
        if group.id.len() != 36 || !is_between(&group.created, sent.first, sent.answered) {
            return Err(sent.deviates("a group that was created by this request"));
        }
        group.must_look(sent, shown, true)?;
        Ok(group)
    }

    /// A change that was answered, and did or did not do anything.
    pub fn moved(&mut self, is_changed: bool) {
        self.has_moved |= is_changed;
    }

    /// Takes over what of the group the model cannot know.
    pub fn see(&mut self, sent: &Sent) {
        let meta = &sent.answer.body["meta"];
        self.has_moved |= meta["lastModified"] != self.modified.as_str();
    }

    /// Changes who is a member. Returns whether anybody's membership has changed.
    pub fn change(&mut self, id: &str, is_member: bool) -> bool {
        let is_changed = match is_member {
            true => self.members.insert(id.to_owned()),
            false => self.members.remove(id),
        };
        self.moved(is_changed);
        is_changed
    }

    /// Checks that a resource in an answer is the group: with a higher version if it has changed,
    /// and with the same if not.
    pub fn must_look(&mut self, sent: &Sent, shown: &Value, has_members: bool) -> Result<()> {
        let meta = &shown["meta"];
        let tag = meta["version"].as_str().unwrap_or_default();
        let number = tag
            .strip_prefix("W/\"")
            .and_then(|tag| tag.strip_suffix('"'));
        let version: u64 = number
            .and_then(|number| number.parse().ok())
            .unwrap_or_default();
        let modified = meta["lastModified"].as_str().unwrap_or_default();
        let is_next = match self.has_moved {
            true => {
                version > self.version
                    && is_between(modified, OffsetDateTime::UNIX_EPOCH, sent.answered)
            }
            false => version == self.version && modified == self.modified,
        };
        let expected = self.object(tag, modified, has_members);
        if !is_next || *shown != expected {
            let Self { version, .. } = self;
            return Err(sent.deviates(format!("version {version} or later of {expected}")));
        }
        self.version = version;
        self.modified = modified.to_owned();
        self.has_moved = false;
        Ok(())
    }

    /// Checks that the answer is the group.
    pub fn must_be_shown(&mut self, sent: &Sent, has_members: bool) -> Result<()> {
        sent.must_be(200, None)?;
        self.must_look(sent, &sent.answer.body, has_members)?;
        if sent.answer.headers["etag"] == sent.answer.body["meta"]["version"] {
            return Ok(());
        }
        Err(sent.deviates("the version as entity tag"))
    }

    /// Checks that the answer is a list of this group alone.
    pub fn must_be_found(&mut self, sent: &Sent, has_members: bool) -> Result<()> {
        let shown = &sent.answer.body["Resources"][0];
        self.must_look(sent, shown, has_members)?;
        sent.must_be(
            200,
            Some(&json!({
                "schemas": [LIST], "totalResults": 1, "startIndex": 1, "itemsPerPage": 1,
                "Resources": [shown],
            })),
        )
    }

    pub fn path(&self) -> String {
        format!("/Groups/{}", self.id)
    }

    pub fn location(&self) -> String {
        format!("{BASE}/Groups/{}", self.id)
    }

    /// As users show it.
    pub fn of_user(&self) -> Value {
        json!({
            "value": self.id, "$ref": self.location(), "display": self.name, "type": "direct",
        })
    }

    fn object(&self, tag: &str, modified: &str, has_members: bool) -> Value {
        let mut object = json!({
            "schemas": [SCHEMA], "id": self.id, "displayName": self.name,
            "externalId": self.external_id,
            "meta": {
                "resourceType": "Group", "created": self.created, "lastModified": modified,
                "location": self.location(), "version": tag,
            },
        });
        if has_members && !self.members.is_empty() {
            let member = |id: &String| json!({"value": id, "$ref": format!("{BASE}/Users/{id}"), "type": "User"});
            object["members"] = self.members.iter().map(member).collect();
        }
        object
    }
}
