//! Lists (RFC 7644 §3.4.2, RFC 9865): what a client requests, and the ListResponse envelope.

use serde::Serialize;
use serde_json::{Map, Value};

use super::ScimError;
use super::page::Shown;
use super::text::quote;

/// Resources per page if the client gives no count; published in `/ServiceProviderConfig`.
pub const DEFAULT_COUNT: usize = 100;

/// Maximum number of resources per page; published in `/ServiceProviderConfig`.
pub const MAX_COUNT: usize = 1000;

/// The parameters of a list as text, from a query string or a SearchRequest (RFC 7644 §3.4.3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// `filter`.
    pub filter: Option<String>,
    /// `sortBy`.
    pub sort_by: Option<String>,
    /// `sortOrder`.
    pub sort_order: Option<String>,
    /// `startIndex`.
    pub start_index: Option<String>,
    /// `count`.
    pub count: Option<String>,
    /// `cursor`; empty for the first page.
    pub cursor: Option<String>,
    /// `attributes`, comma-separated.
    pub attributes: Option<String>,
    /// `excludedAttributes`, comma-separated.
    pub excluded_attributes: Option<String>,
}

impl Query {
    /// The field for the parameter `name`, in any case; `None` if it is unknown.
    pub fn parameter(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name.to_ascii_lowercase().as_str() {
            "filter" => Some(&mut self.filter),
            "sortby" => Some(&mut self.sort_by),
            "sortorder" => Some(&mut self.sort_order),
            "startindex" => Some(&mut self.start_index),
            "count" => Some(&mut self.count),
            "cursor" => Some(&mut self.cursor),
            "attributes" => Some(&mut self.attributes),
            "excludedattributes" => Some(&mut self.excluded_attributes),
            _ => None,
        }
    }

    /// Adds a parameter of a URL; unknown ones are ignored. `attributes` and `excludedAttributes`
    /// that are repeated add up, as some HTTP libraries send lists; of any other parameter the last
    /// one counts.
    pub fn add(&mut self, name: &str, value: String) {
        let Some(parameter) = self.parameter(name) else {
            return;
        };
        let is_list = ["attributes", "excludedAttributes"]
            .iter()
            .any(|list| name.eq_ignore_ascii_case(list));
        *parameter = match parameter.take() {
            Some(names) if is_list => Some(format!("{names},{value}")),
            _ => Some(value),
        };
    }

    /// Reads a SearchRequest body. Numbers become text, arrays of names a comma-separated list.
    ///
    /// # Errors
    /// `invalidValue` when a parameter has the wrong type.
    pub fn from_body(body: Map<String, Value>) -> Result<Self, ScimError> {
        let mut request = Self::default();
        for (name, value) in body {
            let Some(parameter) = request.parameter(&name) else {
                continue;
            };
            *parameter = match value {
                Value::Null => None,
                Value::String(text) => Some(text),
                Value::Number(number) => Some(number.to_string()),
                Value::Array(names) if names.iter().all(Value::is_string) => Some(
                    names
                        .iter()
                        .filter_map(Value::as_str)
                        .collect::<Vec<_>>()
                        .join(","),
                ),
                _ => {
                    return Err(ScimError::InvalidValue(format!(
                        "{} of a SearchRequest is text, a number or a list of names",
                        quote(&name)
                    )));
                }
            };
        }
        Ok(request)
    }

    /// How the client walks through the list.
    ///
    /// # Errors
    /// `invalidValue`; for a walk by cursor, `invalidCount`.
    pub fn paging(&self) -> Result<Paging<'_>, ScimError> {
        let Some(cursor) = self.cursor.as_deref() else {
            return Page::parse(self.start_index.as_deref(), self.count.as_deref())
                .map(Paging::Index);
        };
        let count = match number("count", self.count.as_deref()) {
            Ok(None) => DEFAULT_COUNT,
            Ok(Some(count @ 0..)) => usize::try_from(count).unwrap_or(MAX_COUNT).min(MAX_COUNT),
            Ok(Some(_)) | Err(_) => {
                return Err(ScimError::InvalidCount(
                    "`count` must be a whole number, 0 or more".to_owned(),
                ));
            }
        };
        Ok(Paging::Cursor {
            cursor: Some(cursor).filter(|cursor| !cursor.is_empty()),
            count,
        })
    }
}

/// The two ways to walk through a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging<'a> {
    /// By index.
    Index(Page),
    /// By cursor (RFC 9865).
    Cursor {
        /// Where to continue; `None` for the first page.
        cursor: Option<&'a str>,
        /// How many resources; at most [`MAX_COUNT`].
        count: usize,
    },
}

