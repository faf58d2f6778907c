//! A browser, an add-on, and the simulated Heroku.

use std::env;
use std::process::Command;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use tempfile::TempDir;
use thirtyfour::prelude::*;
use time::OffsetDateTime;
use tokio::sync::MutexGuard;
use tokio::time::sleep;

use crate::browser::chromium::{TURN, chromium};
use crate::browser::page::{self, BETWEEN_LOOKS, PATIENCE, Page};
use support::example;
use support::process::Process;

pub(crate) const SESSION: &str = "__Host-heroku_sso";
pub(crate) const HINT: &str = "__Host-heroku_sso_hint";

/// The default.
pub(crate) const MAX_SESSION: Duration = Duration::from_secs(90 * 60);
/// Long enough that no list is refreshed during a test without a request.
pub(crate) const REFRESH_INTERVAL: Duration = Duration::from_secs(300);

/// Fields are dropped in order: the browser is closed while its driver still runs.
pub(crate) struct Visit {
    pub(crate) driver: WebDriver,
    /// `http://127.0.0.1:…`
    addon: String,
    /// `http://localhost:…`
    heroku: String,
    _chromedriver: Process,
    _example: Process,
    _files: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Visit {
    pub(crate) async fn start() -> Self {
        Self::with_refresh_interval(REFRESH_INTERVAL).await
    }

    pub(crate) async fn with_refresh_interval(interval: Duration) -> Self {
        let interval = interval.as_secs().to_string();
        let variables = [
            ("INSECURE_COOKIES", "0"),
            ("REFRESH_INTERVAL_SECS", &*interval),
        ];
        let visit = Self::of_example("dashboard", "add-on dashboard:", &variables).await;
        visit.all_provisioned().await;
        visit
    }

    /// One of the small examples.
    pub(crate) async fn of_demo(name: &str) -> Self {
        Self::of_example(name, "add-on:", &[]).await
    }

    async fn of_example(name: &str, announces: &str, variables: &[(&str, &str)]) -> Self {
        let turn = TURN.lock().await;
        let files = tempfile::tempdir().unwrap();

        let mut command = Command::new(example::built(name));
        for (variable, _) in env::vars_os() {
            // The caller's settings are not the tests' settings.
            let set = variable.to_string_lossy();
            if set.starts_with("HEROKU_")
                || ["BIND", "DATABASE_URL", "MAX_SESSION_SECS"].contains(&&*set)
            {
                command.env_remove(&variable);
            }
        }
        // Port 0: any free port. The example prints it.
        command
            .env("PORT", "0")
            .env("SIMULATOR_PORT", "0")
            .env("FORGE_PORT", "0")
            .env("RUST_LOG", "info")
            .envs(variables.iter().copied());
        let mut example = Process::start(&mut command, files.path()).unwrap();
        let addon = example.says(announces).await;
        let heroku = example.says("heroku simulator:").await;

        let (driver, chromedriver) = chromium(&files).await;

        Self {
            driver,
            addon,
            heroku,
            _chromedriver: chromedriver,
            _example: example,
            _files: files,
            _turn: turn,
        }
    }

    /// Opens the app's add-on from Heroku's page, as a listed user.
    pub(crate) async fn open_as(&self, app: &str, email: &str) {
        self.go_to_heroku().await;
        self.press_in_row(app, email, "open").await;
    }

    /// Forms have a resolution of a second: a second sign-in within one second would replay the first form.
    pub(crate) async fn a_second_passes(&self) {
        let second = || OffsetDateTime::now_utc().unix_timestamp();
        let now = second();
        while second() == now {
            sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Opens it as an unlisted user.
    pub(crate) async fn open_as_a_stranger(&self, app: &str) {
        self.go_to_heroku().await;
        let form = "form[contains(@action, '/open') and .//input[@type='email']]";
        self.press(&format!("{}//{form}//button", card(app))).await;
    }

    /// Removes a user from the app's list at Heroku.
    pub(crate) async fn remove(&self, app: &str, email: &str) {
        self.go_to_heroku().await;
        self.press_in_row(app, email, "people/remove").await;
        let notice = format!("{email} was removed.");
        self.until(&notice, |page| page.text.contains(&notice))
            .await;
    }

    pub(crate) async fn log_out_of_heroku(&self) {
        self.go_to_heroku().await;
        self.press("//form[@action='/log-out']//button").await;
        self.until("no user is logged in", |page| {
            page.headings == ["Apps"] && !page.text.contains("Logged in as")
        })
        .await;
    }

    pub(crate) async fn go_to_heroku(&self) {
        self.driver.goto(&self.heroku).await.unwrap();
        self.sees("Apps").await;
    }

    /// Navigates to a path, as from a bookmark.
    pub(crate) async fn go_to_addon(&self, path: &str) {
        let url = format!("{}{path}", self.addon);
        self.driver.goto(url).await.unwrap();
    }

    pub(crate) async fn follow_link(&self, name: &str) {
        self.press(&format!("//a[normalize-space()='{name}']"))
            .await;
    }

    /// Presses the button with this name.
    pub(crate) async fn press_button(&self, name: &str) {
        self.press(&format!("//button[normalize-space()='{name}']"))
            .await;
    }

    /// Presses "Refresh now" and waits for the page that shows the newer list.
    pub(crate) async fn refresh_list(&self) {
        let before = self.list_time().await;
        self.press_button("Refresh now").await;
        let deadline = Instant::now() + PATIENCE;
        while self.list_time().await == before {
            assert!(
                Instant::now() < deadline,
                "no newer list within {PATIENCE:?}"
            );
            sleep(BETWEEN_LOOKS).await;
        }
        self.sees("Dashboard").await;
    }

    /// The fetch time of the list on the page; none during a navigation.
    async fn list_time(&self) -> Option<String> {
        let time = "const age = document.getElementById('age'); return age && age.dateTime";
        self.try_read(time).await.ok().flatten()
    }

    /// Waits for the page with this heading, at the add-on or at Heroku.
    pub(crate) async fn sees(&self, heading: &str) -> Page {
        page::sees(&self.driver, heading).await
    }

    /// Waits for a complete page that matches.
    pub(crate) async fn until(&self, what: &str, is_right: impl Fn(&Page) -> bool) -> Page {
        page::until(&self.driver, what, is_right).await
    }

    /// The result of a script.
    pub(crate) async fn read<T: DeserializeOwned>(&self, script: &str) -> T {
        self.try_read(script).await.unwrap()
    }

    async fn try_read<T: DeserializeOwned>(&self, script: &str) -> WebDriverResult<T> {
        self.driver.execute(script, vec![]).await?.convert()
    }

    /// The cookies of the page's site, including HttpOnly ones.
    pub(crate) async fn cookie(&self, name: &str) -> Option<Cookie> {
        let cookies = self.driver.get_all_cookies().await.unwrap();
        cookies.into_iter().find(|cookie| cookie.name == name)
    }

    pub(crate) async fn press_key(&self, key: Key) {
        let keys = self.driver.action_chain().send_keys(key);
        keys.perform().await.unwrap();
    }

    async fn press_in_row(&self, app: &str, email: &str, action: &str) {
        let row = format!("{}//tr[@data-email='{email}']", card(app));
        let form = format!("form[contains(@action, '/{action}')]");
        self.press(&format!("{row}//{form}//button")).await;
    }

    async fn press(&self, xpath: &str) {
        let button = self.driver.find(By::XPath(xpath)).await;
        let button = button.unwrap_or_else(|error| panic!("no {xpath}: {error}"));
        button.click().await.unwrap();
    }

    /// Waits until the example has provisioned its add-ons.
    async fn all_provisioned(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.go_to_heroku().await;
            let page = Page::read(&self.driver).await.unwrap();
            if !page.text.contains("not provisioned") {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "still not provisioned: {page:#?}"
            );
            sleep(BETWEEN_LOOKS).await;
        }
    }
}

/// The app's card on Heroku's page.
fn card(app: &str) -> String {
    format!("//article[.//h2[normalize-space()='{app}']]")
}
