//! Tables with as many equal tenants as there are cases, so that cases run at the same time and
//! none sees another.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use hellotracks_scim::instance::Instance;
use oauth::Authorities;
use serde_json::{Value, json};
use stand::issuer::Issuer;
use stand::wire::{Fate, Wire};
use store::{Gate, Meter, Store, Tables, Timeouts};
use tenant::{ApiKey, TenantId};
use time::OffsetDateTime;

use super::memberships::{Members, members};
use crate::support::directory::{self, DirectoryTable, Items};
use crate::support::engine;
use crate::support::groups::{group, patching, path, replacing};
use crate::support::service::Service;

/// What is slow is faster than an attempt of the SDK; what is late is slower.
pub const SLOW: Duration = Duration::from_millis(200);
pub const LATE: Duration = Duration::from_secs(3);

pub type Item = HashMap<String, AttributeValue>;

/// The users of every tenant.
#[derive(Debug, Clone)]
pub struct Users {
    pub lena: String,
    pub max: String,
    /// Deactivated.
    pub kim: String,
    /// A group of lena and max, unless the setting has none.
    pub crew: String,
    /// A group of nobody.
    pub spare: String,
    /// Others, in the order of their ids.
    pub crowd: Vec<String>,
}

/// What every tenant of a fixture has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Three users.
    Users,
    /// And an issuer that their clients trust.
    Clients,
    /// And two groups.
    Groups,
    /// And so many groups more that lena is in, and as many users more.
    ManyGroups(usize),
    /// Two groups, and so many users more.
    Crowd(usize),
    /// The same; and the crowd is to become the crew, which is decided and not carried out.
    Pending(usize),
}

/// What a tenant has, as DynamoDB holds it.
pub struct Found {
    /// The directory table's items of the tenant, by sort key.
    pub items: Items,
    /// The users' documents and versions, by id.
    pub users: BTreeMap<String, (Value, i64)>,
    /// The members of groups, with what is decided.
    pub members: Members,
    /// The secrets table's items of the tenant, by sort key; where the operator is at work.
    pub secrets: BTreeMap<String, Item>,
    /// The sessions table's items of the tenant, by sort key; in the same cases.
    pub sessions: BTreeMap<String, Item>,
    /// What the operator's log says was done to the tenant.
    pub acts: Vec<String>,
    /// Whether there is a tenant `new-` and the tenant's id.
    pub has_new_tenant: bool,
}

impl Found {
    /// Whether there is such an item in the sessions table.
    pub fn has_session_item(&self, start: &str) -> bool {
        self.sessions.keys().any(|key| key.starts_with(start))
    }
}

/// The name of the sessions table beside others.
pub fn sessions_table(tables: &Tables) -> String {
    format!("{}-sessions", tables.secrets.trim_end_matches("-secrets"))
}

/// A tenant of its own for one case.
#[derive(Clone)]
pub struct Tenant {
    pub id: TenantId,
    pub key: ApiKey,
}

pub struct Fixture {
    /// The service on a connection that nothing disturbs, with the key of the first tenant.
    pub calm: Service,
    pub directory: DirectoryTable,
    pub users: Users,
    client: Client,
    tables: Tables,
    /// Where the engine listens.
    pub endpoint: String,
    sdk_config: SdkConfig,
    secrets: Vec<Item>,
    items: Vec<Item>,
    tenants: AtomicUsize,
    /// What clients trust, if the setting has some.
    pub issuer: Option<Issuer>,
}

