//! The check of every request.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use heroku_addon_simulator::{Endpoint, Fault};
use reqwest::Method;
use support::ids::AddOnExt as _;
use time::OffsetDateTime;
use tower_heroku_sso::sync::Change;
use tower_heroku_sso::{Clock as _, HerokuUser, ListPolicy, MemorySessions, Role, SsoPolicy};

use crate::crafted::Crafted;
use crate::log::Log;
use support::browser::Browser;
use support::world::{REFRESH, World, serve};

#[tokio::test]
async fn a50_a53_unauthenticated_request_never_reaches_the_handler() {
    let world = World::start().await;
    world.addon().await;
    let browser = world.browser();
    for path in [
        "/",
        "/page",
        "/admin",
        "/nothing",
        "//page",
        "/./page",
        "/%70age",
        "/page/",
        "/PAGE",
        "/page;x=y",
        "/healthz/../page",
        "/heroku/sso/",
        "/heroku/%73so",
    ] {
        for method in [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::OPTIONS,
            Method::TRACE,
            Method::PATCH,
            Method::from_bytes(b"MADE-UP").unwrap(),
        ] {
            let answer = browser.send(browser.request(method.clone(), path)).await;
            assert!(
                matches!(answer.status, 401 | 404 | 405),
                "{method} {path} {}",
                answer.status
            );
        }
    }
    assert_eq!(world.reached(), 0);
}

#[tokio::test]
async fn route_added_after_the_layer_is_not_gated() {
    let world = World::start().await;
    assert_eq!(world.browser().get("/healthz").await.body, "ok");
}

#[tokio::test]
async fn a34_second_session_cookie_is_ignored() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let id = browser.cookie("__Host-heroku_sso").unwrap();
    for (cookies, status) in [
        (format!("__Host-heroku_sso={id}; __Host-heroku_sso=x"), 200),
        (format!("__Host-heroku_sso=x; __Host-heroku_sso={id}"), 401),
    ] {
        let other = world.browser();
        let request = other
            .request(Method::GET, "/page")
            .header("cookie", cookies);
        assert_eq!(other.send(request).await.status, status);
    }
}

#[tokio::test]
async fn a37_removed_collaborator_gets_403_after_refresh() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.heroku.app("shop").remove("ann@example.com");
    assert_eq!(browser.get("/page").await.status, 200);
    world.refresh(&addon.resource_id()).await;
    assert_eq!(browser.get("/page").await.status, 403);
    assert_eq!(world.reached(), 1);
    // The session has ended: after being added again, the user must sign in.
    world.heroku.app("shop").collaborator("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    assert_eq!(browser.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn a37_removed_team_member_gets_403_after_refresh_by_sync() {
    let world = World::start().await;
    let team = world
        .heroku
        .team("acme")
        .member("lead@example.com", "admin");
    let addon = world.heroku.app("team-app").owned_by_team(&team).addon();
    assert_eq!(addon.provision().await.unwrap().status, 200);
    let sync = world.sso.spawn_sync();
    let browser = world.signed_in(&addon, "lead@example.com").await;
    assert_eq!(browser.get("/page").await.status, 200);
    team.remove("lead@example.com");
    let gone = |change: &Change| matches!(change, Change::Removed { .. });
    world.pass_until(REFRESH.mul_f64(0.95), gone).await;
    assert_eq!(browser.get("/page").await.status, 403);
    sync.shutdown().await;
}

#[tokio::test]
async fn a38_email_readded_with_another_account_must_sign_in_again() {
    let log = Log::listen();
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let entry = |id: &str| {
        format!(
            r#"[{{"app":{{"id":"{}","name":"shop"}},"user":{{"id":"{id}",
               "email":"ann@example.com","federated":false}},"role":"collaborator"}}]"#,
            world.heroku.app("shop").id()
        )
    };
    let other = Fault::Body(entry("00000000-0000-4000-8000-000000000009"));
    world.heroku.app("shop").remove("ann@example.com");
    world.heroku.faults().set(Endpoint::Collaborators, other);
    world.refresh(&addon.resource_id()).await;
    assert_eq!(browser.get("/page").await.status, 403);
    assert_eq!(log.with(&["other_account"]).len(), 1);
    assert_eq!(browser.fetch("/page").await.status, 401);
    assert_eq!(world.reached(), 0);
    // The previous account is rejected, the new account signs in.
    world.clock.advance(Duration::from_secs(1));
    let before = addon.sign_in_form("ann@example.com");
    assert_eq!(browser.submit(&before).await.status, 403);
    let now = Crafted::of(&world, &addon, "ann@example.com")
        .with("user_id", "00000000-0000-4000-8000-000000000009")
        .signed(&world.heroku.sso_salt());
    let answer = browser.submit_body("/heroku/sso", &now.body()).await;
    assert_eq!(answer.status, 303);
    assert_eq!(browser.get("/page").await.status, 200);
}

