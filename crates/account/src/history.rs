//! The records of a tenant: which are meant, page by page.

use scim::ResourceId;
use scim::schema::USERS;
use store::directory::history::{Continuation, Record, Span};
use store::directory::record::Actor;
use tenant::KeyId;
use time::{Duration, OffsetDateTime};

use crate::{Account, Failure};

/// Which records are wanted. What is not said is not asked for.
#[derive(Debug, Default, Clone)]
pub struct Wanted {
    /// Only what concerns this group and its members.
    pub group: Option<ResourceId>,
    /// Only changes of this kind ([`ChangeKind::as_str`]).
    pub operation: Option<String>,
    /// Only changes of this attribute; of the members of groups it is `members`.
    pub attribute: Option<String>,
    /// Only what this one did.
    pub actor: Option<By>,
}

/// Who changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// A client, with any key.
    AnyKey,
    /// A client, with this key.
    Key(KeyId),
    /// The operator.
    Operator,
}

impl By {
    fn is(&self, actor: &Actor) -> bool {
        match (self, actor) {
            (Self::Key(key), Actor::Key(actor)) => key == actor,
            (Self::AnyKey, Actor::Key(_)) | (Self::Operator, Actor::Operator) => true,
            _ => false,
        }
    }
}

impl Wanted {
    /// Whether a record is.
    pub fn includes(&self, record: &Record) -> bool {
        let group = self.group.as_ref();
        let operation = self.operation.as_deref();
        let attribute = self.attribute.as_deref();
        let actor = self.actor.as_ref();
        group.is_none_or(|group| record.is_of_group(group))
            && operation
                .is_none_or(|wanted| record.operation().is_some_and(|of| of.as_str() == wanted))
            && attribute.is_none_or(|wanted| changes(record, wanted))
            && actor.is_none_or(|wanted| record.actor().is_some_and(|actor| wanted.is(actor)))
    }
}

impl Account {
    /// The wanted records of a page, and where the next page begins.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn history_page(
        &self,
        span: Span,
        from: Option<&Continuation>,
        wanted: &Wanted,
    ) -> Result<(Vec<Record>, Option<Continuation>), Failure> {
        let (mut records, next) = self.directory().history_page(span, from).await?;
        records.retain(|record| wanted.includes(record));
        Ok((records, next))
    }

    /// All records of a user, the oldest first.
    ///
    /// # Errors
    /// [`Failure::NothingOnRecord`], and failures of DynamoDB.
    pub async fn life_of(&self, user: &ResourceId) -> Result<Vec<Record>, Failure> {
        let life = self.directory().life(&USERS, user).await?;
        match life.is_empty() {
            true => Err(Failure::NothingOnRecord(user.clone())),
            false => Ok(life),
        }
    }

    /// The id of a group: this one, of a group that may be deleted, or else that of the group with
    /// this displayName.
    ///
    /// # Errors
    /// [`Failure::NoGroup`], and failures of DynamoDB.
    pub async fn group_id(&self, group: &str) -> Result<ResourceId, Failure> {
        match ResourceId::parse(group) {
            Some(id) => Ok(id),
            None => Ok(self.find_group(group).await?.id),
        }
    }

    /// The id of a user: this one, of a user who may be deleted, or else that of the user with this
    /// userName.
    ///
    /// # Errors
    /// [`Failure::NoUser`], and failures of DynamoDB.
    pub async fn user_id(&self, user: &str) -> Result<ResourceId, Failure> {
        if let Some(id) = ResourceId::parse(user) {
            return Ok(id);
        }
        let holder = self.directory().holder(&USERS, user).await?;
        holder.ok_or_else(|| Failure::NoUser(user.to_owned()))
    }
}

/// Whether a record is of a change of an attribute, named in any case, or below it: `name` and
/// `emails` stand for all of theirs.
fn changes(record: &Record, attribute: &str) -> bool {
    match record {
        Record::Change(change) => change.changes.keys().any(|name| {
            let (_, short) = name.rsplit_once(':').unwrap_or(("", name));
            [name, short]
                .iter()
                .any(|name| name.eq_ignore_ascii_case(attribute))
        }),
        Record::Members(_) => attribute.eq_ignore_ascii_case("members"),
        Record::Groups(_) => attribute.eq_ignore_ascii_case("groups"),
        Record::Unknown { .. } => false,
    }
}

/// After every record there is: clocks of different machines differ.
pub fn horizon() -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::DAY
}
