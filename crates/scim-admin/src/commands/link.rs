//! `link`: the way into the settings page.

use account::entrance::{Issued, issue};
use serde_json::{Value, json};
use store::Meter;
use store::secrets::SecretsError;
use store::sessions::{Link, NewLink, Session, Sessions};
use tenant::TenantId;
use time::OffsetDateTime;

use crate::args::CreateLinkArgs;
use crate::failure::Failure;
use crate::report::Report;
use crate::terminal::{columns, exact, stamp};

/// A link that was just issued.
pub struct Created {
    tenant: TenantId,
    issued: Issued,
    url: String,
}

/// The links of a tenant, and the sessions that are open.
pub struct Listed {
    links: Vec<Link>,
    sessions: Vec<Session>,
    now: OffsetDateTime,
}

/// What was ended.
pub struct Revoked {
    tenant: TenantId,
    sessions: usize,
}

/// `link create`.
pub async fn create(arguments: CreateLinkArgs, sessions: &Sessions) -> Result<Created, Failure> {
    let new = NewLink {
        scope: arguments.scope.scope(),
        issued_for: arguments.issued_for,
        return_url: arguments.return_url,
        ends: account::now() + arguments.lasts,
    };
    let issued = issue(sessions, &arguments.tenant, &new).await?;
    let url = format!(
        "{}/settings/open/{}",
        arguments.public_url,
        issued.token.expose()
    );
    Ok(Created {
        tenant: arguments.tenant,
        issued,
        url,
    })
}

/// `link list`.
pub async fn list(tenant: &TenantId, sessions: &Sessions) -> Result<Listed, Failure> {
    let (meter, now) = (Meter::default(), OffsetDateTime::now_utc());
    let found = sessions.store().find_tenant(tenant, &meter).await?;
    let mut links = sessions.links(tenant, &meter).await?;
    let mut open = sessions.sessions(tenant, now, &meter).await?;
    // Those of another tenant of that id open nothing.
    links.retain(|link| link.created >= found.created);
    open.retain(|session| session.created >= found.created);
    Ok(Listed {
        links,
        sessions: open,
        now,
    })
}

/// `link revoke`. What is left of a tenant that was deleted can be ended too.
pub async fn revoke(tenant: &TenantId, sessions: &Sessions) -> Result<Revoked, Failure> {
    let (meter, now) = (Meter::default(), OffsetDateTime::now_utc());
    let store = sessions.store();
    if !store.has_tenant(tenant, &meter).await? && store.stone(tenant, &meter).await?.is_none() {
        return Err(SecretsError::NoTenant(tenant.clone()).into());
    }
    Ok(Revoked {
        tenant: tenant.clone(),
        sessions: sessions.revoke_links(tenant, now, &meter).await?,
    })
}

impl Report for Created {
    fn text(&self) -> String {
        self.url.clone()
    }

    fn json(&self) -> Value {
        let link = &self.issued.link;
        json!({
            "tenant": self.tenant.as_str(),
            "id": link.id.as_str(),
            "url": self.url,
            "scope": link.scope.as_str(),
            "ends": exact(link.ends),
        })
    }

    fn note(&self) -> Option<String> {
        let link = &self.issued.link;
        Some(format!(
            "note: it opens the settings of {} once, for {}, until {}; it cannot be shown again, and another one ends it",
            self.tenant,
            link.issued_for,
            stamp(link.ends)
        ))
    }
}

fn state(link: &Link, now: OffsetDateTime) -> &'static str {
    match (&link.used, link.is_alive(now)) {
        (Some(_), _) => "opened",
        (None, true) => "waits",
        (None, false) => "ended",
    }
}

impl Report for Listed {
    fn text(&self) -> String {
        let links = self.links.iter().map(|link| {
            let used = link.used.as_ref();
            [
                link.id.to_string(),
                link.scope.as_str().to_owned(),
                state(link, self.now).to_owned(),
                stamp(link.created),
                stamp(link.ends),
                used.map_or("-".to_owned(), |used| {
                    format!("{} with {}", stamp(used.at), used.browser)
                }),
                link.issued_for.clone(),
            ]
        });
        let head = ["LINK", "SCOPE", "STATE", "CREATED", "ENDS", "OPENED", "FOR"];
        let mut text = columns(head, links);
        let sessions = self.sessions.iter().map(|session| {
            [
                session.id.to_string(),
                session.scope.as_str().to_owned(),
                stamp(session.created),
                stamp(session.seen),
                stamp(session.ends()),
                session.issued_for.clone(),
            ]
        });
        let head = ["SESSION", "SCOPE", "OPENED", "SEEN", "ENDS", "FOR"];
        text.push_str("\n\n");
        text.push_str(&columns(head, sessions));
        text
    }

    fn json(&self) -> Value {
        let links = self.links.iter().map(|link| {
            json!({
                "id": link.id.as_str(),
                "scope": link.scope.as_str(),
                "state": state(link, self.now),
                "created": exact(link.created),
                "ends": exact(link.ends),
                "issuer": link.issuer,
                "for": link.issued_for,
                "opened": link.used.as_ref().map(|used| exact(used.at)),
                "browser": link.used.as_ref().map(|used| used.browser.clone()),
            })
        });
        let sessions = self.sessions.iter().map(|session| {
            json!({
                "id": session.id.as_str(),
                "scope": session.scope.as_str(),
                "link": session.link.as_str(),
                "for": session.issued_for,
                "opened": exact(session.created),
                "seen": exact(session.seen),
                "ends": exact(session.ends()),
            })
        });
        json!({
            "links": links.collect::<Vec<_>>(),
            "sessions": sessions.collect::<Vec<_>>(),
        })
    }
}

impl Report for Revoked {
    fn text(&self) -> String {
        format!(
            "the links of {} are ended, and {} sessions",
            self.tenant, self.sessions
        )
    }

    fn json(&self) -> Value {
        json!({"tenant": self.tenant.as_str(), "sessions": self.sessions})
    }
}
