//! An add-on whose users sign in through Heroku or with the add-on's own login, "Sign in with Forge": the
//! same list decides, the session is the same, and there is one user table.
//!
//! Run `cargo run --example own_login --features own_login`, then open the add-on and sign in with Forge,
//! or open it from the simulator. Remove a user in the simulator and refresh: their row and their session
//! are gone.

mod forge;
mod forge_client;
mod login;
mod pages;
mod users;

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use tower_heroku_sso::partner_api::NoProvisioning;
use tower_heroku_sso::{HerokuSso, HerokuUser};

use crate::forge_client::ForgeClient;
use crate::users::Users;
use shared::demo::{Demo, loopback};

#[derive(Clone)]
struct Site {
    sso: HerokuSso,
    users: Users,
    forge: Arc<ForgeClient>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut demo = Demo::start(|builder| builder.landing_path("/dashboard")).await?;
    let origin = demo.origin()?;
    let callback = format!("{origin}/login/callback");
    let registration = forge::start(loopback("FORGE_PORT", 3002)?, callback).await?;
    demo.also = Some(("login provider:", registration.forge.clone()));

    let sso = demo.sso.clone();
    let users = Users::default();
    let mut changes = sso.lists().changes();
    // Load every list before the first request, or users would be on none.
    for _ in 0..sso.lists().health().await.resources {
        if let Some(change) = changes.next().await {
            users.apply(change);
        }
    }
    tokio::spawn(users.clone().follow(changes));

    let forge = Arc::new(ForgeClient::new(registration)?);
    let https = origin.starts_with("https:");
    demo.serve(site(Site { sso, users, forge }, https)).await
}

fn site(site: Site, https: bool) -> Router {
    let sso = &site.sso;
    let gated = Router::new()
        .route("/dashboard", get(dashboard))
        .route("/refresh", post(refresh))
        .with_state(site.clone());
    let home = Router::new()
        .route("/", get(home))
        .route_layer(sso.optional_layer()); // forwards every request, and identifies known users
    sso.protect(gated)
        .merge(home)
        .merge(login::routes(https))
        .merge(sso.routes().partner_api(NoProvisioning))
        .layer(map_response(with_headers))
        .with_state(site)
}

async fn home(user: Option<HerokuUser>) -> Response {
    pages::home(user.as_ref()).into_response()
}

async fn dashboard(State(site): State<Site>, user: HerokuUser) -> Response {
    site.users.came(user.resource(), user.email(), user.proof());
    let rows = site.users.at(user.resource());
    match site.sso.lists().get(user.resource()).await {
        Ok(Some(snapshot)) => pages::dashboard(&user, &snapshot, &rows).into_response(),
        Ok(None) | Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Fetches the list now instead of at the next interval.
async fn refresh(State(site): State<Site>, user: HerokuUser) -> Redirect {
    if let Err(error) = site.sso.lists().refresh(user.resource()).await {
        tracing::warn!(%error, "the list could not be refreshed");
    }
    Redirect::to("/dashboard")
}

/// Headers for every page that does not set them itself. No referrer is sent, as one URL contains a code.
/// No page may be framed by another site, as a click on one of them signs in.
async fn with_headers(mut response: Response) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                  frame-ancestors 'none'";
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        let headers = response.headers_mut();
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}
