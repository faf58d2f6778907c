//! The calls for asynchronous provisioning: config vars, and the report of completion.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::etag::json_answer;
use super::refusal::Refusal;
use super::shared::Shared;
use super::world::{AddOnRecord, Presence};
use super::{body, caller};

#[derive(Deserialize)]
struct Change {
    config: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    /// Null removes the var.
    value: Option<String>,
}

/// `GET /addons/:id/config`
pub(super) async fn config(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id_or_name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = shared.state();
    let addon = caller::own_addon(&shared, &state, &headers, &id_or_name)?;
    Ok(json_answer(
        &config_of(addon),
        &headers,
        state.answers.etags,
    ))
}

/// `PATCH /addons/:id/config`
pub(super) async fn change_config(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id_or_name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let now = shared.now();
    let mut state = shared.state();
    let id = caller::own_addon(&shared, &state, &headers, &id_or_name)?.id;
    let change: Change = serde_json::from_slice(&body).map_err(|_| Refusal::BAD_CONFIG)?;
    state.changes(now).change_addon(id, |addon| {
        for Entry { name, value } in change.config {
            match value {
                Some(value) => addon.config.insert(name, value),
                None => addon.config.remove(&name),
            };
        }
    });
    let addon = caller::own_addon(&shared, &state, &headers, &id_or_name)?;
    Ok(Json(config_of(addon)).into_response())
}

/// `POST /addons/:id/actions/provision`: the partner has completed a provisioning that it answered with 202.
pub(super) async fn provisioned(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id_or_name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let now = shared.now();
    let mut state = shared.state();
    let addon = caller::own_addon(&shared, &state, &headers, &id_or_name)?;
    let id = addon.id;
    match addon.presence {
        // The call may be repeated.
        Presence::Provisioned => {}
        Presence::Provisioning => {
            let mut changes = state.changes(now);
            changes.change_presence(id, Presence::Provisioned);
        }
        _ => return Err(Refusal::NOT_PENDING),
    }
    let addon = caller::own_addon(&shared, &state, &headers, &id_or_name)?;
    Ok(Json(body::addon_info(&state.world, addon)).into_response())
}

/// `POST /addons/:id/actions/deprovision`: the same for a deprovisioning. The add-on's tokens are invalid
/// from then on.
pub(super) async fn deprovisioned(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id_or_name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let now = shared.now();
    let mut state = shared.state();
    let addon = caller::own_addon(&shared, &state, &headers, &id_or_name)?;
    if addon.presence != Presence::Deprovisioning {
        return Err(Refusal::NOT_PENDING);
    }
    let id = addon.id;
    let mut changes = state.changes(now);
    changes.change_presence(id, Presence::Removed);
    state.authorizations.revoke(id);
    let addon = state.world.addons.known(id);
    Ok(Json(body::addon_info(&state.world, addon)).into_response())
}

fn config_of(addon: &AddOnRecord) -> Value {
    let entries = addon.config.iter();
    let entries = entries.map(|(name, value)| json!({ "name": name, "value": value }));
    entries.collect()
}