/// Which part of a list a client requests (RFC 7644 §3.4.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The 1-based index of the first resource.
    pub start_index: u64,
    /// How many resources, at most [`MAX_COUNT`]; 0 requests only the total.
    pub count: usize,
}

impl Page {
    /// Reads `startIndex` and `count`. As the RFC requires, a `startIndex` below 1 means 1, and a
    /// negative `count` means 0.
    ///
    /// # Errors
    /// `invalidValue` when either is not a whole number.
    pub fn parse(start_index: Option<&str>, count: Option<&str>) -> Result<Self, ScimError> {
        let start_index =
            number("startIndex", start_index)?.map_or(1, |index| index.max(1).unsigned_abs());
        let count = match number("count", count)? {
            Some(count) => usize::try_from(count.max(0))
                .unwrap_or(MAX_COUNT)
                .min(MAX_COUNT),
            None => DEFAULT_COUNT,
        };
        Ok(Self { start_index, count })
    }

    /// How many resources come before the page.
    pub fn skip(&self) -> u64 {
        self.start_index - 1
    }
}

fn number(name: &str, text: Option<&str>) -> Result<Option<i64>, ScimError> {
    match text.map(str::trim).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            ScimError::InvalidValue(format!(
                "`{name}` must be a whole number, and the request has {}",
                quote(text)
            ))
        }),
    }
}

/// A part of a list.
#[derive(Debug, Default, PartialEq)]
pub struct ListResponse {
    /// How many resources match in all.
    pub total: u64,
    /// The resources of this page, projected.
    pub resources: Vec<Shown>,
    /// The index of the first, for a walk by index.
    pub start_index: Option<u64>,
    /// Where the list continues, for a walk by cursor.
    pub next_cursor: Option<String>,
    /// Where the list continues backwards, for a walk by cursor.
    pub previous_cursor: Option<String>,
}

impl ListResponse {
    /// A whole list on one page.
    pub fn of_all(resources: Vec<Map<String, Value>>) -> Self {
        Self {
            total: resources.len() as u64,
            resources: resources.iter().map(Shown::new).collect(),
            start_index: Some(1),
            ..Self::default()
        }
    }

    /// The ListResponse message.
    ///
    /// The total is counted before the page is read. If resources were created in between, it is
    /// raised to what the page shows: a client that reads up to the total must not stop early.
    pub fn into_message(self) -> Message {
        let shown = self.resources.len() as u64;
        let before = self.start_index.map_or(0, |start| start.saturating_sub(1));
        let least = match shown {
            0 => 0,
            _ => before.saturating_add(shown),
        };
        Message {
            schemas: ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            total_results: self.total.max(least),
            items_per_page: shown,
            start_index: self.start_index,
            next_cursor: self.next_cursor,
            previous_cursor: self.previous_cursor,
            resources: self.resources,
        }
    }
}

