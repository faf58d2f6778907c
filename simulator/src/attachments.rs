//! Attachments: add-ons that are used by other apps than the one they are billed to.

use std::sync::Arc;

use axum::extract::{Path, State as Extract};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::paging::List;
use super::records::{AddOnRecord, Attachment};
use super::refusal::Refusal;
use super::shared::Shared;
use super::state::State;
use super::webhooks::{Action, Entity, Event};
use super::{body, caller, paging};

/// `GET /addons/:id/addon-attachments`
pub(super) async fn list(
    Extract(shared): Extract<Arc<Shared>>,
    Path(wanted): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = shared.state();
    let addon = caller::own_addon(&shared, &state, &headers, &wanted)?;
    let mut entries: Vec<_> = addon.attachments.iter().collect();
    entries.sort_unstable_by_key(|entry| entry.id);
    let list = List {
        property: "id",
        entries: &entries,
        key: |entry| entry.id.to_string(),
    };
    let to_body = |entry: &&Attachment| body::attachment(&state, addon, entry);
    paging::page(&list, to_body, &state, &headers)
}

impl AddOnRecord {
    pub(super) fn is_attached_to(&self, app: Uuid) -> bool {
        self.attachments.iter().any(|it| it.app == app)
    }
}

impl State {
    /// Lets an app use an add-on, if it does not yet.
    pub(super) fn attach(&mut self, addon: Uuid, app: Uuid, now: OffsetDateTime) {
        let record = self.addon_mut(addon);
        if record.is_attached_to(app) {
            return;
        }
        let attachment = Attachment::new(app, now);
        record.attachments.push(attachment.clone());
        self.attachment_changed(addon, Action::Create, &attachment, now);
    }

    /// Removes an attachment. The app that an add-on is billed to keeps it.
    pub(super) fn detach(&mut self, addon: Uuid, app: Uuid, now: OffsetDateTime) {
        let record = self.addon_mut(addon);
        let is_it = |it: &mut Attachment| it.app == app && record.app != app;
        let gone: Vec<_> = record.attachments.extract_if(.., is_it).collect();
        for attachment in gone {
            self.attachment_changed(addon, Action::Destroy, &attachment, now);
        }
    }

    fn attachment_changed(
        &mut self,
        addon: Uuid,
        action: Action,
        attachment: &Attachment,
        now: OffsetDateTime,
    ) {
        let Some(record) = self.addon(addon) else {
            return;
        };
        let event = Event {
            entity: Entity::Attachment,
            action,
            data: body::attachment(self, record, attachment),
            previous: json!({}),
        };
        self.tell(addon, attachment.app, &event, now);
    }
}
