//! Return after an ended session: through Heroku's page of the add-on to the requested page.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use reqwest::Method;
use support::ids::AddOnExt as _;

use crate::raw;
use support::browser::{Browser, FORM};
use support::world::{UNUSED, World, serve};

const SESSION: &str = "__Host-heroku_sso";

/// Ann's browser with an ended session, long after any redirect.
async fn ended(world: &World) -> (AddOn, Browser) {
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(UNUSED);
    (addon, browser)
}

#[tokio::test]
async fn expired_navigation_returns_to_its_page_via_heroku() {
    let world = World::start().await;
    let (addon, browser) = ended(&world).await;
    let answer = browser.get("/page?tab=2&q=a%20b").await;
    assert_eq!(answer.status, 303);
    assert_eq!(
        answer.header("location"),
        Some(addon.info().web_url.as_str())
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    let answer = browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(answer.header("location"), Some("/"));
    let landing = browser.get("/").await;
    assert_eq!(landing.status, 303);
    assert_eq!(landing.header("location"), Some("/page?tab=2&q=a%20b"));
    assert_eq!(browser.get("/page?tab=2&q=a%20b").await.status, 200);
    // Only once: afterwards the landing page is shown.
    assert_eq!(browser.get("/").await.status, 200);
}

#[tokio::test]
async fn landing_page_with_a_query_is_a_page_to_return_to() {
    let world = World::start().await;
    let (addon, browser) = ended(&world).await;
    assert_eq!(browser.get("/?tab=2").await.status, 303);
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    let landing = browser.get("/").await;
    assert_eq!(landing.header("location"), Some("/?tab=2"));
    assert_eq!(browser.get("/?tab=2").await.status, 200);
}

#[tokio::test]
async fn header_of_a_prefetch_with_another_value_stops_no_redirect() {
    for (value, status) in [("prefetch;prerender", 401), ("something-else", 303)] {
        let world = World::start().await;
        let (_, browser) = ended(&world).await;
        let request = browser.request(Method::GET, "/page");
        let request = request.header("accept", "text/html");
        let answer = browser.send(request.header("sec-purpose", value)).await;
        assert_eq!(answer.status, status, "{value}");
    }
}

#[tokio::test]
async fn expired_session_redirects_at_most_once_a_minute() {
    let world = World::start().await;
    let (_, browser) = ended(&world).await;
    assert_eq!(browser.get("/page").await.status, 303);
    let page = browser.get("/page").await;
    assert_eq!(page.status, 401);
    assert!(page.body.contains("Sign in again"));
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(browser.get("/page").await.status, 303);
}

#[tokio::test]
async fn a50_only_a_top_level_get_is_redirected() {
    let world = World::start().await;
    let (addon, browser) = ended(&world).await;
    for method in [
        Method::HEAD,
        Method::POST,
        Method::OPTIONS,
        Method::PATCH,
        Method::PUT,
        Method::DELETE,
        Method::TRACE,
        Method::from_bytes(b"MADE-UP").unwrap(),
        Method::from_bytes(b"get").unwrap(),
    ] {
        let request = browser
            .request(method.clone(), "/page")
            .header("accept", "text/html");
        assert_eq!(browser.send(request).await.status, 401, "{method}");
    }
    let cookies = cookie_line(&browser);
    for line in ["CONNECT example.com:443", "CONNECT /page"] {
        let lines = [&*cookies, "Accept: text/html"];
        let answer = raw::request(world.address, line, &lines).await;
        // 400: rejected by the server. 404: without a path there is no route.
        assert!([400, 401, 404].contains(&raw::status(&answer)), "{answer}");
        assert!(!answer.contains("location:"), "{answer}");
    }
    let fetched = browser.fetch("/page").await;
    assert_eq!(fetched.status, 401);
    assert_eq!(fetched.json()["sign_in_url"], addon.info().web_url);
    let request = browser
        .request(Method::GET, "/page")
        .header("accept", "text/html");
    let framed = browser
        .send(request.header("sec-fetch-dest", "iframe"))
        .await;
    assert_eq!(framed.status, 401);
}

#[tokio::test]
async fn browser_without_a_hint_gets_the_page() {
    let world = World::start().await;
    world.addon().await;
    let page = world.browser().get("/page").await;
    assert_eq!(page.status, 401);
    assert!(!page.body.contains("Sign in again"));
}

#[tokio::test]
async fn a49_forged_hint_is_ignored() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let hint = browser.cookie("__Host-heroku_sso_hint").unwrap();
    let other = world.heroku.app("other").addon();
    let forged = hint.replace(
        &addon.resource_id().to_string(),
        &other.resource_id().to_string(),
    );
    assert_ne!(forged, hint);
    let victim = world.browser();
    let (signature, _) = hint.split_once("hint").unwrap();
    let to_host = format!("{signature}hint%20https%3A%2F%2Fevil.example%2F");
    let unsigned = format!("hint%20{}", addon.resource_id());
    for hint in [
        forged.as_str(),
        &to_host,
        &unsigned,
        "hint%20https://evil.example",
        "hint%20",
        "",
        &hint[..hint.len() - 1],
    ] {
        victim.set_cookie("__Host-heroku_sso_hint", hint);
        assert_eq!(victim.get("/page").await.status, 401, "{hint}");
    }
    // The value of one cookie under the name of another is ignored.
    victim.drop_cookie("__Host-heroku_sso_hint");
    victim.set_cookie(SESSION, &hint);
    assert_eq!(victim.get("/page").await.status, 401);
}

