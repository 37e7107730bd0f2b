//! Logged requests, as text and as JSON.

use serde_json::{Value, json};
use store::usage::requests::LoggedRequest;
use tenant::TenantId;

use crate::terminal::{self, exact, printable, stamp};

/// What programs read of a request.
pub fn request_json(tenant: &TenantId, request: &LoggedRequest) -> Value {
    let subject = &request.subject;
    json!({
        "time": exact(request.at),
        "tenant": tenant.as_str(),
        "requestId": request.request_id,
        "operation": request.part,
        "key": request.key.as_str(),
        "method": request.method,
        "route": request.route,
        "status": request.status,
        "reason": request.reason,
        "detail": request.detail,
        "subject": {
            "id": subject.id,
            "userName": subject.user_name,
            "externalId": subject.external_id,
            "displayName": subject.display_name,
        },
        "attributes": request.attributes,
        "ignored": request.ignored,
        "ignoredNames": request.ignored_names,
        "leftOut": request.left_out,
    })
}

/// One line of JSON.
pub fn json_line(tenant: &TenantId, request: &LoggedRequest) -> String {
    terminal::json(&request_json(tenant, request).to_string()).into_owned()
}

/// A line of text, and others below it that say more.
pub fn text_line(request: &LoggedRequest) -> String {
    let subject = &request.subject;
    let named: Vec<String> = [
        ("id", &subject.id),
        ("userName", &subject.user_name),
        ("externalId", &subject.external_id),
        ("displayName", &subject.display_name),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)))
    .collect();
    let part = request.part;
    let part = part.map_or(String::new(), |part| format!(", operation {part}"));
    let reason = request.reason.as_deref().unwrap_or("done");
    let mut lines = vec![format!(
        "{}  {} {reason}  {} {}  {}",
        stamp(request.at),
        request.status,
        request.method,
        request.route,
        named.join(", ")
    )];
    lines.extend(request.detail.clone());
    if !request.attributes.is_empty() {
        lines.push(format!("attributes: {}", request.attributes.join(", ")));
    }
    if request.ignored > 0 {
        let names = request.ignored_names.join(", ");
        lines.push(format!("ignored {}: {names}", request.ignored));
    }
    if request.left_out > 0 {
        lines.push(format!("left out: {} who are no users", request.left_out));
    }
    lines.push(format!(
        "key {}, request {}{part}",
        request.key, request.request_id
    ));
    let lines: Vec<_> = lines.iter().map(|line| printable(line)).collect();
    lines.join("\n    ")
}