/// The ListResponse message (RFC 7644 §3.4.2, RFC 9865 §2).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    schemas: [&'static str; 1],
    total_results: u64,
    items_per_page: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_cursor: Option<String>,
    /// Present even if empty: clients read it without checking.
    #[serde(rename = "Resources")]
    resources: Vec<Shown>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paging_parameters_are_bounded_as_the_rfc_says() {
        let page =
            |start, count| Page::parse(start, count).map(|page| (page.start_index, page.count));
        assert_eq!(page(None, None), Ok((1, DEFAULT_COUNT)));
        assert_eq!(page(Some("0"), Some("-3")), Ok((1, 0)));
        assert_eq!(page(Some("-7"), Some("0")), Ok((1, 0)));
        assert_eq!(page(Some("11"), Some("5000")), Ok((11, MAX_COUNT)));
        assert!(page(Some("x"), None).is_err());
        assert!(page(None, Some("1.5")).is_err());
    }

    #[test]
    fn a_cursor_parameter_even_if_empty_asks_for_a_walk_by_cursor() {
        let paging = |cursor: &str, count: Option<&str>| {
            let request = Query {
                cursor: Some(cursor.to_owned()),
                count: count.map(str::to_owned),
                ..Query::default()
            };
            match request.paging() {
                Ok(Paging::Cursor { cursor, count }) => Ok((cursor.map(str::to_owned), count)),
                Ok(Paging::Index(_)) => panic!("by index"),
                Err(error) => Err(error.scim_type()),
            }
        };
        assert_eq!(paging("", None), Ok((None, DEFAULT_COUNT)));
        assert_eq!(
            paging("x", Some("5000")),
            Ok((Some("x".to_owned()), MAX_COUNT))
        );
        assert_eq!(paging("", Some("-1")), Err(Some("invalidCount")));
        assert_eq!(paging("", Some("many")), Err(Some("invalidCount")));
    }

    #[test]
    fn a_search_request_says_the_same_as_a_query_string() {
        let Value::Object(body) = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "attributes": ["userName", "name.givenName"], "Filter": "title pr", "startIndex": 3, "count": "4", "sortBy": null
        }) else {
            panic!("not an object")
        };
        assert_eq!(
            Query::from_body(body).unwrap(),
            Query {
                attributes: Some("userName,name.givenName".to_owned()),
                filter: Some("title pr".to_owned()),
                start_index: Some("3".to_owned()),
                count: Some("4".to_owned()),
                ..Query::default()
            }
        );
        let Value::Object(body) = json!({"filter": {"x": 1}}) else {
            panic!("not an object")
        };
        assert!(Query::from_body(body).is_err());
    }

    #[test]
    fn parameters_are_known_by_name_in_any_case() {
        for (name, expected) in [
            ("filter", "1,,,,,,,"),
            ("sortBy", ",1,,,,,,"),
            ("SORTORDER", ",,1,,,,,"),
            ("startindex", ",,,1,,,,"),
            ("Count", ",,,,1,,,"),
            ("cursor", ",,,,,1,,"),
            ("attributes", ",,,,,,1,"),
            ("excludedAttributes", ",,,,,,,1"),
        ] {
            let mut request = Query::default();
            *request.parameter(name).unwrap() = Some("1".to_owned());
            let all = [
                request.filter,
                request.sort_by,
                request.sort_order,
                request.start_index,
                request.count,
                request.cursor,
                request.attributes,
                request.excluded_attributes,
            ];
            assert_eq!(all.map(Option::unwrap_or_default).join(","), expected);
        }
        assert_eq!(Query::default().parameter("page"), None);
    }

    #[test]
    fn repeated_lists_of_names_add_up_and_other_parameters_do_not() {
        let mut query = Query::default();
        for (name, value) in [
            ("attributes", "userName"),
            ("ATTRIBUTES", "title,name.givenName"),
            ("excludedAttributes", "emails"),
            ("excludedattributes", ""),
            ("count", "1"),
            ("count", "2"),
            ("page", "7"),
        ] {
            query.add(name, value.to_owned());
        }
        assert_eq!(
            query.attributes.as_deref(),
            Some("userName,title,name.givenName")
        );
        assert_eq!(query.excluded_attributes.as_deref(), Some("emails,"));
        assert_eq!(query.count.as_deref(), Some("2"));
    }

    #[test]
    fn a_list_of_anything_but_names_is_refused() {
        for wrong in [json!([1]), json!(["userName", null]), json!(true)] {
            let body = Map::from_iter([("attributes".to_owned(), wrong.clone())]);
            let error = Query::from_body(body).unwrap_err();
            assert_eq!(error.scim_type(), Some("invalidValue"), "{wrong}");
        }
    }

    #[test]
    fn the_first_index_skips_nothing() {
        let skipped = |start| Page::parse(Some(start), None).unwrap().skip();
        assert_eq!((skipped("1"), skipped("2"), skipped("101")), (0, 1, 100));
    }

    #[test]
    fn a_list_response_has_the_rfc_s_members_and_the_cursors_there_are() {
        let written = |list: ListResponse| serde_json::to_value(list.into_message()).unwrap();
        let resource = Map::from_iter([("id".to_owned(), "1".into())]);
        let resources = vec![Shown::new(&resource)];
        let schema = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
        assert_eq!(
            written(ListResponse::of_all(vec![resource])),
            json!({"schemas": [schema], "totalResults": 1, "itemsPerPage": 1, "startIndex": 1, "Resources": [{"id": "1"}]})
        );
        let grown = ListResponse {
            total: 4,
            resources: resources.clone(),
            start_index: Some(5),
            ..ListResponse::default()
        };
        assert_eq!(written(grown)["totalResults"], 5);
        let by_cursor = ListResponse {
            total: 7,
            resources,
            start_index: None,
            next_cursor: Some("n".to_owned()),
            previous_cursor: Some("p".to_owned()),
        };
        assert_eq!(
            written(by_cursor),
            json!({"schemas": [schema], "totalResults": 7, "itemsPerPage": 1, "nextCursor": "n", "previousCursor": "p",
                   "Resources": [{"id": "1"}]})
        );
        assert_eq!(written(ListResponse::default())["Resources"], json!([]));
    }
}
