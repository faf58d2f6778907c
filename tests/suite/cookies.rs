//! Contents of the `Cookie` header, genuine or planted by an attacker.

use std::time::Duration;

use reqwest::Method;

use crate::raw;
use support::browser::{Browser, FORM, client};
use support::ids::AddOnExt as _;
use support::world::{REFRESH, UNUSED, World};

const SESSION: &str = "__Host-heroku_sso";

#[tokio::test]
async fn a30_malformed_or_unknown_session_cookies_get_401() {
    let world = World::start().await;
    world.addon().await;
    let unknown = "AAAAAAAAAAAAAAAAAAAAAA";
    let of_name = |value: &str| format!("Cookie: {SESSION}={value}");
    let many = |pair: &str| format!("Cookie: {}", vec![pair; 200].join("; "));
    for lines in [
        vec![],
        vec!["Cookie:".to_owned()],
        vec!["Cookie: ;;;===;".to_owned()],
        vec![of_name("")],
        vec![of_name("garbage")],
        vec![of_name("\"\"")],
        vec![of_name("%00")],
        vec![of_name("../../etc/passwd")],
        vec![of_name("' OR 1=1 --")],
        vec![of_name("-1")],
        vec![of_name("\u{e9}")],
        vec![of_name(&"A".repeat(8 * 1024))],
        vec![of_name(unknown)],
        vec![many(&format!("{SESSION}={unknown}"))],
        vec![many("a=b")],
        vec![format!("Cookie: {SESSION}={unknown}"); 50],
        vec![format!("Cookie: heroku_sso={unknown}")],
        vec![format!("Cookie: __host-heroku_sso={unknown}")],
    ] {
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let answer = raw::request(world.address, "GET /page", &lines).await;
        assert_eq!(raw::status(&answer), 401, "{:.60?}", lines.first());
        assert!(answer.contains("www-authenticate: "), "{answer}");
    }
    assert_eq!(world.reached(), 0);
}

#[tokio::test]
async fn a32_sign_in_replaces_a_planted_session() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.heroku.app("shop").collaborator("eve@example.com");
    let eve = world.signed_in(&addon, "eve@example.com").await;
    let planted = eve.cookie(SESSION).unwrap();
    let victim = world.browser();
    victim.set_cookie(SESSION, &planted);
    let form = addon.sign_in_form("ann@example.com");
    let request = victim.request(Method::POST, "/heroku/sso");
    let request = request.header("content-type", FORM).body(form.body());
    assert_eq!(victim.send(request).await.status, 303);
    assert_ne!(victim.cookie(SESSION).unwrap(), planted);
    assert_eq!(victim.get("/").await.body, "dashboard of ann@example.com");
    // The planted session is closed and gives no access to hers.
    assert_eq!(eve.fetch("/").await.status, 401);
}

#[tokio::test]
async fn a34_first_of_two_session_cookies_is_used() {
    let world = World::start().await;
    let addon = world.addon().await;
    world
        .heroku
        .app("shop")
        .collaborator_as("boss@example.com", "admin", &[]);
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let boss = world.signed_in(&addon, "boss@example.com").await;
    let [ann, boss] = [ann, boss].map(|browser| browser.cookie(SESSION).unwrap());
    for (first, second, admin, whose) in [
        (&*ann, &*boss, 403, "ann@example.com"),
        (&*boss, &*ann, 200, "boss@example.com"),
    ] {
        let in_one = vec![format!("Cookie: {SESSION}={first}; {SESSION}={second}")];
        let in_two = [first, second].map(|id| format!("Cookie: {SESSION}={id}"));
        for lines in [in_one, in_two.to_vec()] {
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            let answer = raw::request(world.address, "GET /admin", &lines).await;
            assert_eq!(raw::status(&answer), admin, "{answer}");
            let answer = raw::request(world.address, "GET /", &lines).await;
            assert!(
                answer.ends_with(&format!("dashboard of {whose}")),
                "{answer}"
            );
        }
    }
}

