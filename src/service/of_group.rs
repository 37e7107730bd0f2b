//! The users of one group, in the order of their ids: how clients read groups of any size. The page
//! is cut from the group's edges, and only its users are read.

use scim::ResourceId;
use scim::cursor::Seal;
use scim::list::{ListResponse, Page};
use store::directory::members::{MembersPage, Part};
use store::directory::range::Start;

use super::bound::Bound;
use super::list::Walked;
use super::selection::{Found, Match};
use super::{Directory, Failure};

impl Directory<'_> {
    /// A page by index.
    pub(super) async fn index_page_of_group(
        &self,
        bound: &Bound,
        group: &str,
        page: Page,
    ) -> Result<ListResponse, Failure> {
        let part = Part::Index(page.skip());
        let bound = std::slice::from_ref(bound);
        let mut members = self.members_page(group, &part, page.count).await?;
        loop {
            let users = matches(&members);
            let (filled, again) = tokio::join!(
                Box::pin(self.fill(bound, page.count, users, Found::ByMembership)),
                Box::pin(self.members_page_again(group, &part, page.count, &members)),
            );
            match again? {
                Some(settled) => members = settled,
                None => {
                    return Ok(ListResponse {
                        total: members.total,
                        resources: filled?.0,
                        start_index: Some(page.start_index),
                        ..ListResponse::default()
                    });
                }
            }
        }
    }

    /// A page by cursor. `known` is how many there are in all, if a page before this one told.
    pub(super) async fn cursor_page_of_group(
        &self,
        bound: &Bound,
        seal: &Seal,
        group: &str,
        start: Start,
        known: Option<u64>,
        count: usize,
    ) -> Result<ListResponse, Failure> {
        let part = Part::From(start.clone());
        // One more than the page holds shows that there is another page.
        let expected = match count {
            0 => 0,
            count => count.saturating_add(1),
        };
        let mut members = self.members_page(group, &part, expected).await?;
        loop {
            let mut users = matches(&members);
            let has_more = users.len() > count;
            users.truncate(count);
            let walked = Walked {
                start: start.clone(),
                total: known.unwrap_or(members.total),
                has_more,
                found: Found::ByMembership,
            };
            let (page, again) = tokio::join!(
                Box::pin(self.walked_page(bound, seal, users, count, walked)),
                Box::pin(self.members_page_again(group, &part, expected, &members)),
            );
            match again? {
                Some(settled) => members = settled,
                None => return page,
            }
        }
    }

    /// A part of the members of a group. What is no id is no group's.
    async fn members_page(
        &self,
        group: &str,
        part: &Part,
        count: usize,
    ) -> Result<MembersPage, Failure> {
        match ResourceId::parse(group) {
            Some(group) => Ok(self.store.members_page(&group, part, count).await?),
            None => Ok(MembersPage::default()),
        }
    }

    /// The part once more, if what was read may have some of a large change that was decided
    /// meanwhile: nobody is to see a part of one.
    async fn members_page_again(
        &self,
        group: &str,
        part: &Part,
        count: usize,
        read: &MembersPage,
    ) -> Result<Option<MembersPage>, Failure> {
        match ResourceId::parse(group) {
            Some(group) => Ok(self
                .store
                .members_page_again(&group, part, count, read)
                .await?),
            None => Ok(None),
        }
    }
}

fn matches(members: &MembersPage) -> Vec<Match> {
    let found = |id: &ResourceId| Match {
        of: 0,
        id: id.clone(),
        kept: None,
    };
    members.ids.iter().map(found).collect()
}
