//! `group show`.

use scim::Stored;
use scim::schema::GROUPS;
use serde_json::{Value, json};
use store::{Gate, Meter, Store};
use tenant::TenantId;

use super::find;
use super::list::changed;
use crate::commands::deleted::name;
use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::{printable, stamp};

/// A group, without its members.
#[derive(Debug)]
pub struct Group(Stored);

/// Shows a group.
pub async fn run(tenant: &TenantId, group: &str, store: &Store) -> Result<Group, Failure> {
    let (meter, gate) = (Meter::default(), Gate::opened());
    store.find_tenant(tenant, &meter).await?;
    let directory = store.tenant(tenant, &meter, &gate);
    Ok(Group(find(&directory, group).await?))
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
            "created": stamp(meta.created),
            "lastModified": stamp(changed(meta)),
        })
    }
}
