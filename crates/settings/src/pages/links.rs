//! `POST /settings/links`: the product issues a link. API Gateway has checked its AWS role.

use account::entrance::{LONGEST_LINK, issue};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use store::secrets::{Operator, SecretsError};
use store::sessions::{NewLink, Scope};
use tenant::TenantId;
use time::Duration;

use crate::App;
use crate::asked::{Asked, is_way_back};
use crate::failed::{Answer, Failed};
use crate::respond;

/// How long a link lives that the product opens at once.
const SHORT: Duration = Duration::minutes(15);

/// The longest text, in characters.
const MAX_TEXT: usize = 100;

/// What the product says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    /// Whose settings.
    tenant: String,
    /// What people call the tenant, which is created if there is none, with the API turned off.
    name: Option<String>,
    /// For whom the link is, in words.
    #[serde(rename = "for")]
    issued_for: String,
    /// `setup`, which it is if nothing is said, or `view`.
    scope: Option<String>,
    /// For how long it can be opened, in seconds; 900 if nothing is said.
    lasts: Option<u32>,
    /// Where to get another one.
    return_url: Option<String>,
}

/// Answers with the link, once.
pub async fn issue_for_product(app: &App, asked: &Asked) -> Answer {
    let refused = |status, text: &str| Ok(respond::json(status, &json!({"error": text})));
    let Some(arn) = &asked.identity else {
        let text = "sign the request with an AWS role that may invoke this route";
        return refused(StatusCode::FORBIDDEN, text);
    };
    let wanted: Wanted = match serde_json::from_slice(&asked.body) {
        Ok(wanted) => wanted,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let Ok(tenant) = TenantId::parse(&wanted.tenant) else {
        let text = "`tenant` is 1 to 40 lower-case letters, digits and hyphens";
        return refused(StatusCode::BAD_REQUEST, text);
    };
    let scope = match wanted.scope.as_deref() {
        None => Some(Scope::Setup),
        Some(name) => Scope::parse(name),
    };
    let Some(scope) = scope else {
        return refused(StatusCode::BAD_REQUEST, "`scope` is `setup` or `view`");
    };
    let lasts = wanted
        .lasts
        .map_or(SHORT, |lasts| Duration::seconds(lasts.into()));
    let is_text = |text: &String| {
        let length = text.chars().count();
        (1..=MAX_TEXT).contains(&length) && !text.chars().any(char::is_control)
    };
    if !is_text(&wanted.issued_for) || !wanted.name.as_ref().is_none_or(is_text) {
        return refused(
            StatusCode::BAD_REQUEST,
            "`for` and `name` have 1 to 100 characters, on one line",
        );
    }
    if !wanted.return_url.as_deref().is_none_or(is_way_back) {
        let text = "`returnUrl` starts with `https://` and has 500 characters at most, none of them a blank";
        return refused(StatusCode::BAD_REQUEST, text);
    }
    if lasts < Duration::MINUTE || lasts > LONGEST_LINK {
        let text = "`lasts` is from 60 seconds to 604800, seven days";
        return refused(StatusCode::BAD_REQUEST, text);
    }
    let store = app.sessions.store().acting_as(Operator {
        caller: arn.clone(),
        command: "POST /settings/links".to_owned(),
        arguments: vec![format!("scope {}", scope.as_str())],
        reason: None,
        release: env!("CARGO_PKG_VERSION").to_owned(),
    });
    if let Some(name) = &wanted.name {
        let created = account::tenants::create_turned_off(&store, &tenant, name).await;
        match created {
            Ok(()) | Err(account::Failure::Secrets(SecretsError::TenantExists(_))) => {}
            Err(failure) => return told(failure.into()),
        }
    }
    let new = NewLink {
        scope,
        issued_for: wanted.issued_for,
        return_url: wanted.return_url,
        ends: account::now() + lasts,
    };
    let sessions = store.sessions(app.sessions.table());
    match issue(&sessions, &tenant, &new).await {
        Ok(issued) => Ok(respond::json(
            StatusCode::CREATED,
            &json!({
                "tenant": tenant.as_str(),
                "id": issued.link.id.as_str(),
                "url": format!("{}/settings/open/{}", asked.base, issued.token.expose()),
                "ends": scim::resource::rfc3339(issued.link.ends),
            }),
        )),
        Err(failure) => told(failure.into()),
    }
}

/// What a program is told.
fn told(failed: Failed) -> Answer {
    match failed {
        Failed::Said(failure) => {
            let value = json!({"error": failure.to_string()});
            Ok(respond::json(StatusCode::CONFLICT, &value))
        }
        other => Err(other),
    }
}
