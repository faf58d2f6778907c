//! Routes for some of the people on the list.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use heroku_addon_simulator::AddOn;
use http::HeaderMap;
use support::ids::AddOnExt as _;
use tower_heroku_sso::extract::{RequireRole, RequiredRoles, role};
use tower_heroku_sso::gate::RequireLayer;
use tower_heroku_sso::{HerokuSso, Role, SsoPolicy, VerifiedEmail};

use support::browser::{Answer, Browser};
use support::world::{World, serve};

/// A world in which an email may be unsigned.
async fn lax() -> World {
    World::with(|builder| builder.sso_policy(SsoPolicy::AllowUnsignedEmail)).await
}

/// The list: Ann and Cem collaborators, Bob an admin, Eve the app's owner.
async fn people(world: &World) -> AddOn {
    let addon = world.addon().await;
    addon
        .app()
        .collaborator_as("bob@example.com", "admin", &["view", "deploy"])
        .collaborator_as("cem@example.com", "collaborator", &["view"])
        .collaborator_as("eve@example.com", "owner", &[]);
    world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    addon
}

async fn behind(sso: &HerokuSso, guard: RequireLayer) -> SocketAddr {
    let guarded = Router::new()
        .route("/guarded", get(|| async { "in" }))
        .route_layer(guard);
    serve(guarded.layer(sso.layer()).merge(sso.endpoints())).await
}

async fn guarded(address: SocketAddr, addon: &AddOn, email: &str) -> Answer {
    let browser = Browser::new(address);
    let answer = browser.submit(&addon.sign_in_form(email)).await;
    assert_eq!(answer.status, 303);
    browser.fetch("/guarded").await
}

#[tokio::test]
async fn one_role_is_required() {
    let world = World::start().await;
    let addon = people(&world).await;
    let address = behind(&world.sso, world.sso.require(Role::Admin)).await;
    assert_eq!(
        guarded(address, &addon, "bob@example.com").await.status,
        200
    );
    let answer = guarded(address, &addon, "ann@example.com").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (403, "missing-role")
    );
    assert_eq!(
        answer.json()["required_roles"],
        serde_json::json!(["admin"])
    );
    assert!(!answer.body.contains("@example.com"));
}

#[tokio::test]
async fn a_rule_of_one_s_own_decides() {
    let world = World::start().await;
    let addon = people(&world).await;
    let may_deploy = world
        .sso
        .require_if(|user| user.permissions().iter().any(|may| &**may == "deploy"));
    let address = behind(&world.sso, may_deploy).await;
    assert_eq!(
        guarded(address, &addon, "bob@example.com").await.status,
        200
    );
    let answer = guarded(address, &addon, "cem@example.com").await;
    assert_eq!(answer.problem(), "missing-role");
    assert!(answer.json().get("required_roles").is_none());
}

#[tokio::test]
async fn of_no_roles_nobody_has_one() {
    let world = World::start().await;
    let addon = people(&world).await;
    let address = behind(&world.sso, world.sso.require_any([])).await;
    assert_eq!(
        guarded(address, &addon, "eve@example.com").await.status,
        403
    );
}

#[tokio::test]
async fn the_page_of_a_refusal_says_which_role_is_needed_and_who_can_grant_it() {
    let world = World::start().await;
    let addon = people(&world).await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let page = browser.get("/admin").await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("admin or owner"), "{}", page.body);
    assert!(page.body.contains("bob@example.com"), "{}", page.body);
    assert!(page.body.contains("eve@example.com"), "{}", page.body);
    assert!(!page.body.contains("cem@example.com"), "{}", page.body);
}

