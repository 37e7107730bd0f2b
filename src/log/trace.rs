//! What is known about a request while it is handled, and the log line written about it.

use std::sync::OnceLock;

use function::invocation::{FirstRequest, lambda_request_id, trace_id};
use function::release;
use lambda_http::http::StatusCode;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use scim::ScimError;
use scim::ignored::Ignored;
use store::directory::members::MembersChanged;
use store::{Cost, Meter};
use tenant::{KeyId, TenantId};
use tokio::time::Instant;
use uuid::Uuid;

use super::chain;
use crate::service::{Failure, Told};

/// What is known about a request while it is handled.
#[derive(Debug)]
pub struct Trace {
    started: Instant,
    request_id: String,
    /// Whether this is the instance's first request.
    cold_start: Option<bool>,
    /// The tenant that a credential names which nobody has proved.
    claimed: OnceLock<TenantId>,
    credentials: OnceLock<(TenantId, KeyId)>,
    route: OnceLock<&'static str>,
    meter: Meter,
    /// Which rule refused a token request.
    refused_by: OnceLock<&'static str>,
    /// The name that the issuer gave an assertion.
    assertion: OnceLock<String>,
    /// A failure inside a request that is still answered.
    inner_failure: OnceLock<Failure>,
    /// Refused parts of a request that is still answered, with a count for each kind.
    inner_refusals: OnceLock<Vec<(ScimError, u64)>>,
    /// What belongs into the log of requests, of one that is still answered.
    told: OnceLock<Vec<Told>>,
    /// What the request names and the service does not know.
    ignored: OnceLock<Ignored>,
    /// What became of the members of groups.
    members: OnceLock<Vec<MembersChanged>>,
}

impl Trace {
    /// Starts with API Gateway's id of the request, which the access log and the client's
    /// `apigw-requestid` header also contain.
    pub(crate) fn start(request: &Request, first: &FirstRequest) -> Self {
        let request_id = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
            _ => None,
        };
        Self {
            started: Instant::now(),
            request_id: request_id.unwrap_or_else(|| Uuid::new_v4().to_string()),
            cold_start: first.take(),
            claimed: OnceLock::new(),
            credentials: OnceLock::new(),
            route: OnceLock::new(),
            meter: Meter::default(),
            refused_by: OnceLock::new(),
            assertion: OnceLock::new(),
            inner_failure: OnceLock::new(),
            inner_refusals: OnceLock::new(),
            told: OnceLock::new(),
            ignored: OnceLock::new(),
            members: OnceLock::new(),
        }
    }

    /// When the request arrived.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Records the failure of a part of the request.
    pub(crate) fn set_inner_failure(&self, failure: Option<Failure>) {
        if let Some(failure) = failure {
            let _ = self.inner_failure.set(failure);
        }
    }

    /// Records refused parts of the request.
    pub(crate) fn set_inner_refusals(&self, refusals: Vec<(ScimError, u64)>) {
        let _ = self.inner_refusals.set(refusals);
    }

    /// The refused parts of the request.
    pub(crate) fn inner_refusals(&self) -> &[(ScimError, u64)] {
        self.inner_refusals.get().map_or(&[], Vec::as_slice)
    }

    /// Records what belongs into the log of requests.
    pub(crate) fn set_told(&self, told: Vec<Told>) {
        let _ = self.told.set(told);
    }

    /// What belongs into the log of requests.
    pub(crate) fn take_told(&mut self) -> Vec<Told> {
        self.told.take().unwrap_or_default()
    }

    /// Records which rule refused a token request.
    pub(crate) fn set_refused_by(&self, rule: &'static str) {
        let _ = self.refused_by.set(rule);
    }

    /// Records the name that the issuer gave an assertion (Entra's claim `uti`).
    pub(crate) fn set_assertion(&self, uti: &str) {
        let _ = self.assertion.set(uti.to_owned());
    }

    /// Records what the request names and the service does not know.
    pub(crate) fn set_ignored(&self, ignored: Ignored) {
        let _ = self.ignored.set(ignored);
    }

    /// Records what became of the members of groups.
    pub(crate) fn set_members(&self, changed: Vec<MembersChanged>) {
        let _ = self.members.set(changed);
    }

    /// What became of the members of groups.
    fn members(&self) -> &[MembersChanged] {
        self.members.get().map_or(&[], Vec::as_slice)
    }

    /// How many memberships the request has changed.
    pub(crate) fn memberships(&self) -> u64 {
        let changed = |members: &MembersChanged| members.added + members.removed;
        self.members().iter().map(changed).sum()
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Where the request's calls to DynamoDB are counted.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(crate) fn set_tenant(&self, tenant: &TenantId, key: KeyId) {
        let _ = self.credentials.set((tenant.clone(), key));
    }

    /// Records the tenant that a credential names which was not found.
    pub(crate) fn set_claimed(&self, tenant: &TenantId) {
        let _ = self.claimed.set(tenant.clone());
    }

    /// The tenant of the request's key and its id, if it was ever issued.
    pub(crate) fn credentials(&self) -> Option<&(TenantId, KeyId)> {
        self.credentials.get()
    }

    /// The requested route, without ids; `?` if unknown.
    pub(crate) fn route(&self) -> &'static str {
        self.route.get().copied().unwrap_or("?")
    }

    pub(crate) fn set_route(&self, route: &'static str) {
        let _ = self.route.set(route);
    }

    /// Writes the line.
    pub(crate) fn finish(&self, request: &Request, status: StatusCode, failure: Option<&Failure>) {
        let Cost {
            calls,
            read_units,
            write_units,
        } = self.meter.cost();
        let credentials = self.credentials.get();
        let is_unproven = status == StatusCode::UNAUTHORIZED && credentials.is_none();
        let claimed = self.claimed.get().filter(|_| is_unproven);
        let failure = failure.or(self.inner_failure.get());
        let ignored = self.ignored.get().filter(|ignored| ignored.count() > 0);
        let members = self.members();
        let loses_many = members.iter().any(MembersChanged::loses_many);
        let is_untold = |members: &MembersChanged| *members == MembersChanged::default();
        let members = (!members.iter().all(is_untold)).then_some(members);
        let sum = |of: fn(&MembersChanged) -> u64| {
            members.map(|members| members.iter().map(of).sum::<u64>())
        };
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request_id = self.request_id,
                    lambda_request_id = lambda_request_id(request),
                    trace_id = trace_id(request),
                    version = release::version(),
                    commit = release::COMMIT,
                    cold_start = self.cold_start,
                    claimed_tenant = claimed.map(tracing::field::display),
                    tenant = credentials.map(|(tenant, _)| tracing::field::display(tenant)),
                    key_id = credentials.map(|(_, key)| tracing::field::display(key)),
                    method = request.method().as_str(),
                    route = self.route.get(),
                    status = status.as_u16(),
                    scim_type = failure.and_then(|failure| failure.error.scim_type()),
                    reason = self
                        .refused_by
                        .get()
                        .copied()
                        .or_else(|| failure.map(|failure| failure.error.reason())),
                    assertion = self.assertion.get(),
                    cause = failure
                        .and_then(|failure| failure.cause.as_ref())
                        .map(chain),
                    ignored = ignored.map(Ignored::count),
                    ignored_names = ignored.map(|ignored| tracing::field::debug(ignored.names())),
                    members_added = sum(|members| members.added),
                    members_removed = sum(|members| members.removed),
                    members_left_out = sum(|members| members.left_out.len() as u64),
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
        } else if failure.is_some_and(|failure| failure.error.is_alarming()) || loses_many {
            line!(warn);
        } else {
            line!(info);
        }
    }
}
