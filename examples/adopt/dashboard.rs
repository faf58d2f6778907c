//! The dashboard as it was before the gate, with the usual sign-in: SHA-1, and no list. One thing is new: a
//! page takes the gate's user, where there is one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{Form, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use tower_heroku_sso::{HerokuUser, ResourceId};
use uuid::Uuid;

#[derive(Clone)]
pub(crate) struct Dashboard {
    salt: String,
    sessions: Sessions,
}

/// The dashboard's own sessions, by the value of their cookie.
#[derive(Clone, Default)]
pub(crate) struct Sessions(Arc<Mutex<HashMap<String, Session>>>);

#[derive(Clone)]
struct Session {
    resource: ResourceId,
    /// As the form said: nobody has signed it.
    email: String,
}

/// The fields that the dashboard reads.
#[derive(Deserialize)]
struct SignIn {
    resource_id: ResourceId,
    resource_token: String,
    timestamp: u64,
    email: String,
}

impl Dashboard {
    pub(crate) fn new(salt: String, sessions: Sessions) -> Self {
        Self { salt, sessions }
    }

    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/", get(index))
            .route("/heroku/sso", post(sign_in))
            .route("/logout", post(sign_out))
            .with_state(self)
    }

    fn is_signed(&self, form: &SignIn) -> bool {
        let text = format!("{}:{}:{}", form.resource_id, self.salt, form.timestamp);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let age = now.unwrap_or_default().as_secs().abs_diff(form.timestamp);
        form.resource_token == format!("{:x}", Sha1::digest(text)) && age <= 300
    }
}

impl Sessions {
    /// The resource of the dashboard's own session: what the gate asks for.
    pub(crate) fn resource_of(&self, headers: &HeaderMap) -> Option<ResourceId> {
        self.find(headers).map(|session| session.resource)
    }

    fn find(&self, headers: &HeaderMap) -> Option<Session> {
        let sessions = self.0.lock().ok()?;
        sessions.get(cookie(headers)?).cloned()
    }

    fn open(&self, session: Session) -> String {
        let id = Uuid::new_v4().to_string();
        if let Ok(mut sessions) = self.0.lock() {
            sessions.insert(id.clone(), session);
        }
        format!("dashboard={id}; Path=/; HttpOnly; SameSite=Lax")
    }

    fn close(&self, headers: &HeaderMap) {
        if let (Ok(mut sessions), Some(id)) = (self.0.lock(), cookie(headers)) {
            sessions.remove(id);
        }
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let mut cookies = headers.get(COOKIE)?.to_str().ok()?.split("; ");
    cookies.find_map(|cookie| cookie.strip_prefix("dashboard="))
}

async fn sign_in(State(dashboard): State<Dashboard>, Form(form): Form<SignIn>) -> Response {
    if !dashboard.is_signed(&form) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let cookie = dashboard.sessions.open(Session {
        resource: form.resource_id,
        email: form.email,
    });
    (AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to("/")).into_response()
}

/// The customer's data: for the gate's user, or else for the dashboard's own session.
async fn index(
    user: Option<HerokuUser>,
    State(dashboard): State<Dashboard>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    if let Some(user) = user {
        let (resource, email) = (user.resource(), user.email().as_str());
        return Ok(page("the gate", resource, email));
    }
    let session = dashboard.sessions.find(&headers);
    let session = session.ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(page("its own sign-in", &session.resource, &session.email))
}

fn page(by: &str, resource: &ResourceId, email: &str) -> Json<Value> {
    Json(json!({ "admitted_by": by, "data_of": resource, "email": email }))
}

async fn sign_out(State(dashboard): State<Dashboard>, headers: HeaderMap) -> StatusCode {
    dashboard.sessions.close(&headers);
    StatusCode::NO_CONTENT
}
