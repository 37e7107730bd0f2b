//! Reading a request.

use lambda_http::http::header::{CONTENT_TYPE, HOST};
use lambda_http::{Request, RequestExt};

use super::route::{BASE_PATH, Document, Target};
use crate::scim::filter::Filter;
use crate::scim::list::Page;
use crate::scim::project::Projection;
use crate::scim::{ResourceType, ScimError, text::quote};
use crate::service::ListQuery;

/// The largest body accepted, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// The path as the client sent it. `lambda_http` puts the stage in front of the path of the URI,
/// and keeps the original beside it.
pub(super) fn path(request: &Request) -> &str {
    match request.raw_http_path() {
        "" => request.uri().path(),
        raw => raw,
    }
}

/// The text of a header, if it is there and is text.
pub(super) fn header(request: &Request, name: &str) -> Option<String> {
    request
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

/// The service's base URL without a final slash: from the configuration or, as a tenant sees it,
/// from the request.
pub(super) fn base_url(request: &Request, public_url: Option<&str>, target: &Target) -> String {
    if let Some(public_url) = public_url {
        return format!("{public_url}{BASE_PATH}");
    }
    let headers = request.headers();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(HOST.as_str())
        .or_else(|| request.uri().host())
        .unwrap_or("localhost");
    // API Gateway always sets the header and takes HTTPS alone.
    let scheme = text("x-forwarded-proto")
        .filter(|scheme| *scheme == "http")
        .unwrap_or("https");
    format!("{scheme}://{host}{}{BASE_PATH}", target.prefix)
}

/// The body of a request that must have one.
///
/// # Errors
/// 413 when it is too large, 415 when it is declared to be something else than JSON.
pub(super) fn body(request: &Request) -> Result<&[u8], ScimError> {
    if let Some(content_type) = request.headers().get(CONTENT_TYPE) {
        let media_type = content_type
            .to_str()
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        let is_json = ["application/scim+json", "application/json", ""];
        if !is_json
            .iter()
            .any(|accepted| media_type.eq_ignore_ascii_case(accepted))
        {
            return Err(ScimError::UnsupportedMediaType(format!(
                "the body is {}; send `application/scim+json`",
                quote(media_type)
            )));
        }
    }
    let body: &[u8] = request.body();
    if body.len() > MAX_BODY {
        return Err(ScimError::PayloadTooLarge(format!(
            "the body is {} bytes long, and {MAX_BODY} are accepted; send less at once",
            body.len()
        )));
    }
    Ok(body)
}

/// The query parameters. Unknown ones, such as `aadOptscim062020`, are of no effect.
#[derive(Debug, Default)]
pub(super) struct Query {
    filter: Option<String>,
    attributes: Option<String>,
    excluded_attributes: Option<String>,
    start_index: Option<String>,
    count: Option<String>,
}

impl Query {
    /// Reads the query string as a form is written: `+` is a space, `%2B` a plus.
    pub(super) fn parse(request: &Request) -> Self {
        let mut query = Self::default();
        let text = request.uri().query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let slot = match name.to_ascii_lowercase().as_str() {
                "filter" => &mut query.filter,
                "attributes" => &mut query.attributes,
                "excludedattributes" => &mut query.excluded_attributes,
                "startindex" => &mut query.start_index,
                "count" => &mut query.count,
                _ => continue,
            };
            *slot = Some(value.into_owned());
        }
        query
    }

    /// The attributes the answer is to contain.
    pub(super) fn projection(&self, resource_type: &ResourceType) -> Projection {
        Projection::parse(
            resource_type,
            self.attributes.as_deref(),
            self.excluded_attributes.as_deref(),
        )
    }

    /// The parameters of a list.
    ///
    /// # Errors
    /// `invalidFilter`, `invalidValue`.
    pub(super) fn list(&self, resource_type: &ResourceType) -> Result<ListQuery, ScimError> {
        let filter = self
            .filter
            .as_deref()
            .filter(|filter| !filter.trim().is_empty());
        Ok(ListQuery {
            filter: filter
                .map(|filter| Filter::compile(filter, resource_type))
                .transpose()?,
            page: Page::parse(self.start_index.as_deref(), self.count.as_deref())?,
            projection: self.projection(resource_type),
        })
    }

    /// RFC 7644 §4: a filter on `/Schemas` or `/ResourceTypes` is refused, so that no client
    /// takes the whole list for the result; on `/ServiceProviderConfig` it is ignored.
    ///
    /// # Errors
    /// 403.
    pub(super) fn refuse_filter(&self, document: &Document) -> Result<(), ScimError> {
        match document {
            Document::ServiceProviderConfig => Ok(()),
            _ if self.filter.is_none() => Ok(()),
            _ => Err(ScimError::Forbidden(
                "discovery cannot be filtered; leave `filter` out".to_owned(),
            )),
        }
    }
}
