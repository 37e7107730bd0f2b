//! The line in the log about a request.

use std::time::Duration;

use function::release;
use http::StatusCode;
use store::Cost;

use crate::asked::Asked;

/// Writes the line. It has the route and not the path, which has the secret of a link in it.
pub fn line(asked: &Asked, status: StatusCode, took: Duration, cost: &Cost, cause: Option<String>) {
    macro_rules! line {
        ($level:ident, $message:literal) => {
            tracing::$level!(
                request_id = asked.request_id,
                lambda_request_id = asked.lambda_request_id,
                trace_id = asked.trace_id,
                version = release::version(),
                commit = release::COMMIT,
                cold_start = asked.cold_start,
                method = asked.method.as_str(),
                route = asked.route.name(),
                status = status.as_u16(),
                cause,
                milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                calls = cost.calls,
                read_units = cost.read_units,
                write_units = cost.write_units,
                $message
            )
        };
    }
    match cause.is_some() {
        false => line!(info, "request of the settings page"),
        true => line!(error, "request of the settings page failed"),
    }
}