/// A sibling site planted a cookie that the browser always sends before the real one.
#[tokio::test]
async fn a34_persistent_planted_cookie_causes_no_redirect_loop() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let mut sent_to_heroku = 0;
    let mut pages = 0;
    for _ in 0..10 {
        let request = with_planted(&browser, "/page");
        let answer = browser.send(request.header("accept", "text/html")).await;
        match answer.status {
            303 => {
                sent_to_heroku += 1;
                world.clock.advance(Duration::from_secs(1));
                let form = addon.sign_in_form("ann@example.com");
                assert_eq!(browser.submit(&form).await.status, 303);
            }
            401 => pages += 1,
            status => panic!("{status}"),
        }
    }
    assert_eq!((sent_to_heroku, pages), (1, 9));
    assert_eq!(world.reached(), 0);
}

fn with_planted(browser: &Browser, path: &str) -> reqwest::RequestBuilder {
    let request = browser.request(Method::GET, path).build().unwrap();
    let own = request.headers()["cookie"].to_str().unwrap();
    let cookies = format!("{SESSION}=AAAAAAAAAAAAAAAAAAAAAA; {own}");
    client().get(browser.url(path)).header("cookie", cookies)
}

#[tokio::test]
async fn a35_signed_out_cookie_is_rejected() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let copy = browser.at(world.address);
    assert_eq!(copy.fetch("/page").await.status, 200);
    let sign_out = browser.request(Method::POST, "/logout");
    assert_eq!(browser.send(sign_out).await.status, 204);
    assert_eq!(copy.fetch("/page").await.status, 401);
    // A newer list or a later sign-in of the same user does not reopen it.
    world.refresh(&addon.resource_id()).await;
    world.clock.advance(REFRESH / 10);
    world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(copy.fetch("/page").await.status, 401);
    assert_eq!(world.reached(), 1);
}

/// Heroku's form is cross-site, so a browser sends no `Lax` cookie with it and the gate does not see the
/// previous session. The new cookie replaces the previous one in the browser.
#[tokio::test]
async fn a52_new_session_replaces_previous_without_cookies() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.heroku.app("shop").collaborator("bob@example.com");
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let first = browser.cookie(SESSION).unwrap();
    let answer = browser.submit(&addon.sign_in_form("bob@example.com")).await;
    let set: Vec<_> = answer.set_cookies();
    let set: Vec<_> = set.iter().filter(|(name, ..)| name == SESSION).collect();
    assert_eq!(set.len(), 1);
    assert_ne!(set[0].1, first);
    assert_eq!(browser.get("/").await.body, "dashboard of bob@example.com");
    let request = browser.request(Method::POST, "/logout");
    assert_eq!(browser.send(request).await.status, 204);
    assert_eq!(browser.fetch("/").await.status, 401);
}

/// A script of the page may set such a cookie, and browsers send it unchanged.
#[tokio::test]
async fn non_ascii_cookie_of_the_page_does_not_break_the_session() {
    let world = World::start().await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let own = |name: &str| format!("{name}={}", ann.cookie(name).unwrap());
    let (session, hint) = (own("__Host-heroku_sso"), own("__Host-heroku_sso_hint"));
    let mut cookies = "name=J\u{fc}rgen; ".to_owned().into_bytes();
    cookies.extend(b"raw=\xff\xfe; ");
    cookies.extend(format!("{hint}; {session}").bytes());
    let stranger = world.browser();
    let send = || {
        let cookies = reqwest::header::HeaderValue::from_bytes(&cookies).unwrap();
        let request = stranger.request(Method::GET, "/page");
        let request = request.header("accept", "text/html");
        stranger.send(request.header("cookie", cookies))
    };
    assert_eq!(send().await.status, 200);
    // The hint cookie is still found for the redirect to Heroku.
    world.clock.advance(UNUSED);
    assert_eq!(send().await.status, 303);
}
