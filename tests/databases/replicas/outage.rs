//! The database fails and recovers.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::fleet::{Fleet, refresh};
use crate::replicas::soon::eventually;

/// A Postgres server for this test.
struct Server {
    files: TempDir,
    port: u16,
}

impl Server {
    fn start() -> Self {
        let files = TempDir::new().unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;

            // It may run as another user.
            let open = std::fs::Permissions::from_mode(0o711);
            std::fs::set_permissions(files.path(), open).unwrap();
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let server = Self { files, port };
        server.switch_on();
        server
    }

    fn switch_on(&self) {
        self.run(&["start", &self.data(), &self.port.to_string()]);
    }

    /// Stops it immediately, as a crash would.
    fn switch_off(&self) {
        self.run(&["stop", &self.data()]);
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn data(&self) -> String {
        self.files.path().join("data").display().to_string()
    }

    fn run(&self, arguments: &[&str]) {
        let script = support::root().join("scripts/postgres");
        let status = Command::new(script).args(arguments).status().unwrap();
        assert!(status.success(), "scripts/postgres {arguments:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let running = Path::new(&self.data()).join("postmaster.pid").exists();
        if running && !std::thread::panicking() {
            self.switch_off();
        } else if running {
            // Ignores errors, as the test has already failed.
            let script = support::root().join("scripts/postgres");
            let _ = Command::new(script).args(["stop", &self.data()]).status();
        }
    }
}

#[tokio::test]
async fn r7_database_outage_ends_no_session_and_needs_no_restart() {
    let server = Server::start();
    let fleet = Fleet::on(server.url(), 2).await;
    let addon = fleet.addon().await;
    let ann = fleet.signed_in(0, &addon, "ann@example.com").await;
    let there = fleet.at(1, &ann);
    assert_eq!(ann.fetch("/whoami").await.status, 200);
    assert_eq!(there.fetch("/whoami").await.status, 200);

    server.switch_off();
    // Longer than a session is cached.
    let mut pause = tokio::time::interval(std::time::Duration::from_millis(500));
    for _ in 0..14 {
        pause.tick().await;
        assert_eq!(ann.fetch("/whoami").await.status, 200);
        assert_eq!(there.fetch("/whoami").await.status, 200);
    }
    let form = addon.sign_in_form("owner@example.com");
    let stranger = fleet.dashboards[0].browser();
    let answer = stranger.submit(&form).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    assert!(answer.set_cookies().is_empty());
    // A session that is in no cache cannot be verified.
    let other = fleet.dashboards[0].browser();
    other.set_cookie("heroku_sso", "AAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(other.fetch("/whoami").await.status, 503);

    server.switch_on();
    // The failed attempt did not consume the form.
    eventually("sign-ins work again", async || {
        fleet.dashboards[0].browser().submit(&form).await.status == 303
    })
    .await;
    // Events arrive again in both directions.
    let owner = fleet.signed_in(1, &addon, "owner@example.com").await;
    addon.app().remove("ann@example.com");
    refresh(&owner).await;
    eventually("ann is rejected by both", async || {
        ann.fetch("/whoami").await.status != 200 && there.fetch("/whoami").await.status != 200
    })
    .await;
}
