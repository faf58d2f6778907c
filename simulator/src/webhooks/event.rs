//! Events of the simulated world, as notifications report them.

use axum::body::Bytes;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::queued::{Action, Entity, Queued};
use crate::body::date;
use crate::records::AppRecord;
use crate::state::State;

/// The action.
pub(crate) struct Event {
    pub(crate) entity: Entity,
    pub(crate) action: Action,
    /// The entity in its current, or last, state.
    pub(crate) data: Value,
    /// The previous values of changed fields.
    pub(crate) previous: Value,
}

impl State {
    /// Whether any add-on that is on the app would be notified.
    pub(crate) fn is_heard_on(&self, app: Uuid, entity: Entity) -> bool {
        let mut addons = self.addons_of(app);
        addons.any(|addon| self.is_heard_by(addon.id, entity))
    }

    pub(crate) fn is_heard_by(&self, addon: Uuid, entity: Entity) -> bool {
        !self.webhooks.listening(addon, entity).is_empty()
    }

    /// Notifies the add-ons that are on an app.
    pub(crate) fn tell_app(&mut self, app: Uuid, event: &Event, now: OffsetDateTime) {
        let addons: Vec<_> = self.addons_of(app).map(|addon| addon.id).collect();
        for addon in addons {
            self.tell(addon, app, event, now);
        }
    }

    /// Notifies one add-on of an action of the app's owner.
    pub(crate) fn tell(&mut self, addon: Uuid, app: Uuid, event: &Event, now: OffsetDateTime) {
        let id = Uuid::new_v4();
        for webhook in self.webhooks.listening(addon, event.entity) {
            let body = body(self, self.app(app), event, id, webhook, now);
            self.webhooks.push(Queued {
                addon,
                webhook,
                event: id,
                entity: event.entity,
                action: event.action,
                body: Bytes::from(body.to_string()),
            });
        }
    }
}

fn body(
    state: &State,
    app: Option<&AppRecord>,
    event: &Event,
    id: Uuid,
    webhook: Uuid,
    now: OffsetDateTime,
) -> Value {
    let actor = app.map(|app| state.owner_of(app));
    let actor = actor.map(|(id, email)| json!({ "id": id, "email": email }));
    json!({
        "id": id,
        "action": event.action.name(),
        "resource": event.entity.resource(),
        "actor": actor,
        "data": event.data,
        "previous_data": event.previous,
        "published_at": null,
        "sequence": null,
        "created_at": date(now),
        "updated_at": date(now),
        "version": "application/vnd.heroku+json; version=3",
        "webhook_metadata": {
            "attempt": { "id": Uuid::new_v4() },
            "delivery": { "id": Uuid::new_v4() },
            "event": { "id": id, "include": event.entity.include() },
            "webhook": { "id": webhook },
        },
    })
}
