//! What a process owes whoever runs it: a log, and an end when it is told to.

use std::io::IsTerminal;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Writes what `RUST_LOG` names (`info`, or `tower_heroku_sso=debug,info`), and `default` without it.
///
/// # Panics
/// If `RUST_LOG` cannot be read.
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

pub async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        // Without a signal handler the process just ends when it is told to.
        Err(_) => std::future::pending().await,
    }
}
