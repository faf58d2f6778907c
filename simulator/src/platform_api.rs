//! The four Platform API calls for an access list.

use std::sync::Arc;

use axum::extract::{Path, State as Extract};
use axum::http::HeaderMap;
use axum::response::Response;

use super::etag::json_answer;
use super::paging::List;
use super::refusal::Refusal;
use super::shared::Shared;
use super::world::ListEntry;
use super::{body, caller, paging};

pub(super) async fn addon(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id_or_name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = shared.state();
    let own = caller::own_addon(&shared, &state, &headers, &id_or_name)?;
    let info = body::addon_info(&state.world, own);
    Ok(json_answer(&info, &headers, state.answers.etags))
}

pub(super) async fn app(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id_or_name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = shared.state();
    let app = caller::own_app(&shared, &state, &headers, &id_or_name)?;
    let info = body::app_info(&state.world, app);
    Ok(json_answer(&info, &headers, state.answers.etags))
}

/// Also of an app that the add-on is attached to. Whether Heroku allows that is not documented.
pub(super) async fn collaborators(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id_or_name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = shared.state();
    let app = caller::attached_app(&shared, &state, &headers, &id_or_name)?;
    let owner = body::owner_entry(&state.world, app);
    let mut entries: Vec<_> = app.collaborators.iter().chain([&owner]).collect();
    // UUIDs sort like their text.
    entries.sort_unstable_by_key(|entry| entry.id);
    let list = List {
        property: "id",
        entries: &entries,
        key: |entry| entry.id.to_string(),
    };
    let to_body = |entry: &&ListEntry| body::collaborator_entry(app, entry);
    paging::page(&list, to_body, &state.answers, &headers)
}

pub(super) async fn members(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id_or_name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = shared.state();
    let team = caller::own_team(&shared, &state, &headers, &id_or_name)?;
    let mut entries: Vec<_> = team.members.iter().collect();
    entries.sort_unstable_by(|a, b| a.email.cmp(&b.email));
    let list = List {
        property: "email",
        entries: &entries,
        key: |entry| entry.email.clone(),
    };
    paging::page(
        &list,
        |entry| body::member_entry(entry),
        &state.answers,
        &headers,
    )
}
