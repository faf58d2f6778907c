//! Waits for the effect of another process.

use std::time::Duration;

/// Shorter than the polling: a process reads the tables every 15 seconds, and a cached session after 5.
pub const BY_EVENT: Duration = Duration::from_secs(4);

/// The limit for a hanging test.
const LONG: Duration = Duration::from_secs(60);

/// Waits until the condition holds, within the time of an event. The benchmarks measure the actual time.
pub async fn soon(what: &str, is_so: impl AsyncFn() -> bool) {
    within(BY_EVENT, what, is_so).await;
}

/// Waits until the condition holds, long enough for a lease to expire or a database to start.
pub async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    within(LONG, what, is_so).await;
}

async fn within(limit: Duration, what: &str, is_so: impl AsyncFn() -> bool) {
    let met = async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        while !is_so().await {
            pause.tick().await;
        }
    };
    let met = tokio::time::timeout(limit, met).await;
    met.unwrap_or_else(|_| panic!("{what}: not within {limit:?}"));
}
