//! A headless Chromium with a new profile, under its chromedriver.

use std::process::Command;
use std::time::Duration;

use support::process::Process;
use tempfile::TempDir;
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities;
use thirtyfour::{ChromeCapabilities, LoggingPrefsLogLevel, WebDriver};
use tokio::sync::Mutex;

/// The time limit for a single command.
const COMMAND: Duration = Duration::from_secs(60);

/// One browser at a time: a Chromium keeps a small machine busy.
pub(crate) static TURN: Mutex<()> = Mutex::const_new(());

/// How often chromedriver may fail to start.
const STARTS: usize = 3;

/// Starts both, with their files in this directory. Drop the browser first, while its driver still runs.
pub(crate) async fn chromium(files: &TempDir) -> (WebDriver, Process) {
    for _ in 0..STARTS {
        let mut command = Command::new("chromedriver");
        let chromedriver = Process::start(command.arg("--port=0"), files.path());
        let mut chromedriver = chromedriver.unwrap_or_else(|error| {
            panic!("chromedriver: {error}; run scripts/test, which installs it")
        });
        let says = "ChromeDriver was started successfully on port ";
        // It chooses a free port of IPv4, and exits if the same one of IPv6 is taken.
        if let Some(port) = chromedriver.says_or_exits(says).await {
            let browser = connected(port.trim_end_matches('.'), files).await;
            return (browser, chromedriver);
        }
    }
    panic!("chromedriver exited {STARTS} times");
}

async fn connected(port: &str, files: &TempDir) -> WebDriver {
    let mut wanted = ChromeCapabilities::new();
    let profile = files.path().join("profile");
    let profile = format!("--user-data-dir={}", profile.display());
    for flag in [
        "--headless=new",
        // Chromium's sandbox does not work as root, as in containers; it visits only our own pages.
        "--no-sandbox",
        // Containers have a small /dev/shm.
        "--disable-dev-shm-usage",
        "--disable-gpu",
        // No requests except to the two servers of the test.
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-quic",
        "--disable-sync",
        "--no-first-run",
        "--no-proxy-server",
        &profile,
    ] {
        wanted.add_arg(flag).unwrap();
    }
    wanted
        .set_browser_log_level(LoggingPrefsLogLevel::All)
        .unwrap();
    let client = reqwest::Client::builder().no_proxy().timeout(COMMAND);
    // A dropped `WebDriver` ends its session from another runtime, where pooled connections of this runtime
    // would hang.
    let client = client.pool_max_idle_per_host(0);
    WebDriver::builder(format!("http://127.0.0.1:{port}"), wanted)
        .client(client.build().unwrap())
        .connect()
        .await
        .unwrap_or_else(|error| {
            panic!("Chromium does not start: {error}; run scripts/test, which installs it")
        })
}
