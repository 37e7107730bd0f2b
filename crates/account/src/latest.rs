//! What came last: changes and requests, the latest first, and how the tenant is doing.

use scim::schema::{GROUPS, USERS};
use store::directory::breaker::Breaker;
use store::directory::history::Record;
use store::usage::answers::AnswerCount;
use store::usage::refusals::RefusalCount;
use store::usage::requests::LoggedRequest;
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
        let breaker = directory.breaker(&USERS).await?;
        let of_groups = directory.breaker(&GROUPS).await?;
        let keys = self.keys().await?;
        let answers = directory.answers(since).await?;
        let refusals = directory.refusals(since).await?;
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
            users: directory.count(&USERS).await?,
            active: directory.count_active(&USERS).await?,
            groups: directory.count(&GROUPS).await?,
            latest_change: directory.latest_change().await?,
            last_accepted: keys.iter().filter_map(|key| key.last_used).max(),
            keys,
            answers,
            refusals,
            breaker,
            now,
        })
    }

    /// The latest changes before a time, so many at most.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn latest_changes(
        &self,
        before: OffsetDateTime,
        count: usize,
    ) -> Result<Vec<Record>, Failure> {
        let mut records = Vec::new();
        self.directory()
            .latest_changes(before, |record| {
                records.push(record);
                records.len() < count
            })
            .await?;
        Ok(records)
    }

    /// The latest requests before a time that were refused, failed or left something out, so many
    /// at most.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn latest_requests(
        &self,
        before: OffsetDateTime,
        count: usize,
    ) -> Result<Vec<LoggedRequest>, Failure> {
        let mut requests = Vec::new();
        self.directory()
            .latest_requests(before, |request| {
                requests.push(request);
                requests.len() < count
            })
            .await?;
        Ok(requests)
    }
}
