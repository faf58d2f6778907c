//! Requests whose answer is not shown as a page: of scripts, libraries, prefetches and frames.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use heroku_addon_simulator::AddOn;
use reqwest::Method;
use support::ids::AddOnExt as _;

use support::browser::{Answer, Browser};
use support::world::{UNUSED, World, serve};

const SESSION: &str = "__Host-heroku_sso";

async fn send(browser: &Browser, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = browser.request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.send(request).await
}

async fn ended(world: &World) -> (AddOn, Browser) {
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(UNUSED);
    (addon, browser)
}

#[tokio::test]
async fn c23_sign_out_by_a_script_is_confirmed_by_a_page() {
    let world = World::start().await;
    let addon = world.addon().await;
    let turbo = "text/vnd.turbo-stream.html, text/html, application/xhtml+xml";
    let cors = ("sec-fetch-mode", "cors");
    for (headers, status) in [
        (vec![("accept", turbo), cors], 303),
        (vec![("accept", "*/*"), cors], 303),
        (vec![("accept", "*/*"), cors, ("hx-request", "true")], 303),
        (
            vec![("accept", "*/*"), ("x-requested-with", "XMLHttpRequest")],
            303,
        ),
        (
            vec![
                ("accept", "text/html,*/*;q=0.8"),
                ("sec-fetch-mode", "navigate"),
            ],
            303,
        ),
        (vec![("accept", "application/json"), cors], 204),
        (vec![("accept", "application/json, */*;q=0.1")], 204),
        (vec![("accept", "*/*")], 204),
        (vec![], 204),
    ] {
        world.clock.advance(std::time::Duration::from_secs(1));
        let browser = world.signed_in(&addon, "ann@example.com").await;
        let answer = send(&browser, Method::POST, "/logout", &headers).await;
        assert_eq!(answer.status, status, "{headers:?}");
        assert_eq!(browser.cookie(SESSION), None, "{headers:?}");
        assert_eq!(answer.header("clear-site-data"), Some("\"cache\""));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        if status == 303 {
            assert_eq!(answer.header("location"), Some("/logout"));
            let page = send(&browser, Method::GET, "/logout", &headers).await;
            assert_eq!(page.status, 200);
            assert!(page.body.contains("<h1>You are signed out</h1>"));
            assert_eq!(page.header("clear-site-data"), Some("\"cache\""));
        }
    }
}

#[tokio::test]
async fn c23_signed_in_user_is_not_told_that_they_are_signed_out() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let page = browser.get("/logout").await;
    assert_eq!((page.status, page.header("allow")), (405, Some("POST")));
    assert_eq!(page.header("clear-site-data"), None);
    assert_eq!(browser.fetch("/").await.status, 200);
    // Another site cannot make this browser drop its cache.
    let from_elsewhere = [("sec-fetch-site", "cross-site")];
    let page = send(&world.browser(), Method::GET, "/logout", &from_elsewhere).await;
    assert_eq!(page.header("clear-site-data"), None);
}

#[tokio::test]
async fn c25_prefetch_with_an_ended_session_changes_nothing() {
    let world = World::start().await;
    let (addon, browser) = ended(&world).await;
    let html = ("accept", "text/html");
    for purpose in [
        ("sec-purpose", "prefetch;prerender"),
        ("sec-purpose", "prefetch"),
        ("purpose", "prefetch"),
        ("x-moz", "prefetch"),
        ("x-purpose", "preview"),
    ] {
        let answer = send(&browser, Method::GET, "/page", &[html, purpose]).await;
        assert_eq!(answer.status, 401, "{purpose:?}");
        assert!(answer.set_cookies().is_empty(), "{purpose:?}");
        assert_eq!(answer.header("refresh"), None);
    }
    // The user's own navigation is led through Heroku and back.
    assert_eq!(browser.get("/page").await.status, 303);
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    // A prefetch of the landing page does not consume the return path.
    let ahead = send(
        &browser,
        Method::GET,
        "/",
        &[html, ("sec-purpose", "prefetch")],
    )
    .await;
    assert_eq!(ahead.status, 200);
    assert_eq!(browser.get("/").await.header("location"), Some("/page"));
}

#[tokio::test]
async fn c25_prefetch_by_a_removed_user_leaves_the_hint() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.heroku.app("shop").remove("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    let headers = [("accept", "text/html"), ("sec-purpose", "prefetch")];
    let answer = send(&browser, Method::GET, "/page", &headers).await;
    assert_eq!((answer.status, answer.set_cookies().len()), (403, 0));
}