#[tokio::test]
async fn a44_a45_a46_a47_a48_c28_return_path_is_local_and_short() {
    let world = World::start().await;
    let addon = world.addon().await;
    // Every path is a page here, so that only the gate can reject one.
    let pages = Router::new().fallback(|| async { "page" });
    let address = serve(pages.layer(world.sso.layer())).await;
    let long = format!("/page?{}", "x".repeat(4096));
    // In a cookie, each percent sign takes three bytes.
    let escaped = format!("/page?{}", "%20".repeat(630));
    for (path, leads_to) in [
        ("//evil.example", None),
        ("///evil.example/x", None),
        ("/\\evil.example", None),
        ("/\\/evil.example", None),
        ("https://evil.example/page?x=1", Some("/page?x=1")),
        ("https://evil.example//evil.example", None),
        (
            "/page?next=https://evil.example",
            Some("/page?next=https://evil.example"),
        ),
        ("/%0d%0aSet-Cookie:x", Some("/%0d%0aSet-Cookie:x")),
        ("/a?b#//evil.example", Some("/a?b")),
        (long.as_str(), None),
        (escaped.as_str(), None),
    ] {
        let browser = Browser::new(address);
        browser.submit(&addon.sign_in_form("ann@example.com")).await;
        world.clock.advance(UNUSED);
        // Sent raw, as clients would normalize the path.
        let bounced = raw_get(address, &browser, path).await;
        assert!(bounced.starts_with("HTTP/1.1 303 "), "{bounced}");
        keep_cookies(&browser, &bounced);
        for line in bounced
            .lines()
            .filter(|line| line.starts_with("set-cookie: "))
        {
            assert!(line.len() < 2100, "{}", line.len());
        }
        // The memory of the redirect is kept in any case.
        let again = raw_get(address, &browser, path).await;
        assert!(again.starts_with("HTTP/1.1 401 "), "{again}");
        keep_cookies(&browser, &again);
        browser.submit(&addon.sign_in_form("ann@example.com")).await;
        let landing = browser.get("/").await;
        assert_eq!(landing.header("location"), leads_to, "{path:.40}");
        assert_eq!(landing.status, if leads_to.is_some() { 303 } else { 200 });
        world.clock.advance(Duration::from_secs(61));
    }
}

#[tokio::test]
async fn return_path_of_one_resource_is_not_used_for_another() {
    let world = World::start().await;
    let (_, browser) = ended(&world).await;
    assert_eq!(browser.get("/page").await.status, 303);
    let other = world
        .heroku
        .app("other")
        .collaborator("ann@example.com")
        .addon();
    assert_eq!(other.provision().await.unwrap().status, 200);
    browser.submit(&other.sign_in_form("ann@example.com")).await;
    assert_eq!(browser.get("/").await.status, 200);
}

#[tokio::test]
async fn show_expired_page_redirects_no_browser() {
    let world = World::with(|builder| builder.show_expired_page()).await;
    let (addon, browser) = ended(&world).await;
    let page = browser.get("/page").await;
    assert_eq!(page.status, 401);
    assert!(page.body.contains(&addon.info().web_url));
}

