//! Members of more groups than one transaction leaves: what is told is what SCIM shows, wherever a
//! deletion or a restoration ends.

use futures_util::future::join_all;
use serde_json::Value;
use time::OffsetDateTime;

use super::operator::printed;
use crate::support::groups::{adding, group, groups_of, path, users};
use crate::support::service::{Answer, Service};
use crate::support::told::{Told, comparable, folded, kind, shown};

const GROUPS: usize = 70;

/// lena in all groups, and omar, who stays.
struct Stage {
    told: Told,
    lena: String,
    groups: Vec<String>,
    all: Vec<Value>,
}

impl Stage {
    async fn start() -> Self {
        Self::with_clock(OffsetDateTime::now_utc).await
    }

    /// The same, made by an instance with this clock.
    async fn with_clock(clock: fn() -> OffsetDateTime) -> Self {
        let mut told = Told::start().await;
        told.service.app.clock = clock;
        let users = users(&told.service, "user", 2).await;
        let mut groups = Vec::new();
        for chunk in (0..GROUPS).collect::<Vec<_>>().chunks(20) {
            let created = chunk.iter().map(|number| {
                let (service, users) = (&told.service, &users);
                async move { group(service, &format!("Crew {number}"), users).await }
            });
            groups.extend(join_all(created).await);
        }
        Self {
            told,
            lena: users[0].clone(),
            groups,
            all: Vec::new(),
        }
    }

    /// What is told folds to what SCIM shows, and so does a snapshot. Returns the types of what is
    /// new.
    async fn check(&mut self) -> Vec<String> {
        let new = self.told.events().await;
        let kinds = new.iter().map(kind).collect();
        self.all.extend(new);
        let stored = shown(&self.told.service).await;
        assert!(comparable(folded(&self.all)) == stored, "{kinds:?}");
        assert!(comparable(folded(self.all.iter().rev())) == stored);
        let snapshot = printed(&self.told, "--snapshot").await;
        assert!(comparable(folded(&snapshot)) == stored, "a snapshot");
        self.told.directory.check("acme").await;
        kinds
    }

    /// DELETE by an instance that dies when it sends the transaction after so many.
    async fn killed_after(&mut self, transactions: usize) -> Option<Answer> {
        let path = format!("/Users/{}", self.lena);
        let delete = async |service: &Service| service.delete(&path).await;
        self.told.killed_after(transactions, delete).await
    }

    async fn restore(&self) {
        let (code, said) = self
            .told
            .admin
            .run(&format!("user restore acme {}", self.lena))
            .await;
        assert_eq!(code, 0, "{said}");
        let groups = groups_of(&self.told.service, &self.lena).await;
        assert_eq!(groups.len(), GROUPS);
    }
}

fn count(kinds: &[String], of: &str) -> usize {
    kinds.iter().filter(|kind| *kind == of).count()
}

#[tokio::test]
async fn groups_that_are_left_before_a_deletion_are_told() {
    let mut stage = Stage::start().await;
    stage.check().await;
    for transactions in 0.. {
        let answer = stage.killed_after(transactions).await;
        let kinds = stage.check().await;
        let left = count(&kinds, "group.member_removed");
        if let Some(answer) = answer {
            assert_eq!(answer.status, 204, "{}", answer.body);
            assert_eq!(transactions, 3, "two steps, and the deletion");
            assert_eq!(count(&kinds, "member.deleted"), 1);
            break;
        }
        // The user is there, in fewer groups.
        assert_eq!(left, kinds.len());
        assert_eq!(left > 0, transactions > 0);
        let is_in = groups_of(&stage.told.service, &stage.lena).await.len();
        assert_eq!(is_in, GROUPS - left);
        stage.restore().await;
        let kinds = stage.check().await;
        assert_eq!(count(&kinds, "group.member_added"), left);
    }
    // Who begins to listen while the user is gone knows the same afterwards.
    let mut begun = printed(&stage.told, "--snapshot").await;
    let seen = stage.all.len();
    stage.restore().await;
    let kinds = stage.check().await;
    assert_eq!(count(&kinds, "member.restored"), 1);
    begun.extend_from_slice(&stage.all[seen..]);
    assert!(comparable(folded(&begun)) == shown(&stage.told.service).await);
}

