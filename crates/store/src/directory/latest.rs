//! What came last: records of changes, or logged requests, page by page, the latest first.

use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::history::Record;
use super::keys::members::is_step;
use super::{TenantStore, keys};
use crate::StoreError;
use crate::client::attributes::{Item, damaged, text};
use crate::client::tables::SORT_KEY;
use crate::usage::requests::LoggedRequest;

/// The longest text of a place, in bytes. No sort key is longer.
const MAX_PLACE: usize = 300;

/// Where a page begins: at a record, or at a logged request. It is the end of the sort key, so
/// that those of one millisecond are told apart, and those of another kind are out of reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    /// The place that a page before gave, as text. None if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (at, _) = text.split_once('#')?;
        OffsetDateTime::parse(at, &Rfc3339).ok()?;
        (text.len() <= MAX_PLACE).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A page of what came last.
#[derive(Debug, Clone, PartialEq)]
pub struct Latest<T> {
    /// The records or requests, the latest first.
    pub found: Vec<T>,
    /// Where the next page begins, if there is one.
    pub older: Option<Place>,
    /// The place of each that was found.
    places: Vec<Place>,
}

impl<T> Latest<T> {
    /// Keeps so many: the next page begins after them.
    pub fn truncate(&mut self, most: usize) {
        if let Some(place) = self.places.get(most) {
            self.older = Some(place.clone());
        }
        self.found.truncate(most);
        self.places.truncate(most);
    }
}

impl TenantStore<'_> {
    /// The latest records from a place on, or from now, so many at most. The parts of a large
    /// change of members come one by one.
    ///
    /// # Errors
    /// Failures of DynamoDB, and [`StoreError::Damaged`].
    pub async fn latest_changes(
        &self,
        from: Option<&Place>,
        most: u16,
    ) -> Result<Latest<Record>, StoreError> {
        let read = |item: &Item| {
            // Of a change that has records of its own.
            let is_step = is_step(text(item, SORT_KEY)?);
            (!is_step).then(|| Record::read(item)).transpose()
        };
        self.latest(keys::CHANGES, from, most, read).await
    }

    /// The latest requests that were refused, failed or left something out, from a place on, or
    /// from now, so many at most. Those that only a newer release knows are passed over.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn latest_requests(
        &self,
        from: Option<&Place>,
        most: u16,
    ) -> Result<Latest<LoggedRequest>, StoreError> {
        let read = LoggedRequest::read;
        self.latest(keys::usage::REQUESTS, from, most, read).await
    }

    async fn latest<T>(
        &self,
        prefix: &str,
        from: Option<&Place>,
        most: u16,
        read: impl Fn(&Item) -> Result<Option<T>, StoreError>,
    ) -> Result<Latest<T>, StoreError> {
        // A time begins with a digit.
        let to = from.map_or("~", |Place(place)| place);
        let query = self
            .query_between(prefix.to_owned(), format!("{prefix}{to}"))
            .scan_index_forward(false)
            // One more, to know whether there is a next page.
            .limit(i32::from(most) + 1);
        let mut page = Latest {
            found: Vec::new(),
            older: None,
            places: Vec::new(),
        };
        self.each_of_any_format(query, |item| {
            let Some(found) = read(item)? else {
                return Ok(true);
            };
            let place = text(item, SORT_KEY)?.strip_prefix(prefix);
            let place = Place(place.ok_or_else(|| damaged(item, SORT_KEY))?.to_owned());
            if page.found.len() == usize::from(most) {
                page.older = Some(place);
                return Ok(false);
            }
            page.found.push(found);
            page.places.push(place);
            Ok(true)
        })
        .await?;
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_ends_of_sort_keys() {
        for text in [
            "2026-11-27T21:19:59.000Z#U#0b5a1d0c-54d0-4a3a-8d64-5f1d6f1f3a11#7",
            "2026-11-27T21:19:59.000Z#2HQW9jFZIAMEVkw=#12",
        ] {
            assert_eq!(Place::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "#",
            "2026-11-27T21:19:59.000Z",
            "U#0b5a1d0c",
            "~#",
            &format!("2026-11-27T21:19:59.000Z#{}", "x".repeat(MAX_PLACE)),
        ] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}
