//! The four Platform API calls that an access list is made of.

use std::sync::Arc;

use axum::extract::{Path, State as Extract};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use uuid::Uuid;

use super::addon::web_url;
use super::etag::json_answer;
use super::refusal::Refusal;
use super::shared::Shared;
use super::state::{AddOnRecord, AppRecord, Presence, State};
use super::{body, paging};

const MEDIA_TYPE: &str = "application/vnd.heroku+json; version=3";

pub(super) async fn addon(
    Extract(shared): Extract<Arc<Shared>>,
    Path(wanted): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let mut state = shared.state();
    let own = caller(&shared, &state, &headers)?;
    let mut addons = state.addons.iter();
    let found = addons.find(|addon| is_named(&wanted, addon.id, &addon.name));
    match found {
        None => return Err(Refusal::NOT_FOUND),
        Some(addon) if addon.presence == Presence::Gone => return Err(Refusal::GONE),
        Some(addon) if addon.presence == Presence::Removed => return Err(Refusal::NOT_FOUND),
        Some(addon) if addon.id != own.id => return Err(Refusal::FORBIDDEN),
        Some(_) => {}
    }
    let web_url = web_url(&shared, &own);
    let body = body::addon(&mut state, &shared.slug, &own, &web_url);
    Ok(json_answer(&body, &headers))
}

pub(super) async fn app(
    Extract(shared): Extract<Arc<Shared>>,
    Path(wanted): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = shared.state();
    let own = caller(&shared, &state, &headers)?;
    let app = visible_app(&state, &own, &wanted)?;
    Ok(json_answer(&body::app(&state, app), &headers))
}

pub(super) async fn collaborators(
    Extract(shared): Extract<Arc<Shared>>,
    Path(wanted): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = shared.state();
    let own = caller(&shared, &state, &headers)?;
    let app = visible_app(&state, &own, &wanted)?;
    let entries = body::collaborators(&state, app);
    paging::page("id", entries, state.page_size, &headers)
}

pub(super) async fn members(
    Extract(shared): Extract<Arc<Shared>>,
    Path(wanted): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let state = shared.state();
    let own = caller(&shared, &state, &headers)?;
    let mut teams = state.teams.iter();
    let team = teams.find(|team| is_named(&wanted, team.id, &team.name));
    let team = team.ok_or(Refusal::NOT_FOUND)?;
    let app = state.app(own.app).filter(|_| own.presence.is_present());
    let own_team = app.and_then(|app| state.team_of(app));
    if own_team.is_none_or(|own_team| own_team.id != team.id) {
        return Err(Refusal::FORBIDDEN);
    }
    paging::page("email", body::members(team), state.page_size, &headers)
}

/// The add-on whose token the request bears.
fn caller(shared: &Shared, state: &State, headers: &HeaderMap) -> Result<AddOnRecord, Refusal> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|it: &HeaderValue| it.to_str().ok())
    };
    let compact = |it: &str| it.replace(' ', "");
    if text(header::ACCEPT).is_none_or(|accept| compact(accept) != compact(MEDIA_TYPE)) {
        return Err(Refusal::NOT_ACCEPTABLE);
    }
    let token = text(header::AUTHORIZATION).and_then(|it| it.strip_prefix("Bearer "));
    let addon = token.and_then(|it| state.authorizations.addon_of(it, shared.clock.now()));
    let addon = addon.and_then(|id| state.addon(id).cloned());
    addon.ok_or(Refusal::UNAUTHORIZED)
}

/// The app by that id or name, if it is the one that the add-on is on.
fn visible_app<'a>(
    state: &'a State,
    own: &AddOnRecord,
    wanted: &str,
) -> Result<&'a AppRecord, Refusal> {
    let mut apps = state.apps.iter();
    let found = apps.find(|app| is_named(wanted, app.id, &app.name));
    let app = found.ok_or(Refusal::NOT_FOUND)?;
    if app.id != own.app || !own.presence.is_present() {
        return Err(Refusal::FORBIDDEN);
    }
    Ok(app)
}

/// Heroku takes an id or a name wherever something is asked for.
fn is_named(wanted: &str, id: Uuid, name: &str) -> bool {
    wanted == name || wanted.eq_ignore_ascii_case(&id.to_string())
}
