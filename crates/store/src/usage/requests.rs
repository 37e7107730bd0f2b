//! The log of requests: those that were refused or failed and named a resource, or would have made
//! one, and changes that left something out. It answers what became of a person's request.
//!
//! An entry has no place for a body or a header. What it says of the person is what the client
//! called the person, so it is kept in the tenant's directory alone, and ends by its time to live.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use scim::subject::Subject;
use tenant::KeyId;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::client::attributes::{
    Item, epoch_seconds, number, number_of, optional, optional_text, string, text,
};
use crate::client::format;
use crate::client::tables::{EXPIRES_AT, SORT_KEY};
use crate::directory::keys::{self, cut};
use crate::directory::span::Span;
use crate::{StoreError, TenantStore};

const METHOD: &str = "method";
const ROUTE: &str = "route";
const STATUS: &str = "status";
const REASON: &str = "reason";
/// What the client was told.
pub(crate) const DETAIL: &str = "detail";
/// The id of the subject.
pub(crate) const ID: &str = "id";
const USER_NAME: &str = "user_name";
const EXTERNAL_ID: &str = "external_id";
const DISPLAY_NAME: &str = "display_name";
const ATTRIBUTES: &str = "attributes";
const IGNORED: &str = "ignored";
const IGNORED_NAMES: &str = "ignored_names";
const LEFT_OUT: &str = "left_out";
const KEY_ID: &str = "key_id";

/// What the client called the subject, but for the id.
pub(crate) const NAMES: [&str; 3] = [USER_NAME, EXTERNAL_ID, DISPLAY_NAME];

/// The longest stored text of a subject, in bytes.
const MAX_VALUE: usize = 128;

/// The longest stored detail, in bytes.
const MAX_DETAIL: usize = 400;

/// The longest stored word of ours: a method, a route, a reason.
const MAX_WORD: usize = 40;

/// How many bytes the names of a list have together. With the other bounds, and some 400 bytes for
/// names, times and ids, an entry has less than 2 KB.
const MAX_NAMES: usize = 300;

/// An entry of the log: a request, or an operation of a bulk request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// When it was answered or, of a change, made.
    pub at: OffsetDateTime,
    /// The request's id, as in the log lines.
    pub request_id: String,
    /// Of an operation of a bulk request its place in it, from 1 on.
    pub part: Option<u32>,
    /// The key that it came with.
    pub key: KeyId,
    /// The method.
    pub method: String,
    /// The path, without ids.
    pub route: String,
    /// The HTTP status. 200 of a change may have been 204, which is the same without a body.
    pub status: u16,
    /// Why it was refused or failed, in a word; `None` if it succeeded.
    pub reason: Option<String>,
    /// What the client was told of that.
    pub detail: Option<String>,
    /// The resource, as the client named it.
    pub subject: Subject,
    /// The attributes that it was for: names alone.
    pub attributes: Vec<String>,
    /// How often it named something that the service does not know.
    pub ignored: u64,
    /// The first such names.
    pub ignored_names: Vec<String>,
    /// How many were to become members of a group and are no users of the tenant.
    pub left_out: u64,
}

/// An entry, and when it may be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The entry.
    pub request: LoggedRequest,
    /// When it may be removed.
    pub expires: OffsetDateTime,
}

impl LoggedRequest {
    /// The request of an item; none if this version cannot read it.
    pub(crate) fn read(item: &Item) -> Result<Option<Self>, StoreError> {
        Ok(match format::is_newer(item)? {
            true => None,
            false => read(item),
        })
    }
}

impl Entry {
    /// The item of the entry. Every text of it has a bound.
    fn item(&self, mut item: Item) -> Item {
        let LoggedRequest {
            at: _,
            request_id: _,
            part: _,
            key,
            method,
            route,
            status,
            reason,
            detail,
            subject,
            attributes,
            ignored,
            ignored_names,
            left_out,
        } = &self.request;
        let mut put = |name: &str, value| item.insert(name.to_owned(), value);
        put(EXPIRES_AT, epoch_seconds(self.expires));
        put(KEY_ID, string(key.as_str()));
        put(STATUS, number_of((*status).into()));
        for (name, value, most) in [
            (METHOD, Some(method), MAX_WORD),
            (ROUTE, Some(route), MAX_WORD),
            (REASON, reason.as_ref(), MAX_WORD),
            (DETAIL, detail.as_ref(), MAX_DETAIL),
            (ID, subject.id.as_ref(), MAX_VALUE),
            (USER_NAME, subject.user_name.as_ref(), MAX_VALUE),
            (EXTERNAL_ID, subject.external_id.as_ref(), MAX_VALUE),
            (DISPLAY_NAME, subject.display_name.as_ref(), MAX_VALUE),
        ] {
            if let Some(value) = value {
                put(name, string(cut(value, most)));
            }
        }
        for (name, names) in [(ATTRIBUTES, attributes), (IGNORED_NAMES, ignored_names)] {
            let names = within(names);
            if !names.is_empty() {
                put(name, AttributeValue::L(names));
            }
        }
        for (name, count) in [(IGNORED, *ignored), (LEFT_OUT, *left_out)] {
            if count > 0 {
                put(name, number_of(count));
            }
        }
        item
    }
}

