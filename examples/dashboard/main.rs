//! An add-on's dashboard behind the gate, and a Heroku simulator to try it with.
//!
//! `cargo run --example dashboard` starts the simulator and the add-on, and prints both links. With
//! `HEROKU_SSO_SALT` set it starts only the add-on, and talks to the Heroku that the variables name:
//! `examples/README.md` lists them.

mod pages;

use std::error::Error;
use std::future::IntoFuture;
use std::process::ExitCode;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use tower_heroku_sso::partner_api::NoProvisioning;
use tower_heroku_sso::{HerokuSso, HerokuUser, Require, Role};

use shared::process;
use shared::settings::{self, Settings};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", process::explain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    process::log_to_stderr("info");
    let settings = Settings::from_env().await?;
    let sso = settings.builder.build().await?;
    let sync = sso.spawn_sync();

    let listener = settings.listener;
    let address = listener.local_addr()?;
    let app = router(sso);
    let server = axum::serve(listener, app).with_graceful_shutdown(process::stop_signal());
    println!("add-on dashboard:  http://{address}");
    // Runs beside the server, which answers the provisioning. The link is printed after it: an add-on that
    // is not provisioned admits no user.
    let welcome = async {
        if let Some(simulator) = &settings.simulator {
            settings::provision_all(simulator, address).await;
            println!("heroku simulator:  {}", simulator.dashboard_url());
            println!("Open the simulator, and from there the add-on as one of its people.");
        }
    };
    let (served, ()) = tokio::join!(server.into_future(), welcome);
    // Finishes the work in progress, so that no renewed token is lost.
    sync.shutdown().await;
    Ok(served?)
}

fn router(sso: HerokuSso) -> Router {
    let admins = Router::new()
        .route("/admin", get(admin))
        .route_layer(Require::any_of([Role::Admin, Role::Owner]));
    let dashboard = Router::new()
        .route("/", get(index))
        .route("/whoami", sso.routes().whoami())
        .route("/refresh", post(refresh))
        .merge(admins)
        .with_state(sso.clone());
    sso.protect(dashboard)
        .merge(sso.routes().partner_api(NoProvisioning))
        .route("/healthz", sso.routes().healthz())
        .route("/readyz", sso.routes().readyz())
}

async fn index(State(sso): State<HerokuSso>, user: HerokuUser) -> Response {
    match sso.lists().get(user.resource()).await {
        Ok(Some(snapshot)) => Html(pages::index(&user, &snapshot)).into_response(),
        Ok(None) | Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn admin(user: HerokuUser) -> Html<String> {
    Html(pages::admin(&user))
}

/// Fetches the list now instead of at the next interval. The next request shows the result.
async fn refresh(State(sso): State<HerokuSso>, user: HerokuUser) -> Redirect {
    if let Err(error) = sso.lists().refresh(user.resource()).await {
        tracing::warn!(%error, "the list could not be refreshed");
    }
    Redirect::to("/")
}