#[tokio::test]
async fn c29_requests_of_libraries_are_never_redirected() {
    let world = World::start().await;
    let (_, browser) = ended(&world).await;
    for library in [
        ("x-requested-with", "XMLHttpRequest"),
        ("x-requested-with", "xmlhttprequest"),
        ("hx-request", "true"),
        ("turbo-frame", "messages"),
        ("sec-fetch-mode", "cors"),
    ] {
        let headers = [("accept", "text/html, */*"), library];
        let answer = send(&browser, Method::GET, "/page", &headers).await;
        assert_eq!(answer.status, 401, "{library:?}");
        let kind = answer.header("content-type");
        assert_eq!(kind, Some("application/problem+json"), "{library:?}");
        assert!(answer.set_cookies().is_empty(), "{library:?}");
    }
}

#[tokio::test]
async fn c30_own_frame_shows_the_page_with_a_link_out_of_it() {
    let world = World::start().await;
    let (addon, browser) = ended(&world).await;
    let headers = [("accept", "text/html"), ("sec-fetch-dest", "iframe")];
    let page = send(&browser, Method::GET, "/page", &headers).await;
    assert_eq!(page.status, 401);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("frame-ancestors 'self'"), "{policy}");
    let link = format!(r#"href="{}" target="_top""#, addon.info().web_url);
    assert!(page.body.contains(&link), "{}", page.body);
    // The frame does not reload on its own.
    assert_eq!(page.header("refresh"), None);
}

#[tokio::test]
async fn c33_json_rejections_have_the_headers_of_pages() {
    let world = World::start().await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    for (answer, status) in [
        (world.browser().fetch("/").await, 401),
        (ann.fetch("/admin").await, 403),
        (ann.fetch("/heroku/sso").await, 405),
    ] {
        assert_eq!(answer.status, status);
        for (name, value) in [
            ("content-type", "application/problem+json"),
            ("x-content-type-options", "nosniff"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'",
            ),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{status}");
        }
    }
}

#[tokio::test]
async fn c27_gated_html_is_not_stored_unless_its_handler_says_so() {
    for (is_allowed, default) in [(false, "no-store"), (true, "private")] {
        let world = World::with(|builder| match is_allowed {
            true => builder.allow_html_cache(),
            false => builder,
        })
        .await;
        let addon = world.addon().await;
        let of = |kind: &'static str| get(move || async move { ([("content-type", kind)], "x") });
        let own = async || ([("cache-control", "private, max-age=60")], Html("page"));
        let app = Router::new()
            .route("/", get(async || Html("page")))
            .route("/xhtml", of("Application/XHTML+xml; charset=utf-8"))
            .route("/json", of("application/json"))
            .route("/style", of("text/css"))
            .route("/own", get(own))
            .layer(world.sso.layer());
        let browser = Browser::new(serve(app).await);
        browser.submit(&addon.sign_in_form("ann@example.com")).await;
        for (path, expected) in [
            ("/", default),
            ("/xhtml", default),
            ("/json", "private"),
            ("/style", "private"),
            ("/own", "private, max-age=60"),
        ] {
            let answer = browser.get(path).await;
            assert_eq!(answer.header("cache-control"), Some(expected), "{path}");
        }
    }
}

/// The page of a form says that the form was not processed, and stays open: a reload sends it again.
#[tokio::test]
async fn page_of_an_expired_form_keeps_the_form_for_a_reload() {
    let world = World::start().await;
    let (addon, browser) = ended(&world).await;
    let html = [("accept", "text/html")];
    let page = send(&browser, Method::POST, "/", &html).await;
    assert_eq!((page.status, page.header("refresh")), (401, None));
    assert!(page.body.contains("What you sent was not processed"));
    let link = format!(r#"href="{}" target="_blank""#, addon.info().web_url);
    assert!(page.body.contains(&link), "{}", page.body);
    // Signed in again in another tab, the reload succeeds.
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    let again = send(&browser, Method::POST, "/", &html).await;
    assert_eq!(again.body, "posted");
}

#[tokio::test]
async fn every_rejection_page_has_a_link() {
    let world = World::start().await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let stranger = world.browser();
    let used = addon.sign_in_form("ann@example.com");
    let cross_site = [("accept", "text/html"), ("sec-fetch-site", "cross-site")];
    let mut pages = vec![
        stranger.get("/").await,
        stranger
            .submit(&addon.sign_in_form("bob@example.com"))
            .await,
        stranger.submit(&used).await,
        stranger.submit_body("/heroku/sso", "email=x").await,
        stranger.get("/heroku/sso").await,
        stranger.get("/logout").await,
        send(&ann, Method::POST, "/logout", &cross_site).await,
        ann.get("/logout").await,
        ann.get("/admin").await,
    ];
    world.clock.advance(UNUSED);
    pages.push(send(&ann, Method::POST, "/page", &cross_site[..1]).await);
    for page in pages {
        assert!(page.body.contains("<h1>"), "{}", page.body);
        assert!(page.body.contains("<a href=\""), "{}", page.body);
        assert!(
            !page.body.contains("href=\"https://dashboard.heroku.com"),
            "{}",
            page.body
        );
    }
}