impl TenantStore<'_> {
    /// Writes an entry of the log.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn log_request(&self, entry: &Entry) -> Result<(), StoreError> {
        self.put_item(self.entry_item(entry)).await
    }

    /// The part of a change's transaction that logs it, if it leaves something out: names that the
    /// service does not know, or so many who were to become members.
    pub(crate) fn log_part(
        &self,
        entry: Option<&Entry>,
        left_out: usize,
    ) -> Result<Option<TransactWriteItem>, StoreError> {
        let Some(entry) = entry else {
            return Ok(None);
        };
        let mut entry = entry.clone();
        entry.request.left_out = left_out as u64;
        let leaves_out = entry.request.ignored > 0 || left_out > 0;
        leaves_out
            .then(|| self.put(self.entry_item(&entry)))
            .transpose()
    }

    /// Shows `visit` the entries of a span in the order of time, page by page, until it returns
    /// false. An entry that this version cannot read is left out.
    ///
    /// # Errors
    /// Failures of DynamoDB.
    pub async fn requests(
        &self,
        span: Span,
        mut visit: impl FnMut(LoggedRequest) -> bool,
    ) -> Result<(), StoreError> {
        let (from, to) = (
            keys::usage::requests_from(span.from),
            keys::usage::requests_from(span.to),
        );
        // Nothing is between bounds in the wrong order, which DynamoDB refuses.
        if from > to {
            return Ok(());
        }
        self.each_of_any_format(self.query_between(from, to), |item| {
            Ok(LoggedRequest::read(item)?.is_none_or(&mut visit))
        })
        .await
    }

    fn entry_item(&self, entry: &Entry) -> Item {
        let LoggedRequest {
            at,
            request_id,
            part,
            ..
        } = &entry.request;
        entry.item(self.new_item(keys::usage::logged_request(*at, request_id, *part)))
    }
}

/// The first names that together have no more bytes than a list may have.
fn within(names: &[String]) -> Vec<AttributeValue> {
    let mut left = MAX_NAMES;
    let fitting = names.iter().map_while(|name| {
        left = left.checked_sub(name.len() + 1)?;
        Some(string(name))
    });
    fitting.collect()
}

fn read(item: &Item) -> Option<LoggedRequest> {
    let (at, request_id, part) = keys::usage::of_logged_request(text(item, SORT_KEY).ok()?)?;
    let word = |name| Some(text(item, name).ok()?.to_owned());
    let maybe = |name| Some(optional_text(item, name).ok()?.map(str::to_owned));
    let count = |name| {
        optional(item, name, number)
            .ok()
            .map(Option::unwrap_or_default)
    };
    let names = |name| match item.get(name) {
        None => Some(Vec::new()),
        Some(AttributeValue::L(names)) => {
            let name = |name: &AttributeValue| Some(name.as_s().ok()?.clone());
            names.iter().map(name).collect()
        }
        Some(_) => None,
    };
    Some(LoggedRequest {
        at: OffsetDateTime::parse(at, &Rfc3339).ok()?,
        request_id,
        part,
        key: KeyId::parse(text(item, KEY_ID).ok()?).ok()?,
        method: word(METHOD)?,
        route: word(ROUTE)?,
        status: number(item, STATUS).ok()?.try_into().ok()?,
        reason: maybe(REASON)?,
        detail: maybe(DETAIL)?,
        subject: Subject {
            id: maybe(ID)?,
            user_name: maybe(USER_NAME)?,
            external_id: maybe(EXTERNAL_ID)?,
            display_name: maybe(DISPLAY_NAME)?,
        },
        attributes: names(ATTRIBUTES)?,
        ignored: count(IGNORED)?,
        ignored_names: names(IGNORED_NAMES)?,
        left_out: count(LEFT_OUT)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::document::size;

    /// DynamoDB bills a write by kilobytes, and a client must not choose how many.
    #[test]
    fn an_entry_is_small_whatever_the_client_sends() {
        let long = "é\u{0}\"".repeat(100_000);
        let request = LoggedRequest {
            at: OffsetDateTime::UNIX_EPOCH,
            request_id: "JKJaXmPLvHcESHA=".to_owned(),
            part: Some(1000),
            key: KeyId::parse("0123456789ab").unwrap(),
            method: long.clone(),
            route: long.clone(),
            status: 500,
            reason: Some(long.clone()),
            detail: Some(long.clone()),
            subject: Subject {
                id: Some(long.clone()),
                user_name: Some(long.clone()),
                external_id: Some(long.clone()),
                display_name: Some(long.clone()),
            },
            attributes: vec!["a".to_owned(); 100_000],
            ignored: u64::MAX,
            ignored_names: vec!["a".repeat(99), "b".repeat(99), "c".repeat(99), long],
            left_out: u64::MAX,
        };
        let entry = Entry {
            request,
            expires: OffsetDateTime::UNIX_EPOCH,
        };
        let (at, id) = (entry.request.at, &entry.request.request_id);
        let item = entry.item(Item::from([
            ("pk".to_owned(), string(format!("T#{}", "t".repeat(40)))),
            (
                "sk".to_owned(),
                string(keys::usage::logged_request(at, id, Some(1000))),
            ),
        ]));
        let size = size(&item);
        assert!((1500..2048).contains(&size), "{size}");
        let read = read(&item).unwrap();
        assert_eq!(read.attributes.len(), MAX_NAMES / 2);
        assert_eq!(read.ignored_names.len(), 3);
        assert_eq!((read.part, read.left_out), (Some(1000), u64::MAX));
        assert!(
            entry
                .request
                .detail
                .unwrap()
                .starts_with(&read.detail.unwrap())
        );
    }
}
