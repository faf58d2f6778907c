//! The example as a process of its own, and its Heroku.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use heroku_addon_simulator::{AddOn, Simulator};
use tempfile::TempDir;

use support::browser::Browser;
use support::example;
use support::process::Process;

pub struct Dashboard {
    pub heroku: Simulator,
    pub address: SocketAddr,
    process: Process,
    _files: TempDir,
}

impl Dashboard {
    /// With everything in memory, where whatever is kept shows.
    pub async fn start(refresh: Duration) -> Self {
        // How the sync keeps to a rate limit is not what is tried here.
        let heroku = Simulator::builder().rate_pool(u32::MAX, u32::MAX / 60);
        let heroku = heroku.start().await.unwrap();
        let files = tempfile::tempdir().unwrap();
        let mut command = Command::new(example::built("dashboard"));
        command.env_clear();
        command.envs([
            ("PORT", "0".to_owned()),
            ("RUST_LOG", "error".to_owned()),
            // The system's allocator has no heaps of its own for each thread, which fill in turn.
            ("MALLOC_ARENA_MAX", "1".to_owned()),
            ("HEROKU_ADDON_SLUG", heroku.slug()),
            ("HEROKU_ADDON_PASSWORD", heroku.password()),
            ("HEROKU_SSO_SALT", heroku.sso_salt()),
            ("HEROKU_CLIENT_SECRET", heroku.client_secret()),
            ("HEROKU_API_URL", heroku.url()),
            ("HEROKU_ID_URL", heroku.url()),
            ("REFRESH_INTERVAL_SECS", refresh.as_secs().to_string()),
            ("INSECURE_COOKIES", "1".to_owned()),
        ]);
        let mut process = Process::start(&mut command, files.path()).unwrap();
        let announced = process.says("add-on").await;
        let address = announced.rsplit("http://").next().unwrap();
        heroku.set_partner_url(format!("http://{address}"));
        Self {
            heroku,
            address: address.parse().unwrap(),
            process,
            _files: files,
        }
    }

    /// The add-on of an app of that name with these collaborators.
    pub async fn addon(&self, app: &str, people: &[String]) -> AddOn {
        let mut app = self.heroku.app(app);
        for email in people {
            app = app.collaborator(email);
        }
        let addon = app.addon();
        assert_eq!(addon.provision().await.unwrap().status, 200);
        addon
    }

    pub fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// The bytes of its heap and stacks that are resident. Of its program, more pages come in with
    /// each new thing that it does, which is no growth.
    pub fn memory(&self) -> usize {
        let status = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(status).expect("this test wants Linux");
        let line = status.lines().find_map(|it| it.strip_prefix("RssAnon:"));
        let line = line.expect("the process is there");
        let kilobytes = line.trim().trim_end_matches(" kB");
        kilobytes.parse::<usize>().unwrap() * 1024
    }
}
