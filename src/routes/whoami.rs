//! The signed-in user, for scripts and for pages.

use axum::Json;
use axum::response::{Html, IntoResponse};
use axum::routing::{MethodRouter, get};
use http::HeaderValue;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use maud::html;
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::access::Role;
use crate::gate::HerokuUser;
use crate::heroku_sso::HerokuSso;
use crate::sso::Proof;

impl HerokuSso {
    /// A handler for `/whoami`, inside the gate: the signed-in user, as JSON.
    ///
    /// `email`, `user_id` (or null), `proof` (`signed_email`, `own_login`, or `unsigned_email`: then the
    /// email is only claimed, and there is neither account nor role), `resource_id`, `app` with `id` and
    /// `name`, `roles` as on the newest list, `session_expires_at` in RFC 3339. Not cached.
    ///
    /// ```
    /// # fn app(sso: tower_heroku_sso::HerokuSso) -> axum::Router {
    /// axum::Router::new()
    ///     .route("/whoami", sso.whoami())
    ///     .route("/whoami.html", sso.whoami_html())
    ///     .layer(sso.layer())
    /// # }
    /// ```
    pub fn whoami<S>(&self) -> MethodRouter<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        get(json_of)
    }

    /// As [`whoami`](Self::whoami), as a fragment of HTML for a page of yours: the signed-in user, the
    /// app, the end of the session, and a button to sign out.
    ///
    /// The outermost element has the class `heroku-sso-whoami`; nothing is styled.
    pub fn whoami_html<S>(&self) -> MethodRouter<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        get(html_of)
    }
}

/// As on the gate's own pages: the fragment is for pages of the dashboard, not for frames of other sites.
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
        "user_id": user.user_id().map(ToString::to_string),
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
