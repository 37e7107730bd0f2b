//! Requests with a known status.

use anyhow::{Result, bail};

use crate::function::{Answer, Function};
use crate::request::Request;

impl Function {
    /// Has the function answer a request, which must get this status.
    pub async fn expect(&mut self, status: u64, request: &Request<'_>) -> Result<Answer> {
        let answer = self.call(request.event()).await?;
        if answer.status != status {
            let Request { method, path, .. } = request;
            bail!(
                "{method} {path} is answered with {} {}: {}",
                answer.status,
                answer.headers,
                answer.body
            );
        }
        Ok(answer)
    }
}
