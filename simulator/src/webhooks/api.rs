//! `/addons/:id/webhooks` of the Platform API.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::request::WebhookRequest;
use super::subscription::Subscription;
use crate::etag::json_answer;
use crate::paging::List;
use crate::refusal::Refusal;
use crate::shared::Shared;
use crate::state::State;
use crate::world::AddOnRecord;
use crate::{caller, paging};

const SECRET: &str = "heroku-webhook-secret";

pub(crate) async fn create(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id_or_name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let now = shared.now();
    let mut state = shared.state();
    let addon = caller::own_addon(&shared, &state, &headers, &id_or_name)?;
    let (subscription, is_new_secret) = WebhookRequest::read(&body)?.create(now)?;
    let shown = Json(subscription.body(addon));
    let mut answer = (StatusCode::CREATED, shown).into_response();
    if is_new_secret {
        let secret = HeaderValue::try_from(&subscription.secret);
        let secret = secret.expect("hexadecimal digits");
        answer.headers_mut().insert(SECRET, secret);
    }
    let addon = addon.id;
    state.webhooks.add(addon, subscription);
    Ok(answer)
}

pub(crate) async fn list(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id_or_name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = shared.state();
    let addon = caller::own_addon(&shared, &state, &headers, &id_or_name)?;
    let mut entries: Vec<_> = state.webhooks.of(addon.id).iter().collect();
    entries.sort_unstable_by_key(|entry| entry.id);
    let list = List {
        property: "id",
        entries: &entries,
        key: |entry| entry.id.to_string(),
    };
    paging::page(&list, |entry| entry.body(addon), &state.answers, &headers)
}

pub(crate) async fn info(
    Extract(shared): Extract<Arc<Shared>>,
    Path(path): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = shared.state();
    let (addon, webhook) = own_webhook(&shared, &state, &headers, &path)?;
    Ok(json_answer(
        &webhook.body(addon),
        &headers,
        state.answers.etags,
    ))
}

pub(crate) async fn update(
    Extract(shared): Extract<Arc<Shared>>,
    Path(path): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let now = shared.now();
    let mut state = shared.state();
    let (addon, webhook) = own_webhook(&shared, &state, &headers, &path)?;
    let request = WebhookRequest::read(&body)?;
    let mut changed = webhook.clone();
    request.change(&mut changed, now);
    let answer = Json(changed.body(addon)).into_response();
    let addon = addon.id;
    if let Some(webhook) = state.webhooks.find_mut(addon, changed.id) {
        *webhook = changed;
    }
    Ok(answer)
}

pub(crate) async fn delete(
    Extract(shared): Extract<Arc<Shared>>,
    Path(path): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let mut state = shared.state();
    let (addon, webhook) = own_webhook(&shared, &state, &headers, &path)?;
    let answer = Json(webhook.body(addon)).into_response();
    let (addon, webhook) = (addon.id, webhook.id);
    state.webhooks.remove(addon, webhook);
    Ok(answer)
}

/// The caller, and its webhook with that id.
fn own_webhook<'a>(
    shared: &Shared,
    state: &'a State,
    headers: &HeaderMap,
    (addon, id): &(String, String),
) -> Result<(&'a AddOnRecord, &'a Subscription), Refusal> {
    let addon = caller::own_addon(shared, state, headers, addon)?;
    let id: Option<Uuid> = id.parse().ok();
    let webhook = id.and_then(|id| state.webhooks.find(addon.id, id));
    Ok((addon, webhook.ok_or(Refusal::NOT_FOUND)?))
}
