//! A service behind HTTP, as a client reaches it through API Gateway.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use hellotracks_scim::app::handle;
use hellotracks_scim::http::repair_url;
use hellotracks_scim::instance::Instance;
use lambda_http::{Context, LambdaEvent};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::service::Service;

/// What becomes of the answer to a request with this method and these headers.
pub type Twist = fn(&axum::http::request::Parts, Response) -> Response;

/// Listens until it is dropped.
pub struct Listener {
    /// What comes before `/scim/v2`.
    pub url: String,
    task: JoinHandle<()>,
}

impl Listener {
    /// The service as it is.
    pub async fn start(service: Service) -> Self {
        Self::twisted(service, |_, answer| answer).await
    }

    /// The service behind something that changes its answers.
    pub async fn twisted(service: Service, twist: Twist) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Arc::new(service.app);
        let routes = Router::new().fallback(move |request: Request| {
            let app = app.clone();
            async move { answer(&app, request, twist).await }
        });
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, task }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(app: &Instance, request: Request, twist: Twist) -> Response {
    let (asked, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a whole request");
    let mut event = stand::request::event(asked.method.as_str(), &asked.uri.to_string(), "");
    let named = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        (name.to_string(), Value::from(value.to_str().unwrap()))
    };
    event["headers"] = asked.headers.iter().map(named).collect();
    event["headers"]["x-forwarded-proto"] = "http".into();
    event["body"] = json!(String::from_utf8(body.to_vec()).unwrap());
    let payload = serde_json::from_value(event).expect("an event");
    let event = repair_url(LambdaEvent::new(payload, Context::default()));
    let (head, body) = Box::pin(handle(app, event.payload.into()))
        .await
        .into_parts();
    twist(
        &asked,
        Response::from_parts(head, Body::from(body.to_vec())),
    )
}