impl Fixture {
    pub async fn start(setting: Setting) -> Self {
        let endpoint = engine::own_endpoint();
        // So that the clock knows when something is under way to the engine.
        let wire = Wire::passing(&endpoint).await;
        let (calm, directory, prefix) = DirectoryTable::at(&wire.endpoint).await;
        let mail = json!([{"value": "crew@crew.example", "type": "work"}]);
        let user = |name: &str| json!({"externalId": format!("x-{name}"), "emails": mail, "title": "Lead"});
        let mut users = Users {
            lena: calm.create_user("lena", user("lena")).await,
            max: calm.create_user("max", user("max")).await,
            kim: calm.create_user("kim", user("kim")).await,
            crew: String::new(),
            spare: String::new(),
            crowd: Vec::new(),
        };
        // The first deactivation begins a window of the breaker.
        let deactivation = json!([{"op": "replace", "path": "active", "value": false}]);
        let kim = format!("/Users/{}", users.kim);
        assert_eq!(calm.patch(&kim, deactivation).await.status, 200);
        if !matches!(setting, Setting::Users | Setting::Clients) {
            let crew = [users.lena.clone(), users.max.clone()];
            users.crew = group(&calm, "Crew", &crew).await;
            users.spare = group(&calm, "Spare", &[]).await;
        }
        if let Setting::ManyGroups(groups) = setting {
            for number in 0..groups {
                let name = format!("Crew {number}");
                group(&calm, &name, std::slice::from_ref(&users.lena)).await;
            }
        }
        if let Setting::Crowd(size) | Setting::Pending(size) | Setting::ManyGroups(size) = setting {
            users.crowd = directory.plant_users("acme", size).await;
        }
        let sessions = sessions_table(&engine::tables(&prefix));
        let created = calm.app.store.create_sessions_table(&sessions).await;
        assert!(created.unwrap().created);
        let sdk_config = engine::sdk_config(&wire.endpoint).await;
        let mut fixture = Self {
            calm,
            directory,
            users,
            client: Client::new(&sdk_config),
            tables: engine::tables(&prefix),
            endpoint,
            sdk_config,
            secrets: Vec::new(),
            items: Vec::new(),
            tenants: AtomicUsize::new(0),
            issuer: None,
        };
        if setting == Setting::Clients {
            let issuer = Issuer::start().await;
            let authorities = Authorities::parse(&issuer.authority()).unwrap();
            fixture.calm.app.config.entra_authorities = authorities;
            fixture.issuer = Some(issuer);
        }
        if matches!(setting, Setting::Pending(_)) {
            fixture.decide().await;
        }
        fixture.secrets = fixture.secrets_of("acme").await.0.into_values().collect();
        // What the service knows of the use of a key belongs to that key.
        let items = fixture.directory.items("acme").await;
        let of_tenant = items.into_iter().filter(|(key, _)| !key.starts_with("K#"));
        fixture.items = of_tenant.map(|(_, item)| item).collect();
        fixture
    }

    /// The crowd is to become the crew, and the function that decides it is not heard of again.
    async fn decide(&self) {
        let wire = Wire::start(&self.endpoint, |operation, before| match operation {
            "TransactWriteItems" if before > 0 => Fate::Ignored,
            _ => Fate::Passed,
        })
        .await;
        let tenant = Tenant {
            id: TenantId::parse("acme").unwrap(),
            key: ApiKey::parse(self.calm.key.as_bytes()).unwrap(),
        };
        let service = self.disturbed(&tenant, &wire.endpoint, Duration::from_secs(8));
        let request = patching(
            &service,
            &path(&self.users.crew),
            replacing(&self.users.crowd),
        );
        let steps = async {
            let is_write = |operation: &&String| *operation == "TransactWriteItems";
            while wire.requests().iter().filter(is_write).count() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            answer = request.send() => assert_eq!(answer.status, 200, "{}", answer.body),
            () = steps => {}
        }
        let items = self.directory.items("acme").await;
        let pending = &items[&format!("J#{}", self.users.crew)];
        assert!(!pending.contains_key("done"));
    }

