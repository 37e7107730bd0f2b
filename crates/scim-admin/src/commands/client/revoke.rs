//! `client revoke`.

use account::Account;
use serde_json::{Value, json};
use store::secrets::KeyRecord;
use tenant::{ClientId, KeyId};

use crate::failure::Failure;
use crate::report::Report;
use crate::report::key::table;

/// What is revoked now.
#[derive(Debug)]
pub struct Revoked {
    client: ClientId,
    records: Vec<KeyRecord>,
}

/// Revokes a secret or a trust, or all that the client has.
pub async fn run(
    account: &Account,
    client: ClientId,
    id: Option<&KeyId>,
) -> Result<Revoked, Failure> {
    Ok(Revoked {
        records: account.revoke_client(&client, id).await?,
        client,
    })
}

impl Report for Revoked {
    fn text(&self) -> String {
        match self.records.is_empty() {
            true => format!("all of client {} is revoked already", self.client),
            false => table(&self.records),
        }
    }

    fn json(&self) -> Value {
        json!({
            "clientId": self.client.as_str(),
            "revoked": self.records.iter().map(Report::json).collect::<Value>(),
        })
    }

    fn note(&self) -> Option<String> {
        (!self.records.is_empty())
            .then(|| "tokens that came of it are refused from the next request on".to_owned())
    }
}
