//! The example as a child process, with its Heroku.

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
    /// With all state in memory, where leaks are visible.
    pub async fn start(refresh: Duration) -> Self {
        // Rate limiting is not tested here.
        let heroku = Simulator::builder().rate_pool(u32::MAX, u32::MAX / 60);
        let heroku = heroku.start().await.unwrap();
        let files = tempfile::tempdir().unwrap();
        let mut command = Command::new(example::built("dashboard"));
        command.env_clear();
        command.envs([
            ("PORT", "0".to_owned()),
            ("RUST_LOG", "error".to_owned()),
            // One malloc arena, as arenas per thread would fill one after another.
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
        heroku
            .settings()
            .set_partner_url(format!("http://{address}"));
        Self {
            heroku,
            address: address.parse().unwrap(),
            process,
            _files: files,
        }
    }

    /// An add-on of an app with this name and these collaborators.
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

    /// The resident bytes of its heap and stacks. Pages of its program text are not counted, as they load
    /// with use.
    pub fn memory(&self) -> usize {
        let status = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(status).expect("this test needs Linux");
        let line = status.lines().find_map(|it| it.strip_prefix("RssAnon:"));
        let line = line.expect("the process is running");
        let kilobytes = line.trim().trim_end_matches(" kB");
        kilobytes.parse::<usize>().unwrap() * 1024
    }
}
