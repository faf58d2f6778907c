//! Waiting for what another process is about to do.

use std::time::Duration;

/// Sooner than a process finds out by itself: it looks at the tables every 15 seconds, and reads a
/// session anew after 5.
pub const AT_ONCE: Duration = Duration::from_secs(4);

/// For a test that hangs.
const LONG: Duration = Duration::from_secs(60);

/// Waits until it is so, which is as soon as one process hears of the other's change. How long it
/// takes is measured by the benchmarks.
pub async fn soon(what: &str, is_so: impl AsyncFn() -> bool) {
    within(AT_ONCE, what, is_so).await;
}

/// Waits until it is so, which may take as long as it takes for a lease to end or a database to start.
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
