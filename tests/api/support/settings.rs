//! The settings page as a browser meets it, without the browser.

use std::cell::RefCell;
use std::collections::BTreeMap;

use account::entrance::issue;
use lambda_http::http::{HeaderMap, Method};
use lambda_http::{Body, Request};
use serde_json::{Value, json};
use settings::App;
use settings::config::authorities;
use stand::wire::Wire;
use store::sessions::{NewLink, Scope, Sessions};
use tenant::{LinkToken, TenantId};
use time::{Duration, OffsetDateTime};

use super::admin::Admin;
use super::directory::DirectoryTable;
use super::service::Service;

/// The host that the page is under.
pub const HOST: &str = "scim.example";

/// The page over the tables of a service, whose tenant is `acme`.
pub struct Page {
    pub app: App,
    pub sessions: Sessions,
    pub service: Service,
    pub directory: DirectoryTable,
    pub admin: Admin,
}

impl Page {
    pub async fn new() -> Self {
        let (service, directory, admin) = Admin::with_service().await;
        let (store, table) = (admin.store(), admin.sessions_table());
        store.create_sessions_table(&table).await.unwrap();
        Self {
            app: App::new(&store, &table, None, authorities(None).unwrap()),
            sessions: store.sessions(&table),
            service,
            directory,
            admin,
        }
    }

    /// The same page, with another way to DynamoDB.
    pub async fn behind(self, wire: &Wire) -> Self {
        let store = self.admin.behind(wire).await.store();
        let table = self.admin.sessions_table();
        Self {
            app: App::new(&store, &table, None, authorities(None).unwrap()),
            ..self
        }
    }

    /// What the product gets for a body, after API Gateway has checked its role.
    pub async fn issue(&self, body: &Value) -> (u16, Value) {
        let event = json!({
            "version": "2.0",
            "routeKey": "POST /settings/links",
            "rawPath": "/settings/links",
            "rawQueryString": "",
            "headers": {"host": HOST, "content-type": "application/json"},
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "api",
                "authorizer": {"iam": {
                    "accountId": "123456789012",
                    "userArn": "arn:aws:sts::123456789012:assumed-role/product/web",
                }},
                "domainName": HOST,
                "http": {
                    "method": "POST",
                    "path": "/settings/links",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "192.0.2.1",
                    "userAgent": "product",
                },
                "requestId": "request",
                "routeKey": "POST /settings/links",
                "stage": "$default",
                "time": "27/Nov/2026:10:00:00 +0000",
                "timeEpoch": 1_795_000_000,
            },
            "body": body.to_string(),
            "isBase64Encoded": false,
        });
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        let answer = Box::pin(settings::handle(&self.app, request)).await;
        let status = answer.status().as_u16();
        let Body::Text(text) = answer.into_body() else {
            panic!("no text");
        };
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    /// A link to the settings of a tenant.
    pub async fn link(&self, tenant: &str, scope: Scope) -> LinkToken {
        let new = NewLink {
            scope,
            issued_for: "it@acme.example".to_owned(),
            return_url: Some("https://product.example/settings".to_owned()),
            ends: OffsetDateTime::now_utc() + Duration::HOUR,
        };
        let tenant = TenantId::parse(tenant).unwrap();
        let issued = issue(&self.sessions, &tenant, &new).await;
        issued.unwrap().token
    }

    /// A browser that has opened a link.
    pub async fn visitor(&self, tenant: &str, scope: Scope) -> Browser<'_> {
        let browser = Browser::new(self);
        let link = self.link(tenant, scope).await;
        let path = format!("/settings/open/{}", link.expose());
        let opened = browser.post(&path, &[]).await;
        assert_eq!(
            (opened.status, opened.header("location")),
            (303, "/settings")
        );
        browser
    }
}

/// A browser with its cookies.
pub struct Browser<'p> {
    page: &'p Page,
    cookies: RefCell<BTreeMap<String, String>>,
}

/// An answer of the page.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl<'p> Browser<'p> {
    pub fn new(page: &'p Page) -> Self {
        Self {
            page,
            cookies: RefCell::default(),
        }
    }

    /// The session's cookie.
    pub fn session(&self) -> String {
        self.cookies.borrow()["__Host-session"].clone()
    }

    /// Follows a link or an address.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], "").await
    }

    /// Sends a form of the page, as browsers do that know of `Sec-Fetch-Site`.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let headers = [("sec-fetch-site", "same-origin"), ("origin", "null")];
        self.form(path, fields, &headers).await
    }

    /// Sends a form with these headers.
    pub async fn form(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Reply {
        let body = super::service::query(fields);
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let headers: Vec<_> = headers.iter().copied().chain([kind]).collect();
        self.send(Method::POST, path, &headers, &body).await
    }

    /// Sends a request with these headers, and keeps the cookies of the answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let mut request = lambda_http::http::Request::builder()
            .method(method)
            .uri(format!("https://{HOST}{path}"))
            .header("host", HOST)
            .header("x-forwarded-proto", "https")
            .header("user-agent", "Mozilla/5.0 Firefox/140.0");
        let cookies: Vec<String> = self
            .cookies
            .borrow()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request: Request = request.body(Body::from(body)).unwrap();
        let answer = Box::pin(settings::handle(&self.page.app, request)).await;
        let (parts, body) = answer.into_parts();
        for cookie in parts.headers.get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut cookies = self.cookies.borrow_mut();
            match value.is_empty() {
                true => cookies.remove(name),
                false => cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let text = match body {
            Body::Text(text) => text,
            Body::Binary(bytes) => String::from_utf8(bytes).unwrap(),
            _ => String::new(),
        };
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text,
        }
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// The value of a hidden field.
    pub fn field(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.text.split_once(&start).expect(name);
        rest.split('"').next().unwrap().to_owned()
    }

    /// The key that the page shows, if it shows one.
    pub fn key(&self) -> Option<String> {
        let (_, rest) = self.text.split_once("htscim_")?;
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
        Some(format!("htscim_{}", &rest[..end?]))
    }
}
