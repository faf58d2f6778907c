//! `HerokuUser::for_test`: users for the unit tests of a partner's handlers, which no gate believes.

use axum::routing::get;
use axum::{Extension, Router};
use tower_heroku_sso::access::{App, Team};
use tower_heroku_sso::{Enforcement, HerokuUser, Permission, Proof, Require, ResourceId, Role};

use support::browser::Browser;
use support::world::{World, serve};

fn resource() -> ResourceId {
    "01234567-89ab-cdef-0123-456789abcdef".parse().unwrap()
}

pub fn bob() -> HerokuUser {
    HerokuUser::for_test("bob@example.com", resource()).build()
}

async fn greet(user: Option<HerokuUser>) -> String {
    user.map_or("stranger".to_owned(), |user| user.email().to_string())
}

/// The partner's handlers, with a user where the gate would put one.
async fn app_of(user: HerokuUser) -> Browser {
    let guarded = Router::new()
        .route("/guarded", get(|| async { "reached" }))
        .route_layer(Require::role(Role::Admin));
    let app = Router::new()
        .route(
            "/",
            get(|user: HerokuUser| async move { user.email().to_string() }),
        )
        .merge(guarded)
        .layer(Extension(user));
    Browser::new(serve(app).await)
}

#[tokio::test]
async fn test_user_reaches_handlers_and_guards_without_a_gate() {
    let admin = HerokuUser::for_test("ann@example.com", resource()).role(Role::Admin);
    let admin = app_of(admin.build()).await;
    assert_eq!(admin.fetch("/").await.body, "ann@example.com");
    assert_eq!(admin.fetch("/guarded").await.body, "reached");
    let member = app_of(bob()).await;
    assert_eq!(member.fetch("/").await.status, 200);
    let answer = member.fetch("/guarded").await;
    assert_eq!(
        (answer.status, answer.problem()),
        (403, "missing-role".into())
    );
}

#[tokio::test]
async fn test_user_with_an_unsigned_email_has_no_privileges() {
    let user = HerokuUser::for_test("ann@example.com", resource());
    let user = user
        .role(Role::Admin)
        .permission(Permission::Deploy)
        .user_id("4711".parse().unwrap());
    let user = user.proof(Proof::UnsignedEmail).build();
    assert_eq!(user.roles().iter().count(), 0);
    assert!(user.permissions().is_empty() && user.user_id().is_none());
    let browser = app_of(user).await;
    assert_eq!(browser.fetch("/guarded").await.problem(), "unsigned-email");
}

#[test]
fn test_user_has_what_the_test_gave() {
    let app = App::new("app-1".parse().unwrap(), "shop");
    let team = Team::new("team-1".parse().unwrap(), "acme");
    let user = HerokuUser::for_test("Ann@Example.com ", resource())
        .role(Role::Member)
        .role(Role::Owner)
        .permission(Permission::View)
        .permission(Permission::Deploy)
        .user_id("4711".parse().unwrap())
        .addon_name("acme-db-round-1")
        .app(app.clone())
        .team(team.clone())
        .context_app("front")
        .proof(Proof::OwnLogin)
        .build();
    assert_eq!(user.email().as_str(), "ann@example.com");
    assert_eq!(user.resource(), &resource());
    let roles: Vec<_> = user.roles().iter().map(Role::as_str).collect();
    assert_eq!(roles, ["owner", "member"]);
    assert_eq!(user.permissions(), [Permission::View, Permission::Deploy]);
    assert_eq!(user.user_id().map(|id| id.to_string()), Some("4711".into()));
    assert_eq!(user.addon_name(), "acme-db-round-1");
    assert_eq!((user.app(), user.team()), (&app, Some(&team)));
    assert_eq!(user.context_app(), Some("front"));
    assert_eq!(user.proof(), Proof::OwnLogin);
    assert_eq!(user.sign_out_path(), "/logout");
    assert!(user.session_expires_at() > user.signed_in_at());
    assert!(!format!("{user:?}").contains("ann"));
}

#[tokio::test]
async fn gate_removes_or_replaces_a_user_from_outside() {
    let world = World::start().await;
    let addon = world.addon().await;
    let gated = |inner: Router| inner.layer(Extension(bob()));
    let required = Router::new()
        .route("/", get(greet))
        .layer(world.sso.layer());
    let required = Browser::new(serve(gated(required)).await);
    assert_eq!(required.fetch("/").await.status, 401);
    required
        .submit(&addon.sign_in_form("ann@example.com"))
        .await;
    assert_eq!(required.fetch("/").await.body, "ann@example.com");
    // As above, for a session that the gate has in its cache.
    assert_eq!(required.fetch("/").await.body, "ann@example.com");

    let optional = Router::new()
        .route("/", get(greet))
        .layer(world.sso.optional_layer());
    let optional = Browser::new(serve(gated(optional)).await);
    assert_eq!(optional.fetch("/").await.body, "stranger");
    world.clock.advance(std::time::Duration::from_secs(1));
    optional
        .submit(&addon.sign_in_form("ann@example.com"))
        .await;
    assert_eq!(optional.fetch("/").await.body, "ann@example.com");
}

#[tokio::test]
async fn observing_gate_removes_a_user_from_outside() {
    let world = World::with(|builder| builder.enforcement(Enforcement::Observe)).await;
    let app = Router::new()
        .route("/", get(greet))
        .route("/logout", get(greet))
        .layer(world.sso.layer())
        .layer(Extension(bob()));
    let browser = Browser::new(serve(app).await);
    for path in ["/", "/logout"] {
        assert_eq!(browser.fetch(path).await.body, "stranger", "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn access_of_a_test_user_never_ends() {
    let day = std::time::Duration::from_secs(86_400);
    assert!(tokio::time::timeout(day, bob().ended()).await.is_err());
}
