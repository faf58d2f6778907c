//! Waiting for what another process is about to do.

use std::time::Duration;

/// Waits until it is so. The limit is for a test that hangs; how long it takes is measured by the
/// benchmarks.
pub async fn soon(what: &str, is_so: impl AsyncFn() -> bool) {
    let met = async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        while !is_so().await {
            pause.tick().await;
        }
    };
    let met = tokio::time::timeout(Duration::from_secs(60), met).await;
    met.unwrap_or_else(|_| panic!("{what}: not within a minute"));
}
