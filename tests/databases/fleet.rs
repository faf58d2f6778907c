//! The dashboard as several processes on one database.

use std::process::Command;

use heroku_addon_simulator::{AddOn, Simulator};
use support::browser::Browser;
use support::running::Running;

use crate::place::{Place, Postgres};

/// The key that encrypts the tokens in its database.
pub const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub struct Fleet {
    pub heroku: Simulator,
    pub database: String,
    pub dashboards: Vec<Running>,
}

impl Fleet {
    /// This many processes on their own Postgres database.
    pub async fn on_postgres(size: usize) -> Self {
        Self::on(Postgres::new().await.url, size).await
    }

    pub async fn on(database: String, size: usize) -> Self {
        let heroku = Simulator::start().await.unwrap();
        let mut fleet = Self {
            heroku,
            database,
            dashboards: Vec::new(),
        };
        // Concurrently, as in a release.
        let mut starting = tokio::task::JoinSet::new();
        for _ in 0..size {
            let variables = fleet.variables();
            starting.spawn(async move { Self::started(&variables).await });
        }
        fleet.dashboards = starting.join_all().await;
        if size > 0 {
            fleet.heroku_calls(0);
        }
        fleet
    }

    /// A process of another program, as of another release, on the same database.
    pub async fn start_program(&self, program: &str) -> Running {
        let mut command = Command::new(program);
        command.env_clear();
        Running::start_program(command, "add-on", &self.variables(), false).await
    }

    /// Another process on the same database.
    pub async fn start_one(&self) -> Running {
        Self::started(&self.variables()).await
    }

    /// The same with additional environment variables.
    pub async fn start_one_with(&self, more: &[(&'static str, String)]) -> Running {
        Self::started(&[&self.variables(), more].concat()).await
    }

    async fn started(variables: &[(&'static str, String)]) -> Running {
        Running::start("dashboard", "add-on", variables, false).await
    }

    /// Directs Heroku's calls to this process.
    pub fn heroku_calls(&self, index: usize) {
        let address = self.dashboards[index].address;
        self.heroku
            .settings()
            .set_partner_url(format!("http://{address}"));
    }

    /// Kills a process with SIGKILL.
    pub fn kill(&mut self, index: usize) {
        drop(self.dashboards.remove(index));
    }

    /// An add-on of an app with an owner and one collaborator, Ann.
    pub async fn addon(&self) -> AddOn {
        let app = self.heroku.app("shop").collaborator("ann@example.com");
        let addon = app.addon();
        assert_eq!(addon.provision().await.unwrap().status, 200);
        addon
    }

    pub async fn signed_in(&self, index: usize, addon: &AddOn, email: &str) -> Browser {
        let browser = self.dashboards[index].browser();
        let answer = browser.submit(&addon.sign_in_form(email)).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser
    }

    /// The same browser at another process.
    pub fn at(&self, index: usize, browser: &Browser) -> Browser {
        browser.at(self.dashboards[index].address)
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("HEROKU_ADDON_SLUG", self.heroku.slug()),
            ("HEROKU_ADDON_PASSWORD", self.heroku.password()),
            ("HEROKU_SSO_SALT", self.heroku.sso_salt()),
            ("HEROKU_CLIENT_SECRET", self.heroku.client_secret()),
            ("HEROKU_API_URL", self.heroku.url()),
            ("HEROKU_ID_URL", self.heroku.url()),
            ("REFRESH_INTERVAL_SECS", "120".into()),
            ("INSECURE_COOKIES", "1".into()),
            ("DATABASE_URL", self.database.clone()),
            ("TOKEN_ENCRYPTION_KEY", KEY.into()),
        ]
    }
}

/// Makes the process fetch the list of the signed-in user's resource.
pub async fn refresh(browser: &Browser) {
    let request = browser.request(reqwest::Method::POST, "/refresh");
    assert_eq!(browser.send(request).await.status, 303);
}
