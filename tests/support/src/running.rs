//! A running example.

use std::net::SocketAddr;
use std::process::Command;

use tempfile::TempDir;

use crate::browser::{Answer, Browser};
use crate::example;
use crate::process::Process;

pub struct Running {
    pub address: SocketAddr,
    /// The address of the example's own simulator, if any.
    pub heroku: Option<SocketAddr>,
    process: Process,
    _files: TempDir,
}

impl Running {
    /// Starts an example with its own simulator, on free ports.
    pub async fn demo(name: &str) -> Self {
        Self::start(name, "add-on", &[("SIMULATOR_PORT", "0".into())], true).await
    }

    /// Starts an example that prints a line beginning with `announces` and ending in its address.
    pub async fn start(
        name: &str,
        announces: &str,
        variables: &[(&str, String)],
        with_simulator: bool,
    ) -> Self {
        Self::start_program(command(name), announces, variables, with_simulator).await
    }

    /// The same with a program that is not an example of this workspace.
    pub async fn start_program(
        mut command: Command,
        announces: &str,
        variables: &[(&str, String)],
        with_simulator: bool,
    ) -> Self {
        let files = tempfile::tempdir().unwrap();
        command
            .env("PORT", "0")
            .envs(variables.iter().map(|(k, v)| (*k, v)));
        let mut process = Process::start(&mut command, files.path()).unwrap();
        let address = address_in(&process.says(announces).await);
        let heroku = match with_simulator {
            true => Some(address_in(&process.says("heroku simulator:").await)),
            false => None,
        };
        Self {
            address,
            heroku,
            process,
            _files: files,
        }
    }

    /// The address in another line that the example prints.
    pub async fn announced(&mut self, what: &str) -> SocketAddr {
        address_in(&self.process.says(what).await)
    }

    /// The log of the example so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    pub fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// A browser with this user signed in from the simulator's page.
    pub async fn signed_in(&self, app: &str, email: &str) -> Browser {
        let browser = self.browser();
        let answer = self.open(&browser, app, email).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser
    }

    /// The add-on's answer when this user opens it from the simulator's page.
    pub async fn open(&self, browser: &Browser, app: &str, email: &str) -> Answer {
        let form = self.sso_form(app, email).await;
        browser.submit_body("/heroku/sso", &form).await
    }

    /// The form that the simulator gives to the browser.
    pub async fn sso_form(&self, app: &str, email: &str) -> String {
        let action = self.action(app, "/open").await;
        let page = self.at_heroku(&action, &[("email", email)]).await;
        let pairs = inputs(&page.body);
        assert!(
            pairs.iter().any(|(name, _)| name == "resource_token"),
            "{}",
            page.body
        );
        form(&pairs)
    }

    /// Posts a form to the simulator.
    pub async fn at_heroku(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let heroku = Browser::new(self.heroku.expect("an example with a simulator"));
        let pairs: Vec<_> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        heroku.submit_body(path, &form(&pairs)).await
    }

    /// The action of a form in the app's card on the simulator's page.
    pub async fn action(&self, app: &str, ending: &str) -> String {
        let heroku = Browser::new(self.heroku.expect("an example with a simulator"));
        let page = heroku.get("/").await.body;
        let card = page
            .split("<article")
            .find(|card| card.contains(&format!(">{app}<")));
        let card = card.unwrap_or_else(|| panic!("no card of {app} in {page}"));
        let actions = card.split("action=\"").skip(1);
        let mut actions = actions.map(|rest| rest.split('"').next().unwrap());
        let action = actions.find(|action| action.ends_with(ending));
        action
            .unwrap_or_else(|| panic!("no {ending} of {app}"))
            .to_owned()
    }
}

/// The example, with an empty environment.
pub fn command(name: &str) -> Command {
    let mut command = Command::new(example::built(name));
    command.env_clear();
    command
}

fn address_in(announced: &str) -> SocketAddr {
    let address = announced.rsplit("http://").next().unwrap();
    address
        .replace("localhost", "127.0.0.1")
        .parse()
        .unwrap_or_else(|_| panic!("no address in `{announced}`"))
}

/// Names and values of the inputs on a page.
pub fn inputs(page: &str) -> Vec<(String, String)> {
    let inputs = page.split("<input ").skip(1);
    let pairs = inputs.filter_map(|input| {
        let name = attribute(input, "name")?;
        let value = attribute(input, "value")?;
        Some((name.to_owned(), unescape(value)))
    });
    pairs.collect()
}

pub fn form(pairs: &[(String, String)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs);
    form.finish()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let tag = tag.split('>').next()?;
    let rest = tag.split(&format!("{name}=\"")).nth(1)?;
    rest.split('"').next()
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}
