//! The attachments of an add-on: the apps that use it, among them the one that it is billed to.

use std::sync::Arc;

use axum::extract::{Path, State as Extract};
use axum::http::HeaderMap;
use axum::response::Response;

use super::paging::List;
use super::refusal::Refusal;
use super::shared::Shared;
use super::world::Attachment;
use super::{body, caller, paging};

/// `GET /addons/:id/addon-attachments`
pub(super) async fn list(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id_or_name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = shared.state();
    let addon = caller::own_addon(&shared, &state, &headers, &id_or_name)?;
    let mut entries: Vec<_> = addon.attachments.iter().collect();
    entries.sort_unstable_by_key(|entry| entry.id);
    let list = List {
        property: "id",
        entries: &entries,
        key: |entry| entry.id.to_string(),
    };
    let to_body = |entry: &&Attachment| body::attachment_entry(&state.world, addon, entry);
    paging::page(&list, to_body, &state.answers, &headers)
}
