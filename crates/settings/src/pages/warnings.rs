//! What there is to be done about keys before they end, or because nothing uses them.

use account::keys::KnownKey;
use store::secrets::KeyWarning;

use crate::html::Html;
use crate::texts::{Texts, counted, fill};

/// A key, and what there is to be done about it.
pub struct Warned {
    pub key: Html,
    pub texts: Vec<Html>,
}

/// The keys that need somebody, the oldest first.
pub fn warned(t: &Texts, keys: &[KnownKey]) -> Vec<Warned> {
    let keys = keys.iter().filter(|key| !key.warnings.is_empty());
    let warned = keys.map(|key| {
        let (label, id) = (&key.record.label, key.record.id.as_str());
        let texts = key.warnings.iter().map(|warning| said(t, key, *warning));
        Warned {
            key: Html::own(format!("{} {}", Html::foreign(label), Html::code(id))),
            texts: texts.collect(),
        }
    });
    warned.collect()
}

fn said(t: &Texts, key: &KnownKey, warning: KeyWarning) -> Html {
    let days = |text, days: u64| Html::text(&fill(text, &[("count", &days.to_string())]));
    match warning {
        KeyWarning::NearExpiry(0) => Html::text(t.warn_today),
        KeyWarning::NearExpiry(days) => Html::text(&counted(t.warn_near, days)),
        KeyWarning::Unused(unused) => days(t.warn_unused, unused),
        KeyWarning::NeverUsed(old) => days(t.warn_never, old),
        KeyWarning::StillUsed => {
            let ends = key.record.expires.map(Html::time).unwrap_or_default();
            Html::fill(t.warn_still, &[("time", &ends)])
        }
    }
}
