//! An add-on of the simulated Heroku: one resource of the partner's.

use time::OffsetDateTime;
use uuid::Uuid;

use super::sign_in;
use super::state::{AddOnRecord, Presence, Shared};
use super::{App, SignInForm, Simulator};
use crate::ids::ResourceId;

/// The handle of an add-on.
///
/// [`provision`](Self::provision), [`change_plan`](Self::change_plan) and
/// [`deprovision`](Self::deprovision) call the partner; the rest happens on Heroku's side alone.
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
    pub fn resource_id(&self) -> ResourceId {
        self.id.into()
    }

    /// The add-on's name at Heroku.
    pub fn name(&self) -> String {
        self.with(|addon| addon.name.clone())
    }

    /// The plan, without the slug before it.
    pub fn plan(&self) -> String {
        self.with(|addon| addon.plan.clone())
    }

    /// The app that it is on.
    pub fn app(&self) -> App {
        let id = self.with(|addon| addon.app);
        App::new(&self.simulator, id)
    }

    /// Where Heroku signs people in to this add-on: a page of the dashboard.
    pub fn web_url(&self) -> String {
        let addon = self.with(|addon| addon.clone());
        web_url(&self.simulator.shared, &addon)
    }

    /// A fresh OAuth grant code: good once, for 5 minutes.
    pub fn grant_code(&self) -> String {
        let now = self.simulator.shared.clock.now();
        let mut state = self.simulator.shared.state();
        state.authorizations.grant(self.id, now)
    }

    /// Moves it to another app, which then is the one that the API names.
    pub fn move_to(&self, app: &App) -> &Self {
        self.change(|addon| addon.app = app.id)
    }

    /// Takes it away without a word to the partner: the API answers 404, tokens stay good.
    pub fn remove(&self) -> &Self {
        self.change(|addon| addon.presence = Presence::Removed)
    }

    /// As [`remove`](Self::remove), but the API answers 410.
    pub fn gone(&self) -> &Self {
        self.change(|addon| addon.presence = Presence::Gone)
    }

    /// The form that the browser of this person posts to the add-on now, with both tokens of
    /// version 3. Anybody can have one: Heroku's own check is not simulated.
    pub fn sign_in_form(&self, email: &str) -> SignInForm {
        self.sign_in_form_at(email, self.simulator.shared.clock.now())
    }

    /// The same, signed at another time.
    pub fn sign_in_form_at(&self, email: &str, at: OffsetDateTime) -> SignInForm {
        sign_in::version_3(&self.simulator.shared, self.id, email, at)
    }

    /// The form of version 1: `id` (the partner's own) and `token`, nothing that version 3 added.
    pub fn legacy_sign_in_form(&self, email: &str) -> SignInForm {
        let now = self.simulator.shared.clock.now();
        sign_in::version_1(&self.simulator.shared, self.id, email, now)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut AddOnRecord)) -> &Self {
        let now = self.simulator.shared.now();
        self.with(|addon| {
            change(addon);
            addon.updated_at = now;
        });
        self
    }

    pub(super) fn with<T>(&self, use_it: impl FnOnce(&mut AddOnRecord) -> T) -> T {
        let mut state = self.simulator.shared.state();
        use_it(
            state
                .addon_mut(self.id)
                .expect("add-ons are never forgotten"),
        )
    }
}

pub(super) fn web_url(shared: &Shared, addon: &AddOnRecord) -> String {
    let (host, app, id) = (shared.dashboard_url(), addon.app, addon.id);
    format!("{host}/apps/{app}/addons/{id}")
}
