//! The add-on's process, from outside.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;
use support::browser::{Browser, client};
use support::process::Process;
use tempfile::TempDir;
use tower_heroku_sso::ResourceId;

use crate::crashes::child::{SETUP, TEST};

pub struct AddonProcess {
    pub address: SocketAddr,
    process: Process,
    _files: TempDir,
}

impl AddonProcess {
    pub async fn start(setup: &Value) -> Self {
        let files = tempfile::tempdir().unwrap();
        let mut itself = Command::new(std::env::current_exe().unwrap());
        // One authority in place of all: to read those of the system takes half of the start.
        let authority = support::root().join("tests/suite/tls/certificates/authority.pem");
        itself
            .env("SSL_CERT_FILE", authority)
            .env_remove("SSL_CERT_DIR")
            .args(["--exact", TEST, "--nocapture", "--test-threads=1"])
            .env(SETUP, setup.to_string());
        let mut process = Process::start(&mut itself, files.path()).unwrap();
        let address = process.says("listens at ").await.parse().unwrap();
        Self {
            address,
            process,
            _files: files,
        }
    }

    /// Ends it with SIGKILL. Returns all that it has logged.
    pub fn kill(mut self) -> String {
        self.process.kill();
        self.process.log()
    }

    /// Its number at the system.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn log(&self) -> String {
        self.process.log()
    }

    /// What it answers to a test's own request; none if it ends before.
    pub fn asks(
        &self,
        path: &str,
        body: impl Into<String>,
    ) -> impl Future<Output = Option<String>> + Send + 'static {
        let url = format!("http://{}/control/{path}", self.address);
        let request = client().post(url).body(body.into());
        async move { request.send().await.ok()?.text().await.ok() }
    }

    pub async fn refresh(&self, id: &ResourceId) -> String {
        self.ask(&format!("refresh/{id}"), "").await
    }

    pub async fn ask(&self, path: &str, body: &str) -> String {
        self.asks(path, body).await.expect("it runs")
    }

    pub fn browser(&self) -> Browser {
        Browser::new(self.address)
    }
}
