//! The gate in front of a dashboard in any language.
//!
//! `cargo run --example proxy --features proxy` starts a Heroku simulator, the proxy, and a small upstream
//! that replaces your Rails or Node app. With `UPSTREAM_URL` it uses your upstream, still with the
//! simulator. With `HEROKU_SSO_SALT` and `ASSERTION_KEY` too it is a real add-on, set up by the variables
//! in `examples/README.md`.
//!
//! The upstream identifies the user only by the header `x-heroku-sso-assertion`: a JWT of issuer [`ISSUER`]
//! for audience [`AUDIENCE`]. It checks the JWT with the keys at `/.well-known/jwks.json` of this proxy. It
//! may have its own sessions and cookies. The proxy answers `/heroku/sso`, `/heroku/resources`, `/logout`,
//! `/healthz` and `/.well-known/jwks.json` itself, and `/heroku/webhooks` if webhooks are set up.

mod forward;
mod keys;
mod own_cookies;
mod tunnel;
mod unavailable;
mod upstream;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use axum_reverse_proxy::ReverseProxy;
use tokio_util::sync::CancellationToken;
use tower_heroku_sso::assertion::Assertions;
use tower_heroku_sso::partner_api::NoProvisioning;

use shared::process;
use shared::settings::{self, Settings};

/// The issuer (`iss`). Your URL is a good value.
const ISSUER: &str = "heroku-sso-proxy";
/// The audience (`aud`). Use another name for each service, so that none accepts the assertions of another.
const AUDIENCE: &str = "dashboard";

/// How long a request may continue once the process gets the signal to stop: less than Heroku's 30 seconds.
/// Streams do not end without help.
const GRACE: Duration = Duration::from_secs(20);

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
    let is_demo = settings.simulator.is_some();
    let address = settings.listener.local_addr()?;
    let assertions = Assertions::new(keys::from_env(is_demo)?, ISSUER, AUDIENCE)?;
    let upstream = match forward::upstream_from_env(address)? {
        Some(url) => url,
        None if is_demo => upstream::start(address).await?,
        None => return Err("UPSTREAM_URL is not set".into()),
    };
    let policy = forward::policy(settings.public_scheme)?;
    let proxy = ReverseProxy::new("/", upstream.as_str()).with_policy(policy);

    let sso = settings.builder.build().await?;
    let sync = sso.spawn_sync();

    let forwarded = Router::new()
        .fallback_service(proxy)
        .layer(assertions.layer())
        .layer(from_fn(tunnel::ends_with_access))
        .layer(from_fn(forward::clean))
        .layer(from_fn(unavailable::explain));
    let app = sso
        .protect(forwarded)
        .merge(sso.routes().partner_api(NoProvisioning))
        .merge(assertions.jwks())
        .route("/healthz", sso.routes().healthz())
        .into_make_service_with_connect_info::<SocketAddr>();

    let stop = CancellationToken::new();
    let server = axum::serve(settings.listener, app);
    let server = server.with_graceful_shutdown(stop.clone().cancelled_owned());
    let stopped = async {
        process::stop_signal().await;
        stop.cancel();
        tokio::time::sleep(GRACE).await;
    };
    println!("add-on:            http://{address}");
    println!("upstream:          {upstream}");
    let welcome = async {
        if let Some(simulator) = &settings.simulator {
            settings::provision_all(simulator, address).await;
            println!("heroku simulator:  {}", simulator.dashboard_url());
            println!("Open the simulator, and from there the add-on as one of its people.");
        }
        std::future::pending::<()>().await;
    };
    let served = tokio::select! {
        served = server => served,
        () = stopped => Ok(()),
        () = welcome => Ok(()),
    };
    // Finishes the work in progress, so that no renewed token is lost.
    sync.shutdown().await;
    Ok(served?)
}
