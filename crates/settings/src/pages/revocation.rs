//! A client is revoked: one of its secrets or trusts, or all of it.

use account::clients::is_secret;
use account::keys::KnownKey;
use tenant::{ClientId, KeyId};
use time::OffsetDateTime;

use super::Visited;
use super::clients::found;
use super::credentials::{Revocation, are_last, has_tokens, named, used_lately};
use crate::failed::{Answer, Failed, Refused};
use crate::html::Html;
use crate::respond;
use crate::texts::fill;

/// What is to be revoked, of which client, and whether a name has to be typed for it.
struct Meant {
    client: ClientId,
    /// One secret or trust; all if none is named.
    one: Option<KeyId>,
    asked: Revocation,
}

impl Visited<'_> {
    /// Asks whether it is to be revoked, with what that means.
    pub(super) async fn ask_to_revoke_client(&self, client: &str, id: Option<&str>) -> Answer {
        self.visit.unlocked()?;
        let meant = self.meant(client, id).await?;
        self.ask_for(meant.asked, Html::default())
    }

    pub(super) async fn revoke_client(&self, client: &str, id: Option<&str>) -> Answer {
        self.visit.may_change_keys(self.asked)?;
        let meant = self.meant(client, id).await?;
        let is_typed = meant.asked.used.is_some() || meant.asked.last.is_some();
        if is_typed && !self.is_confirmed() {
            return self.ask_for(meant.asked, self.not_confirmed());
        }
        let account = &self.visit.account;
        account
            .revoke_client(&meant.client, meant.one.as_ref())
            .await?;
        Ok(respond::see("/settings/clients"))
    }

    async fn meant(&self, client: &str, id: Option<&str>) -> Result<Meant, Failed> {
        let t = self.asked.language.texts();
        let client = self.find_client(client).await?;
        let one = id.map(|id| found(&client, id)).transpose()?;
        let now = OffsetDateTime::now_utc();
        if one.is_some_and(|one| !has_tokens(one, now)) {
            return Err(Refused::KeyEnded.into());
        }
        let these: Vec<&KnownKey> = match one {
            Some(one) => vec![one],
            None => {
                let all = client.credentials.iter();
                all.filter(|one| one.record.is_active(now)).collect()
            }
        };
        let all = self.visit.account.credentials().await?;
        let used = these.iter().filter_map(|one| used_lately(one)).max();
        let (title, key, heading, path) = match one {
            Some(one) => {
                let key = one.record.id.as_str();
                let title = match is_secret(&one.record) {
                    true => t.clients.revoke_secret,
                    false => t.clients.revoke_trust,
                };
                (title, key, Html::code(key), format!("{key}/revoke"))
            }
            None => {
                let key = client.id.as_str();
                let heading = named(&client);
                (t.clients.revoke_all, key, heading, "revoke".to_owned())
            }
        };
        let asked = Revocation {
            path: format!("/settings/clients/{}/{path}", client.id),
            title: fill(title, &[("key", key)]),
            heading: Html::fill(title, &[("key", &heading)]),
            text: match one {
                Some(_) => t.clients.revoke_one_text,
                None => t.clients.revoke_all_text,
            },
            back: "/settings/clients",
            used: used.map(|at| (t.clients.revoke_used, at)),
            last: are_last(&all, &these).then_some(t.clients.revoke_last),
        };
        Ok(Meant {
            one: one.map(|one| one.record.id.clone()),
            client: client.id,
            asked,
        })
    }
}
