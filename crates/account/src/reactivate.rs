//! Deactivated users are active again.

use std::collections::BTreeMap;

use scim::schema::USERS;
use scim::{Meta, ResourceId, Stored};
use serde_json::Value;
use store::StoreError;
use store::directory::history::{Record, Span};
use store::directory::record::{Actor, ChangeKind};
use store::secrets::{Act, Begun};
use tenant::KeyId;
use time::{Duration, OffsetDateTime};

use crate::history::horizon;
use crate::{Account, Failure, origin};

/// How often a user who is being written is tried again.
const TRIES: usize = 20;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// What became of a user.
#[derive(Debug)]
pub enum Outcome {
    /// The user is active again.
    Reactivated(Box<Stored>),
    /// The user is active: by a client, by an earlier run, or always was.
    Active(Box<Stored>),
    /// The user is as before: why.
    Refused(String),
}

/// A reactivation that is on the operator's log, to be made user by user.
#[derive(Debug)]
pub struct Reactivation<'a> {
    account: &'a Account,
    begun: Begun,
    /// How long the records are kept.
    history: Duration,
    reactivated: u64,
    refused: u64,
}

impl Account {
    /// Those who were deactivated since a time and are not active again, by a key if one is given.
    /// Who was created inactive was not deactivated.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn deactivated(
        &self,
        since: OffsetDateTime,
        by: Option<&KeyId>,
    ) -> Result<Vec<ResourceId>, Failure> {
        let mut lost: BTreeMap<ResourceId, (OffsetDateTime, bool)> = BTreeMap::new();
        let span = Span {
            from: since,
            to: horizon(),
        };
        self.directory()
            .history(span, |record| {
                if let Record::Change(change) = record
                    && change.resource_type == USERS.name
                    && let Some(access) = change.changes.get("active")
                {
                    let side = |side| access.get(side).and_then(Value::as_bool);
                    let is_by = by.is_none_or(|key| change.actor == Actor::Key(key.clone()));
                    match (side("before"), side("after")) {
                        (Some(true), Some(false)) => {
                            lost.insert(change.id, (change.at, is_by));
                        }
                        _ => {
                            lost.remove(&change.id);
                        }
                    }
                }
                true
            })
            .await?;
        let mut lost: Vec<_> = lost
            .into_iter()
            .filter(|(_, (_, is_by))| *is_by)
            .map(|(id, (at, _))| (at, id))
            .collect();
        lost.sort();
        Ok(lost.into_iter().map(|(_, id)| id).collect())
    }

    /// Begins to activate users.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn begin_reactivation(&self, history: Duration) -> Result<Reactivation<'_>, Failure> {
        Ok(Reactivation {
            account: self,
            begun: self.begin(Act::Reactivate, None).await?,
            history,
            reactivated: 0,
            refused: 0,
        })
    }
}

impl Reactivation<'_> {
    /// Activates a user, or says why that cannot be.
    pub async fn reactivate(&mut self, id: &ResourceId) -> Outcome {
        let outcome = match Box::pin(self.try_again(id)).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Refused(error.to_string()),
        };
        match &outcome {
            Outcome::Reactivated(_) => self.reactivated += 1,
            Outcome::Active(_) => {}
            Outcome::Refused(_) => self.refused += 1,
        }
        outcome
    }

    /// Says on the operator's log what came of it.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn complete(self) -> Result<(), Failure> {
        let outcome = format!("{} reactivated, {} not", self.reactivated, self.refused);
        Ok(self.account.complete(&self.begun, &outcome).await?)
    }

    async fn try_again(&self, id: &ResourceId) -> Result<Outcome, StoreError> {
        let directory = self.account.directory();
        let mut last = StoreError::Conflict;
        for _ in 0..TRIES {
            let Some(current) = directory.get(&USERS, id).await? else {
                let reason = "there is no such user; a deleted one is restored";
                return Ok(Outcome::Refused(reason.to_owned()));
            };
            if USERS.has_access(&current.resource) {
                return Ok(Outcome::Active(Box::new(current)));
            }
            let origin = origin(ChangeKind::Reactivate, &self.begun.id, self.history);
            let next = Stored {
                id: current.id.clone(),
                meta: Meta::changed(current.meta, origin.at),
                resource: USERS.with_access(current.resource.clone(), true),
                reserved: current.reserved.clone(),
            };
            match directory
                .replace(&USERS, &current, &next, &origin, None)
                .await
            {
                Ok(()) => return Ok(Outcome::Reactivated(Box::new(next))),
                // A client has written the user meanwhile.
                Err(
                    error @ (StoreError::VersionMismatch
                    | StoreError::Conflict
                    | StoreError::Throttled),
                ) => last = error,
                Err(error) => return Err(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(last)
    }
}
