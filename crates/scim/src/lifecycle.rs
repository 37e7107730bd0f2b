//! What a resource type does beyond its schema: who has access, and which names a client's recycle
//! bin reserves.

use serde_json::Value;

use super::schema::ResourceType;
use super::text::fold;
use super::{Resource, Stored};

impl ResourceType {
    /// Whether the resource gives access. Only an explicit `true` does; creation sets it where the
    /// client does not. Resources of a type without such an attribute give access while they exist:
    /// whoever deletes a group takes it from its members.
    pub fn has_access(&self, resource: &Resource) -> bool {
        let Some(name) = self.access else {
            return true;
        };
        let value = resource.attributes().get(name);
        value.and_then(Value::as_bool).unwrap_or(false)
    }

    /// The same resource with access set to the given value, where it has none set and its type has
    /// access.
    #[must_use]
    pub fn with_default_access(&self, resource: Resource, access: bool) -> Resource {
        let Some(name) = self.access else {
            return resource;
        };
        let mut attributes = resource.into_attributes();
        attributes.entry(name).or_insert(Value::Bool(access));
        Resource::from_checked(attributes)
    }

    /// The same resource with access set to the given value, where its type has access.
    #[must_use]
    pub fn with_access(&self, resource: Resource, access: bool) -> Resource {
        let Some(name) = self.access else {
            return resource;
        };
        let mut attributes = resource.into_attributes();
        attributes.insert(name.to_owned(), Value::Bool(access));
        Resource::from_checked(attributes)
    }

    /// The unique value to keep reserved for a resource that changes from `current` to `next`.
    ///
    /// Entra renames a user when it moves to the recycle bin, and back on restore. The old name
    /// stays reserved for the user, so that nobody can take it in between and the restore cannot
    /// fail.
    pub fn reserved(&self, current: &Stored, next: &Resource) -> Option<String> {
        let old = fold((self.recycled?)(next.text(self.unique)?)?);
        let name = current.resource.text(self.unique);
        let reserved = current.reserved.as_deref();
        if name.is_some_and(|name| old == fold(name)) {
            return reserved.or(name).map(str::to_owned);
        }
        reserved.filter(|name| old == fold(name)).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};
    use time::OffsetDateTime;

    use super::*;
    use crate::schema::{GROUPS, USERS};
    use crate::{Meta, ResourceId};

    fn user(user_name: &str, reserved: Option<&str>) -> Stored {
        let mut attributes = Map::new();
        attributes.insert("userName".to_owned(), user_name.into());
        Stored {
            id: ResourceId::parse("2819c223-7f76-453a-919d-413861904646").unwrap(),
            meta: Meta::new(OffsetDateTime::UNIX_EPOCH),
            resource: Resource::from_storage(attributes),
            reserved: reserved.map(str::to_owned),
        }
    }

    #[test]
    fn a_rename_into_the_recycle_bin_reserves_the_old_name() {
        let recycled = "0123456789abcdef0123456789abcdefLena@crew.example";
        let next = user(recycled, None).resource;
        assert_eq!(
            USERS
                .reserved(&user("lena@crew.example", None), &next)
                .as_deref(),
            Some("lena@crew.example")
        );
        // A second change while recycled keeps the reservation; the rename back ends it.
        let current = user(recycled, Some("lena@crew.example"));
        assert_eq!(
            USERS.reserved(&current, &next).as_deref(),
            Some("lena@crew.example")
        );
        assert_eq!(
            USERS.reserved(&current, &user("lena@crew.example", None).resource),
            None
        );
        // An ordinary rename reserves nothing.
        assert_eq!(
            USERS.reserved(
                &user("a@crew.example", None),
                &user("b@crew.example", None).resource
            ),
            None
        );
    }

    #[test]
    fn an_object_id_has_32_hexadecimal_digits() {
        let current = user("lena@crew.example", None);
        for other in [
            "0123456789abcdef0123456789abcdeXlena@crew.example",
            "0123456789abcdef0123456789abcdeflena@home.example",
            "0123456789abcdef0123456789abcdelena@crew.example",
            "lena@crew.example",
        ] {
            let next = user(other, None).resource;
            assert_eq!(USERS.reserved(&current, &next), None, "{other}");
        }
    }

    #[test]
    fn only_an_explicit_true_grants_access() {
        let with =
            |active: Value| Resource::from_storage(Map::from_iter([("active".to_owned(), active)]));
        assert!(USERS.has_access(&with(json!(true))));
        assert!(!USERS.has_access(&with(json!(false))));
        assert!(!USERS.has_access(&Resource::default()));
        for group in [Resource::default(), with(json!(false)), with(json!(true))] {
            assert!(
                GROUPS.has_access(&group),
                "a group gives access while it exists"
            );
        }
        let defaulted = |resource: Resource| USERS.with_default_access(resource, true);
        assert_eq!(defaulted(Resource::default()), with(json!(true)));
        assert_eq!(defaulted(with(json!(false))), with(json!(false)));
        let group = GROUPS.with_default_access(Resource::default(), true);
        assert_eq!(group, Resource::default());
    }
}
