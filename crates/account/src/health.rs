//! How a tenant is doing.

use scim::schema::{GROUPS, USERS};
use store::directory::breaker::Breaker;
use store::directory::history::Record;
use store::usage::answers::AnswerCount;
use store::usage::refusals::RefusalCount;
use time::OffsetDateTime;

use crate::keys::KnownKey;
use crate::verdict::{Facts, Verdict};
use crate::{Account, Failure};

/// How a tenant is doing, as its own admin sees it. Nothing in it grows with the directory.
#[derive(Debug)]
pub struct Health {
    /// What is to be thought of it.
    pub verdict: Verdict,
    /// How many users there are.
    pub users: u64,
    /// How many of them are active.
    pub active: u64,
    /// How many groups there are.
    pub groups: u64,
    /// The keys, the oldest first.
    pub keys: Vec<KnownKey>,
    /// Answers hour by hour since a time.
    pub answers: Vec<AnswerCount>,
    /// Refusals hour by hour since then.
    pub refusals: Vec<RefusalCount>,
    /// The latest change.
    pub latest_change: Option<Record>,
    /// The breaker of users.
    pub breaker: Breaker,
    /// When a request was last accepted, to within five minutes.
    pub last_accepted: Option<OffsetDateTime>,
    /// When it was read.
    pub now: OffsetDateTime,
}

impl Account {
    /// How the tenant is doing, with what became of its requests since a time.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn health(&self, since: OffsetDateTime) -> Result<Health, Failure> {
        let (directory, now) = (self.directory(), OffsetDateTime::now_utc());
        let stored = async {
            let stored = tokio::try_join!(
                directory.breaker(&USERS),
                directory.breaker(&GROUPS),
                directory.answers(since),
                directory.refusals(since),
                directory.count(&USERS),
                directory.count_active(&USERS),
                directory.count(&GROUPS),
                directory.latest_change(),
            );
            Ok(stored?)
        };
        let (keys, stored) = tokio::try_join!(self.credentials(), stored)?;
        let (breaker, of_groups, answers, refusals, users, active, groups, latest_change) = stored;
        let facts = Facts {
            tenant: &self.tenant,
            now,
            keys: &keys,
            answers: &answers,
            refusals: &refusals,
            is_open: [&breaker, &of_groups]
                .iter()
                .any(|breaker| breaker.open(now).is_some()),
            kept: 0,
        };
        let (verdict, _) = facts.judge();
        Ok(Health {
            verdict,
            users,
            active,
            groups,
            latest_change,
            last_accepted: keys.iter().filter_map(|key| key.last_used).max(),
            keys,
            answers,
            refusals,
            breaker,
            now,
        })
    }
}
