//! What can happen to apps and add-ons, whoever does it.

use time::OffsetDateTime;
use uuid::Uuid;

use super::records::{AddOnRecord, AppRecord, Owner, put_standing, remove_standing};
use super::state::State;

impl State {
    pub(super) fn rename_app(&mut self, id: Uuid, name: &str, now: OffsetDateTime) {
        self.apps.rename(id, name);
        self.change_app(id, now, |_| ());
    }

    pub(super) fn give_app(&mut self, id: Uuid, owner: Owner, now: OffsetDateTime) {
        self.change_app(id, now, |app| app.owner = owner);
    }

    /// Puts a person on an app's list, or changes what they are there.
    pub(super) fn put_collaborator(
        &mut self,
        app: Uuid,
        email: &str,
        role: &str,
        permissions: &[&str],
        now: OffsetDateTime,
    ) {
        let entry = self.standing(email, role, permissions, now);
        self.change_app(app, now, |app| put_standing(&mut app.collaborators, entry));
    }

    pub(super) fn remove_collaborator(&mut self, app: Uuid, email: &str, now: OffsetDateTime) {
        self.change_app(app, now, |app| {
            remove_standing(&mut app.collaborators, email);
        });
    }

    pub(super) fn move_addon(&mut self, id: Uuid, app: Uuid, now: OffsetDateTime) {
        self.place_addon(id, app);
        self.change_addon(id, now, |_| ());
    }

    pub(super) fn change_plan(&mut self, id: Uuid, plan: &str, now: OffsetDateTime) {
        let plan_id = self.plan_id(plan);
        self.change_addon(id, now, |addon| {
            addon.plan = plan.to_owned();
            addon.plan_id = plan_id;
        });
    }

    pub(super) fn change_addon(
        &mut self,
        id: Uuid,
        now: OffsetDateTime,
        change: impl FnOnce(&mut AddOnRecord),
    ) {
        let addon = self.addon_mut(id);
        change(addon);
        addon.updated_at = now;
    }

    fn change_app(&mut self, id: Uuid, now: OffsetDateTime, change: impl FnOnce(&mut AppRecord)) {
        let app = self.apps.get_mut(id).expect("apps are never deleted");
        change(app);
        app.updated_at = now;
    }
}
