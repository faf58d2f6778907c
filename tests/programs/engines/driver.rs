//! A browser of the chosen engine, under its WebDriver.

use std::env;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use thirtyfour::{Capabilities, WebDriver};
use tokio::time::sleep;

use crate::browser::chromium::chromium;
use support::process::Process;

const START: Duration = Duration::from_secs(60);

/// Fields are dropped in order: the browser is closed while its driver still runs.
pub(crate) struct Engine {
    pub(crate) driver: WebDriver,
    _processes: Vec<Process>,
    _files: TempDir,
}

/// The engine to test.
pub(crate) fn name() -> String {
    env::var("ENGINE").unwrap_or_else(|_| "chromium".to_owned())
}

impl Engine {
    pub(crate) async fn start() -> Self {
        let files = tempfile::tempdir().unwrap();
        let (processes, driver) = match &*name() {
            "chromium" => {
                let (driver, process) = chromium(&files).await;
                (vec![process], driver)
            }
            "firefox" => {
                let port = free_port();
                let mut command = Command::new("geckodriver");
                command.args(["--port", &port]).env("HOME", files.path());
                let process = started(&mut command, &files);
                let mut wanted = Capabilities::new();
                wanted.set("browserName", "firefox").unwrap();
                let options = json!({ "args": ["-headless"] });
                wanted.set("moz:firefoxOptions", options).unwrap();
                (vec![process], connected(&port, wanted).await)
            }
            "webkit" => {
                // Of WebKitGTK there is no headless form.
                let mut command = Command::new("Xvfb");
                command.args(["-displayfd", "1", "-screen", "0", "1280x1024x24"]);
                let mut screen = started(command.args(["-nolisten", "tcp"]), &files);
                let display = format!(":{}", screen.says("").await);
                let port = free_port();
                let mut command = Command::new("WebKitWebDriver");
                command
                    .arg(format!("--port={port}"))
                    .env("DISPLAY", display)
                    .env("HOME", files.path())
                    // Its sandbox does not work as root, as in containers.
                    .env("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1")
                    .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
                    .env("NO_AT_BRIDGE", "1");
                let process = started(&mut command, &files);
                let mut wanted = Capabilities::new();
                wanted.set("browserName", "MiniBrowser").unwrap();
                let options = json!({ "args": ["--automation"], "binary": mini_browser() });
                wanted.set("webkitgtk:browserOptions", options).unwrap();
                (vec![process, screen], connected(&port, wanted).await)
            }
            other => panic!("ENGINE={other}: chromium, firefox or webkit"),
        };
        Self {
            driver,
            _processes: processes,
            _files: files,
        }
    }
}

fn started(command: &mut Command, files: &TempDir) -> Process {
    let program = command.get_program().to_owned();
    Process::start(command, files.path()).unwrap_or_else(|error| {
        let advice = "run scripts/requirements engines, which installs it";
        panic!("{}: {error}; {advice}", program.display())
    })
}

fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

/// Where Debian has it: below the folder of the machine's architecture.
fn mini_browser() -> String {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let mut paths = folders.map(|folder| folder.path().join("webkit2gtk-4.1/MiniBrowser"));
    let found = paths.find(|path| path.exists());
    let found = found.expect("MiniBrowser: run scripts/requirements engines, which installs it");
    found.to_str().unwrap().to_owned()
}

async fn connected(port: &str, wanted: Capabilities) -> WebDriver {
    let deadline = Instant::now() + START;
    let client = reqwest::Client::builder().no_proxy().timeout(START);
    let client = client.pool_max_idle_per_host(0).build().unwrap();
    loop {
        let address = format!("http://127.0.0.1:{port}");
        let builder = WebDriver::builder(address, wanted.clone());
        match builder.client(client.clone()).connect().await {
            Ok(driver) => return driver,
            Err(error) if Instant::now() > deadline => panic!("no session: {error}"),
            Err(_) => sleep(Duration::from_millis(200)).await,
        }
    }
}