#[tokio::test]
async fn whoever_has_not_proved_an_email_sees_no_addresses() {
    let world = lax().await;
    let addon = people(&world).await;
    let mut form = addon.sign_in_form("ann@example.com");
    form.remove("user_scoped_resource_token");
    let browser = world.browser();
    assert_eq!(browser.submit(&form).await.status, 303);
    let page = browser.get("/admin").await;
    assert_eq!(page.status, 403);
    assert!(!page.body.contains("@example.com"), "{}", page.body);
    assert_eq!(browser.fetch("/admin").await.problem(), "unsigned-email");
    // Nor with a guard that takes their word for it.
    world.clock.advance(Duration::from_secs(1));
    let guard = world.sso.require(Role::Admin).trust_unsigned_email();
    let browser = Browser::new(behind(&world.sso, guard).await);
    let mut form = addon.sign_in_form("cem@example.com");
    form.remove("user_scoped_resource_token");
    assert_eq!(browser.submit(&form).await.status, 303);
    let page = browser.get("/guarded").await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("admin"), "{}", page.body);
    assert!(!page.body.contains("@example.com"), "{}", page.body);
}

#[tokio::test]
async fn an_unsigned_email_is_trusted_only_where_that_is_said() {
    let world = lax().await;
    let addon = people(&world).await;
    for (guard, status) in [
        (world.sso.require(Role::Admin), 403),
        (world.sso.require_if(|_| true), 403),
        (world.sso.require(Role::Admin).trust_unsigned_email(), 200),
    ] {
        let browser = Browser::new(behind(&world.sso, guard).await);
        // Heroku counts seconds: another one makes another form.
        world.clock.advance(Duration::from_secs(1));
        let mut form = addon.sign_in_form("bob@example.com");
        form.remove("user_scoped_resource_token");
        assert_eq!(browser.submit(&form).await.status, 303);
        assert_eq!(browser.fetch("/guarded").await.status, status);
    }
}

#[tokio::test]
async fn whoever_came_by_the_partner_s_own_login_has_the_roles_of_the_list() {
    let world = World::start().await;
    let addon = people(&world).await;
    let email = VerifiedEmail::i_have_verified("bob@example.com".parse().unwrap());
    let signed_in = world
        .sso
        .admit(&addon.resource_id(), &email, &HeaderMap::new())
        .await
        .unwrap();
    let mut headers = HeaderMap::new();
    signed_in.set_cookies(&mut headers);
    let browser = world.browser();
    for cookie in headers.get_all("set-cookie") {
        let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        browser.set_cookie(name, value);
    }
    assert_eq!(browser.get("/admin").await.status, 200);
}

struct Deployers;

impl RequiredRoles for Deployers {
    fn any_of() -> Vec<Role> {
        vec![Role::from("deployer"), Role::Admin]
    }
}

#[tokio::test]
async fn a_handler_asks_for_roles_in_its_arguments() {
    let world = lax().await;
    let addon = people(&world).await;
    let app = Router::new()
        .route(
            "/owners",
            get(|user: RequireRole<role::Owner>| async move { user.email().to_string() }),
        )
        .route(
            "/both",
            get(|user: RequireRole<(role::Owner, role::Admin)>| async move {
                user.into_user().email().to_string()
            }),
        )
        .route("/deploy", get(|_: RequireRole<Deployers>| async { "in" }))
        .layer(world.sso.layer())
        .route(
            "/outside",
            get(|_: RequireRole<role::Owner>| async { "in" }),
        );
    let address = serve(app).await;
    let bob = Browser::new(address);
    bob.submit(&addon.sign_in_form("bob@example.com")).await;
    assert_eq!(bob.fetch("/owners").await.problem(), "missing-role");
    assert_eq!(bob.fetch("/both").await.body, "bob@example.com");
    assert_eq!(bob.fetch("/deploy").await.body, "in");
    assert_eq!(bob.fetch("/outside").await.status, 500);
    let eve = Browser::new(address);
    eve.submit(&addon.sign_in_form("eve@example.com")).await;
    assert_eq!(eve.fetch("/owners").await.body, "eve@example.com");
    // A page for people, as everywhere.
    let page = bob.get("/owners").await;
    assert!(page.body.contains("eve@example.com"), "{}", page.body);
    // The unsigned email is nobody's.
    let unsigned = Browser::new(address);
    world.clock.advance(Duration::from_secs(1));
    let mut form = addon.sign_in_form("eve@example.com");
    form.remove("user_scoped_resource_token");
    assert_eq!(unsigned.submit(&form).await.status, 303);
    assert_eq!(unsigned.fetch("/owners").await.problem(), "unsigned-email");
}
