//! What is decided and pending is carried out, as a function of its own does on AWS.

use std::convert::Infallible;
use std::time::Duration;

use account::pending::carry_out_all;
use time::OffsetDateTime;
use tokio::time::Instant;

/// How often: on AWS it is every minute.
const PAUSE: Duration = Duration::from_secs(2);

/// How long a run takes at most, as on AWS.
const AT_MOST: Duration = Duration::from_secs(45);

/// Does so until it is dropped.
pub async fn carry_out(endpoint: &str) -> Infallible {
    let store = stand::tenant::connect(endpoint, stand::tenant::tables()).await;
    loop {
        tokio::time::sleep(PAUSE).await;
        let now = OffsetDateTime::now_utc();
        match carry_out_all(&store, now, Instant::now() + AT_MOST).await {
            Ok(outcome) => {
                for failed in outcome.failed {
                    let (group, failure) = (failed.change.group, failed.failure);
                    eprintln!("the pending change of group {group} fails: {failure}");
                }
            }
            Err(failure) => eprintln!("what is pending cannot be read: {failure}"),
        }
    }
}
