//! Not tests: the raw directory table, to be compared with the service's answers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures_util::{StreamExt as _, stream};
use scim::text::fold;
use serde_json::Value;
use store::{Store, Tables};
use tenant::{ApiKey, SessionToken};

use crate::support::members::{self, Members};
use crate::support::service::Service;
use crate::support::{engine, history};

/// The directory table of one service.
pub struct DirectoryTable {
    client: Client,
    table: String,
    secrets: String,
}

/// A tenant's items by sort key.
pub type Item = HashMap<String, AttributeValue>;
pub type Items = BTreeMap<String, Item>;

/// What remains of a tenant's items after their consistency was checked.
#[derive(Debug, PartialEq, Eq)]
pub struct Census {
    pub users: BTreeSet<String>,
    /// Of users.
    pub tombstones: BTreeSet<String>,
    pub groups: BTreeSet<String>,
    /// Tombstones of groups.
    pub deleted_groups: BTreeSet<String>,
    /// Of groups and of those that have a tombstone.
    pub members: Members,
}

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

impl DirectoryTable {
    /// A service, and the table under it.
    pub async fn with_service() -> (Service, Self) {
        let (service, directory, _) = Self::with_prefix().await;
        (service, directory)
    }

    /// The same with the prefix of the tables' names.
    pub async fn with_prefix() -> (Service, Self, String) {
        Self::at(engine::endpoint()).await
    }

    /// The same in the engine at `endpoint`.
    pub async fn at(endpoint: &str) -> (Service, Self, String) {
        let prefix = uuid::Uuid::new_v4().simple().to_string();
        let (store, directory) = Self::empty(endpoint, &prefix).await;
        (Service::over(store).await, directory, prefix)
    }

    /// Empty tables with this prefix.
    pub async fn empty(endpoint: &str, prefix: &str) -> (Store, Self) {
        let store = stand::tenant::connect(endpoint, engine::tables(prefix)).await;
        engine::create_tables(&store, endpoint, prefix).await;
        (
            store,
            Self::in_engine(endpoint, &engine::tables(prefix)).await,
        )
    }

    /// Other tables.
    pub async fn over(tables: &Tables) -> Self {
        Self::in_engine(engine::endpoint(), tables).await
    }

    /// Tables in the engine at `endpoint`.
    pub async fn in_engine(endpoint: &str, tables: &Tables) -> Self {
        Self {
            client: Client::new(&engine::sdk_config(endpoint).await),
            table: tables.directory.clone(),
            secrets: tables.secrets.clone(),
        }
    }

    /// Everything that a tenant owns, without the use of its keys and the counters of answers,
    /// which are written beside requests.
    pub async fn items(&self, tenant: &str) -> Items {
        let mut items = self.all_items(tenant).await;
        items.retain(|sort_key, _| !sort_key.starts_with("K#") && !sort_key.starts_with("H#"));
        items
    }