#[tokio::test]
async fn u21_web_url_outside_heroku_is_not_used() {
    for web_url in [
        "null",
        "\"javascript:alert(1)\"",
        "\"https://evil.example/\"",
        "\"http://addons-sso.heroku.com/\"",
        "\"https://heroku.com.evil.example/\"",
        "\"https://user@addons-sso.heroku.com/\"",
    ] {
        let world = World::start().await;
        let addon = world.addon().await;
        let body = format!(
            r#"{{"id":"{}","name":"acme","app":{{"id":"{}","name":"shop"}},"web_url":{web_url}}}"#,
            addon.resource_id(),
            world.heroku.app("shop").id(),
        );
        world
            .heroku
            .faults()
            .set(Endpoint::AddOn, Fault::Body(body));
        let browser = world.signed_in(&addon, "ann@example.com").await;
        world.clock.advance(UNUSED);
        let page = browser.get("/page").await;
        assert_eq!(page.status, 401, "{web_url}");
        assert!(!page.body.contains("Sign in again"));
    }
}

#[tokio::test]
async fn signed_out_browser_is_not_redirected() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    browser.send(browser.request(Method::POST, "/logout")).await;
    assert_eq!(browser.get("/").await.status, 401);
}

#[tokio::test]
async fn a44_forged_return_cookie_is_ignored() {
    let world = World::start().await;
    let (addon, browser) = ended(&world).await;
    assert_eq!(browser.get("/page").await.status, 303);
    let (name, way) = returns(&browser).pop().unwrap();
    assert!(way.contains("%2Fpage") || way.contains("/page"), "{way}");
    for forged in [
        way.replace("page", "/evil.example"),
        way.replace("page", "pagE"),
        format!("{way}x"),
        "back%20x%200%20//evil.example".to_owned(),
    ] {
        world.clock.advance(Duration::from_secs(1));
        browser.submit(&addon.sign_in_form("ann@example.com")).await;
        browser.set_cookie(&name, &forged);
        let landing = browser.get("/").await;
        assert_eq!((landing.status, landing.header("location")), (200, None));
    }
}

/// Three tabs are restored, and all of them are at Heroku before the first is back.
#[tokio::test]
async fn c26_three_restored_tabs_show_their_three_pages() {
    let world = World::start().await;
    let (addon, browser) = ended(&world).await;
    let pages = ["/page?tab=a", "/", "/page?tab=c"];
    for page in pages {
        assert_eq!(browser.get(page).await.status, 303, "{page}");
        world.clock.advance(Duration::from_secs(1));
    }
    let mut shown = Vec::new();
    for _ in pages {
        let answer = browser.submit(&addon.sign_in_form("ann@example.com")).await;
        assert_eq!(answer.status, 303);
        world.clock.advance(Duration::from_secs(1));
        let landing = browser.get("/").await;
        shown.push(landing.header("location").unwrap_or("/").to_owned());
    }
    assert_eq!(shown, ["/page?tab=a", "/page?tab=c", "/"]);
    // No page is shown a second time.
    assert_eq!(browser.get("/").await.status, 200);
}

/// However many a browser restores: each of its redirects leaves a cookie.
#[tokio::test]
async fn c26_ninth_tab_within_a_minute_shows_the_page_of_the_gate() {
    let world = World::start().await;
    let (_addon, browser) = ended(&world).await;
    for tab in 0..8 {
        let page = format!("/page?tab={tab}");
        assert_eq!(browser.get(&page).await.status, 303, "{page}");
    }
    assert_eq!(browser.get("/page?tab=8").await.status, 401);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(browser.get("/page?tab=9").await.status, 303);
}

/// Tabs that leave and land at the same time send the same cookies.
#[tokio::test]
async fn c26_tabs_that_land_simultaneously_show_different_pages() {
    let world = World::start().await;
    let (addon, browser) = ended(&world).await;
    let leave = |page: &'static str| {
        let request = browser.request(Method::GET, page);
        browser.send(request.header("accept", "text/html"))
    };
    let left = tokio::join!(
        leave("/page?tab=a"),
        leave("/page?tab=b"),
        leave("/page?tab=c")
    );
    assert_eq!([left.0.status, left.1.status, left.2.status], [303; 3]);
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    let land = || {
        let request = browser.request(Method::GET, "/");
        browser.send(request.header("accept", "text/html"))
    };
    let (one, two, three) = (land(), land(), land());
    let landed = tokio::join!(one, two, three);
    let mut shown =
        [landed.0, landed.1, landed.2].map(|it| it.header("location").unwrap().to_owned());
    shown.sort();
    assert_eq!(shown, ["/page?tab=a", "/page?tab=b", "/page?tab=c"]);
}

