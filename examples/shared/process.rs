//! Logging, errors and graceful shutdown of a process.

use std::error::Error;
use std::io::IsTerminal;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Logs at the level in `RUST_LOG` (`info`, or `tower_heroku_sso=debug,info`), or at `default` without it.
///
/// # Panics
/// If `RUST_LOG` is invalid.
pub fn log_to_stderr(default: &str) {
    let wanted = std::env::var("RUST_LOG").unwrap_or_else(|_| default.to_owned());
    let targets: Targets = wanted.parse().expect("RUST_LOG");
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .init();
}

/// The error with its causes, such as a missing key or an unreachable server.
pub fn explain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

pub async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        // Without a signal handler the process ends immediately on a signal.
        Err(_) => std::future::pending().await,
    }
}
