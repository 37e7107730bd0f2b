//! What the way into the settings page asks of the store: links and the sessions that they open.

use serde_json::{Value, json};
use store::Meter;
use store::sessions::{NewLink, Redeemed, Scope, Sessions};
use tenant::{LinkToken, SessionToken, TenantId};
use time::{Duration, OffsetDateTime};

use super::operations::Operation;
use super::operator::{Command, change, on_record, read};
use super::refusal::Refusal;
use super::tenants::{Fixture, Tenant, Users};

/// A step on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Create,
    List,
    Open,
    /// A request in a session, which keeps it alive.
    Use,
    /// A form that works once.
    Form,
    End,
    Revoke,
}

fn link(tenant: &TenantId) -> LinkToken {
    LinkToken::from_secret(tenant, [1; 32])
}

fn session(tenant: &TenantId) -> SessionToken {
    SessionToken::from_secret(tenant, [2; 32])
}

async fn create(
    sessions: &Sessions,
    tenant: &TenantId,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let new = NewLink {
        scope: Scope::Setup,
        issued_for: "it@acme.example".to_owned(),
        return_url: None,
        ends: now + Duration::days(1),
    };
    let meter = Meter::default();
    sessions
        .create_link(&link(tenant), &new, now, &meter)
        .await?;
    Ok(())
}

async fn open(sessions: &Sessions, tenant: &TenantId, now: OffsetDateTime) -> Result<(), Refusal> {
    let (link, session, meter) = (link(tenant), session(tenant), Meter::default());
    match sessions
        .redeem(&link, &session, "Firefox", now, &meter)
        .await?
    {
        Redeemed::Opened(_) => Ok(()),
        other => Err(Refusal::Final(format!("{other:?}"))),
    }
}

/// Makes what a step needs. A session was opened a while ago, so that its use is written.
pub async fn prepare(fixture: &Fixture, tenant: &Tenant, step: Step) {
    let store = &fixture.calm(tenant).app.store;
    let sessions = store.sessions(&fixture.sessions_table());
    let ago = OffsetDateTime::now_utc() - Duration::minutes(5);
    if !matches!(step, Step::Create) {
        create(&sessions, &tenant.id, ago).await.unwrap();
    }
    if !matches!(step, Step::Create | Step::Open) {
        open(&sessions, &tenant.id, ago).await.unwrap();
    }
}

/// Takes a step. The value is what comes of it.
pub async fn take(sessions: &Sessions, tenant: &TenantId, step: Step) -> Result<Value, Refusal> {
    let (now, meter, token) = (OffsetDateTime::now_utc(), Meter::default(), session(tenant));
    Ok(match step {
        Step::Create => json!(create(sessions, tenant, now).await?),
        Step::List => {
            let links = sessions.links(tenant, &meter).await?;
            let open = sessions.sessions(tenant, now, &meter).await?;
            json!([links.len(), open.len()])
        }
        Step::Open => json!(open(sessions, tenant, now).await?),
        Step::Use => json!(sessions.session(&token, now, &meter).await?.is_some()),
        Step::Form => match sessions.use_form(&token, "one", now, &meter).await? {
            true => json!(true),
            false => return Err(Refusal::Final("it was used".to_owned())),
        },
        Step::End => json!(sessions.end_session(&token, &meter).await?),
        Step::Revoke => {
            sessions.revoke_links(tenant, now, &meter).await?;
            json!(null)
        }
    })
}

/// Steps of which some change something.
pub fn steps(_: &Users) -> Vec<Operation> {
    vec![
        read("link list", Command::Settings(Step::List)),
        change(
            "link create",
            Command::Settings(Step::Create),
            200,
            |_, found| on_record(found, "createLink", found.has_session_item("LINK#")),
        ),
        change(
            "link opened",
            Command::Settings(Step::Open),
            400,
            |_, found| on_record(found, "openLink", found.has_session_item("SESSION#")),
        ),
        change(
            "session used",
            Command::Settings(Step::Use),
            200,
            |_, found| {
                found.sessions.iter().any(|(key, item)| {
                    key.starts_with("SESSION#") && item["seen"] != item["created"]
                })
            },
        ),
        change(
            "form sent",
            Command::Settings(Step::Form),
            400,
            |_, found| found.has_session_item("FORM#"),
        ),
        change(
            "session ended",
            Command::Settings(Step::End),
            200,
            |_, found| on_record(found, "endSession", !found.has_session_item("SESSION#")),
        ),
        change(
            "link revoke",
            Command::Settings(Step::Revoke),
            200,
            |_, found| !found.has_session_item("SESSION#"),
        ),
    ]
}
