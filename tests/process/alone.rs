//! Runs a test in its own process.

use std::process::Command;

const CHILD: &str = "TEST_RUNS_ALONE";

/// Runs the named test again in a child process, which executes its body.
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        return body();
    }
    let mut itself = Command::new(std::env::current_exe().unwrap());
    let itself = itself
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1");
    let output = itself.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The same for an async test.
pub(crate) fn alone_async(test: &str, body: impl Future<Output = ()>) {
    alone(test, || {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all();
        runtime.build().unwrap().block_on(body);
    });
}
