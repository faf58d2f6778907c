//! The add-on as a process: the test program runs itself again with only this test.

use std::env;
use std::io::Write as _;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use heroku_sso_store::SessionKey;
use serde_json::Value;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tower_heroku_sso::partner_api::{Addon, AddonError, Outcome};
use tower_heroku_sso::store::{PostgresStore, SqliteStore};
use tower_heroku_sso::sync::{Change, Changes};
use tower_heroku_sso::{
    AccessTokenError, AddonPassword, ClientSecret, HerokuSso, Manifest, ManualClock, OauthGrant,
    RefreshError, RegisterError, ResourceId, SsoSalt,
};
use tracing_subscriber::EnvFilter;

use crate::place::keys;
use support::world::stream;

/// The variable that marks the child process and contains its configuration.
pub const SETUP: &str = "CRASHES_CHILD";
/// The path of the test below.
pub const TEST: &str = "crashes::child::add_on_process";
/// A child that is not killed exits after this time.
const LIFE: Duration = Duration::from_secs(5 * 60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn add_on_process() {
    if let Ok(setup) = env::var(SETUP) {
        let setup: Value = serde_json::from_str(&setup).unwrap();
        let ended = tokio::time::timeout(LIFE, run(setup)).await;
        ended.expect("the test kills this process");
    }
}

async fn run(setup: Value) {
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_env_filter(EnvFilter::new("tower_heroku_sso=info"))
        .with_writer(std::io::stderr)
        .init();
    let text = |name: &str| setup[name].as_str().unwrap().to_owned();
    let now = text("now").parse().unwrap();
    let clock = ManualClock::at(OffsetDateTime::from_unix_timestamp_nanos(now).unwrap());
    let manifest = Manifest::new(
        text("slug"),
        AddonPassword::new(text("password")).unwrap(),
        SsoSalt::new(text("salt")).unwrap(),
        ClientSecret::new(text("secret")).unwrap(),
    );
    let hour = Duration::from_secs(60 * 60);
    let builder = HerokuSso::builder(manifest)
        .api_url(text("heroku").parse().unwrap())
        .id_url(text("heroku").parse().unwrap())
        .clock(clock.clone())
        .refresh_interval(hour)
        .max_session(hour * 12);
    let database = text("database");
    let builder = match database.strip_prefix("sqlite:") {
        Some(file) => builder.store(SqliteStore::open(file, keys()).await.unwrap()),
        None => builder.store(PostgresStore::connect(&database, keys()).await.unwrap()),
    };
    let sso = builder.build().await.unwrap();
    let _sync = setup["sync"].as_bool().unwrap().then(|| sso.spawn_sync());
    tokio::spawn(tell(sso.lists().changes()));
    let partner = Partner(text("partner"));
    let app = sso
        .protect(
            Router::new()
                .route("/", get(|| async { "in" }))
                .route("/stream", get(|| async { stream() })),
        )
        .merge(sso.routes().partner_api(partner))
        .merge(control(Control { clock, sso }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // The test harness has begun this line.
    println!("\nlistens at {}", listener.local_addr().unwrap());
    axum::serve(listener, app).await.unwrap();
}

/// Prints the changes that concern a whole resource, flushing each line.
async fn tell(mut changes: Changes) {
    while let Some(change) = changes.next().await {
        let (what, resource) = match change {
            Change::ResourceDormant { resource } => ("ResourceDormant", resource),
            Change::ResourceRevived { resource } => ("ResourceRevived", resource),
            Change::ResourceGone { resource } => ("ResourceGone", resource),
            _ => continue,
        };
        let line = format!("told {what} {resource}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}

/// Calls the partner's system, which the test controls.
struct Partner(String);

impl Addon for Partner {
    async fn deprovision(&self, resource: ResourceId) -> Result<Outcome, AddonError> {
        let url = format!("{}/deprovision/{resource}", self.0);
        let answer = support::browser::client().post(url).send().await;
        match answer.map(|answer| answer.status().as_u16()) {
            Ok(200) => Ok(Outcome::done()),
            Ok(202) => Ok(Outcome::later()),
            other => Err(AddonError::TryLater(format!("{other:?}"))),
        }
    }
}

/// The commands of a test to the process.
#[derive(Clone)]
struct Control {
    clock: ManualClock,
    sso: HerokuSso,
}

fn control(control: Control) -> Router {
    Router::new()
        .route("/control/pass", post(pass))
        .route("/control/refresh/{id}", post(refresh))
        .route("/control/register/{id}", post(register))
        .route("/control/end/{id}", post(end))
        .route("/control/token/{id}", post(token))
        .route("/control/dormant", post(dormant))
        .route("/control/sessions/end/{key}", post(end_session))
        .route("/control/sessions/end_all/{id}", post(end_all))
        .route("/control/erase", post(erase))
        .with_state(control)
}

async fn pass(State(control): State<Control>, seconds: String) {
    let time = Duration::from_secs(seconds.parse().unwrap());
    control.clock.advance(time);
}

async fn refresh(State(control): State<Control>, Path(id): Path<ResourceId>) -> String {
    match control.sso.lists().refresh(&id).await {
        Ok(_) => "ok".to_owned(),
        Err(RefreshError::Dormant) => "dormant".to_owned(),
        Err(RefreshError::Deprovisioned) => "gone".to_owned(),
        Err(RefreshError::Heroku(_)) => "heroku".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

async fn register(
    State(control): State<Control>,
    Path(id): Path<ResourceId>,
    code: String,
) -> String {
    let grant = OauthGrant::Code(code.into());
    match control.sso.resources().register(&id, grant).await {
        Ok(()) => "ok".to_owned(),
        Err(RegisterError::Deprovisioned) => "gone".to_owned(),
        Err(RegisterError::Heroku(_)) => "heroku".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

async fn end(State(control): State<Control>, Path(id): Path<ResourceId>) -> String {
    match control.sso.resources().deprovision(&id).await {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

async fn token(State(control): State<Control>, Path(id): Path<ResourceId>) -> String {
    match control.sso.resources().access_token(&id).await {
        Ok(_) => "ok".to_owned(),
        Err(AccessTokenError::Deprovisioned) => "gone".to_owned(),
        Err(AccessTokenError::Heroku(_)) => "heroku".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

async fn dormant(State(control): State<Control>) -> String {
    let dormant = control.sso.resources().dormant().into_iter();
    let ids: Vec<_> = dormant.map(|it| it.resource.to_string()).collect();
    ids.join(" ")
}

async fn end_session(State(control): State<Control>, Path(key): Path<String>) -> String {
    let key = SessionKey::from_stored(key);
    format!("{:?}", control.sso.sessions().end(&key).await)
}

async fn end_all(State(control): State<Control>, Path(id): Path<ResourceId>) -> String {
    format!("{:?}", control.sso.sessions().end_all(&id).await)
}

async fn erase(State(control): State<Control>, email: String) -> String {
    let email = email.parse().unwrap();
    format!("{:?}", control.sso.lists().erase(&email).await)
}
