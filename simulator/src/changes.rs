//! Changes to apps and add-ons, by any actor, and their notifications.

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::body;
use super::webhooks::{Action, Entity, Event, WebhookQueue, notify};
use super::world::{
    AddOnRecord, AppRecord, Attachment, ListEntry, Owner, Presence, World, put_entry, remove_entry,
};

/// Changes the world at one time, and queues what webhooks report of it.
pub(super) struct Changes<'a> {
    world: &'a mut World,
    webhooks: &'a mut WebhookQueue,
    now: OffsetDateTime,
}

impl<'a> Changes<'a> {
    pub(super) fn new(
        world: &'a mut World,
        webhooks: &'a mut WebhookQueue,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            world,
            webhooks,
            now,
        }
    }

    pub(super) fn rename_app(&mut self, id: Uuid, name: &str) {
        let before = self.world.apps.known(id).name.clone();
        self.world.apps.rename(id, name);
        self.change_app(id, |_| ());
        if before != name {
            self.app_changed(id, json!({ "name": before }));
        }
    }

    pub(super) fn give_app(&mut self, id: Uuid, owner: Owner) {
        let (user, email) = self.world.owner_of(self.world.apps.known(id));
        self.change_app(id, |app| app.owner = owner);
        if self.world.owner_of(self.world.apps.known(id)).0 != user {
            let previous = json!({ "owner": { "id": user, "email": email } });
            self.app_changed(id, previous);
        }
    }

    /// Adds a user to an app's list, or changes their role there.
    pub(super) fn put_collaborator(
        &mut self,
        app: Uuid,
        email: &str,
        role: &str,
        permissions: &[&str],
    ) {
        let people = &mut self.world.people;
        let entry = people.list_entry(email, role, permissions, self.now);
        let user = entry.user;
        let before = find_collaborator(self.world, app, |it| it.user == user);
        self.change_app(app, |app| put_entry(&mut app.collaborators, entry));
        let after = find_collaborator(self.world, app, |it| it.user == user);
        let action = match (&before, &after) {
            (Some(before), Some(after)) if before.has_same_rights_as(after) => return,
            (Some(_), _) => Action::Update,
            (None, _) => Action::Create,
        };
        self.collaborator_changed(app, action, after);
    }

    pub(super) fn remove_collaborator(&mut self, app: Uuid, email: &str) {
        let is_it = |it: &ListEntry| it.email.eq_ignore_ascii_case(email);
        let gone = find_collaborator(self.world, app, is_it);
        self.change_app(app, |app| remove_entry(&mut app.collaborators, email));
        self.collaborator_changed(app, Action::Destroy, gone);
    }

    pub(super) fn move_addon(&mut self, id: Uuid, app: Uuid) {
        let before = self.world.addons.known(id).app;
        self.world.addons.place_on(id, app, self.now);
        self.change_addon(id, |_| ());
        if before != app {
            let previous = json!({ "app": body::app_identity(self.world, before) });
            self.addon_changed(id, Action::Update, previous);
        }
    }

    pub(super) fn change_plan(&mut self, id: Uuid, plan: &str) {
        let before = body::plan(self.world, self.world.addons.known(id));
        let plan_id = self.world.addons.plan_id(plan);
        let is_another = self.world.addons.known(id).plan_id != plan_id;
        self.change_addon(id, |addon| {
            addon.plan = plan.to_owned();
            addon.plan_id = plan_id;
        });
        if is_another {
            self.addon_changed(id, Action::Update, json!({ "plan": before }));
        }
    }

    pub(super) fn change_presence(&mut self, id: Uuid, presence: Presence) {
        let before = self.world.addons.known(id).presence;
        self.change_addon(id, |addon| addon.presence = presence);
        match (before.is_present(), presence.is_present()) {
            (true, true) if before != presence => {
                let previous = json!({ "state": before.name() });
                self.addon_changed(id, Action::Update, previous);
            }
            (true, false) => self.addon_changed(id, Action::Destroy, json!({})),
            (false, true) => self.addon_changed(id, Action::Create, json!({})),
            _ => {}
        }
    }

    /// Changes fields of an add-on that webhooks do not report.
    pub(super) fn change_addon(&mut self, id: Uuid, change: impl FnOnce(&mut AddOnRecord)) {
        let addon = self.world.addons.known_mut(id);
        change(addon);
        addon.updated_at = self.now;
    }

    /// Lets an app use an add-on, if it does not yet.
    pub(super) fn attach(&mut self, addon: Uuid, app: Uuid) {
        let record = self.world.addons.known_mut(addon);
        if record.is_attached_to(app) {
            return;
        }
        let attachment = Attachment::new(app, self.now);
        record.attachments.push(attachment.clone());
        self.attachment_changed(addon, Action::Create, &attachment);
    }

    /// Removes an attachment. The app that an add-on is billed to keeps it.
    pub(super) fn detach(&mut self, addon: Uuid, app: Uuid) {
        let record = self.world.addons.known_mut(addon);
        let is_it = |it: &mut Attachment| it.app == app && record.app != app;
        let gone: Vec<_> = record.attachments.extract_if(.., is_it).collect();
        for attachment in gone {
            self.attachment_changed(addon, Action::Destroy, &attachment);
        }
    }

    fn change_app(&mut self, id: Uuid, change: impl FnOnce(&mut AppRecord)) {
        let app = self.world.apps.known_mut(id);
        change(app);
        app.updated_at = self.now;
    }

    fn app_changed(&mut self, id: Uuid, previous: Value) {
        if !has_listener(self.webhooks, self.world, id, Entity::App) {
            return;
        }
        let event = Event {
            entity: Entity::App,
            action: Action::Update,
            data: body::app_info(self.world, self.world.apps.known(id)),
            previous,
        };
        self.notify_app(id, &event);
    }

    fn collaborator_changed(&mut self, app: Uuid, action: Action, entry: Option<ListEntry>) {
        let has_listener = has_listener(self.webhooks, self.world, app, Entity::Collaborator);
        let Some(entry) = entry.filter(|_| has_listener) else {
            return;
        };
        let mut data = body::collaborator_entry(self.world.apps.known(app), &entry);
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
        self.notify_app(app, &event);
    }

    /// Notifies only the add-on itself: the partner sees each add-on with its own token.
    fn addon_changed(&mut self, id: Uuid, action: Action, previous: Value) {
        if !self.webhooks.has_listener(id, Entity::AddOn) {
            return;
        }
        let addon = self.world.addons.known(id);
        let event = Event {
            entity: Entity::AddOn,
            action,
            data: body::addon_info(self.world, addon),
            previous,
        };
        self.notify(id, addon.app, &event);
    }

    fn attachment_changed(&mut self, addon: Uuid, action: Action, attachment: &Attachment) {
        let record = self.world.addons.known(addon);
        let event = Event {
            entity: Entity::Attachment,
            action,
            data: body::attachment_entry(self.world, record, attachment),
            previous: json!({}),
        };
        self.notify(addon, attachment.app, &event);
    }

    /// Notifies all add-ons that are on the app.
    fn notify_app(&mut self, app: Uuid, event: &Event) {
        let addons: Vec<_> = self.world.addons.of_app(app).map(|it| it.id).collect();
        for addon in addons {
            self.notify(addon, app, event);
        }
    }

    fn notify(&mut self, addon: Uuid, app: Uuid, event: &Event) {
        notify(self.webhooks, self.world, addon, app, event, self.now);
    }
}

/// A user's entry in the list of an app's collaborators.
fn find_collaborator(
    world: &World,
    app: Uuid,
    is_it: impl Fn(&ListEntry) -> bool,
) -> Option<ListEntry> {
    let mut list = world.apps.known(app).collaborators.iter();
    list.find(|it| is_it(it)).cloned()
}

/// Whether any add-on that is on the app would be notified.
fn has_listener(webhooks: &WebhookQueue, world: &World, app: Uuid, entity: Entity) -> bool {
    let mut addons = world.addons.of_app(app);
    addons.any(|addon| webhooks.has_listener(addon.id, entity))
}
