//! The handle of a running simulator.

use std::io;
use std::sync::Arc;

use uuid::Uuid;

use super::accounts::Accounts;
use super::builder::SimulatorBuilder;
use super::calls::Calls;
use super::fault::Faults;
use super::oauth::Tokens;
use super::rate_pools::RateLimit;
use super::server::Server;
use super::settings::Settings;
use super::shared::Shared;
use super::webhooks::Webhooks;
use super::world::{AppRecord, Owner, TeamRecord};
use super::{App, Team, demo};

/// A running simulator. Its clones, and the handles of its teams, apps and add-ons, share it. It stops when
/// the last of them is dropped.
///
/// [`team`](Self::team) and [`app`](Self::app) build the simulated world. The methods without arguments that
/// return a type of this crate group what a test controls and observes: [`faults`](Self::faults),
/// [`calls`](Self::calls), [`webhooks`](Self::webhooks) and so on.
#[derive(Clone, Debug)]
#[must_use = "the simulator stops with its last handle"]
pub struct Simulator {
    pub(super) shared: Arc<Shared>,
    pub(super) server: Arc<Server>,
}

impl Simulator {
    /// Starts a simulator on `127.0.0.1`, on a free port, with random credentials. It requires a tokio
    /// runtime.
    ///
    /// # Errors
    /// The error of listening on the port.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Configures a simulator before it starts.
    pub fn builder() -> SimulatorBuilder {
        SimulatorBuilder::default()
    }

    /// The URL of the Platform API, of the id host and of the dashboard, without a path.
    pub fn url(&self) -> String {
        self.shared.url()
    }

    /// The URL for browsers: the same with the host `localhost`. For a browser it is another site than an
    /// add-on on `127.0.0.1`, as Heroku is.
    pub fn dashboard_url(&self) -> String {
        self.shared.dashboard_url()
    }

    /// The add-on's slug.
    pub fn slug(&self) -> String {
        self.shared.slug.clone()
    }

    /// The password that Heroku calls the Partner API with.
    pub fn password(&self) -> String {
        self.shared.password.clone()
    }

    /// The salt that SSO forms are signed with.
    pub fn sso_salt(&self) -> String {
        self.shared.sso_salt.clone()
    }

    /// The secret that the token exchange requires.
    pub fn client_secret(&self) -> String {
        self.shared.client_secret.clone()
    }

    /// Creates a demo world: a personal app, and two apps of one team, with six users in total and an
    /// add-on each.
    pub fn demo(&self) {
        demo::set_up(self);
    }

    /// The team of this name, created if there is none.
    pub fn team(&self, name: &str) -> Team {
        let teams = &mut self.shared.state().world.teams;
        let known = teams.of_name(name);
        let id = known.map(|team| team.id).unwrap_or_else(|| {
            let id = Uuid::new_v4();
            teams.add(TeamRecord {
                id,
                name: name.to_owned(),
                manager: Uuid::new_v4(),
                members: Vec::new(),
            });
            id
        });
        Team::new(self, id)
    }

    /// The app of this name, created if there is none: then a personal one of `owner@example.com`.
    ///
    /// Heroku's names are 3 to 30 lower-case letters, digits and `-`, a letter first. The simulator does
    /// not check that.
    pub fn app(&self, name: &str) -> App {
        let now = self.shared.now();
        let world = &mut self.shared.state().world;
        let known = world.apps.of_name(name);
        let id = known.map(|app| app.id).unwrap_or_else(|| {
            let id = Uuid::new_v4();
            let email = "owner@example.com".to_owned();
            let user = world.people.account(&email);
            world.apps.add(AppRecord {
                id,
                name: name.to_owned(),
                owner: Owner::Person { user, email },
                owner_entry: Uuid::new_v4(),
                collaborators: Vec::new(),
                created_at: now,
                updated_at: now,
            });
            id
        });
        App::new(self, id)
    }

    /// All apps, in the order they were created.
    pub fn apps(&self) -> Vec<App> {
        let state = self.shared.state();
        let apps = state.world.apps.iter();
        apps.map(|app| App::new(self, app.id)).collect()
    }

    /// The accounts of users.
    pub fn accounts(&self) -> Accounts<'_> {
        Accounts::new(&self.shared)
    }

    /// The OAuth tokens of add-ons.
    pub fn tokens(&self) -> Tokens<'_> {
        Tokens::new(&self.shared)
    }

    /// The webhooks of add-ons, and the notifications that wait for delivery.
    pub fn webhooks(&self) -> Webhooks<'_> {
        Webhooks::new(&self.shared)
    }

    /// Faults of Heroku.
    pub fn faults(&self) -> Faults<'_> {
        Faults::new(&self.shared)
    }

    /// The requests that the simulator has received.
    pub fn calls(&self) -> Calls<'_> {
        Calls::new(&self.shared)
    }

    /// Heroku's limit of calls.
    pub fn rate_limit(&self) -> RateLimit<'_> {
        RateLimit::new(&self.shared)
    }

    /// The settings that can be changed while the simulator runs.
    pub fn settings(&self) -> Settings<'_> {
        Settings::new(&self.shared)
    }

    /// Stops the server: hanging answers are dropped, and the port is closed on return. It waits at most a
    /// second for answers that are not completely read.
    pub async fn stop(&self) {
        self.server.stop().await;
    }
}