    /// A tenant with the same users as the first, under the same ids.
    pub async fn tenant(&self) -> Tenant {
        let id = format!("case-{}", self.tenants.fetch_add(1, Relaxed));
        let tenant = Tenant {
            id: TenantId::parse(&id).unwrap(),
            key: ApiKey::from_secret(&TenantId::parse(&id).unwrap(), [7; 32]),
        };
        let digest = tenant.key.digest();
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let secrets = self.secrets.iter().cloned().map(|mut item| {
            item.insert("secrets_pk".to_owned(), text(&format!("TENANT#{id}")));
            if item.contains_key("key_id") {
                let sort_key = text(&format!("KEY#{}", digest.to_hex()));
                item.insert("secrets_sk".to_owned(), sort_key);
                item.insert("key_id".to_owned(), text(digest.key_id().as_str()));
            } else {
                let digests = AttributeValue::Ss(vec![digest.to_hex()]);
                item.insert("active_keys".to_owned(), digests);
            }
            (self.tables.secrets.clone(), item)
        });
        let items = self.items.iter().cloned().map(|mut item| {
            item.insert("pk".to_owned(), text(&format!("T#{id}")));
            (self.tables.directory.clone(), item)
        });
        let all: Vec<_> = secrets.chain(items).collect();
        for batch in all.chunks(25) {
            let mut requests = HashMap::<String, Vec<WriteRequest>>::new();
            for (table, item) in batch {
                let put = PutRequest::builder().set_item(Some(item.clone()));
                let put = WriteRequest::builder().put_request(put.build().unwrap());
                requests.entry(table.clone()).or_default().push(put.build());
            }
            let request = self.client.batch_write_item();
            let answer = request.set_request_items(Some(requests)).send().await;
            let left = answer.unwrap().unprocessed_items.unwrap_or_default();
            assert!(left.is_empty(), "{left:?}");
        }
        tenant
    }

    /// The service of a tenant on the connection to `endpoint`.
    pub fn disturbed(&self, tenant: &Tenant, endpoint: &str, deadline: Duration) -> Service {
        let sdk_config = self
            .sdk_config
            .to_builder()
            .endpoint_url(endpoint)
            .region(engine::own_region())
            .build();
        let store = Store::connect(&sdk_config, self.tables.clone(), Timeouts::default());
        self.service(tenant, store, deadline)
    }

    /// The service of a tenant on the connection that nothing disturbs.
    pub fn calm(&self, tenant: &Tenant) -> Service {
        let deadline = Duration::from_secs(20);
        self.service(tenant, self.calm.app.store.clone(), deadline)
    }

    fn service(&self, tenant: &Tenant, store: Store, deadline: Duration) -> Service {
        let mut config = self.calm.app.config.clone();
        config.request_deadline = deadline;
        Service {
            app: Instance::new(store, config),
            key: tenant.key.expose().to_owned(),
        }
    }

    /// Takes the number of the format away from an item of a tenant, and from the tenant's own.
    pub async fn age(&self, tenant: &Tenant, sort_key: &str) {
        let (id, Tables { secrets, directory }) = (&tenant.id, &self.tables);
        for (table, key) in [
            (
                directory,
                [("pk", format!("T#{id}")), ("sk", sort_key.to_owned())],
            ),
            (
                secrets,
                [
                    ("secrets_pk", format!("TENANT#{id}")),
                    ("secrets_sk", "TENANT".to_owned()),
                ],
            ),
        ] {
            let mut update = self.client.update_item().table_name(table);
            for (name, value) in key {
                update = update.key(name, AttributeValue::S(value));
            }
            update.update_expression("REMOVE f").send().await.unwrap();
        }
    }

    /// What a tenant has.
    pub async fn found(&self, tenant: &Tenant) -> Found {
        let items: Items = self.directory.items(tenant.id.as_str()).await;
        let users = items.iter().filter_map(|(sort_key, item)| {
            let id = sort_key.strip_prefix("U#")?;
            let document = serde_json::from_str(directory::text(item, "document")).unwrap();
            Some((
                id.to_owned(),
                (document, directory::number(item, "version")),
            ))
        });
        Found {
            users: users.collect(),
            members: members(&items),
            secrets: BTreeMap::new(),
            sessions: BTreeMap::new(),
            acts: Vec::new(),
            has_new_tenant: false,
            items,
        }
    }

