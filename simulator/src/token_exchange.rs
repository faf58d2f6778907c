//! `POST /oauth/token` of the id host.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::oauth::ACCESS_LIFE;
use super::refusal::Refusal;
use super::shared::Shared;

#[derive(Deserialize)]
pub(super) struct TokenRequest {
    grant_type: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    refresh_token: String,
    #[serde(default)]
    client_secret: String,
}

pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    form: Result<Form<TokenRequest>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(request) = form.map_err(|_| Refusal::BAD_REQUEST)?;
    if request.client_secret != shared.client_secret {
        return Err(Refusal::UNAUTHORIZED);
    }
    let now = shared.clock.now();
    let mut state = shared.state();
    let (status, pair) = match request.grant_type.as_str() {
        "authorization_code" => {
            let pair = state.authorizations.exchange(&request.code, now);
            (StatusCode::OK, pair.ok_or(Refusal::BAD_GRANT)?)
        }
        "refresh_token" => {
            let old = &request.refresh_token;
            let pair = state.authorizations.refresh(old, now);
            (StatusCode::CREATED, pair.ok_or(Refusal::UNAUTHORIZED)?)
        }
        _ => return Err(Refusal::BAD_REQUEST),
    };
    // Each add-on acts as its own user; the add-on's id is used as the user's id.
    let mut body = json!({
        "access_token": pair.access,
        "expires_in": ACCESS_LIFE.as_secs(),
        "token_type": "Bearer",
        "user_id": pair.addon,
        "session_nonce": null,
    });
    if let Some(refresh) = pair.refresh {
        body["refresh_token"] = refresh.into();
    }
    Ok((status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}