/// Wherever a restoration ends, what was told is what SCIM shows; it is run again until it is done.
#[tokio::test]
async fn a_restoration_that_is_interrupted_is_told_as_far_as_it_is_made() {
    let mut stage = Stage::start().await;
    let path = format!("/Users/{}", stage.lena);
    let deleted = stage.told.service.delete(&path).await;
    assert_eq!(deleted.status, 204, "{}", deleted.body);
    stage.check().await;
    let command = format!("user restore acme {}", stage.lena);
    let mut partial = 0;
    for calls in 2.. {
        let outcome = stage.told.admin.killed_after(calls, &command).await;
        stage.check().await;
        let shown = shown(&stage.told.service).await;
        let members = shown.groups.values().map(|(_, members)| members);
        let is_in = members.filter(|all| all.contains(&stage.lena)).count();
        partial += usize::from((1..GROUPS).contains(&is_in));
        if let Some((code, said)) = outcome {
            assert_eq!((code, is_in), (0, GROUPS), "{said}");
            break;
        }
    }
    assert!(partial > 1, "it was never interrupted halfway");
}

fn tomorrow() -> OffsetDateTime {
    OffsetDateTime::now_utc() + time::Duration::DAY
}

/// Whoever made the memberships has a clock that is a day ahead: they end, and begin again, later
/// than they began.
#[tokio::test]
async fn memberships_that_begin_tomorrow_are_left_and_come_back() {
    let mut stage = Stage::with_clock(tomorrow).await;
    stage.check().await;
    stage.told.service.app.clock = OffsetDateTime::now_utc;
    assert!(stage.killed_after(2).await.is_none());
    let kinds = stage.check().await;
    assert!(count(&kinds, "group.member_removed") > 24, "{kinds:?}");
    stage.restore().await;
    stage.check().await;
    let path = format!("/Users/{}", stage.lena);
    assert_eq!(stage.told.service.delete(&path).await.status, 204);
    stage.check().await;
    stage.restore().await;
    stage.check().await;
}

/// Who is added again to a group that a failed deletion has left is a member, and does not come
/// back to it twice.
#[tokio::test]
async fn who_is_added_again_does_not_come_back_twice() {
    let mut stage = Stage::start().await;
    assert!(stage.killed_after(1).await.is_none());
    stage.check().await;
    let is_in = groups_of(&stage.told.service, &stage.lena).await;
    let left = stage.groups.iter().find(|group| !is_in.contains(group));
    let left = path(left.expect("a group that was left"));
    let added = stage.told.service.patch(&left, adding(&stage.lena)).await;
    assert!([200, 204].contains(&added.status), "{}", added.body);
    stage.check().await;
    stage.restore().await;
    let kinds = stage.check().await;
    assert_eq!(
        count(&kinds, "group.member_added"),
        GROUPS - is_in.len() - 1
    );
}

/// A person who is erased leaves the groups for good.
#[tokio::test]
async fn an_erasure_that_is_interrupted_is_told_as_far_as_it_is_made() {
    let mut stage = Stage::start().await;
    stage.check().await;
    let command = format!("user erase acme {} --reason drill", stage.lena);
    let (mut outcome, mut left) = (None, 0);
    // Between any two of the calls that matter: the commands before them change nothing.
    for calls in (4..40).step_by(2) {
        outcome = stage.told.admin.killed_after(calls, &command).await;
        left += count(&stage.check().await, "group.member_removed");
        if outcome.is_some() {
            break;
        }
    }
    if outcome.is_none() {
        outcome = Some(stage.told.admin.run(&command).await);
        left += count(&stage.check().await, "group.member_removed");
    }
    assert!(left > 24, "{left}");
    let (code, said) = outcome.expect("an outcome");
    assert_eq!(code, 0, "{said}");
    let stored = shown(&stage.told.service).await;
    assert!(!stored.users.contains_key(&stage.lena));
}
