//! The caller of the Platform API, and the objects that this add-on may see.

use axum::http::{HeaderMap, HeaderValue, header};
use uuid::Uuid;

use super::refusal::Refusal;
use super::shared::Shared;
use super::state::State;
use super::world::{AddOnRecord, AppRecord, Presence, TeamRecord};

const MEDIA_TYPE: &str = "application/vnd.heroku+json; version=3";

/// The add-on of the valid token in a request.
pub(super) fn of_token(shared: &Shared, state: &State, headers: &HeaderMap) -> Option<Uuid> {
    let token = text(headers, header::AUTHORIZATION)?.strip_prefix("Bearer ")?;
    state.authorizations.addon_of(token, shared.clock.now())
}

/// The add-on with that id or name, if it is the caller's own.
pub(super) fn own_addon<'a>(
    shared: &Shared,
    state: &'a State,
    headers: &HeaderMap,
    id_or_name: &str,
) -> Result<&'a AddOnRecord, Refusal> {
    let own = caller(shared, state, headers)?;
    let found = state
        .world
        .addons
        .by_id_or_name(id_or_name)
        .ok_or(Refusal::NOT_FOUND)?;
    match found.presence {
        Presence::Gone => Err(Refusal::GONE),
        Presence::Removed => Err(Refusal::NOT_FOUND),
        _ if found.id != own.id => Err(Refusal::FORBIDDEN),
        _ => Ok(own),
    }
}

/// The app with that id or name, if it is the caller's own app.
pub(super) fn own_app<'a>(
    shared: &Shared,
    state: &'a State,
    headers: &HeaderMap,
    id_or_name: &str,
) -> Result<&'a AppRecord, Refusal> {
    let own = caller(shared, state, headers)?;
    let app = state
        .world
        .apps
        .by_id_or_name(id_or_name)
        .ok_or(Refusal::NOT_FOUND)?;
    if app.id != own.app || !own.presence.is_present() {
        return Err(Refusal::FORBIDDEN);
    }
    Ok(app)
}

/// The app with that id or name, if the caller's add-on is on it or attached to it.
pub(super) fn attached_app<'a>(
    shared: &Shared,
    state: &'a State,
    headers: &HeaderMap,
    id_or_name: &str,
) -> Result<&'a AppRecord, Refusal> {
    let own = caller(shared, state, headers)?;
    let app = state
        .world
        .apps
        .by_id_or_name(id_or_name)
        .ok_or(Refusal::NOT_FOUND)?;
    if !own.is_attached_to(app.id) || !own.presence.is_present() {
        return Err(Refusal::FORBIDDEN);
    }
    Ok(app)
}

/// True if the call is about an app that the caller's add-on is attached to, and not on.
pub(super) fn is_of_attached_app(
    shared: &Shared,
    state: &State,
    headers: &HeaderMap,
    path: &str,
) -> bool {
    let id_or_name = path.split('/').nth(2).unwrap_or_default();
    let world = &state.world;
    let own = of_token(shared, state, headers).and_then(|id| world.addons.get(id));
    let app = world.apps.by_id_or_name(id_or_name);
    own.zip(app)
        .is_some_and(|(own, app)| own.app != app.id && own.is_attached_to(app.id))
}

/// The team with that id or name, if it owns the caller's app.
pub(super) fn own_team<'a>(
    shared: &Shared,
    state: &'a State,
    headers: &HeaderMap,
    id_or_name: &str,
) -> Result<&'a TeamRecord, Refusal> {
    let own = caller(shared, state, headers)?;
    let team = state
        .world
        .teams
        .by_id_or_name(id_or_name)
        .ok_or(Refusal::NOT_FOUND)?;
    let app = state
        .world
        .apps
        .get(own.app)
        .filter(|_| own.presence.is_present());
    let own_team = app.and_then(|app| state.world.team_of(app));
    if own_team.is_none_or(|own_team| own_team.id != team.id) {
        return Err(Refusal::FORBIDDEN);
    }
    Ok(team)
}

fn caller<'a>(
    shared: &Shared,
    state: &'a State,
    headers: &HeaderMap,
) -> Result<&'a AddOnRecord, Refusal> {
    let compact = |it: &str| it.replace(' ', "");
    let accept = text(headers, header::ACCEPT);
    if accept.is_none_or(|accept| compact(accept) != compact(MEDIA_TYPE)) {
        return Err(Refusal::NOT_ACCEPTABLE);
    }
    let addon = of_token(shared, state, headers).and_then(|id| state.world.addons.get(id));
    addon.ok_or(Refusal::UNAUTHORIZED)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let value: &HeaderValue = headers.get(name)?;
    value.to_str().ok()
}
