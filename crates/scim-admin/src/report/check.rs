//! `directory check`.

use account::check::Checked;
use serde_json::{Value, json};
use tenant::TenantId;

use crate::report::Report;
use crate::terminal::{columns, printable};

impl Report for Vec<(TenantId, Checked)> {
    fn text(&self) -> String {
        let rows = self.iter().map(|(tenant, checked)| {
            [
                tenant.to_string(),
                checked.audit.resources.to_string(),
                checked.audit.defects.len().to_string(),
            ]
        });
        let mut text = columns(["TENANT", "RESOURCES", "DEFECTS"], rows);
        for (tenant, checked) in self {
            for defect in &checked.audit.defects {
                let line = format!("{tenant}: {defect}");
                text.push_str(&format!("\n{}", printable(&line)));
            }
        }
        text
    }

    fn json(&self) -> Value {
        self.iter()
            .map(|(tenant, checked)| {
                let mut value = checked.json();
                if let Value::Object(members) = &mut value {
                    members.insert("tenant".to_owned(), json!(tenant.as_str()));
                }
                value
            })
            .collect()
    }

    fn is_bad_news(&self) -> bool {
        self.iter().any(|(_, checked)| checked.is_bad_news())
    }
}

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
