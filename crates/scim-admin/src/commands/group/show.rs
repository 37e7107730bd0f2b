//! `group show`.

use account::Account;
use account::deleted::name;
use account::groups::changed;
use scim::Stored;
use scim::schema::GROUPS;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::{exact, printable, stamp};

/// A group, without its members.
#[derive(Debug)]
pub struct Group(Stored);

/// Shows a group.
pub async fn run(account: &Account, group: &str) -> Result<Group, Failure> {
    Ok(Group(account.find_group(group).await?))
}

impl Report for Group {
    fn text(&self) -> String {
        let meta = &self.0.meta;
        let pending = match meta.membership.pending {
            true => ", and a large change of them is being carried out, which is counted",
            false => "",
        };
        let external = self.0.resource.text("externalId").unwrap_or("-");
        format!(
            "id           {}\ndisplayName  {}\nexternalId   {}\nmembers      {}{pending}\nversion      {}\ncreated      {}\nchanged      {}",
            self.0.id,
            printable(&name(&GROUPS, &self.0)),
            printable(external),
            meta.membership.members,
            meta.etag(),
            stamp(meta.created),
            stamp(changed(meta)),
        )
    }

    fn json(&self) -> Value {
        let meta = &self.0.meta;
        json!({
            "id": self.0.id.as_str(),
            "displayName": name(&GROUPS, &self.0),
            "externalId": self.0.resource.text("externalId"),
            "members": meta.membership.members,
            "pending": meta.membership.pending,
            "version": meta.etag(),
            "created": exact(meta.created),
            "lastModified": exact(changed(meta)),
        })
    }
}
