//! Events of the simulated world, as notifications report them.

use axum::body::Bytes;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::queue::WebhookQueue;
use super::queued::{Action, Entity, Queued};
use crate::body::date;
use crate::world::World;

/// A change that notifications report.
pub(crate) struct Event {
    pub(crate) entity: Entity,
    pub(crate) action: Action,
    /// The entity in its current, or last, state.
    pub(crate) data: Value,
    /// The previous values of changed fields.
    pub(crate) previous: Value,
}

/// Queues a notification of the event for each webhook of the add-on that is subscribed to its entity. The
/// actor is the app's owner.
pub(crate) fn notify(
    webhooks: &mut WebhookQueue,
    world: &World,
    addon: Uuid,
    app: Uuid,
    event: &Event,
    now: OffsetDateTime,
) {
    let id = Uuid::new_v4();
    for webhook in webhooks.listening(addon, event.entity) {
        let body = body(world, app, event, id, webhook, now);
        webhooks.enqueue(Queued {
            addon,
            webhook,
            event: id,
            entity: event.entity,
            action: event.action,
            body: Bytes::from(body.to_string()),
        });
    }
}

fn body(
    world: &World,
    app: Uuid,
    event: &Event,
    id: Uuid,
    webhook: Uuid,
    now: OffsetDateTime,
) -> Value {
    let actor = world.apps.get(app).map(|app| world.owner_of(app));
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
