//! The dashboard: apps, their users, and faults of Heroku.
//!
//! Every change is a form that posts and is redirected back; email addresses are in bodies, never in URLs.
//! The only script posts the sign-in form automatically.

mod actions;
mod app_card;
mod layout;
mod page;
mod sign_in;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::shared::Shared;

pub(super) fn router() -> Router<Arc<Shared>> {
    let css = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    let script = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];
    Router::new()
        .route("/", get(page::home))
        .route("/style.css", get((css, include_str!("style.css"))))
        .route("/submit.js", get((script, include_str!("submit.js"))))
        .route("/log-out", post(sign_in::log_out))
        .route("/faults", post(actions::set_fault))
        .route("/apps/{app}/people", post(actions::add_person))
        .route("/apps/{app}/people/remove", post(actions::remove_person))
        .route("/apps/{app}/provision", post(actions::provision))
        .route("/apps/{app}/deprovision", post(actions::deprovision))
        .route("/apps/{app}/addons/{addon}", get(sign_in::web_url))
        .route("/apps/{app}/addons/{addon}/open", post(sign_in::open))
        .layer(from_fn(same_site_only))
}

/// Other sites may link here, as an add-on does, but cannot change anything. No page is cached or framed.
async fn same_site_only(request: Request, next: Next) -> Response {
    let from = request.headers().get("sec-fetch-site");
    let foreign = from.is_some_and(|from| from != "same-origin" && from != "none");
    if foreign && request.method() != Method::GET {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut answer = next.run(request).await;
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; base-uri 'none'; \
                  frame-ancestors 'none'";
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        let value = HeaderValue::from_static(value);
        answer.headers_mut().insert(name, value);
    }
    answer
}
