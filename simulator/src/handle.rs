//! The handle of a running simulator.

use std::io;
use std::sync::Arc;

use uuid::Uuid;

use super::builder::{SimulatorBuilder, without_slash};
use super::calls::{Endpoint, RecordedRequest};
use super::fault::Fault;
use super::records::{AppRecord, Owner, TeamRecord};
use super::server::Server;
use super::shared::Shared;
use super::{AddOn, App, Team, demo};

/// A running simulator. Its clones, and the handles of its teams, apps and add-ons, share it. It stops when
/// the last of them is dropped.
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

    /// Sets the base URL of the add-on, without a path.
    pub fn set_partner_url(&self, url: impl AsRef<str>) {
        self.shared.state().partner_url = without_slash(url.as_ref());
    }

    /// Sets the number of entries in a page of a list: 1 to 1000.
    pub fn set_page_size(&self, entries: usize) {
        self.shared.state().page_size = entries;
    }

    /// Whether a refresh gives a new refresh token and ends the old one (the default), or keeps the old one
    /// and answers without a refresh token.
    pub fn rotate_refresh_tokens(&self, rotate: bool) {
        self.shared.state().rotate_refresh_tokens = rotate;
    }

    /// Creates a demo world: a personal app, and two apps of one team, with six users in total and an
    /// add-on each.
    pub fn demo(&self) {
        demo::set_up(self);
    }

    /// The team of this name, created if there is none.
    pub fn team(&self, name: &str) -> Team {
        let mut state = self.shared.state();
        let known = state.teams.of_name(name);
        let id = known.map(|team| team.id).unwrap_or_else(|| {
            let id = Uuid::new_v4();
            let manager = Uuid::new_v4();
            state.teams.add(TeamRecord {
                id,
                name: name.to_owned(),
                manager,
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
        let mut state = self.shared.state();
        let known = state.apps.of_name(name);
        let id = known.map(|app| app.id).unwrap_or_else(|| {
            let id = Uuid::new_v4();
            let email = "owner@example.com".to_owned();
            let user = state.user(&email);
            state.apps.add(AppRecord {
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
        let apps = state.apps.iter();
        apps.map(|app| App::new(self, app.id)).collect()
    }

    /// The account of a user: one per address, regardless of case.
    pub fn user_id(&self, email: &str) -> Uuid {
        self.shared.state().user(email)
    }

    /// Gives the address to this account. Lists keep the account that they name until the user is added to
    /// them again.
    pub fn set_user_id(&self, email: &str, account: Uuid) {
        self.shared.state().people.set_account(email, account);
    }

    /// Moves the address to another account, as after its holder has left Heroku, and returns that account.
    /// Lists keep the account that they name until the user is added to them again.
    pub fn new_account(&self, email: &str) -> Uuid {
        self.shared.state().people.new_account(email)
    }

    /// Gives the account of a user another address, on all lists, as that user can at Heroku. No webhook
    /// reports it. The previous address is free: the next user with that address has another account.
    pub fn change_email(&self, from: &str, to: &str) {
        let now = self.shared.now();
        self.shared.state().change_email(from, to, now);
    }

    /// Switches a fault on, until it is cleared. It replaces the current fault of that endpoint. A fault of
    /// a single endpoint takes precedence over one for [`Endpoint::Any`].
    pub fn fault(&self, endpoint: Endpoint, fault: Fault) {
        self.shared.state().faults.set(endpoint, fault, None);
    }

    /// Switches a fault on for the next `times` calls.
    pub fn fault_times(&self, endpoint: Endpoint, fault: Fault, times: usize) {
        self.shared.state().faults.set(endpoint, fault, Some(times));
    }

    /// Switches off the fault that was set for exactly this endpoint.
    pub fn clear_fault(&self, endpoint: Endpoint) {
        self.shared.state().faults.clear(endpoint);
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.shared.state().faults.clear_all();
    }

    /// How often an endpoint was called, regardless of the answer.
    pub fn calls(&self, endpoint: Endpoint) -> usize {
        self.shared.state().log.count(endpoint)
    }

    /// How often an endpoint answered with a status. Cut connections are not counted.
    pub fn calls_answered(&self, endpoint: Endpoint, status: u16) -> usize {
        self.shared.state().log.count_answered(endpoint, status)
    }

    /// Clears the log and the counts of calls.
    pub fn reset_calls(&self) {
        self.shared.state().log.clear();
    }

    /// The calls so far, in order of arrival: the newest 10,000 of them, without those of the dashboard.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.state().log.requests()
    }

    /// Revokes the current grants and tokens of an add-on. A new grant is valid again.
    pub fn revoke_tokens(&self, addon: &AddOn) {
        self.shared.state().authorizations.revoke(addon.id);
    }

    /// Ends all access tokens as if their 8 hours were over. Refresh tokens stay valid.
    pub fn expire_access_tokens(&self) {
        self.shared.state().authorizations.expire_access();
    }

    /// Stops the server: hanging answers are dropped, and the port is closed on return. It waits at most a
    /// second for answers that are not completely read.
    pub async fn stop(&self) {
        self.server.stop().await;
    }
}
