//! Dashboards of several resources in one browser, each with its own session.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use heroku_addon_simulator::AddOn;
use reqwest::Method;
use support::ids::AddOnExt as _;
use tower_heroku_sso::partner_api::NoProvisioning;
use tower_heroku_sso::{HerokuSso, HerokuUser, SetupError};

use support::browser::{Answer, Browser};
use support::world::{UNUSED, World, serve};

const PATTERN: &str = "/addons/{resource}";

/// A world in which Ann is on the lists of two add-ons.
async fn two_customers() -> (World, SocketAddr, AddOn, AddOn) {
    let world = World::with(|builder| builder.resource_in_path(PATTERN)).await;
    let address = serve(app(&world.sso)).await;
    let one = world.addon().await;
    let two = world.heroku.app("other").collaborator("ann@example.com");
    let two = two.addon();
    assert_eq!(two.provision().await.unwrap().status, 200);
    (world, address, one, two)
}

fn app(sso: &HerokuSso) -> Router {
    let page = |user: HerokuUser| async move { format!("{} of {}", user.app().name, user.email()) };
    sso.protect(
        Router::new()
            .route("/addons/{resource}", get(page))
            .route("/addons/{resource}/page", get(page)),
    )
    .merge(sso.routes().partner_api(NoProvisioning))
}

fn path(addon: &AddOn) -> String {
    format!("/addons/{}", addon.resource_id())
}

fn cookie(name: &str, addon: &AddOn) -> String {
    format!("__Host-{name}_{}", addon.resource_id())
}

/// Submits Heroku's form and opens the landing page.
async fn enter(browser: &Browser, addon: &AddOn) -> Answer {
    let answer = browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(answer.header("location"), Some(path(addon).as_str()));
    browser.get(&path(addon)).await
}

async fn sign_out(browser: &Browser, path: &str) {
    let answer = browser.send(browser.request(Method::POST, path)).await;
    assert_eq!(answer.status, 204);
}

#[tokio::test]
async fn two_tabs_have_separate_sessions_for_two_resources() {
    let (_world, address, one, two) = two_customers().await;
    let browser = Browser::new(address);
    assert_eq!(enter(&browser, &one).await.body, "shop of ann@example.com");
    assert_eq!(enter(&browser, &two).await.body, "other of ann@example.com");
    // The first tab still shows its resource.
    let page = browser.get(&format!("{}/page", path(&one))).await;
    assert_eq!(page.body, "shop of ann@example.com");
}

#[tokio::test]
async fn a33_session_of_another_resource_gets_403() {
    let (_world, address, one, two) = two_customers().await;
    let browser = Browser::new(address);
    enter(&browser, &one).await;
    assert_eq!(browser.fetch(&path(&two)).await.problem(), "no-session");
    // The session is planted in the other resource's cookie.
    let session = browser.cookie(&cookie("heroku_sso", &one)).unwrap();
    browser.set_cookie(&cookie("heroku_sso", &two), &session);
    let answer = browser.fetch(&path(&two)).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (403, "other-resource")
    );
    assert!(answer.set_cookies().is_empty());
    // The session still works under its own path.
    assert_eq!(browser.fetch(&path(&one)).await.status, 200);
}