#[tokio::test]
async fn a35_fixed_session_ends_with_its_interval_to_the_second() {
    let world = World::with(|builder| builder.fixed_sessions()).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(REFRESH - Duration::from_secs(2));
    assert_eq!(browser.get("/page").await.status, 200);
    world.clock.advance(Duration::from_secs(2));
    let answer = browser.fetch("/page").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.problem(), "session-ended");
    assert_eq!(world.reached(), 1);
}

#[tokio::test]
async fn newer_list_extends_session_by_one_interval_from_its_fetch() {
    let world = World::with(|builder| builder.max_list_age(REFRESH)).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(Duration::from_secs(240));
    world.refresh(&addon.resource_id()).await;
    world.clock.advance(Duration::from_secs(300));
    assert_eq!(browser.get("/page").await.status, 200);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(browser.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn refreshed_session_ends_at_max_session() {
    let world = World::with(|builder| builder.max_session(REFRESH * 2)).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let mut lived = Duration::ZERO;
    loop {
        world.refresh(&addon.resource_id()).await;
        world.clock.advance(Duration::from_secs(100));
        if browser.get("/page").await.status != 200 {
            break;
        }
        lived += Duration::from_secs(100);
        assert!(lived < REFRESH * 3);
    }
    assert_eq!(lived, Duration::from_secs(500));
}

#[tokio::test]
async fn a43_heroku_down_keeps_sessions_until_the_list_is_too_old() {
    let world = World::with(|builder| builder.max_list_age(Duration::from_secs(400))).await;
    let addon = world.addon().await;
    world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(Duration::from_secs(290));
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.heroku.faults().set(Endpoint::Any, Fault::Reset);

    world.clock.advance(Duration::from_secs(110));
    assert_eq!(browser.get("/page").await.status, 200);
    world.clock.advance(Duration::from_secs(1));
    let answer = browser.fetch("/page").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.problem(), "cannot-check");
    assert!(
        answer
            .header("retry-after")
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >= 1
    );
    assert_eq!(world.reached(), 1);

    // The session works again without a restart.
    world.heroku.faults().clear_all();
    assert_eq!(browser.get("/page").await.status, 200);
}

#[tokio::test]
async fn clock_set_back_makes_no_list_younger() {
    let world = World::with(|builder| builder.max_list_age(REFRESH)).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.heroku.faults().set(Endpoint::Any, Fault::Status(503));
    let before: OffsetDateTime = world.clock.now();
    world.clock.advance(Duration::from_secs(310));
    world.clock.set_wall(before + Duration::from_secs(1));
    assert_eq!(browser.fetch("/page").await.status, 401);
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 503);
}

#[tokio::test]
async fn a35_deprovisioning_ends_sessions_immediately() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(addon.deprovision().await.unwrap().status, 204);
    assert_eq!(browser.fetch("/page").await.status, 401);
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 403);
    assert_eq!(world.reached(), 0);
}

#[tokio::test]
async fn a42_lowered_role_closes_only_the_admin_route() {
    let world = World::start().await;
    let addon = world.addon().await;
    let app = world
        .heroku
        .app("shop")
        .collaborator_as("bob@example.com", "admin", &[]);
    world.refresh(&addon.resource_id()).await;
    let browser = world.signed_in(&addon, "bob@example.com").await;
    assert_eq!(browser.get("/admin").await.status, 200);
    app.remove("bob@example.com")
        .collaborator("bob@example.com");
    world.refresh(&addon.resource_id()).await;
    let answer = browser.fetch("/admin").await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (403, "missing-role")
    );
    assert_eq!(browser.get("/page").await.status, 200);
}

#[tokio::test]
async fn unsigned_email_does_not_pass_a_role_guard() {
    let policy = SsoPolicy::AllowUnsignedEmail;
    let world = World::with(|builder| builder.sso_policy(policy)).await;
    let addon = world.addon().await;
    world
        .heroku
        .app("shop")
        .collaborator_as("boss@example.com", "admin", &[]);
    let mut form = addon.sign_in_form("boss@example.com");
    form.remove("user_scoped_resource_token");
    let browser = world.browser();
    assert_eq!(browser.submit(&form).await.status, 303);
    assert_eq!(browser.get("/page").await.status, 200);
    assert_eq!(browser.get("/admin").await.status, 403);
}

#[tokio::test]
async fn strict_policy_rejects_collaborators_of_other_team_apps() {
    let world = World::with(|builder| builder.list_policy(ListPolicy::Strict)).await;
    let team = world.heroku.team("acme");
    let team = team
        .member("freelancer@example.com", "collaborator")
        .member("mia@example.com", "member");
    let addon = world.heroku.app("team-app").owned_by_team(&team).addon();
    assert_eq!(addon.provision().await.unwrap().status, 200);
    let answer = world
        .browser()
        .submit(&addon.sign_in_form("freelancer@example.com"))
        .await;
    assert_eq!(answer.status, 403);
    world.signed_in(&addon, "mia@example.com").await;
}

