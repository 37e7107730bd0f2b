//! GET of many resources (RFC 7644 §3.4.2).

use serde_json::Value;

use super::{Failure, Resources};
use crate::scim::filter::BoundFilter;
use crate::scim::list::{Page, list_response};
use crate::scim::project::Projection;

/// Which resources, which part of them, and which of their attributes.
#[derive(Debug)]
pub struct ListQuery {
    /// Only those that match.
    pub filter: Option<BoundFilter>,
    /// The part of the list.
    pub page: Page,
    /// The attributes.
    pub projection: Projection,
}

impl Resources<'_> {
    /// The ListResponse to a query: resources in the order of their ids.
    ///
    /// # Errors
    /// None of the client's making: a filter that matches nothing is an empty list.
    pub async fn list(&self, query: &ListQuery) -> Result<Value, Failure> {
        let Page { start_index, count } = query.page;
        let mut total = 0;
        let mut resources = Vec::new();
        match &query.filter {
            None => {
                let (all, stored) = self.store.page(self.resource_type, &query.page).await?;
                total = all;
                resources.extend(
                    stored
                        .into_iter()
                        .map(|stored| self.answer(stored, &query.projection).body),
                );
            }
            Some(filter) => {
                self.store
                    .candidates(self.resource_type, filter, |stored| {
                        let object = stored.represent(self.resource_type, self.base);
                        if !filter.matches(&object) {
                            return;
                        }
                        total += 1;
                        if total >= start_index && resources.len() < count {
                            resources.push(query.projection.apply(self.resource_type, object));
                        }
                    })
                    .await?;
            }
        }
        Ok(list_response(total, start_index, resources))
    }
}
