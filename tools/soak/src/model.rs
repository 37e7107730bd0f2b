//! What each user must look like, and whether an answer matches.

use anyhow::Result;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::client::Sent;
use crate::entra::{Change, Object, apply};

pub const BASE: &str = "https://scim.hellotracks.example/scim/v2";
pub const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// An existing user.
#[derive(Debug, Clone)]
pub struct User {
    /// As GET shows it.
    object: Value,
    version: u64,
    /// The userName before it was moved to Entra's recycle bin.
    pub name_before_bin: Option<String>,
}

impl User {
    /// The user with these attributes in an answer, with the id and times given by the service.
    /// Everything else in the answer must match, and the times must be plausible.
    pub fn created(
        sent: &Sent,
        since: OffsetDateTime,
        shown: &Value,
        attributes: Object,
    ) -> Result<Self> {
        let id = shown["id"].as_str().unwrap_or_default();
        if id.len() != 36 {
            return Err(sent.deviates("an id"));
        }
        let created = shown["meta"]["created"].as_str().unwrap_or_default();
        if !is_between(created, since, sent.answered) {
            return Err(sent.deviates("a user that was created by this request"));
        }
        let mut user = Self {
            object: attributes.into(),
            version: 1,
            name_before_bin: None,
        };
        user.object["id"] = id.into();
        user.object["meta"] = json!({
            "resourceType": "User",
            "created": created,
            "lastModified": created,
            "location": format!("{BASE}/Users/{id}"),
            "version": user.etag(),
        });
        if *shown != user.object {
            return Err(sent.deviates(&user.object));
        }
        if sent.call.method == "POST" {
            user.must_be_shown(sent, 201)?;
            if sent.answer.headers["location"] != user.object["meta"]["location"] {
                return Err(sent.deviates("the user's location"));
            }
        }
        Ok(user)
    }

    /// Applies the changes that an answer shows. It must show all of them and nothing else and, if
    /// there are any, the next version and a plausible time. Returns whether there are any.
    pub fn change(&mut self, sent: &Sent, changes: &[Change]) -> Result<bool> {
        let before = self.object.clone();
        if let Value::Object(object) = &mut self.object {
            for change in changes {
                apply(object, change);
            }
        }
        let is_changed = self.object != before;
        if is_changed {
            let modified = &sent.answer.body["meta"]["lastModified"];
            let text = modified.as_str().unwrap_or_default();
            if !is_between(text, sent.first, sent.answered) {
                return Err(sent.deviates(format!("a user that was changed: {}", self.object)));
            }
            self.version += 1;
            self.object["meta"]["lastModified"] = modified.clone();
            self.object["meta"]["version"] = self.etag().into();
        }
        self.must_be_shown(sent, 200)?;
        Ok(is_changed)
    }

    /// Checks that the answer is the user.
    pub fn must_be_shown(&self, sent: &Sent, status: u64) -> Result<()> {
        let etag = self.etag();
        let is_right = sent.answer.status == status
            && sent.answer.line["status"] == status
            && sent.answer.body == self.object
            && sent.answer.headers["etag"] == etag.as_str();
        if is_right {
            return Ok(());
        }
        Err(sent.deviates(format!("{status} {etag} {}", self.object)))
    }

    /// Checks that the answer is a list of this user alone.
    pub fn must_be_found(&self, sent: &Sent) -> Result<()> {
        sent.must_be(
            200,
            Some(&json!({
                "schemas": [LIST], "totalResults": 1, "startIndex": 1, "itemsPerPage": 1,
                "Resources": [self.object],
            })),
        )
    }

    /// As GET shows it.
    pub fn object(&self) -> &Value {
        &self.object
    }

    /// Shows these groups.
    pub fn show_groups(&mut self, groups: Vec<Value>) {
        if groups.is_empty() {
            if let Value::Object(object) = &mut self.object {
                object.remove("groups");
            }
        } else {
            self.object["groups"] = groups.into();
        }
    }

    pub fn etag(&self) -> String {
        format!("W/\"{}\"", self.version)
    }

    pub fn etag_before(&self) -> String {
        format!("W/\"{}\"", self.version - 1)
    }

    pub fn id(&self) -> &str {
        self.text("id")
    }

    pub fn location(&self) -> &str {
        self.object["meta"]["location"].as_str().unwrap_or_default()
    }

    pub fn path(&self) -> String {
        format!("/Users/{}", self.id())
    }

    pub fn text(&self, attribute: &str) -> &str {
        self.object[attribute].as_str().unwrap_or_default()
    }

    pub fn is_active(&self) -> bool {
        self.object["active"] == true
    }
}

/// An empty list.
pub fn nobody() -> Value {
    json!({
        "schemas": [LIST], "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": [],
    })
}

/// Whether an instant in RFC 3339 is between two others. The service has a resolution of one
/// millisecond.
pub fn is_between(text: &str, from: OffsetDateTime, to: OffsetDateTime) -> bool {
    OffsetDateTime::parse(text, &Rfc3339)
        .is_ok_and(|instant| instant > from - Duration::milliseconds(1) && instant <= to)
}