    /// The same with the secrets, which have to fit together.
    pub async fn found_with_secrets(&self, tenant: &Tenant) -> Found {
        self.assert_secrets_consistent(tenant).await;
        let new = format!("new-{}", tenant.id);
        let (new, mut acts) = self.secrets_of(&new).await;
        let (secrets, more) = self.secrets_of(tenant.id.as_str()).await;
        acts.extend(more);
        Found {
            secrets,
            sessions: self.sessions_of(tenant.id.as_str()).await,
            acts,
            has_new_tenant: !new.is_empty(),
            ..self.found(tenant).await
        }
    }

    /// The name of the sessions table.
    pub fn sessions_table(&self) -> String {
        sessions_table(&self.tables)
    }

    async fn sessions_of(&self, tenant: &str) -> BTreeMap<String, Item> {
        let answer = self
            .client
            .query()
            .table_name(self.sessions_table())
            .key_condition_expression("sessions_pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(format!("T#{tenant}")))
            .consistent_read(true)
            .send()
            .await;
        let items = answer.unwrap().items.unwrap_or_default().into_iter();
        items
            .map(|item| (directory::text(&item, "sessions_sk").to_owned(), item))
            .collect()
    }

    /// The tenant and its keys, and what the operator's log says was done to them.
    async fn secrets_of(&self, tenant: &str) -> (BTreeMap<String, Item>, Vec<String>) {
        let secrets = self.secrets_in(&format!("TENANT#{tenant}")).await;
        let by_key = secrets
            .into_iter()
            .map(|item| (directory::text(&item, "secrets_sk").to_owned(), item));
        let entries = self.secrets_in(&format!("LOG#{tenant}")).await;
        let acts = entries.iter().map(|entry| {
            let act = directory::text(entry, "act");
            match entry.contains_key("completed") {
                true => format!("{act} completed"),
                false => act.to_owned(),
            }
        });
        (by_key.collect(), acts.collect())
    }

    async fn secrets_in(&self, partition: &str) -> Vec<Item> {
        let answer = self
            .client
            .query()
            .table_name(&self.tables.secrets)
            .key_condition_expression("secrets_pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()))
            .consistent_read(true)
            .send()
            .await;
        answer.unwrap().items.unwrap_or_default()
    }

    /// Neither the raw check of the table nor the operator's audit finds anything.
    pub async fn assert_consistent(&self, tenant: &Tenant) {
        let census = self.directory.check(tenant.id.as_str()).await;
        let (meter, gate) = (Meter::default(), Gate::opened());
        let store = self.calm.app.store.tenant(&tenant.id, &meter, &gate);
        let audit = store.audit(OffsetDateTime::now_utc()).await.unwrap();
        let resources = census.users.len() + census.groups.len();
        assert_eq!(
            (audit.resources, audit.defects, audit.in_use),
            (resources as u64, vec![], vec![])
        );
    }

    /// The tenant's item lists the keys that are not revoked, and every key knows whether the
    /// tenant is enabled.
    async fn assert_secrets_consistent(&self, tenant: &Tenant) {
        let (mut secrets, _) = self.secrets_of(tenant.id.as_str()).await;
        let Some(item) = secrets.remove("TENANT") else {
            let left: Vec<_> = secrets.keys().collect();
            assert_eq!(left, ["DELETED"], "of a deleted tenant");
            return;
        };
        // Its keys are being removed.
        if item.contains_key("deleting") {
            return;
        }
        let mut active: Vec<String> = match item.get("active_keys") {
            Some(digests) => digests.as_ss().unwrap().clone(),
            None => Vec::new(),
        };
        active.sort();
        let not_revoked: Vec<String> = secrets
            .iter()
            .filter(|(_, key)| !key.contains_key("revoked"))
            .map(|(sort_key, _)| sort_key.trim_start_matches("KEY#").to_owned())
            .collect();
        assert_eq!(active, not_revoked);
        for key in secrets.values().filter(|key| !key.contains_key("revoked")) {
            assert_eq!(key["tenant_enabled"], item["enabled"]);
        }
    }
}
