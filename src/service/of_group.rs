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
        let members = self.members_page(group, &part, page.count).await?;
        let users = matches(members.ids);
        let bound = std::slice::from_ref(bound);
        let (resources, _) = self
            .fill(bound, page.count, users, Found::ByMembership)
            .await?;
        Ok(ListResponse {
            total: members.total,
            resources,
            start_index: Some(page.start_index),
            ..ListResponse::default()
        })
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
        let members = self.members_page(group, &part, expected).await?;
        let mut users = matches(members.ids);
        let has_more = users.len() > count;
        users.truncate(count);
        let walked = Walked {
            start,
            total: known.unwrap_or(members.total),
            has_more,
            found: Found::ByMembership,
        };
        self.walked_page(bound, seal, users, count, walked).await
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
}

fn matches(ids: Vec<ResourceId>) -> Vec<Match> {
    let found = |id| Match {
        of: 0,
        id,
        kept: None,
    };
    ids.into_iter().map(found).collect()
}
