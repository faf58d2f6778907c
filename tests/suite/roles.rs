//! Role guards on routes.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use heroku_addon_simulator::AddOn;
use http::HeaderMap;
use support::ids::AddOnExt as _;
use tower_heroku_sso::{
    HerokuSso, HerokuUser, Permission, Require, Role, SsoPolicy, VerifiedEmail,
};

use support::browser::{Answer, Browser};
use support::world::{World, serve};

/// A world that accepts unsigned emails.
async fn lax() -> World {
    World::with(|builder| builder.sso_policy(SsoPolicy::AllowUnsignedEmail)).await
}

/// A list with the collaborators Ann and Cem, the admin Bob and the owner Eve.
async fn people(world: &World) -> AddOn {
    let addon = world.addon().await;
    addon
        .app()
        .collaborator_as("bob@example.com", "admin", &["view", "deploy"])
        .collaborator_as("cem@example.com", "collaborator", &["view"])
        .collaborator_as("eve@example.com", "owner", &[]);
    world.refresh(&addon.resource_id()).await;
    addon
}

async fn behind(sso: &HerokuSso, guard: Require) -> SocketAddr {
    let guarded = Router::new()
        .route("/guarded", get(|| async { "in" }))
        .route_layer(guard);
    serve(guarded.layer(sso.layer()).merge(sso.routes().sign_in())).await
}

async fn guarded(address: SocketAddr, addon: &AddOn, email: &str) -> Answer {
    let browser = Browser::new(address);
    let answer = browser.submit(&addon.sign_in_form(email)).await;
    assert_eq!(answer.status, 303);
    browser.fetch("/guarded").await
}

#[tokio::test]
async fn require_admits_only_users_with_the_role() {
    let world = World::start().await;
    let addon = people(&world).await;
    let address = behind(&world.sso, Require::role(Role::Admin)).await;
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
async fn require_if_admits_by_a_custom_rule() {
    let world = World::start().await;
    let addon = people(&world).await;
    let may_deploy = Require::only_if(|user| user.permissions().contains(&Permission::Deploy));
    let address = behind(&world.sso, may_deploy).await;
    assert_eq!(
        guarded(address, &addon, "bob@example.com").await.status,
        200
    );
    let answer = guarded(address, &addon, "cem@example.com").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (403, "not-permitted")
    );
    assert!(answer.json().get("required_roles").is_none());
    assert!(!answer.body.contains("role"), "{}", answer.body);
}

#[tokio::test]
async fn require_permission_admits_only_users_with_it() {
    let world = World::start().await;
    let addon = people(&world).await;
    let address = behind(&world.sso, Require::permission(Permission::Deploy)).await;
    let answer = guarded(address, &addon, "bob@example.com").await;
    assert_eq!(answer.status, 200);
    // Another permission, and none: an owner without a permission on the list.
    for email in ["cem@example.com", "eve@example.com"] {
        let answer = guarded(address, &addon, email).await;
        assert_eq!(answer.status, 403, "{email}");
        assert_eq!(answer.problem(), "missing-permission");
        assert_eq!(answer.json()["required_permission"], "deploy");
        assert!(answer.json().get("required_roles").is_none());
    }
    let browser = Browser::new(address);
    // A new second makes a new form.
    world.clock.advance(Duration::from_secs(1));
    browser.submit(&addon.sign_in_form("cem@example.com")).await;
    let page = browser.get("/guarded").await;
    assert!(
        page.body.contains("Needed: <strong>deploy"),
        "{}",
        page.body
    );
    assert!(page.body.contains("bob@example.com"), "{}", page.body);
}

#[tokio::test]
async fn unsigned_email_has_no_permissions() {
    let world = lax().await;
    let addon = people(&world).await;
    let guard = Require::permission(Permission::Deploy);
    for (guard, status) in [(guard.clone(), 403), (guard.trust_unsigned_email(), 200)] {
        let browser = Browser::new(behind(&world.sso, guard).await);
        world.clock.advance(Duration::from_secs(1));
        let mut form = addon.sign_in_form("bob@example.com");
        form.remove("user_scoped_resource_token");
        assert_eq!(browser.submit(&form).await.status, 303);
        assert_eq!(browser.fetch("/guarded").await.status, status);
    }
}

#[tokio::test]
async fn require_any_of_no_roles_rejects_all_users() {
    let world = World::start().await;
    let addon = people(&world).await;
    let address = behind(&world.sso, Require::any_of([])).await;
    assert_eq!(
        guarded(address, &addon, "eve@example.com").await.status,
        403
    );
}

