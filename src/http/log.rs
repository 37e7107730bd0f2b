//! One JSON line for each request: what it was, whose, how it ended and what it cost. It holds no
//! secret and nothing about a person: no ids of users, no filters, no bodies.

use std::error::Error;
use std::sync::OnceLock;

use lambda_http::http::StatusCode;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use time::UtcOffset;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;
use uuid::Uuid;

use crate::service::Failure;
use scim::ScimError;
use store::secrets::Expiry;
use store::{Cost, Meter};
use tenant::{ApiKey, KeyId, TenantId};

/// What is known of a request while it is handled.
#[derive(Debug)]
pub(super) struct Trace {
    started: Instant,
    request_id: String,
    credentials: OnceLock<(TenantId, KeyId)>,
    route: OnceLock<&'static str>,
    meter: Meter,
    /// A failure inside a request that is answered all the same.
    inner_failure: OnceLock<Failure>,
    /// Parts that were refused in a request that is answered all the same, and how many of each kind.
    inner_refusals: OnceLock<Vec<(ScimError, u64)>>,
}

impl Trace {
    /// Begins with API Gateway's id of the request, which the access log and the client's
    /// `apigw-requestid` header share.
    pub(super) fn start(request: &Request) -> Self {
        let request_id = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
            _ => None,
        };
        Self {
            started: Instant::now(),
            request_id: request_id.unwrap_or_else(|| Uuid::new_v4().to_string()),
            credentials: OnceLock::new(),
            route: OnceLock::new(),
            meter: Meter::default(),
            inner_failure: OnceLock::new(),
            inner_refusals: OnceLock::new(),
        }
    }

    /// When the request came in.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// Takes note of the failure of a part of the request.
    pub(super) fn set_inner_failure(&self, failure: Option<Failure>) {
        if let Some(failure) = failure {
            let _ = self.inner_failure.set(failure);
        }
    }

    /// Takes note of refused parts of the request.
    pub(super) fn set_inner_refusals(&self, refusals: Vec<(ScimError, u64)>) {
        let _ = self.inner_refusals.set(refusals);
    }

    /// The refused parts of the request.
    pub(super) fn inner_refusals(&self) -> &[(ScimError, u64)] {
        self.inner_refusals.get().map_or(&[], Vec::as_slice)
    }

    pub(super) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Where the request's calls to DynamoDB are counted.
    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(super) fn set_tenant(&self, tenant: &TenantId, key: KeyId) {
        let _ = self.credentials.set((tenant.clone(), key));
    }

    /// Whose key the request came with, if it was ever issued.
    pub(super) fn tenant(&self) -> Option<&TenantId> {
        self.credentials.get().map(|(tenant, _)| tenant)
    }

    /// What the request asked for, without ids; `?` if it is not known.
    pub(super) fn route(&self) -> &'static str {
        self.route.get().copied().unwrap_or("?")
    }

    pub(super) fn set_route(&self, route: &'static str) {
        let _ = self.route.set(route);
    }

    /// Writes the line.
    pub(super) fn finish(&self, request: &Request, status: StatusCode, failure: Option<&Failure>) {
        let Cost {
            calls,
            read_units,
            write_units,
        } = self.meter.cost();
        let credentials = self.credentials.get();
        let failure = failure.or(self.inner_failure.get());
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request_id = self.request_id,
                    tenant = credentials.map(|(tenant, _)| tracing::field::display(tenant)),
                    key_id = credentials.map(|(_, key)| tracing::field::display(key)),
                    method = request.method().as_str(),
                    route = self.route.get(),
                    status = status.as_u16(),
                    scim_type = failure.and_then(|failure| failure.error.scim_type()),
                    reason = failure.map(|failure| failure.error.reason()),
                    cause = failure
                        .and_then(|failure| failure.cause.as_ref())
                        .map(chain),
                    ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
                    dynamodb_calls = calls,
                    read_units,
                    write_units,
                    "request"
                )
            };
        }
        if failure.is_some_and(|failure| failure.error.is_failure()) {
            line!(error);
        } else if failure.is_some_and(|failure| failure.error.is_alarming()) {
            line!(warn);
        } else {
            line!(info);
        }
    }
}

/// Writes that a key is used which will soon be refused. An alarm can look for the message.
pub(super) fn key_expires(key: &ApiKey, expiry: Expiry) {
    let expires = expiry.at.to_offset(UtcOffset::UTC).format(&Rfc3339);
    let advice = if expiry.is_replaced {
        "the client still uses the old key of a rotation: enter the new key in the identity provider before this one expires"
    } else {
        "run `scim-admin key rotate`, or give the tenant the key that takes the place of this one, and enter it in the identity provider before this one expires"
    };
    tracing::warn!(
        tenant = %key.tenant(),
        key_id = %key.id(),
        expires = expires.unwrap_or_default(),
        advice,
        "key near expiry"
    );
}

/// An error and its causes, outermost first.
pub(super) fn chain(error: &(impl Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
