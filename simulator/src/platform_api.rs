//! The four Platform API calls for an access list.

use std::sync::Arc;

use axum::extract::{Path, State as Extract};
use axum::http::HeaderMap;
use axum::response::Response;

use super::etag::json_answer;
use super::paging::List;
use super::records::Standing;
use super::refusal::Refusal;
use super::shared::Shared;
use super::{body, caller, paging};

pub(super) async fn addon(
    Extract(shared): Extract<Arc<Shared>>,
    Path(wanted): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = shared.state();
    let own = caller::own_addon(&shared, &state, &headers, &wanted)?;
    Ok(json_answer(
        &body::addon(&state, own),
        &headers,
        state.etags,
    ))
}

pub(super) async fn app(
    Extract(shared): Extract<Arc<Shared>>,
    Path(wanted): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = shared.state();
    let app = caller::own_app(&shared, &state, &headers, &wanted)?;
    Ok(json_answer(&body::app(&state, app), &headers, state.etags))
}

pub(super) async fn collaborators(
    Extract(shared): Extract<Arc<Shared>>,
    Path(wanted): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = shared.state();
    let app = caller::own_app(&shared, &state, &headers, &wanted)?;
    let owner = body::owner_entry(&state, app);
    let mut entries: Vec<_> = app.collaborators.iter().chain([&owner]).collect();
    // UUIDs sort like their text.
    entries.sort_unstable_by_key(|entry| entry.id);
    let list = List {
        property: "id",
        entries: &entries,
        key: |entry| entry.id.to_string(),
    };
    let to_body = |entry: &&Standing| body::collaborator(app, entry);
    paging::page(&list, to_body, &state, &headers)
}

pub(super) async fn members(
    Extract(shared): Extract<Arc<Shared>>,
    Path(wanted): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = shared.state();
    let team = caller::own_team(&shared, &state, &headers, &wanted)?;
    let mut entries: Vec<_> = team.members.iter().collect();
    entries.sort_unstable_by(|a, b| a.email.cmp(&b.email));
    let list = List {
        property: "email",
        entries: &entries,
        key: |entry| entry.email.clone(),
    };
    paging::page(&list, |entry| body::member(entry), &state, &headers)
}
