//! `directory check`.

use account::check::Checked;
use serde_json::{Value, json};

use crate::report::Report;
use crate::terminal::printable;

impl Report for Checked {
    fn text(&self) -> String {
        let mut text = format!(
            "{} resources, {} defects, {} repaired",
            self.audit.resources,
            self.audit.defects.len(),
            self.repaired
        );
        for defect in &self.audit.defects {
            text.push('\n');
            text.push_str(&printable(&defect.to_string()));
        }
        if self.audit.newer > 0 {
            text.push_str(&format!(
                "\n{} items of a newer release, not judged",
                self.audit.newer
            ));
        }
        for suspect in &self.audit.in_use {
            text.push_str("\nin use, not judged: ");
            text.push_str(&printable(&suspect.to_string()));
        }
        text
    }

    fn json(&self) -> Value {
        let defects = self.audit.defects.iter();
        let in_use = self.audit.in_use.iter();
        json!({
            "resources": self.audit.resources,
            "repaired": self.repaired,
            "defects": defects.map(ToString::to_string).collect::<Vec<_>>(),
            "newer": self.audit.newer,
            "inUse": in_use.map(ToString::to_string).collect::<Vec<_>>(),
        })
    }

    fn note(&self) -> Option<String> {
        if self.repaired == 0 && self.is_bad_news() {
            return Some(
                "add --repair and --reason to mend what can be, also while clients write"
                    .to_owned(),
            );
        }
        (!self.audit.in_use.is_empty()).then(|| {
            "what was in use each time it was looked at may be right: check again when it is quieter"
                .to_owned()
        })
    }

    fn is_bad_news(&self) -> bool {
        !self.audit.defects.is_empty()
    }
}
