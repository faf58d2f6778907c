//! `HerokuUser` in axum handlers.

use axum::Router;
use axum::routing::get;
use support::ids::AddOnExt as _;
use tower_heroku_sso::{Enforcement, HerokuUser, Proof, Require, Role, UserRejection};

use crate::log::Log;
use support::browser::Browser;
use support::world::{World, serve};

async fn greet(user: Option<HerokuUser>) -> String {
    user.map_or("stranger".to_owned(), |user| user.email().to_string())
}

#[tokio::test]
async fn user_extractor_exposes_identity_resource_and_expiry() {
    let world = World::start().await;
    let team = world.heroku.team("acme").member("ann@example.com", "admin");
    let app = world
        .heroku
        .app("shop")
        .owned_by_team(&team)
        .collaborator("ann@example.com");
    let addon = app.addon();
    let (id, name) = (addon.resource_id(), addon.info().name);
    assert_eq!(addon.provision().await.unwrap().status, 200);
    let user_id = world.heroku.accounts().id("ann@example.com").into();
    let app_id = app.id().into();
    let handler = move |user: HerokuUser| async move {
        assert_eq!(user.email().as_str(), "ann@example.com");
        assert_eq!(user.user_id(), Some(user_id));
        assert_eq!(user.resource(), &id);
        assert_eq!(user.addon_name(), name);
        assert_eq!(
            (&user.app().id, user.app().name.as_str()),
            (&app_id, "shop")
        );
        assert_eq!(user.team().unwrap().name, "acme");
        assert_eq!(user.proof(), Proof::SignedEmail);
        assert_eq!(user.context_app(), Some("shop"));
        let roles: Vec<_> = user.roles().iter().map(Role::as_str).collect();
        assert_eq!(roles, ["admin", "collaborator"]);
        let interval = time::Duration::minutes(5);
        assert_eq!(user.session_expires_at() - user.list_fetched_at(), interval);
        let printed = format!("{user:?}");
        assert!(printed.contains("session_expires_at") && !printed.contains("ann"));
        "ok"
    };
    let app = Router::new()
        .route("/", get(handler))
        .layer(world.sso.layer());
    let browser = Browser::new(serve(app).await);
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(browser.fetch("/").await.body, "ok");
}

#[tokio::test]
async fn handler_outside_the_gate_answers_500_without_running() {
    let world = World::start().await;
    let addon = world.addon().await;
    let app = Router::new()
        .route("/inside", get(greet))
        .layer(world.sso.layer())
        .route("/outside", get(|_: HerokuUser| async { "reached" }))
        .route("/open", get(greet));
    let browser = Browser::new(serve(app).await);
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(browser.fetch("/inside").await.body, "ann@example.com");
    assert_eq!(browser.fetch("/open").await.body, "stranger");
    let log = Log::listen();
    for _ in 0..3 {
        let answer = browser.fetch("/outside").await;
        assert_eq!((answer.status, answer.body.as_str()), (500, ""));
    }
    // An outsider cannot flood the log. Another test may have caused the line of this hour.
    let lines = log.with(&["ERROR", "its route is not behind the gate"]);
    assert!(lines.len() <= 1, "{lines:?}");
}

#[tokio::test]
async fn optional_layer_answers_401_where_a_handler_needs_a_user() {
    let world = World::start().await;
    let addon = world.addon().await;
    let app = Router::new()
        .route(
            "/user",
            get(|user: HerokuUser| async move { user.email().to_string() }),
        )
        .layer(world.sso.optional_layer());
    let (browser, log) = (Browser::new(serve(app).await), Log::listen());
    let answer = browser.fetch("/user").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (401, "no-session")
    );
    let page = browser.get("/user").await;
    assert_eq!(page.status, 401);
    assert!(page.body.contains("Please sign in through Heroku"));
    assert_eq!(log.with(&["ERROR"]), [""; 0]);
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(browser.fetch("/user").await.body, "ann@example.com");
}

/// A 401 would tell every user of the app to sign in, which would not help.
#[tokio::test]
async fn observing_gate_answers_500_where_a_handler_needs_a_user() {
    let world = World::with(|builder| builder.enforcement(Enforcement::Observe)).await;
    let addon = world.addon().await;
    let app = Router::new()
        .route("/", get(|_: HerokuUser| async { "in" }))
        .layer(world.sso.layer());
    let browser = Browser::new(serve(app).await);
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(browser.fetch("/").await.status, 500);
}

#[tokio::test]
async fn optional_layer_passes_unauthenticated_requests() {
    let world = World::start().await;
    let addon = world.addon().await;
    let app = Router::new()
        .route("/", get(greet))
        .layer(world.sso.optional_layer());
    let browser = Browser::new(serve(app).await);
    assert_eq!(browser.fetch("/").await.body, "stranger");
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(browser.fetch("/").await.body, "ann@example.com");
    world.heroku.app("shop").remove("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    let answer = browser.fetch("/").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "stranger"));
}

#[tokio::test]
async fn role_guard_without_a_gate_answers_401() {
    let app = Router::new()
        .route("/", get(|| async { "reached" }))
        .route_layer(Require::any_of([Role::Owner]));
    let answer = Browser::new(serve(app).await).fetch("/").await;
    assert_eq!(answer.status, 401);
}

/// A handler can answer in its own way.
#[tokio::test]
async fn rejection_of_the_extractor_says_why() {
    async fn greet(user: Result<HerokuUser, UserRejection>) -> String {
        match user {
            Ok(user) => user.email().to_string(),
            Err(rejection) => {
                let kind = rejection.rejection().map(|it| it.kind().code());
                format!("{} {kind:?}", rejection.status())
            }
        }
    }
    let world = World::start().await;
    let inside = Router::new().route("/inside", get(greet));
    let app = inside
        .layer(world.sso.optional_layer())
        .route("/outside", get(greet));
    let browser = Browser::new(serve(app).await);
    for (path, said) in [
        ("/inside", "401 Unauthorized Some(\"no-session\")"),
        ("/outside", "500 Internal Server Error None"),
    ] {
        assert_eq!(browser.fetch(path).await.body, said);
    }
}