    /// Everything that a tenant owns.
    pub async fn all_items(&self, tenant: &str) -> Items {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(format!("T#{tenant}")))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut items = Items::new();
        while let Some(item) = pages.next().await {
            let item = item.unwrap();
            items.insert(text(&item, "sk").to_owned(), item);
        }
        items
    }

    /// The content of the secrets table.
    pub async fn secrets(&self) -> Vec<String> {
        self.scan(&self.secrets).await
    }

    /// The content of both tables.
    pub async fn dump(&self) -> String {
        let mut items = self.scan(&self.secrets).await;
        items.extend(self.scan(&self.table).await);
        items.concat()
    }

    /// The items of a table as text, in a stable order.
    async fn scan(&self, table: &str) -> Vec<String> {
        let scan = self.client.scan().table_name(table).consistent_read(true);
        let mut pages = scan.into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            let sorted: BTreeMap<_, _> = item.unwrap().into_iter().collect();
            items.push(format!("{sorted:?}"));
        }
        items.sort();
        items
    }

    /// The same without what is stored about requests: change records, refusals, the log, the
    /// breaker.
    pub async fn resources(&self, tenant: &str) -> Items {
        let mut items = self.items(tenant).await;
        // Fences stay where they are raised.
        let is_fence = |sort_key: &str| sort_key.starts_with("J#!");
        items.retain(|sort_key, _| {
            !sort_key.starts_with(['E', 'R', 'P', 'B', 'K']) && !is_fence(sort_key)
        });
        items
    }

    /// Sets a number of an item.
    pub async fn plant_count(&self, tenant: &str, sort_key: &str, name: &str, count: i64) {
        let count = AttributeValue::N(count.to_string());
        self.set(tenant, sort_key, name, count).await;
    }

    /// Sets a text of an item.
    pub async fn plant_text(&self, tenant: &str, sort_key: &str, name: &str, text: &str) {
        let text = AttributeValue::S(text.to_owned());
        self.set(tenant, sort_key, name, text).await;
    }

    /// A tenant's items in the secrets table, by sort key.
    pub async fn secrets_of(&self, tenant: &str) -> Items {
        let answer = self
            .client
            .query()
            .table_name(&self.secrets)
            .key_condition_expression("secrets_pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(format!("TENANT#{tenant}")))
            .consistent_read(true)
            .send()
            .await;
        let items = answer.unwrap().items.unwrap_or_default();
        let by_key = items.into_iter();
        by_key
            .map(|item| (text(&item, "secrets_sk").to_owned(), item))
            .collect()
    }

    /// Removes the item of a key, as nothing of the project does.
    pub async fn remove_key(&self, key: &ApiKey) {
        let sort_key = format!("KEY#{}", key.digest().to_hex());
        let partition = format!("TENANT#{}", key.tenant());
        self.client
            .delete_item()
            .table_name(&self.secrets)
            .key("secrets_pk", AttributeValue::S(partition))
            .key("secrets_sk", AttributeValue::S(sort_key))
            .send()
            .await
            .unwrap();
    }

    /// Has the tenant been disabled since this time.
    pub async fn plant_disabled(&self, tenant: &str, since: &str) {
        self.client
            .update_item()
            .table_name(&self.secrets)
            .key("secrets_pk", AttributeValue::S(format!("TENANT#{tenant}")))
            .key("secrets_sk", AttributeValue::S("TENANT".to_owned()))
            .update_expression("SET disabled = :since")
            .condition_expression("enabled = :no")
            .expression_attribute_values(":since", AttributeValue::S(since.to_owned()))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .send()
            .await
            .unwrap();
    }

    /// Has a session of the settings page been opened so long ago.
    pub async fn plant_session(&self, table: &str, token: &SessionToken, ago: time::Duration) {
        let opened = scim::resource::rfc3339(time::OffsetDateTime::now_utc() - ago);
        let sort_key = format!("SESSION#{}", token.digest().to_hex());
        self.client
            .update_item()
            .table_name(table)
            .key(
                "sessions_pk",
                AttributeValue::S(format!("T#{}", token.tenant())),
            )
            .key("sessions_sk", AttributeValue::S(sort_key))
            .update_expression("SET created = :opened")
            .expression_attribute_values(":opened", AttributeValue::S(opened))
            .send()
            .await
            .unwrap();
    }

    /// Has a tenant been created then.
    pub async fn plant_created(&self, tenant: &str, created: &str) {
        self.client
            .update_item()
            .table_name(&self.secrets)
            .key("secrets_pk", AttributeValue::S(format!("TENANT#{tenant}")))
            .key("secrets_sk", AttributeValue::S("TENANT".to_owned()))
            .update_expression("SET created = :created")
            .expression_attribute_values(":created", AttributeValue::S(created.to_owned()))
            .send()
            .await
            .unwrap();
    }

    /// Takes away since when the tenant has been disabled.
    pub async fn forget_disabled(&self, tenant: &str) {
        self.client
            .update_item()
            .table_name(&self.secrets)
            .key("secrets_pk", AttributeValue::S(format!("TENANT#{tenant}")))
            .key("secrets_sk", AttributeValue::S("TENANT".to_owned()))
            .update_expression("REMOVE disabled")
            .send()
            .await
            .unwrap();
    }

    async fn set(&self, tenant: &str, sort_key: &str, name: &str, value: AttributeValue) {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(format!("T#{tenant}")))
            .key("sk", AttributeValue::S(sort_key.to_owned()))
            .update_expression("SET #name = :value")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", value)
            .send()
            .await
            .unwrap();
    }

    /// Puts a copy of an item under another sort key.
    pub async fn plant_copy(&self, tenant: &str, from: &str, to: &str) {
        let mut item = self.items(tenant).await.remove(from).unwrap();
        item.insert("sk".to_owned(), AttributeValue::S(to.to_owned()));
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .unwrap();
    }

    /// Puts an item with these text attributes.
    pub async fn plant(&self, tenant: &str, sort_key: &str, texts: &[(&str, &str)]) {
        let mut put = self.put(tenant, sort_key);
        for (name, text) in texts {
            put = put.item(*name, AttributeValue::S((*text).to_owned()));
        }
        put.send().await.unwrap();
    }

    /// Removes an item.
    pub async fn remove(&self, tenant: &str, sort_key: &str) {
        self.client
            .delete_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(format!("T#{tenant}")))
            .key("sk", AttributeValue::S(sort_key.to_owned()))
            .send()
            .await
            .unwrap();
    }

    /// Puts these items, by sort key.
    pub async fn put_all(
        &self,
        tenant: &str,
        items: Vec<(String, HashMap<String, AttributeValue>)>,
    ) {
        let write = |(sort_key, mut item): (String, HashMap<String, AttributeValue>)| {
            item.insert("pk".to_owned(), AttributeValue::S(format!("T#{tenant}")));
            item.insert("sk".to_owned(), AttributeValue::S(sort_key));
            let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        };
        let writes: Vec<_> = items.into_iter().map(write).collect();
        stream::iter(writes.chunks(25))
            .for_each_concurrent(8, |writes| async {
                let batch = self.client.batch_write_item();
                let batch = batch.request_items(&self.table, writes.to_vec());
                let written = batch.send().await.unwrap();
                assert_eq!(written.unprocessed_items().map_or(0, HashMap::len), 0);
            })
            .await;
    }

    /// Adds to a number of an item, which is created if it is not there.
    pub async fn raise(&self, tenant: &str, sort_key: &str, name: &str, by: i64) {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(format!("T#{tenant}")))
            .key("sk", AttributeValue::S(sort_key.to_owned()))
            .update_expression("ADD #name :by")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":by", AttributeValue::N(by.to_string()))
            .send()
            .await
            .unwrap();
    }

    fn put(&self, tenant: &str, sort_key: &str) -> PutItemFluentBuilder {
        self.client
            .put_item()
            .table_name(&self.table)
            .item("pk", AttributeValue::S(format!("T#{tenant}")))
            .item("sk", AttributeValue::S(sort_key.to_owned()))
    }

    /// Checks that the tenant's items are consistent: each user and each group has its lookups and
    /// guards and is counted, its history leads to its current state, memberships are as
    /// [`members::check`] says, and there is nothing else but tombstones and theirs. The keys are
    /// built independently here, so that a mistake in building them does not go unnoticed.
    pub async fn check(&self, tenant: &str) -> Census {
        let items = self.items(tenant).await;
        let mut census = Census {
            users: BTreeSet::new(),
            tombstones: BTreeSet::new(),
            groups: BTreeSet::new(),
            deleted_groups: BTreeSet::new(),
            members: members::check(&items),
        };
        let mut derived = BTreeSet::new();
        let mut holders = BTreeMap::new();
        let mut counts = BTreeMap::<String, i64>::new();
        let mut active = BTreeMap::<String, i64>::new();
        for (sort_key, item) in &items {
            let (letter, id, unique) = match sort_key.split('#').collect::<Vec<_>>()[..] {
                ["U", id] => ("U", id, "userName"),
                ["G", id] => ("G", id, "displayName"),
                _ => continue,
            };
            match letter {
                "U" => census.users.insert(id.to_owned()),
                _ => census.groups.insert(id.to_owned()),
            };
            let resource: Value = serde_json::from_str(text(item, "document")).unwrap();
            derived.extend(lookups(letter, id, &resource));
            let mut names = vec![resource[unique].as_str().unwrap()];
            if item.contains_key("reserved_user_name") {
                names.push(text(item, "reserved_user_name"));
            }
            for name in names {
                let guard = format!("N#{letter}#{unique}#{}", escaped(&fold(name)));
                derived.insert(guard.clone());
                assert_eq!(holders.insert(guard, id), None, "two hold one name");
            }
            let coarse = format!("C#{letter}#{}", &id[..2]);
            let fine = format!("F#{letter}#{}", &id[..4]);
            // A group is active as long as it is there.
            if letter == "G" || resource["active"] == true {
                *active.entry(coarse.clone()).or_default() += 1;
            }
            for counter in [coarse, fine] {
                *counts.entry(counter).or_default() += 1;
            }
        }
        for (sort_key, item) in &items {
            match sort_key.split('#').next().unwrap() {
                "L" => assert!(derived.contains(sort_key), "stray lookup {sort_key}"),
                "N" => assert_eq!(
                    holders.get(sort_key).copied(),
                    Some(text(item, "holder")),
                    "stray guard {sort_key}"
                ),
                "C" | "F" => {
                    let expected = counts.remove(sort_key).unwrap_or_default();
                    assert_eq!(number(item, "count"), expected, "wrong count {sort_key}");
                    let expected = active.remove(sort_key).unwrap_or_default();
                    let counted = if item.contains_key("active") {
                        number(item, "active")
                    } else {
                        0
                    };
                    assert_eq!(counted, expected, "wrong number of active {sort_key}");
                }
                "D" => {
                    let (letter, id) = sort_key[2..].split_once('#').unwrap();
                    let resource = format!("{letter}#{id}");
                    assert!(!items.contains_key(&resource), "{id} is there and deleted");
                    assert!(number(item, "expires_at") > 0);
                    match letter {
                        "U" => census.tombstones.insert(id.to_owned()),
                        _ => census.deleted_groups.insert(id.to_owned()),
                    };
                }
                // Resources were seen above. Records and memberships are checked separately; the
                // other kinds belong to no resource.
                "U" | "G" | "M" | "I" | "J" | "E" | "X" | "B" | "K" | "R" | "P" | "H" | "A"
                | "W" => {}
                _ => panic!("an item of unknown kind: {sort_key}"),
            }
        }
        for sort_key in &derived {
            assert!(items.contains_key(sort_key), "{sort_key} is missing");
        }
        assert_eq!(counts, BTreeMap::new(), "counters are missing");
        history::check(&items);
        census
    }
}

