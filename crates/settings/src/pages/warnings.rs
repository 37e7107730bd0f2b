//! What there is to be done about keys, client secrets and trusts before they end, or because
//! nothing uses them.

use account::keys::KnownKey;
use store::secrets::{KeyKind, KeyWarning};

use super::frame::Link;
use crate::html::Html;
use crate::texts::{Counted, Texts, counted, fill};

/// Those that need somebody, the oldest first.
pub struct Warnings {
    pub title: &'static str,
    pub all: Vec<Warned>,
    /// Where something can be done about them.
    pub links: Vec<Link>,
}

/// A key, and what there is to be done about it.
pub struct Warned {
    pub key: Html,
    pub texts: Vec<Html>,
}

impl Warnings {
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

/// What there is to be done about these.
pub fn warned<'k>(t: &Texts, keys: impl IntoIterator<Item = &'k KnownKey>) -> Warnings {
    let mut warnings = Warnings {
        title: t.warn_title,
        all: Vec::new(),
        links: Vec::new(),
    };
    let (mut of_keys, mut of_clients) = (None, None);
    for key in keys.into_iter().filter(|key| !key.warnings.is_empty()) {
        match key.record.kind {
            KeyKind::ApiKey => of_keys = Some(Link::to("/settings/keys", t.see_keys)),
            KeyKind::ClientSecret(_) | KeyKind::Trust(..) => {
                of_clients = Some(Link::to("/settings/clients", t.clients.see));
                warnings.title = t.clients.warn_title;
            }
        }
        let texts = key.warnings.iter().map(|warning| said(t, key, *warning));
        warnings.all.push(Warned {
            key: called(t, key),
            texts: texts.collect(),
        });
    }
    warnings.links = of_keys.into_iter().chain(of_clients).collect();
    warnings
}

/// What it is called: a secret or trust by its client too, for its own id tells an admin little.
fn called(t: &Texts, key: &KnownKey) -> Html {
    let (label, id) = (
        Html::foreign(&key.record.label),
        Html::code(key.record.id.as_str()),
    );
    let text = match &key.record.kind {
        KeyKind::ApiKey => return Html::own(format!("{label} {id}")),
        KeyKind::ClientSecret(_) => t.clients.warn_of_secret,
        KeyKind::Trust(..) => t.clients.warn_of_trust,
    };
    let client = key.record.kind.client();
    let client = client.map(|client| Html::code(client.as_str()));
    let client = client.unwrap_or_default();
    let client = Html::own(format!("{label} {client}"));
    Html::fill(text, &[("key", &id), ("client", &client)])
}

/// What is said of a kind.
struct Said {
    near: Counted,
    today: &'static str,
    still: &'static str,
    unused: &'static str,
    never: &'static str,
}

fn texts(t: &Texts, kind: &KeyKind) -> Said {
    let of_secret = Said {
        near: t.clients.secret_near,
        today: t.clients.secret_today,
        still: t.clients.secret_still,
        unused: t.clients.secret_unused,
        never: t.clients.secret_never,
    };
    match kind {
        KeyKind::ApiKey => Said {
            near: t.warn_near,
            today: t.warn_today,
            still: t.warn_still,
            unused: t.warn_unused,
            never: t.warn_never,
        },
        KeyKind::ClientSecret(_) => of_secret,
        // It has no end, and no successor.
        KeyKind::Trust(..) => Said {
            unused: t.clients.trust_unused,
            never: t.clients.trust_never,
            ..of_secret
        },
    }
}

fn said(t: &Texts, key: &KnownKey, warning: KeyWarning) -> Html {
    let said = texts(t, &key.record.kind);
    let days = |text, days: u64| Html::text(&fill(text, &[("count", &days.to_string())]));
    match warning {
        KeyWarning::NearExpiry(0) => Html::text(said.today),
        KeyWarning::NearExpiry(days) => Html::text(&counted(said.near, days)),
        KeyWarning::Unused(unused) => days(said.unused, unused),
        KeyWarning::NeverUsed(old) => days(said.never, old),
        KeyWarning::StillUsed => {
            let ends = key.record.expires.map(Html::time).unwrap_or_default();
            Html::fill(said.still, &[("time", &ends)])
        }
    }
}