#[tokio::test]
async fn a61_sign_out_needs_a_same_origin_post() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let stolen = browser.cookie("__Host-heroku_sso").unwrap();

    assert_eq!(browser.get("/logout").await.status, 405);
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let request = browser.request(Method::POST, "/logout").header(name, value);
        assert_eq!(browser.send(request).await.status, 403, "{name}: {value}");
    }
    assert_eq!(browser.get("/page").await.status, 200);

    let request = browser.request(Method::POST, "/logout");
    let request = request.header("origin", format!("http://{}", world.address));
    assert_eq!(browser.send(request).await.status, 204);
    assert_eq!(browser.cookie("__Host-heroku_sso"), None);
    browser.set_cookie("__Host-heroku_sso", &stolen);
    assert_eq!(browser.fetch("/page").await.status, 401);
    // A second sign-out, without a session, succeeds as well.
    let request = browser.request(Method::POST, "/logout");
    assert_eq!(browser.send(request).await.status, 204);

    // From a page of the same origin, from the address bar, or from a program.
    for site in ["same-origin", "none"] {
        world.clock.advance(Duration::from_secs(1));
        let browser = world.signed_in(&addon, "ann@example.com").await;
        let request = browser.request(Method::POST, "/logout");
        let request = request.header("sec-fetch-site", site);
        assert_eq!(browser.send(request).await.status, 204, "{site}");
        assert_eq!(browser.cookie("__Host-heroku_sso"), None, "{site}");
    }
}

/// Heroku's lists name accounts; lists of a custom store may not.
#[tokio::test]
async fn unsigned_sign_in_gets_no_account_id() {
    use heroku_sso_store::{Dated, Registration, Sequence, Store};
    use tower_heroku_sso::access::{App, Person, ResourceList};
    use tower_heroku_sso::store::MemoryStore;

    let (store, sessions) = (MemoryStore::default(), MemorySessions::default());
    let world = World::with(|builder| {
        let builder = builder.store(store.clone());
        let builder = builder.sso_policy(SsoPolicy::AllowUnsignedEmail);
        builder.session_store(sessions.clone())
    })
    .await;
    let addon = world.heroku.app("shop").addon();
    let resource = addon.resource_id();
    let put = async |sequence, account| {
        let email = "ann@example.com".parse().unwrap();
        let people = [Person::new(email, account, Some(Role::Collaborator))];
        let app = App::new("app-1".parse().unwrap(), "shop");
        let list = ResourceList::new("acme-1", app, people.into_iter().collect());
        let now = world.clock.now();
        let list = Dated::new(list, Sequence::new(sequence), now, Duration::ZERO);
        store.set_list(&resource, list).await.unwrap();
    };
    let registration = Registration::active(None);
    assert!(store.put(&resource, registration).await.unwrap());
    put(1, None).await;
    let account = |user: HerokuUser| async move {
        let account = user.user_id().map(|id| id.to_string());
        account.unwrap_or_default()
    };
    let app = Router::new()
        .route("/", get(account))
        .layer(world.sso.layer());
    let address = serve(app).await;
    let signed = addon.sign_in_form("ann@example.com");
    world.clock.advance(Duration::from_secs(1));
    let mut unsigned = addon.sign_in_form("ann@example.com");
    unsigned.remove("user_scoped_resource_token");
    let named = world.heroku.accounts().id("ann@example.com").to_string();
    let mut browsers = Vec::new();
    for (form, expected) in [(signed, named), (unsigned, String::new())] {
        let browser = Browser::new(address);
        assert_eq!(browser.submit(&form).await.status, 303);
        assert_eq!(browser.fetch("/").await.body, expected);
        browsers.push(browser);
    }
    // The email now belongs to another account, which neither session proves.
    world.clock.advance(Duration::from_secs(1));
    put(2, Some("another-account".parse().unwrap())).await;
    let (next, _) = world
        .another_gate(|builder| builder.store(store).session_store(sessions))
        .await;
    let app = Router::new().route("/", get(account)).layer(next.layer());
    let address = serve(app).await;
    for browser in browsers {
        let there = browser.at(address);
        let cookie = browser.cookie("__Host-heroku_sso").unwrap();
        there.set_cookie("__Host-heroku_sso", &cookie);
        assert_eq!(there.fetch("/").await.status, 403);
    }
}

#[tokio::test]
async fn clock_jump_forward_and_back_keeps_revocations() {
    let world = World::start().await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let email = "ann@example.com".parse().unwrap();
    let resource = addon.resource_id();
    world
        .sso
        .sessions()
        .revoke(&resource, &email)
        .await
        .unwrap();
    let now = world.clock.now();
    world.clock.set_wall(now + time::Duration::hours(200));
    world.refresh(&resource).await;
    world.clock.set_wall(now);
    world.refresh(&resource).await;
    assert_eq!(ann.fetch("/page").await.status, 401);
}
