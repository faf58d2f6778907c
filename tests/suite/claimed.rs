//! Users whose email Heroku did not sign: rejected by default; under the policies that allow them, only
//! claimed.

use axum::Router;
use axum::routing::get;
use heroku_addon_simulator::{AddOn, SignInForm};
use reqwest::Method;
use serde_json::{Value, json};
use support::ids::AddOnExt as _;
use tower_heroku_sso::{HerokuSso, HerokuUser, Permission, Require, Role, SsoPolicy};

use crate::log::Log;
use crate::sign_in::assert_rejected;
use support::browser::Browser;
use support::world::{World, serve};

/// An old form into which a former member writes a colleague's email.
fn altered(mut form: SignInForm, email: &str) -> SignInForm {
    form.remove("user_scoped_resource_token");
    form.remove("user_id");
    form.set("email", email);
    form
}

/// Ann, who leaves, and the admin of the app.
async fn addon(world: &World) -> AddOn {
    let addon = world.addon().await;
    let app = addon.app();
    app.collaborator_as("boss@example.com", "admin", &["view", "manage"]);
    addon
}

#[tokio::test]
async fn c7_old_form_with_changed_email_is_rejected_by_default() {
    let log = Log::listen();
    let world = World::start().await;
    let addon = addon(&world).await;
    let kept = addon.sign_in_form("ann@example.com");
    addon.app().remove("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    let form = altered(kept, "boss@example.com");
    for _ in 0..3 {
        assert_rejected(&world, &world.browser().submit(&form).await, 403);
    }
    // The audit log has each rejection, the operators' log one per hour.
    let variable = "HEROKU_SSO_POLICY=allow-unsigned-email";
    assert_eq!(log.with(&["sign_in_rejected", variable]).len(), 3);
    assert_eq!(
        log.with(&["sign-in rejected by the policy", variable])
            .len(),
        1
    );
    // The form was not consumed: with valid tokens it still works.
    world.signed_in(&addon, "boss@example.com").await;
}

#[tokio::test]
async fn c7_only_a_valid_form_logs_the_policy_hint() {
    let log = Log::listen();
    let world = World::start().await;
    let addon = addon(&world).await;
    let mut form = altered(addon.sign_in_form("ann@example.com"), "boss@example.com");
    form.set("resource_token", "0".repeat(40));
    assert_rejected(&world, &world.browser().submit(&form).await, 403);
    let late = addon
        .sign_in("ann@example.com")
        .at(time::OffsetDateTime::UNIX_EPOCH + time::Duration::DAY)
        .form();
    let late = altered(late, "boss@example.com");
    assert_rejected(&world, &world.browser().submit(&late).await, 403);
    assert!(log.with(&["HEROKU_SSO_POLICY"]).is_empty());
}

#[tokio::test]
async fn c7_version_1_and_get_rejections_name_the_legacy_policy() {
    let log = Log::listen();
    let world = World::start().await;
    let addon = addon(&world).await;
    let form = addon.sign_in("ann@example.com").legacy_form();
    assert_rejected(&world, &world.browser().submit(&form).await, 403);
    let query = format!("/heroku/sso?{}", form.body());
    let answer = world.browser().get(&query).await;
    assert_rejected(&world, &answer, 405);
    let legacy = "HEROKU_SSO_POLICY=legacy";
    assert_eq!(log.with(&["sign_in_rejected", legacy]).len(), 2);
    assert_eq!(
        log.with(&["sign-in rejected by the policy", legacy]).len(),
        1
    );
    // A forged form logs no policy hint.
    world
        .browser()
        .get("/heroku/sso?id=1&token=2&timestamp=3&email=a@b.c")
        .await;
    assert_eq!(log.with(&[legacy]).len(), 3);
}

#[tokio::test]
async fn c7_policies_with_unsigned_emails_warn_at_startup() {
    for policy in [
        SsoPolicy::UserScoped,
        SsoPolicy::AllowUnsignedEmail,
        SsoPolicy::Legacy,
    ] {
        let log = Log::listen();
        let _world = World::with(|builder| builder.sso_policy(policy)).await;
        let warned = log.with(&["accepts unsigned emails", policy.as_str()]);
        let expected = usize::from(policy != SsoPolicy::UserScoped);
        assert_eq!(warned.len(), expected, "{policy}");
    }
}

/// All email-based privileges that a handler can read from a user.
async fn about(user: HerokuUser) -> axum::Json<Value> {
    let privileges = |user: &HerokuUser| {
        json!({
            "roles": user.roles().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "permissions": user.permissions().iter().map(|it| it.as_str()).collect::<Vec<_>>(),
            "user_id": user.user_id().map(|id| id.to_string()),
        })
    };
    let strictly = privileges(&user);
    let trusting = privileges(&user.trust_unsigned_email());
    axum::Json(json!({ "strictly": strictly, "trusting": trusting }))
}

fn site(sso: &HerokuSso) -> Router {
    let guarded = |guard| {
        let route = get(|user: HerokuUser| async move { user.roles().iter().count().to_string() });
        Router::new().route("/", route).route_layer(guard)
    };
    let manages = |user: &HerokuUser| user.permissions().contains(&Permission::Manage);
    Router::new()
        .route("/about", get(about))
        .route("/whoami", sso.routes().whoami())
        .route("/whoami.html", sso.routes().whoami_html())
        .nest("/role", guarded(Require::role(Role::Admin)))
        .nest("/rule", guarded(Require::only_if(|_| true)))
        .nest(
            "/trusted-role",
            guarded(Require::role(Role::Admin).trust_unsigned_email()),
        )
        .nest(
            "/trusted-rule",
            guarded(Require::only_if(manages).trust_unsigned_email()),
        )
        .nest(
            "/wrong-role",
            guarded(Require::role(Role::Owner).trust_unsigned_email()),
        )
        .layer(sso.layer())
        .merge(sso.routes().sign_in())
}

#[tokio::test]
async fn c7_claimed_user_has_no_email_based_privileges() {
    for policy in [SsoPolicy::AllowUnsignedEmail, SsoPolicy::Legacy] {
        let world = World::with(|builder| builder.sso_policy(policy)).await;
        let addon = addon(&world).await;
        let address = serve(site(&world.sso)).await;
        let boss = world.heroku.accounts().id("boss@example.com").to_string();
        let rights =
            json!({ "roles": ["admin"], "permissions": ["view", "manage"], "user_id": boss });
        let nothing = json!({ "roles": [], "permissions": [], "user_id": null });

        let claimed = Browser::new(address);
        let form = altered(addon.sign_in_form("ann@example.com"), "boss@example.com");
        assert_eq!(claimed.submit(&form).await.status, 303, "{policy}");
        let about = claimed.fetch("/about").await.json();
        assert_eq!(about["strictly"], nothing);
        assert_eq!(about["trusting"], rights);
        let whoami = claimed.fetch("/whoami").await.json();
        assert_eq!(whoami["proof"], "unsigned_email");
        assert_eq!(whoami["roles"], json!([]));
        assert_eq!(whoami["user_id"], Value::Null);
        let html = claimed.get("/whoami.html").await.body;
        assert!(html.contains("not confirmed by Heroku"), "{html}");
        for (path, status) in [
            ("/role", 403),
            ("/rule", 403),
            ("/trusted-role", 200),
            ("/trusted-rule", 200),
            ("/wrong-role", 403),
        ] {
            assert_eq!(claimed.fetch(path).await.status, status, "{path}");
        }
        // A trusting guard admits the user, but the handler still sees no roles.
        assert_eq!(claimed.fetch("/trusted-role").await.body, "0");

        world.clock.advance(std::time::Duration::from_secs(1));
        let proved = Browser::new(address);
        let form = addon.sign_in_form("boss@example.com");
        assert_eq!(proved.submit(&form).await.status, 303);
        let about = proved.fetch("/about").await.json();
        assert_eq!((&about["strictly"], &about["trusting"]), (&rights, &rights));
        let whoami = proved.fetch("/whoami").await.json();
        assert_eq!(whoami["proof"], "signed_email");
        assert_eq!(whoami["user_id"], boss);
        assert!(
            !proved
                .get("/whoami.html")
                .await
                .body
                .contains("not confirmed")
        );
        assert_eq!(proved.fetch("/role").await.status, 200);
    }
}

#[tokio::test]
async fn c7_claimed_user_can_sign_in_and_out() {
    let policy = SsoPolicy::AllowUnsignedEmail;
    let world = World::with(|builder| builder.sso_policy(policy)).await;
    let addon = addon(&world).await;
    let browser = world.browser();
    let form = altered(addon.sign_in_form("ann@example.com"), "ann@example.com");
    assert_eq!(browser.submit(&form).await.status, 303);
    assert_eq!(browser.get("/page").await.status, 200);
    let sign_out = browser.request(Method::POST, "/logout");
    assert_eq!(browser.send(sign_out).await.status, 204);
    assert_eq!(browser.fetch("/page").await.status, 401);
    // An unlisted email is rejected, claimed or not.
    world.clock.advance(std::time::Duration::from_secs(1));
    let form = altered(
        addon.sign_in_form("ann@example.com"),
        "unlisted@example.com",
    );
    assert_eq!(world.browser().submit(&form).await.status, 403);
}
