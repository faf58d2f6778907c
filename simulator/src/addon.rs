//! An add-on of the simulated Heroku: one resource of the partner's.

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::records::{AddOnRecord, Presence};
use super::state::State;
use super::{App, PartnerAnswer, PartnerUnreachable, SignInForm, Simulator};
use super::{partner, sign_in};

/// The handle of an add-on.
///
/// [`provision`](Self::provision), [`change_plan`](Self::change_plan) and
/// [`deprovision`](Self::deprovision) call the partner; all other methods affect Heroku's side only.
#[derive(Clone, Debug)]
pub struct AddOn {
    pub(super) simulator: Simulator,
    pub(super) id: Uuid,
}

impl AddOn {
    pub(super) fn new(simulator: &Simulator, id: Uuid) -> Self {
        let simulator = simulator.clone();
        Self { simulator, id }
    }

    /// The resource's UUID.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The add-on's name at Heroku.
    pub fn name(&self) -> String {
        self.with(|addon| addon.name.clone())
    }

    /// The plan, without the slug before it.
    pub fn plan(&self) -> String {
        self.with(|addon| addon.plan.clone())
    }

    /// The lifecycle state, as in the API: `provisioning`, `provisioned`, `deprovisioning`,
    /// `deprovisioned`.
    pub fn state(&self) -> &'static str {
        self.with(|addon| addon.presence.name())
    }

    /// The config vars that the partner has given the app.
    pub fn config(&self) -> BTreeMap<String, String> {
        self.with(|addon| addon.config.clone())
    }

    /// The log drain of the app, if the partner has answered with a URL.
    pub fn log_drain_url(&self) -> Option<String> {
        self.with(|addon| addon.log_drain_url.clone())
    }

    /// The app that it is on.
    pub fn app(&self) -> App {
        let id = self.with(|addon| addon.app);
        App::new(&self.simulator, id)
    }

    /// The page of the dashboard where Heroku signs users in to this add-on.
    pub fn web_url(&self) -> String {
        let state = self.simulator.shared.state();
        let addon = state.addon(self.id).expect("add-ons are never forgotten");
        state.web_url(addon)
    }

    /// A fresh OAuth grant code: valid once, for 5 minutes.
    pub fn grant_code(&self) -> String {
        let now = self.simulator.shared.clock.now();
        let mut state = self.simulator.shared.state();
        state.authorizations.grant(self.id, now)
    }

    /// Moves it to another app, which the API names from then on.
    pub fn move_to(&self, app: &App) -> &Self {
        self.change(|state, now| state.move_addon(self.id, app.id, now))
    }

    /// Attaches it to another app, which then uses it too. It stays on its own app.
    pub fn attach_to(&self, app: &App) -> &Self {
        self.change(|state, now| state.attach(self.id, app.id, now))
    }

    /// Detaches it from an app other than its own.
    pub fn detach_from(&self, app: &App) -> &Self {
        self.change(|state, now| state.detach(self.id, app.id, now))
    }

    /// Marks it as provisioned without a call to the partner, who is assumed to know it.
    pub fn mark_provisioned(&self) -> &Self {
        self.become_now(Presence::Provisioned)
    }

    /// Removes it without a call to the partner: the API answers 404, tokens stay valid.
    pub fn remove(&self) -> &Self {
        self.become_now(Presence::Removed)
    }

    /// As [`remove`](Self::remove), but the API answers 410.
    pub fn gone(&self) -> &Self {
        self.become_now(Presence::Gone)
    }

    /// The form that the browser of this user posts to the add-on now, with both tokens of version 3. Every
    /// email gets one: Heroku's own check is not simulated. Two forms for one user from the same second are
    /// identical, and the second is rejected as used.
    pub fn sign_in_form(&self, email: &str) -> SignInForm {
        self.sign_in_form_at(email, self.simulator.shared.clock.now())
    }

    /// The same form, signed at another time: a `SystemTime`, or an `OffsetDateTime` of the crate `time`.
    pub fn sign_in_form_at(&self, email: &str, at: impl Into<OffsetDateTime>) -> SignInForm {
        sign_in::version_3(&self.simulator.shared, self.id, None, email, at.into())
    }

    /// The form of a user who opens the add-on from another app: its name is the `context_app`, and `app`
    /// is the add-on's own app. Whether it is attached there is not checked.
    pub fn sign_in_form_through(&self, app: &App, email: &str) -> SignInForm {
        let now = self.simulator.shared.clock.now();
        sign_in::version_3(&self.simulator.shared, self.id, Some(app.id), email, now)
    }

    /// The form of version 1: `id` (the partner's own) and `token`, nothing that version 3 added.
    pub fn legacy_sign_in_form(&self, email: &str) -> SignInForm {
        let now = self.simulator.shared.clock.now();
        sign_in::version_1(&self.simulator.shared, self.id, email, now)
    }

    /// The body of the provisioning request, with a fresh grant each time.
    pub fn provisioning_body(&self) -> Value {
        partner::provisioning_body(&self.simulator.shared, self.id)
    }

    /// Provisions it at the partner: `POST /heroku/resources`. On 200 or 201 it is provisioned; on 202 it
    /// stays in `provisioning` until the partner calls `POST /addons/:id/actions/provision`; on any other
    /// status nothing changes.
    ///
    /// # Errors
    /// [`PartnerUnreachable`] if there is no answer. A rejection is an answer.
    pub async fn provision(&self) -> Result<PartnerAnswer, PartnerUnreachable> {
        self.provision_with(|_| ()).await
    }

    /// The same, with a modified body.
    ///
    /// # Errors
    /// [`PartnerUnreachable`] if there is no answer.
    pub async fn provision_with(
        &self,
        edit: impl FnOnce(&mut Value),
    ) -> Result<PartnerAnswer, PartnerUnreachable> {
        let mut body = self.provisioning_body();
        edit(&mut body);
        partner::provision(&self.simulator.shared, self.id, &body).await
    }

    /// Requests another plan from the partner: `PUT /heroku/resources/:uuid`. On 200 the plan is changed.
    ///
    /// # Errors
    /// [`PartnerUnreachable`] if there is no answer.
    pub async fn change_plan(&self, plan: &str) -> Result<PartnerAnswer, PartnerUnreachable> {
        partner::change_plan(&self.simulator.shared, self.id, plan).await
    }

    /// Deprovisions it at the partner: `DELETE /heroku/resources/:uuid`. On 200, 204 or 410 the API answers
    /// 404 for it from then on, and rejects its tokens; on 202 it does so once the partner calls `POST
    /// /addons/:id/actions/deprovision`.
    ///
    /// # Errors
    /// [`PartnerUnreachable`] if there is no answer.
    pub async fn deprovision(&self) -> Result<PartnerAnswer, PartnerUnreachable> {
        partner::deprovision(&self.simulator.shared, self.id).await
    }

    fn become_now(&self, presence: Presence) -> &Self {
        self.change(|state, now| state.change_presence(self.id, presence, now))
    }

    fn change(&self, change: impl FnOnce(&mut State, OffsetDateTime)) -> &Self {
        let now = self.simulator.shared.now();
        change(&mut self.simulator.shared.state(), now);
        self
    }

    fn with<T>(&self, use_it: impl FnOnce(&AddOnRecord) -> T) -> T {
        let state = self.simulator.shared.state();
        use_it(state.addon(self.id).expect("add-ons are never forgotten"))
    }
}

impl State {
    pub(super) fn web_url(&self, addon: &AddOnRecord) -> String {
        self.web_url_through(addon, addon.app)
    }

    /// The same for a user who comes from an app that the add-on is attached to.
    pub(super) fn web_url_through(&self, addon: &AddOnRecord, app: Uuid) -> String {
        let (host, id) = (&self.dashboard_url, addon.id);
        format!("{host}/apps/{app}/addons/{id}")
    }
}
