//! Entra's double: its requests, with a key that somebody has pasted.

use serde_json::{Value, json};
use uuid::Uuid;

use super::plain::{Answer, Plain};

/// Entra with the Tenant URL and the key that were entered in it.
pub struct Entra {
    /// Without its query, which stays at the end of each request.
    base: String,
    flag: String,
    key: String,
}

impl Entra {
    pub fn with(tenant_url: &str, key: &str) -> Self {
        let (base, flag) = tenant_url.split_once('?').unwrap_or((tenant_url, ""));
        Self {
            base: base.to_owned(),
            flag: flag.to_owned(),
            key: key.to_owned(),
        }
    }

    fn ask(&self, method: &str, path: &str) -> Plain {
        let mark = if path.contains('?') { '&' } else { '?' };
        let url = format!("{}{path}{mark}{}", self.base, self.flag);
        Plain::new(method, &url).key(&self.key)
    }

    /// The button `Test connection`: it looks for somebody who is not there.
    pub async fn test_connection(&self) -> Answer {
        let path = format!("/Users?filter=userName+eq+%22{}%22", Uuid::new_v4());
        self.ask("GET", &path).send().await
    }

    pub async fn create(&self, user_name: &str, name: &str) -> Answer {
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "externalId": user_name.split('@').next(),
            "userName": user_name,
            "displayName": name,
            "active": true,
            "title": "Dispatcher",
        });
        self.ask("POST", "/Users").json(&user).send().await
    }

    /// The id of somebody who is created now.
    pub async fn created(&self, user_name: &str, name: &str) -> String {
        let created = self.create(user_name, name).await;
        assert_eq!(created.status, 201, "{}", created.body);
        created.json()["id"].as_str().unwrap().to_owned()
    }

    pub async fn set(&self, id: &str, path: &str, value: Value) -> Answer {
        let patch = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": path, "value": value}],
        });
        let path = format!("/Users/{id}");
        self.ask("PATCH", &path).json(&patch).send().await
    }

    pub async fn delete(&self, id: &str) -> Answer {
        self.ask("DELETE", &format!("/Users/{id}")).send().await
    }

    pub async fn create_group(&self, name: &str, members: &[&str]) -> Answer {
        let members = members.iter().map(|id| json!({"value": id}));
        let group = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": name,
            "members": members.collect::<Vec<Value>>(),
        });
        self.ask("POST", "/Groups").json(&group).send().await
    }
}
