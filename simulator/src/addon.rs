//! An add-on of the simulated Heroku: one resource of the partner's.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use super::changes::Changes;
use super::sign_in::{SignIn, SignInForm};
use super::world::Presence;
use super::{App, PartnerAnswer, PartnerUnreachable, Simulator};
use super::{body, partner};

/// The handle of an add-on.
///
/// [`provision`](Self::provision), [`change_plan`](Self::change_plan) and
/// [`deprovision`](Self::deprovision) call the partner; all other methods affect Heroku's side only.
#[derive(Clone, Debug)]
pub struct AddOn {
    pub(super) simulator: Simulator,
    pub(super) id: Uuid,
}

/// An add-on as Heroku has it now, as [`AddOn::info`] shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct AddOnInfo {
    /// The name at Heroku.
    pub name: String,
    /// The plan, without the slug before it.
    pub plan: String,
    /// The lifecycle state, as in the API: `provisioning`, `provisioned`, `deprovisioning`,
    /// `deprovisioned`.
    pub state: &'static str,
    /// The config vars that the partner has given the app.
    pub config: BTreeMap<String, String>,
    /// The log drain of the app, if the partner has answered with a URL.
    pub log_drain_url: Option<String>,
    /// The page of the dashboard where Heroku signs users in to this add-on.
    pub web_url: String,
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

    /// Its name, plan, state and so on, as they are now.
    pub fn info(&self) -> AddOnInfo {
        let state = self.simulator.shared.state();
        let addon = state.world.addons.known(self.id);
        AddOnInfo {
            name: addon.name.clone(),
            plan: addon.plan.clone(),
            state: addon.presence.name(),
            config: addon.config.clone(),
            log_drain_url: addon.log_drain_url.clone(),
            web_url: body::addon_web_url(&state.world, addon, addon.app),
        }
    }

    /// The app that it is on.
    pub fn app(&self) -> App {
        let state = self.simulator.shared.state();
        App::new(&self.simulator, state.world.addons.known(self.id).app)
    }

    /// A fresh OAuth grant code: valid once, for 5 minutes.
    pub fn grant_code(&self) -> String {
        let now = self.simulator.shared.clock.now();
        let mut state = self.simulator.shared.state();
        state.authorizations.grant(self.id, now)
    }

    /// Moves it to another app, which the API names from then on.
    pub fn move_to(&self, app: &App) -> &Self {
        self.change(|changes| changes.move_addon(self.id, app.id))
    }

    /// Marks it as provisioned without a call to the partner, who is assumed to know it.
    pub fn mark_provisioned(&self) -> &Self {
        self.change(|changes| changes.change_presence(self.id, Presence::Provisioned))
    }

    /// Removes it without a call to the partner: the API answers 404, tokens stay valid.
    pub fn remove(&self) -> &Self {
        self.change(|changes| changes.change_presence(self.id, Presence::Removed))
    }

    /// As [`remove`](Self::remove), but the API answers 410.
    pub fn gone(&self) -> &Self {
        self.change(|changes| changes.change_presence(self.id, Presence::Gone))
    }

    /// The form that the browser of this user posts to the add-on now, with both tokens of version 3. Every
    /// email gets one: Heroku's own check is not simulated. Two forms for one user from the same second are
    /// identical, and the second is rejected as used.
    pub fn sign_in_form(&self, email: &str) -> SignInForm {
        self.sign_in(email).form()
    }

    /// A sign-in of this user whose form differs from [`sign_in_form`](Self::sign_in_form): in its time, its
    /// app or its version.
    pub fn sign_in<'a>(&'a self, email: &'a str) -> SignIn<'a> {
        SignIn::new(&self.simulator.shared, self.id, email)
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

    /// Deprovisions it at the partner: `DELETE /heroku/resources/:uuid`. On 200, 204 or 410 the API rejects
    /// its tokens from then on (401), and answers 404 for it to other tokens. On 202 it does so once the
    /// partner calls `POST /addons/:id/actions/deprovision`.
    ///
    /// # Errors
    /// [`PartnerUnreachable`] if there is no answer.
    pub async fn deprovision(&self) -> Result<PartnerAnswer, PartnerUnreachable> {
        partner::deprovision(&self.simulator.shared, self.id).await
    }

    fn change(&self, change: impl FnOnce(&mut Changes<'_>)) -> &Self {
        let now = self.simulator.shared.now();
        change(&mut self.simulator.shared.state().changes(now));
        self
    }
}
