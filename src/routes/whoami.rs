//! The signed-in user, for scripts and for pages.

use axum::Json;
use axum::response::{Html, IntoResponse};
use axum::routing::{MethodRouter, get};
use heroku_sso_store::Role;
use http::HeaderValue;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use maud::html;
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::gate::HerokuUser;
use crate::sso::Proof;

pub(super) fn json<S>() -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    get(json_of)
}

pub(super) fn html<S>() -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    get(html_of)
}

/// A fragment is part of a page of the dashboard, and never a frame itself.
const FRAGMENT: [(http::HeaderName, HeaderValue); 4] = [
    NO_STORE,
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

const NO_STORE: (http::HeaderName, HeaderValue) =
    (CACHE_CONTROL, HeaderValue::from_static("no-store"));

async fn json_of(user: HerokuUser) -> impl IntoResponse {
    let roles: Vec<_> = user.roles().iter().map(Role::as_str).collect();
    let expires_at = user.session_expires_at().format(&Rfc3339);
    let json = Json(json!({
        "email": user.email().as_str(),
        "user_id": user.user_id().map(|id| id.to_string()),
        "proof": user.proof(),
        "resource_id": user.resource().to_string(),
        "app": { "id": user.app().id.to_string(), "name": user.app().name },
        "roles": roles,
        "session_expires_at": expires_at.unwrap_or_default(),
    }));
    ([NO_STORE], json)
}

async fn html_of(user: HerokuUser) -> impl IntoResponse {
    let expires_at = user.session_expires_at();
    let exactly = expires_at.format(&Rfc3339).unwrap_or_default();
    let shortly = expires_at.format(format_description!("[hour]:[minute] UTC"));
    let fragment = html! {
        section.heroku-sso-whoami aria-label="Your session" {
            p {
                "Signed in as " strong { (user.email()) }
                @if user.proof() == Proof::UnsignedEmail {
                    " (this address is not confirmed by Heroku)"
                }
                ", for app "
                strong { (user.app().name) } ", until "
                time datetime=(exactly) { (shortly.unwrap_or_default()) } "."
            }
            form method="post" action=(user.sign_out_path()) {
                button { "Sign out" }
            }
        }
    };
    (FRAGMENT, Html(fragment.into_string()))
}