/// A string attribute of an item.
pub fn text<'a>(item: &'a HashMap<String, AttributeValue>, name: &str) -> &'a str {
    item[name].as_s().unwrap()
}

/// A number attribute of an item.
pub fn number(item: &HashMap<String, AttributeValue>, name: &str) -> i64 {
    item[name].as_n().unwrap().parse().unwrap()
}

/// A binary attribute of an item; empty if there is none.
pub fn bytes<'a>(item: &'a HashMap<String, AttributeValue>, name: &str) -> &'a [u8] {
    let bytes = item.get(name).map(|value| value.as_b().unwrap().as_ref());
    bytes.unwrap_or_default()
}

fn lookups(letter: &str, id: &str, resource: &Value) -> Vec<String> {
    let mut values = vec![("externalId", &resource["externalId"], true)];
    if letter == "G" {
        values.push(("displayName", &resource["displayName"], false));
    } else {
        let number = &resource[ENTERPRISE]["employeeNumber"];
        values.push(("userName", &resource["userName"], false));
        values.push(("employeeNumber", number, false));
    }
    let emails = resource["emails"].as_array().map_or(&[][..], Vec::as_slice);
    values.extend(
        emails
            .iter()
            .map(|email| ("emails.value", &email["value"], false)),
    );
    values
        .into_iter()
        .filter_map(|(attribute, value, exact)| Some((attribute, value.as_str()?, exact)))
        .map(|(attribute, value, exact)| {
            let value = if exact { value.into() } else { fold(value) };
            let mut value = escaped(&value);
            while value.len() > 512 {
                value.pop();
            }
            format!("L#{letter}#{attribute}#{value}#{id}")
        })
        .collect()
}

fn escaped(value: &str) -> String {
    value.replace('%', "%25").replace('#', "%23")
}
