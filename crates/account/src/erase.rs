//! The erasure of a person, and its repetition after a restore.

use scim::ResourceId;
use scim::schema::USERS;
use scim::text::fold;
use store::directory::record::ChangeKind;
use store::erasure::{Erased, Known};
use store::secrets::Act;
use tenant::TenantId;
use time::{Duration, OffsetDateTime};

use crate::{Account, Failure, origin};

/// What an erasure did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Whose user it was.
    pub tenant: TenantId,
    /// The id that the user had.
    pub user: ResourceId,
    /// When it began.
    pub at: OffsetDateTime,
    /// Whether nothing was done.
    pub is_dry_run: bool,
    /// What was removed, or would be.
    pub erased: Erased,
}

impl Account {
    /// The user with this id or userName, or the deleted one that had this userName.
    ///
    /// # Errors
    /// [`Failure::NoUserEver`], [`Failure::SeveralDeletedUsers`], and failures of DynamoDB.
    pub async fn find_person(&self, user: &str) -> Result<ResourceId, Failure> {
        if let Some(id) = ResourceId::parse(user) {
            return Ok(id);
        }
        let directory = self.directory();
        if let Some(holder) = directory.holder(&USERS, user).await? {
            return Ok(holder);
        }
        let mut deleted = Vec::new();
        let folded = fold(user);
        directory
            .tombstones(&USERS, |tombstone| {
                let stored = tombstone.stored;
                let name = stored.resource.text(USERS.unique);
                let mut names = name.into_iter().chain(stored.reserved.as_deref());
                if names.any(|name| fold(name) == folded) {
                    deleted.push(stored.id);
                }
            })
            .await?;
        if let ([], Some(begun)) = (
            deleted.as_slice(),
            directory.unfinished_erasure_of(user).await?,
        ) {
            return Ok(begun);
        }
        match deleted.as_slice() {
            [] => Err(Failure::NoUserEver(user.to_owned())),
            [one] => Ok(one.clone()),
            several => {
                let ids: Vec<&str> = several.iter().map(ResourceId::as_str).collect();
                Err(Failure::SeveralDeletedUsers {
                    name: user.to_owned(),
                    ids: ids.join(", "),
                })
            }
        }
    }

    /// Erases a person. The record of that is kept as long as `history` says. `progress` is told
    /// how many items were looked at.
    ///
    /// # Errors
    /// [`Failure::NothingOnRecord`], and failures of DynamoDB, after which the same call does the
    /// rest.
    pub async fn erase(
        &self,
        user: &ResourceId,
        history: Duration,
        progress: impl FnMut(u64) + Send,
    ) -> Result<Erasure, Failure> {
        let begun = self.begin(Act::Erase, Some(user.as_str())).await?;
        let origin = origin(ChangeKind::Erase, &begun.id, history);
        let directory = self.directory();
        let erased = Box::pin(directory.erase(user, &origin, false, progress)).await?;
        let outcome = erased.as_ref().map_or("nothing was on record", outcome);
        self.complete(&begun, outcome).await?;
        self.erasure(user, origin.at, false, erased)
    }

    /// Says what an erasure would do.
    ///
    /// # Errors
    /// [`Failure::NothingOnRecord`], and failures of DynamoDB.
    pub async fn erase_dry(&self, user: &ResourceId) -> Result<Erasure, Failure> {
        let origin = origin(ChangeKind::Erase, "", Duration::ZERO);
        let directory = self.directory();
        let erased = Box::pin(directory.erase(user, &origin, true, |_| {})).await?;
        self.erasure(user, origin.at, true, erased)
    }

    /// Repeats the erasures that the operator's log has since a time: on a directory table that was
    /// restored to a time before them, or for what was written of the persons since. `progress` is
    /// told of each that was repeated; those of whom nothing is left are passed over.
    ///
    /// # Errors
    /// Failures of DynamoDB, after which the same call does the rest.
    pub async fn erase_again(
        &self,
        since: OffsetDateTime,
        history: Duration,
        mut progress: impl FnMut(&Erasure) + Send,
    ) -> Result<Vec<Erasure>, Failure> {
        let mut users = Vec::new();
        let tenant = &self.tenant.id;
        self.store
            .operator_log(tenant, since, &self.meter, |entry| {
                let target = entry.target.as_deref().and_then(ResourceId::parse);
                let target = target.filter(|_| entry.act == Act::Erase.as_str());
                users.extend(target);
            })
            .await?;
        users.sort();
        users.dedup();
        let mut repeated = Vec::new();
        for user in users {
            let left = match Box::pin(self.erase_dry(&user)).await {
                Ok(erasure) => erasure.erased,
                Err(Failure::NothingOnRecord(_)) => continue,
                Err(failure) => return Err(failure),
            };
            if left.known == Known::Erased && left.items() == 0 && !left.is_unfinished {
                continue;
            }
            let erasure = Box::pin(self.erase(&user, history, |_| {})).await?;
            progress(&erasure);
            repeated.push(erasure);
        }
        Ok(repeated)
    }

    fn erasure(
        &self,
        user: &ResourceId,
        at: OffsetDateTime,
        is_dry_run: bool,
        erased: Option<Erased>,
    ) -> Result<Erasure, Failure> {
        Ok(Erasure {
            tenant: self.tenant.id.clone(),
            user: user.clone(),
            at,
            is_dry_run,
            erased: erased.ok_or_else(|| Failure::NothingOnRecord(user.clone()))?,
        })
    }
}

fn outcome(erased: &Erased) -> &'static str {
    match erased.known {
        Known::Present => "the user was there, and is erased",
        Known::Deleted => "the user was deleted, and is erased",
        Known::Recorded => "records were left of the user, and are erased",
        Known::Erased => "the user was erased before; what was left is erased",
    }
}