#[tokio::test]
async fn path_without_a_resource_has_no_session() {
    let (world, _, one, _) = two_customers().await;
    let app = world
        .sso
        .protect(Router::new().route("/{*rest}", get(|| async { "in" })));
    let browser = Browser::new(serve(app).await);
    assert_eq!(enter(&browser, &one).await.body, "in");
    let id = one.resource_id().to_string();
    for path in [
        "/elsewhere".to_owned(),
        "/addons".to_owned(),
        format!("/addons//{id}"),
        format!("/addons/{id}%2Fpage"),
        format!("/addons/x/{id}"),
    ] {
        assert_eq!(browser.fetch(&path).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn resource_sign_out_ends_one_session_and_plain_sign_out_all() {
    let (world, address, one, two) = two_customers().await;
    let browser = Browser::new(address);
    enter(&browser, &one).await;
    enter(&browser, &two).await;
    let first = browser.cookie(&cookie("heroku_sso", &one)).unwrap();
    sign_out(&browser, &format!("{}/logout", path(&one))).await;
    assert_eq!(browser.cookie(&cookie("heroku_sso", &one)), None);
    browser.set_cookie(&cookie("heroku_sso", &one), &first);
    assert_eq!(browser.fetch(&path(&one)).await.status, 401);
    assert_eq!(browser.fetch(&path(&two)).await.status, 200);

    world.clock.advance(Duration::from_secs(1));
    enter(&browser, &one).await;
    let kept = [&one, &two].map(|addon| (addon, cookie("heroku_sso", addon)));
    let kept = kept.map(|(addon, name)| (addon, browser.cookie(&name).unwrap(), name));
    sign_out(&browser, "/logout").await;
    for (addon, session, name) in kept {
        assert_eq!(browser.cookie(&name), None);
        browser.set_cookie(&name, &session);
        assert_eq!(browser.fetch(&path(addon)).await.status, 401);
    }
}

#[tokio::test]
async fn plain_sign_out_ends_all_that_a_browser_can_send() {
    let (world, address, ..) = two_customers().await;
    let browser = Browser::new(address);
    let mut addons = Vec::new();
    for number in 0..50 {
        let app = world.heroku.app(&format!("shop-{number}"));
        let addon = app.collaborator("ann@example.com").addon();
        assert_eq!(addon.provision().await.unwrap().status, 200);
        enter(&browser, &addon).await;
        addons.push(addon);
    }
    let names: Vec<_> = addons.iter().map(|it| cookie("heroku_sso", it)).collect();
    let sessions: Vec<_> = names.iter().map(|it| browser.cookie(it).unwrap()).collect();
    sign_out(&browser, "/logout").await;
    for (addon, (name, session)) in addons.iter().zip(names.iter().zip(sessions)) {
        assert_eq!(browser.cookie(name), None);
        browser.set_cookie(name, &session);
        assert_eq!(browser.fetch(&path(addon)).await.status, 401, "{name}");
        browser.drop_cookie(name);
    }
}

/// A program can name any number of sessions, each of which costs a look-up.
#[tokio::test]
async fn plain_sign_out_reads_6_kib_of_session_cookies() {
    let (world, address, one, two) = two_customers().await;
    let (first, last) = (Browser::new(address), Browser::new(address));
    enter(&first, &one).await;
    enter(&last, &two).await;
    let own = |browser: &Browser, addon: &AddOn| {
        let name = cookie("heroku_sso", addon);
        format!("{name}={}", browser.cookie(&name).unwrap())
    };
    let others = (0..80_u128).map(|number| {
        let resource = uuid::Uuid::from_u128(number);
        format!("__Host-heroku_sso_{resource}={}", "x".repeat(22))
    });
    let mut cookies = vec![own(&first, &one)];
    cookies.extend(others);
    cookies.push(own(&last, &two));
    let program = world.browser().at(address);
    let request = program.request(Method::POST, "/logout");
    let request = request.header("cookie", cookies.join("; "));
    assert_eq!(program.send(request).await.status, 204);
    assert_eq!(first.fetch(&path(&one)).await.status, 401);
    assert_eq!(last.fetch(&path(&two)).await.status, 200);
}

#[tokio::test]
async fn sign_out_removes_only_its_own_redirect_hint() {
    let (world, address, one, two) = two_customers().await;
    let browser = Browser::new(address);
    enter(&browser, &one).await;
    enter(&browser, &two).await;
    sign_out(&browser, &format!("{}/logout", path(&one))).await;
    world.clock.advance(UNUSED);
    assert_eq!(browser.get(&path(&one)).await.status, 401);
    let answer = browser.get(&path(&two)).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), Some(two.info().web_url.as_str()));
}

#[tokio::test]
async fn each_tab_returns_to_its_own_page() {
    let (world, address, one, two) = two_customers().await;
    let browser = Browser::new(address);
    enter(&browser, &one).await;
    enter(&browser, &two).await;
    world.clock.advance(UNUSED);
    // Both sessions have ended, and both tabs are redirected through Heroku.
    for addon in [&one, &two] {
        let answer = browser.get(&format!("{}/page?tab=1", path(addon))).await;
        assert_eq!(answer.status, 303);
        assert_eq!(
            answer.header("location"),
            Some(addon.info().web_url.as_str())
        );
    }
    for addon in [&one, &two] {
        let landing = enter(&browser, addon).await;
        let wanted = format!("{}/page?tab=1", path(addon));
        assert_eq!(landing.header("location"), Some(wanted.as_str()));
    }
}

#[tokio::test]
async fn browser_without_a_hint_is_not_redirected_to_heroku() {
    let (world, address, one, two) = two_customers().await;
    let browser = Browser::new(address);
    enter(&browser, &one).await;
    world.clock.advance(UNUSED);
    assert_eq!(browser.get(&path(&two)).await.status, 401);
    assert_eq!(browser.get(&path(&one)).await.status, 303);
}

#[tokio::test]
async fn removal_from_one_list_keeps_the_session_of_the_other() {
    let (world, address, one, two) = two_customers().await;
    let browser = Browser::new(address);
    enter(&browser, &one).await;
    enter(&browser, &two).await;
    one.app().remove("ann@example.com");
    world.refresh(&one.resource_id()).await;
    assert_eq!(browser.fetch(&path(&one)).await.status, 403);
    assert_eq!(browser.fetch(&path(&two)).await.status, 200);
}

#[tokio::test]
async fn resource_paths_work_below_a_prefix() {
    let (world, _, one, two) = two_customers().await;
    let inner = world.sso.protect(Router::new().route(
        "/addons/{resource}",
        get(|user: HerokuUser| async move { user.sign_out_path() }),
    ));
    let address = serve(Router::new().nest("/portal", inner)).await;
    let browser = Browser::new(address);
    for addon in [&one, &two] {
        let form = addon.sign_in_form("ann@example.com").body();
        let answer = browser.submit_body("/portal/heroku/sso", &form).await;
        let landing = format!("/portal{}", path(addon));
        assert_eq!(answer.header("location"), Some(landing.as_str()));
        let sign_out_path = browser.get(&landing).await.body;
        assert_eq!(sign_out_path, format!("{landing}/logout"));
    }
    let page = format!("/portal{}", path(&one));
    sign_out(&browser, &format!("{page}/logout")).await;
    assert_eq!(browser.fetch(&page).await.status, 401);
}

#[tokio::test]
async fn request_rewritten_to_another_resource_has_no_user() {
    let (world, _, one, two) = two_customers().await;
    // A middleware inside the gate rewrites the path to another resource.
    let other = path(&two);
    let mistake = from_fn(move |mut request: Request, next: Next| {
        *request.uri_mut() = other.parse().unwrap();
        request
            .extensions_mut()
            .remove::<axum::extract::OriginalUri>();
        next.run(request)
    });
    let app = world.sso.protect(
        Router::new()
            .route(
                "/addons/{resource}",
                get(|user: HerokuUser| async move { user.app().name.clone() }),
            )
            .layer(mistake),
    );
    let browser = Browser::new(serve(app).await);
    browser.submit(&one.sign_in_form("ann@example.com")).await;
    let answer = browser.fetch(&path(&one)).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (403, "other-resource")
    );
}

#[tokio::test]
async fn invalid_resource_path_pattern_is_rejected_at_startup() {
    let world = World::start().await;
    for pattern in [
        "",
        "{resource}",
        "/addons",
        "/addons/{id}",
        "/addons/{resource}/x",
        "/{a}/{resource}",
        "//x/{resource}",
        "/a b/{resource}",
    ] {
        let built = support::world::builder(&world.heroku, &world.clock)
            .resource_in_path(pattern)
            .build()
            .await;
        assert!(
            matches!(built, Err(SetupError::InvalidResourcePath)),
            "{pattern}"
        );
    }
}
