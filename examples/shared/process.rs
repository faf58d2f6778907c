//! What a process owes whoever runs it: a log, and an end when it is told to.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

pub fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env();
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| "info".into()))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
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
