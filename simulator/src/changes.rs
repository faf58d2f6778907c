//! Changes to apps and add-ons, by any actor, and their notifications.

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::body;
use super::records::{
    AddOnRecord, AppRecord, Owner, Presence, Standing, put_standing, remove_standing,
};
use super::state::State;
use super::webhooks::{Action, Entity, Event};

impl State {
    pub(super) fn rename_app(&mut self, id: Uuid, name: &str, now: OffsetDateTime) {
        let before = self.known_app(id).name.clone();
        self.apps.rename(id, name);
        self.change_app(id, now, |_| ());
        if before != name {
            self.app_changed(id, json!({ "name": before }), now);
        }
    }

    pub(super) fn give_app(&mut self, id: Uuid, owner: Owner, now: OffsetDateTime) {
        let (user, email) = self.owner_of(self.known_app(id));
        self.change_app(id, now, |app| app.owner = owner);
        if self.owner_of(self.known_app(id)).0 != user {
            let previous = json!({ "owner": { "id": user, "email": email } });
            self.app_changed(id, previous, now);
        }
    }

    /// Adds a user to an app's list, or changes their role there.
    pub(super) fn put_collaborator(
        &mut self,
        app: Uuid,
        email: &str,
        role: &str,
        permissions: &[&str],
        now: OffsetDateTime,
    ) {
        let entry = self.standing(email, role, permissions, now);
        let user = entry.user;
        let before = self.on_list(app, |it| it.user == user);
        self.change_app(app, now, |app| put_standing(&mut app.collaborators, entry));
        let after = self.on_list(app, |it| it.user == user);
        let action = match (&before, &after) {
            (Some(before), Some(after)) if before.may_as_much_as(after) => return,
            (Some(_), _) => Action::Update,
            (None, _) => Action::Create,
        };
        self.collaborator_changed(app, action, after, now);
    }

    pub(super) fn remove_collaborator(&mut self, app: Uuid, email: &str, now: OffsetDateTime) {
        let gone = self.on_list(app, |it| it.email.eq_ignore_ascii_case(email));
        self.change_app(app, now, |app| {
            remove_standing(&mut app.collaborators, email);
        });
        self.collaborator_changed(app, Action::Destroy, gone, now);
    }

    pub(super) fn move_addon(&mut self, id: Uuid, app: Uuid, now: OffsetDateTime) {
        let before = self.known_addon(id).app;
        self.place_addon(id, app, now);
        self.change_addon(id, now, |_| ());
        if before != app {
            let previous = json!({ "app": body::app_identity(self, before) });
            self.addon_changed(id, Action::Update, previous, now);
        }
    }

    pub(super) fn change_plan(&mut self, id: Uuid, plan: &str, now: OffsetDateTime) {
        let before = body::plan(self, self.known_addon(id));
        let plan_id = self.plan_id(plan);
        let is_another = self.known_addon(id).plan_id != plan_id;
        self.change_addon(id, now, |addon| {
            addon.plan = plan.to_owned();
            addon.plan_id = plan_id;
        });
        if is_another {
            self.addon_changed(id, Action::Update, json!({ "plan": before }), now);
        }
    }

    pub(super) fn change_presence(&mut self, id: Uuid, presence: Presence, now: OffsetDateTime) {
        let before = self.known_addon(id).presence;
        self.change_addon(id, now, |addon| addon.presence = presence);
        match (before.is_present(), presence.is_present()) {
            (true, true) if before != presence => {
                let previous = json!({ "state": before.name() });
                self.addon_changed(id, Action::Update, previous, now);
            }
            (true, false) => self.addon_changed(id, Action::Destroy, json!({}), now),
            (false, true) => self.addon_changed(id, Action::Create, json!({}), now),
            _ => {}
        }
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

    fn app_changed(&mut self, id: Uuid, previous: Value, now: OffsetDateTime) {
        if !self.is_heard_on(id, Entity::App) {
            return;
        }
        let event = Event {
            entity: Entity::App,
            action: Action::Update,
            data: body::app(self, self.known_app(id)),
            previous,
        };
        self.tell_app(id, &event, now);
    }

    fn collaborator_changed(
        &mut self,
        app: Uuid,
        action: Action,
        entry: Option<Standing>,
        now: OffsetDateTime,
    ) {
        let heard = self.is_heard_on(app, Entity::Collaborator);
        let Some(entry) = entry.filter(|_| heard) else {
            return;
        };
        let mut data = body::collaborator(self.known_app(app), &entry);
        if let Some(fields) = data.as_object_mut() {
            fields.remove("permissions");
            // Heroku's samples include only the role of a new collaborator.
            if action != Action::Create {
                fields.remove("role");
            }
        }
        let event = Event {
            entity: Entity::Collaborator,
            action,
            data,
            previous: json!({}),
        };
        self.tell_app(app, &event, now);
    }

    /// Notifies only the add-on itself: the partner sees each add-on with its own token.
    fn addon_changed(&mut self, id: Uuid, action: Action, previous: Value, now: OffsetDateTime) {
        if !self.is_heard_by(id, Entity::AddOn) {
            return;
        }
        let addon = self.known_addon(id);
        let event = Event {
            entity: Entity::AddOn,
            action,
            data: body::addon(self, addon),
            previous,
        };
        self.tell(id, addon.app, &event, now);
    }

    /// A user's entry in the list of an app's collaborators.
    fn on_list(&self, app: Uuid, is_it: impl Fn(&Standing) -> bool) -> Option<Standing> {
        let mut list = self.known_app(app).collaborators.iter();
        list.find(|it| is_it(it)).cloned()
    }

    fn known_app(&self, id: Uuid) -> &AppRecord {
        self.app(id).expect("apps are never deleted")
    }

    fn known_addon(&self, id: Uuid) -> &AddOnRecord {
        self.addon(id).expect("add-ons are never forgotten")
    }
}