#[tokio::test]
async fn c26_no_browser_gets_more_cookies_than_it_can_send() {
    let world = World::start().await;
    let (addon, browser) = ended(&world).await;
    for page in 0..40 {
        let path = format!("/page?of={page}&{}", "x".repeat(page * 20));
        let status = browser.get(&path).await.status;
        assert!([303, 401].contains(&status));
        let sent = cookie_line(&browser).len();
        assert!(sent < 4096, "{page}: {sent}");
    }
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    let landing = browser.get("/").await;
    assert!(landing.header("location").unwrap().starts_with("/page?of="));
}

#[tokio::test]
async fn c47_button_of_the_page_leads_back_to_the_wanted_page() {
    for is_redirected in [true, false] {
        let world = World::with(|builder| match is_redirected {
            true => builder,
            false => builder.show_expired_page(),
        })
        .await;
        let (addon, browser) = ended(&world).await;
        if is_redirected {
            assert_eq!(browser.get("/page?tab=2").await.status, 303);
            browser.submit(&addon.sign_in_form("ann@example.com")).await;
            assert_eq!(browser.get("/").await.status, 303);
            // The second session ends within a minute: the redirect is not due.
            browser.drop_cookie(SESSION);
            world.clock.advance(Duration::from_secs(10));
        }
        let page = browser.get("/page?tab=2").await;
        assert_eq!(page.status, 401);
        assert!(page.body.contains(&addon.info().web_url));
        browser.submit(&addon.sign_in_form("ann@example.com")).await;
        let landing = browser.get("/").await;
        assert_eq!(landing.header("location"), Some("/page?tab=2"));
        assert_eq!(browser.get("/").await.status, 200);
    }
}

/// For a user who has signed in in another tab. A page that reloads by itself disturbs its reader.
#[tokio::test]
async fn page_of_an_ended_session_has_a_link_to_itself() {
    const TO_ITSELF: &str = r#"<a href="">I have signed in in another tab</a>"#;
    let world = World::with(|builder| builder.show_expired_page()).await;
    let (addon, browser) = ended(&world).await;
    for wait in [Duration::from_secs(30), Duration::from_secs(3600)] {
        let page = browser.get("/page").await;
        assert_eq!((page.status, page.header("refresh")), (401, None));
        assert!(page.body.contains(TO_ITSELF), "{}", page.body);
        world.clock.advance(wait);
    }
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(browser.get("/page").await.status, 200);
    // A browser that was never here, or has signed out, cannot be signed in in another tab.
    let page = world.browser().get("/page").await;
    assert!(!page.body.contains(TO_ITSELF), "{}", page.body);
}

#[tokio::test]
async fn page_of_a_used_form_leads_to_the_landing_page_immediately() {
    let world = World::start().await;
    let addon = world.addon().await;
    let form = addon.sign_in_form("ann@example.com");
    let browser = world.browser();
    assert_eq!(browser.submit(&form).await.status, 303);
    let page = browser.submit(&form).await;
    assert_eq!(page.status, 403);
    assert_eq!(page.header("refresh"), Some("0; url=/"));
    assert!(page.body.contains("Continue to the dashboard"));
    let program = browser.request(Method::POST, "/heroku/sso");
    let program = program.header("content-type", FORM).body(form.body());
    let answer = browser.send(program).await;
    assert_eq!(answer.problem(), "used-sign-in");
    assert_eq!(answer.header("refresh"), None);
}

/// Names and values of the return cookies.
fn returns(browser: &Browser) -> Vec<(String, String)> {
    let line = cookie_line(browser);
    let pairs = line.trim_start_matches("Cookie: ").split("; ");
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    let back = pairs.filter(|(name, _)| name.starts_with("__Host-heroku_sso_back_"));
    back.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn cookie_line(browser: &Browser) -> String {
    let request = browser.request(Method::GET, "/").build().unwrap();
    let cookies = request.headers().get("cookie");
    let cookies = cookies.map_or("", |cookies| cookies.to_str().unwrap());
    format!("Cookie: {cookies}")
}

async fn raw_get(address: SocketAddr, browser: &Browser, path: &str) -> String {
    let lines = [&*cookie_line(browser), "Accept: text/html"];
    raw::request(address, &format!("GET {path}"), &lines).await
}

fn keep_cookies(browser: &Browser, answer: &str) {
    for line in answer.lines() {
        let Some(cookie) = line.strip_prefix("set-cookie: ") else {
            continue;
        };
        let (name, rest) = cookie.split_once('=').unwrap();
        if rest.contains("Max-Age=0") {
            browser.drop_cookie(name);
        } else {
            browser.set_cookie(name, rest.split(';').next().unwrap());
        }
    }
}
