//! Time that passes only while nothing is under way.
//!
//! Attempt time-outs, deadlines and pauses are judged by tokio's clock. Here it is paused, and goes
//! on in steps when nothing happens on this thread and nothing is asked of the engine: however slow
//! the machine is, no attempt times out that DynamoDB would have answered, and waiting costs
//! nothing.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use stand::clock::{asked, is_under_way, nothing_under_way};
use time::OffsetDateTime;
use tokio::task::yield_now;

thread_local! {
    static DATE: Cell<OffsetDateTime> = const { Cell::new(OffsetDateTime::UNIX_EPOCH) };
}

/// The date for an instance's clock, which stands still. It is the thread's, as a test is.
pub fn date() -> OffsetDateTime {
    DATE.get()
}

/// Sets the date that [`date`] tells.
pub fn set_date(date: OffsetDateTime) {
    DATE.set(date);
}

/// By how much the clock is set forward at a time.
pub const STEP: Duration = Duration::from_millis(50);

/// Turns of the runtime in which nothing may happen before the clock is set forward. A turn runs
/// every task that can go on and asks the system for what has arrived. A message from the service
/// to the wire and back takes about ten turns: it is there as soon as it is sent, since both are on
/// this thread.
const QUIET_TURNS: usize = 20;

/// Runs `work` while the clock passes as said above. Only on a runtime of one thread, and not
/// within itself. What it asks of the engine goes through a [`Wire`](stand::wire::Wire): without
/// one the clock does not wait for the answer.
pub async fn passing_when_idle<T>(work: impl Future<Output = T>) -> T {
    let before = asked();
    let outcome = passing_unanswered(work).await;
    assert!(asked() > before, "nothing was asked through a wire");
    outcome
}

/// The same for work that may have nobody to ask.
pub async fn passing_unanswered<T>(work: impl Future<Output = T>) -> T {
    let passing = async {
        loop {
            nothing_under_way().await;
            let mut turns = 0;
            while turns < QUIET_TURNS && !is_under_way() {
                yield_now().await;
                turns += 1;
            }
            if turns == QUIET_TURNS {
                // The system may have something to deliver to this thread.
                std::thread::yield_now();
                tokio::time::advance(STEP).await;
            }
        }
    };
    passing_by_hand(async {
        tokio::select! {
            biased;
            outcome = work => outcome,
            () = passing => panic!("the clock has ended"),
        }
    })
    .await
}

/// Runs `work`, which sets the clock forward itself: what is done takes as long as it says.
pub async fn passing_by_hand<T>(work: impl Future<Output = T>) -> T {
    // While a blocking task runs, tokio does not set a paused clock forward by itself.
    let (end, wait) = std::sync::mpsc::channel::<()>();
    let holding = tokio::task::spawn_blocking(move || {
        // Ends when the other side is dropped.
        let _ = wait.recv();
    });
    tokio::time::pause();
    let outcome = work.await;
    tokio::time::resume();
    drop(end);
    let _ = holding.await;
    outcome
}

#[tokio::test]
async fn waiting_costs_no_time_and_work_takes_none() {
    let started = std::time::Instant::now();
    let virtual_start = tokio::time::Instant::now();
    let elapsed = passing_unanswered(async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        // What is under way does not let the clock pass, however long it takes.
        let work = tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(300)));
        let limited = tokio::time::timeout(Duration::from_millis(100), stand::clock::really(work));
        limited.await.expect("no time-out").unwrap();
        virtual_start.elapsed()
    })
    .await;
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!((60..61).contains(&elapsed.as_secs()), "{elapsed:?}");
}
