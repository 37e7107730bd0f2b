//! Both functions behind one address on this machine, on tables of their own.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock};

use account::Account;
use account::entrance::{LINK, issue};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::extract::{Request, State};
use hellotracks_scim::config::Config;
use hellotracks_scim::instance::Instance;
use settings::App;
use settings::config::authorities;
use stand::tenant::{connect, sdk_config};
use store::sessions::{NewLink, Scope, Sessions};
use store::{Meter, Store, Tables};
use tenant::{LinkToken, TenantId};
use time::OffsetDateTime;
use tokio::net::TcpListener;

use super::gateway::{Answered, Gateway};
use super::log;
use super::plain::Plain;

/// Both functions, being served.
pub struct Site {
    /// `http://127.0.0.1:` and the port.
    pub base: String,
    pub store: Store,
    pub sessions: Sessions,
    gateway: Arc<Gateway>,
    tables: [String; 3],
}

/// The address of the engine, which is started once for all tests.
fn engine() -> &'static str {
    static ENDPOINT: OnceLock<String> = OnceLock::new();
    ENDPOINT.get_or_init(|| stand::engine::background().expect("the engine starts"))
}

impl Site {
    /// A site that knows no tenant.
    pub async fn start() -> Self {
        log::keep();
        let prefix = uuid::Uuid::new_v4().simple();
        let name = |of| format!("{prefix}-{of}");
        let tables = Tables {
            secrets: name("secrets"),
            directory: name("directory"),
        };
        let sessions_table = name("sessions");
        let store = connect(engine(), tables.clone()).await;
        store.create_tables().await.unwrap();
        store.create_sessions_table(&sessions_table).await.unwrap();
        let gateway = Arc::new(Gateway::new(
            Instance::new(store.clone(), config(&tables)),
            App::new(&store, &sessions_table, None, authorities(None).unwrap()),
        ));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let answer = async |State(gateway): State<Arc<Gateway>>, request: Request| {
            gateway.answer(request).await
        };
        let router = Router::new().fallback(answer).with_state(gateway.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            base,
            sessions: store.sessions(&sessions_table),
            store,
            gateway,
            tables: [tables.secrets, tables.directory, sessions_table],
        }
    }

    /// A site with a tenant whose API is off, as the product creates it.
    pub async fn with_tenant(id: &str, name: &str) -> Self {
        let site = Self::start().await;
        site.add_tenant(id, name).await;
        site
    }

    /// Adds a tenant of yesterday, so that its sessions can be made older.
    pub async fn add_tenant(&self, id: &str, name: &str) {
        let (id, meter) = (TenantId::parse(id).unwrap(), Meter::default());
        let yesterday = OffsetDateTime::now_utc() - time::Duration::DAY;
        let created = self.store.create_tenant(&id, name, yesterday, &meter).await;
        created.unwrap();
        self.store.set_api(&id, false, &meter).await.unwrap();
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A link for the tenant's admin.
    pub async fn link(&self, tenant: &str, scope: Scope) -> LinkToken {
        let new = NewLink {
            scope,
            issued_for: "it@acme.example".to_owned(),
            return_url: None,
            ends: OffsetDateTime::now_utc() + LINK,
        };
        let tenant = TenantId::parse(tenant).unwrap();
        let issued = issue(&self.sessions, &tenant, &new).await.unwrap();
        issued.token
    }

    /// The URL of a link.
    pub fn url_of(&self, link: &LinkToken) -> String {
        self.url(&format!("/settings/open/{}", link.expose()))
    }

    /// The token of a session that is opened without a browser.
    pub async fn session(&self, tenant: &str, scope: Scope) -> String {
        let link = self.link(tenant, scope).await;
        let opened = Plain::new("POST", &self.url_of(&link)).same_origin();
        let opened = opened.send().await;
        assert_eq!(opened.status, 303, "{}", opened.body);
        let cookie = opened.header("set-cookie").split(';').next().unwrap();
        cookie.strip_prefix("__Host-session=").unwrap().to_owned()
    }

    pub async fn account(&self, tenant: &str) -> Account {
        let tenant = TenantId::parse(tenant).unwrap();
        Account::open(&self.store, &tenant).await.unwrap()
    }

    /// Whether the API is on.
    pub async fn is_on(&self, tenant: &str) -> bool {
        self.account(tenant).await.tenant().api_off.is_none()
    }

    /// All answers so far.
    pub fn answered(&self) -> Vec<Answered> {
        self.gateway.answered()
    }

    /// All items of all tables, a line each, in a stable order.
    pub async fn items(&self) -> String {
        let client = Client::new(&sdk_config(engine()).await);
        let mut lines = Vec::new();
        for table in &self.tables {
            let scan = client.scan().table_name(table).consistent_read(true);
            let mut pages = scan.into_paginator().items().send();
            while let Some(item) = pages.next().await {
                let sorted: BTreeMap<_, _> = item.unwrap().into_iter().collect();
                lines.push(format!("{sorted:?}\n"));
            }
        }
        lines.sort();
        lines.concat()
    }

    /// Makes the sessions of a tenant older than the change of keys allows.
    pub async fn age_sessions(&self, tenant: &str) {
        let client = Client::new(&sdk_config(engine()).await);
        let [_, _, table] = &self.tables;
        let scan = client.scan().table_name(table).send().await.unwrap();
        let created = time::Duration::minutes(16);
        let created = scim::resource::rfc3339(OffsetDateTime::now_utc() - created);
        for mut item in scan.items.unwrap() {
            let text = |item: &HashMap<String, AttributeValue>, name: &str| {
                item.get(name)
                    .and_then(|value| value.as_s().ok().cloned())
                    .unwrap_or_default()
            };
            let is_session = text(&item, "sessions_sk").starts_with("SESSION#");
            if is_session && text(&item, "sessions_pk").ends_with(tenant) {
                item.insert("created".to_owned(), AttributeValue::S(created.clone()));
                let put = client.put_item().table_name(table).set_item(Some(item));
                put.send().await.unwrap();
            }
        }
    }
}

/// The function's, as it is deployed with nothing said but the tables.
fn config(tables: &Tables) -> Config {
    let config = Config::read(|name| match name {
        "SCIM_SECRETS_TABLE" => Some(tables.secrets.clone()),
        "SCIM_DIRECTORY_TABLE" => Some(tables.directory.clone()),
        _ => None,
    });
    config.expect("the tables are all that is required")
}
