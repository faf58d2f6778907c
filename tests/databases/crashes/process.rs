//! Control of the add-on's process.

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
        // Only one authority: reading those of the system takes half of the start.
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

    /// Kills it with SIGKILL and returns its log.
    pub fn kill(mut self) -> String {
        self.process.kill();
        self.process.log()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Its answer to a command of the test; none if it ends before.
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