#[tokio::test]
async fn missing_role_page_names_the_role_and_its_granters() {
    let world = World::start().await;
    let addon = people(&world).await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let page = browser.get("/admin").await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("admin or owner"), "{}", page.body);
    assert!(page.body.contains("bob@example.com"), "{}", page.body);
    assert!(page.body.contains("eve@example.com"), "{}", page.body);
    assert!(!page.body.contains("cem@example.com"), "{}", page.body);
    // It stays until it is read.
    assert!(page.body.contains("Continue to the dashboard"));
    assert_eq!(page.header("refresh"), None);
}

#[tokio::test]
async fn admin_without_a_permission_is_not_told_to_ask_themselves() {
    let world = World::start().await;
    let addon = people(&world).await;
    let guard = Require::permission(Permission::Manage);
    let browser = Browser::new(behind(&world.sso, guard).await);
    let answer = browser.submit(&addon.sign_in_form("bob@example.com")).await;
    assert_eq!(answer.status, 303);
    let page = browser.get("/guarded").await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("eve@example.com"), "{}", page.body);
    assert!(!page.body.contains("bob@example.com"), "{}", page.body);
}

#[tokio::test]
async fn unsigned_email_user_sees_no_granter_emails() {
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
    // Nor with a guard that trusts unsigned emails.
    world.clock.advance(Duration::from_secs(1));
    let guard = Require::role(Role::Admin).trust_unsigned_email();
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
async fn unsigned_email_passes_only_a_trusting_guard() {
    let world = lax().await;
    let addon = people(&world).await;
    for (guard, status) in [
        (Require::role(Role::Admin), 403),
        (Require::only_if(|_| true), 403),
        (Require::role(Role::Admin).trust_unsigned_email(), 200),
    ] {
        let browser = Browser::new(behind(&world.sso, guard).await);
        // A new second makes a new form.
        world.clock.advance(Duration::from_secs(1));
        let mut form = addon.sign_in_form("bob@example.com");
        form.remove("user_scoped_resource_token");
        assert_eq!(browser.submit(&form).await.status, 303);
        let page = browser.get("/guarded").await;
        assert_eq!(page.status, status);
        // The session opens other pages.
        let leads_on = page.body.contains("Continue to the dashboard");
        assert_eq!(leads_on, status == 403, "{}", page.body);
    }
}

#[tokio::test]
async fn own_login_user_has_the_roles_of_the_list() {
    let world = World::start().await;
    let addon = people(&world).await;
    let email = VerifiedEmail::assume_verified("bob@example.com".parse().unwrap());
    let signed_in = world
        .sso
        .sessions()
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

#[tokio::test]
async fn each_handler_can_have_a_guard_of_its_own() {
    let world = lax().await;
    let addon = people(&world).await;
    let greet = |user: HerokuUser| async move { user.email().to_string() };
    let app = Router::new()
        .route("/owners", get(greet).layer(Require::role(Role::Owner)))
        .route(
            "/both",
            get(greet).layer(Require::any_of([Role::Owner, Role::Admin])),
        )
        .route(
            "/deploy",
            get(greet).layer(Require::any_of([Role::from("deployer"), Role::Admin])),
        )
        .layer(world.sso.layer());
    let address = serve(app).await;
    let bob = Browser::new(address);
    bob.submit(&addon.sign_in_form("bob@example.com")).await;
    assert_eq!(bob.fetch("/owners").await.problem(), "missing-role");
    assert_eq!(bob.fetch("/both").await.body, "bob@example.com");
    assert_eq!(bob.fetch("/deploy").await.body, "bob@example.com");
    let eve = Browser::new(address);
    eve.submit(&addon.sign_in_form("eve@example.com")).await;
    assert_eq!(eve.fetch("/owners").await.body, "eve@example.com");
    // Browsers get a page, as everywhere.
    let page = bob.get("/owners").await;
    assert!(page.body.contains("eve@example.com"), "{}", page.body);
    // An unsigned email has no role.
    let unsigned = Browser::new(address);
    world.clock.advance(Duration::from_secs(1));
    let mut form = addon.sign_in_form("eve@example.com");
    form.remove("user_scoped_resource_token");
    assert_eq!(unsigned.submit(&form).await.status, 303);
    assert_eq!(unsigned.fetch("/owners").await.problem(), "unsigned-email");
}
