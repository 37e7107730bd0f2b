//! Tenants, as several commands show them.

use account::tenants::Counted;
use serde_json::{Value, json};
use store::secrets::Tenant;

use super::Report;
use crate::terminal::{columns, exact, stamp};

impl Report for Tenant {
    fn text(&self) -> String {
        table(std::slice::from_ref(self))
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id.as_str(),
            "name": self.name,
            "enabled": self.enabled,
            "created": exact(self.created),
            "activeKeys": self.active_keys,
            "apiOffSince": self.api_off.map(exact),
            "beingDeletedSince": self.deleting.map(exact),
            "beingImportedSince": self.importing.as_ref().map(|import| exact(import.since)),
        })
    }
}

impl Report for Vec<Tenant> {
    fn text(&self) -> String {
        table(self)
    }

    fn json(&self) -> Value {
        self.iter().map(Report::json).collect()
    }
}

fn table(tenants: &[Tenant]) -> String {
    let rows = tenants.iter().map(|tenant| {
        [
            tenant.id.to_string(),
            match (tenant.deleting, &tenant.importing, tenant.enabled) {
                (Some(_), ..) => "being deleted",
                (None, Some(_), _) => "import not completed",
                (None, None, true) if tenant.api_off.is_some() => "API off",
                (None, None, true) => "enabled",
                (None, None, false) => "disabled",
            }
            .to_owned(),
            tenant.active_keys.to_string(),
            stamp(tenant.created),
            tenant.name.clone(),
        ]
    });
    columns(["TENANT", "STATE", "KEYS", "CREATED", "NAME"], rows)
}

impl Report for Vec<Counted> {
    fn text(&self) -> String {
        let rows = self.iter().map(|counted| {
            [
                counted.tenant.id.to_string(),
                counted.users.to_string(),
                counted.active.to_string(),
                counted.groups.to_string(),
                counted.tenant.name.clone(),
            ]
        });
        columns(["TENANT", "USERS", "ACTIVE", "GROUPS", "NAME"], rows)
    }

    fn json(&self) -> Value {
        self.iter()
            .map(|counted| {
                let mut value = counted.tenant.json();
                if let Value::Object(members) = &mut value {
                    members.insert("users".to_owned(), counted.users.into());
                    members.insert("activeUsers".to_owned(), counted.active.into());
                    members.insert("groups".to_owned(), counted.groups.into());
                }
                value
            })
            .collect()
    }
}
