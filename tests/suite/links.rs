//! Signed links: through Heroku to a page, without a cookie.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use heroku_addon_simulator::AddOn;
use reqwest::Method;
use support::browser::{Answer, Browser};
use support::ids::AddOnExt as _;
use support::world::{UNUSED, World, serve};
use tower_heroku_sso::LinkError;

const PAGE: &str = "/page?tab=2&q=a%20b";

/// A world with a list in memory.
async fn fetched(world: &World) -> AddOn {
    let addon = world.addon().await;
    world.refresh(&addon.resource_id()).await;
    addon
}

/// Another add-on of Ann's.
async fn another(world: &World) -> AddOn {
    let app = world.heroku.app("other").collaborator("ann@example.com");
    let other = app.addon();
    assert_eq!(other.provision().await.unwrap().status, 200);
    world.refresh(&other.resource_id()).await;
    other
}

fn link(world: &World, addon: &AddOn) -> String {
    world.sso.lists().link(&addon.resource_id(), PAGE).unwrap()
}

fn assert_rejected(answer: &Answer, kind: &str, title: &str) {
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(answer.body.contains(kind), "{}", answer.body);
    assert!(answer.body.contains(title), "{}", answer.body);
    assert_eq!(answer.header("location"), None);
}

#[tokio::test]
async fn link_leads_a_browser_without_cookies_to_the_page() {
    let world = World::start().await;
    let addon = fetched(&world).await;
    let link = link(&world, &addon);
    assert!(link.starts_with("/heroku/sso?link="), "{link}");
    let browser = world.browser();
    let answer = browser.get(&link).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(
        answer.header("location"),
        Some(addon.info().web_url.as_str())
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    // The link alone opens nothing.
    assert_eq!(browser.fetch(PAGE).await.status, 401);
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    let landing = browser.get("/").await;
    assert_eq!(landing.header("location"), Some(PAGE));
    assert_eq!(browser.get(PAGE).await.status, 200);
    // Only once: afterwards the landing page is shown.
    assert_eq!(browser.get("/").await.status, 200);
    // The list decides who gets in by a link.
    let eve = world.browser();
    assert_eq!(eve.get(&link).await.status, 303);
    let answer = eve.submit(&addon.sign_in_form("eve@example.com")).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn link_leads_a_signed_in_browser_straight_to_the_page() {
    let world = World::start().await;
    let addon = fetched(&world).await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let answer = browser.get(&link(&world, &addon)).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some(PAGE))
    );
    // A session that has ended: the gate leads through Heroku from there.
    world.clock.advance(UNUSED);
    let answer = browser.get(&link(&world, &addon)).await;
    assert_eq!(answer.header("location"), Some(PAGE));
    let answer = browser.get(PAGE).await;
    let web_url = addon.info().web_url;
    assert_eq!(answer.header("location"), Some(web_url.as_str()));
}

#[tokio::test]
async fn session_of_another_resource_does_not_open_the_page() {
    let world = World::start().await;
    let addon = fetched(&world).await;
    let other = another(&world).await;
    let browser = world.signed_in(&other, "ann@example.com").await;
    let answer = browser.get(&link(&world, &addon)).await;
    let web_url = addon.info().web_url;
    assert_eq!(answer.header("location"), Some(web_url.as_str()));
}

#[tokio::test]
async fn expired_link_is_rejected_with_a_page() {
    let world = World::start().await;
    let addon = fetched(&world).await;
    let (id, minute) = (addon.resource_id(), Duration::from_secs(60));
    let lists = world.sso.lists();
    let short = lists.link_for(&id, PAGE, minute).unwrap();
    let usual = link(&world, &addon);
    world.clock.advance(minute);
    assert_eq!(world.browser().get(&short).await.status, 303);
    world.clock.advance(Duration::from_secs(1));
    let answer = world.browser().get(&short).await;
    assert_rejected(&answer, "expired-link", "This link has expired");
    world.clock.advance(7 * 24 * 60 * minute);
    let answer = world.browser().get(&usual).await;
    assert_rejected(&answer, "expired-link", "This link has expired");
    for life in [minute - Duration::from_secs(1), 31 * 24 * 60 * minute] {
        assert_eq!(lists.link_for(&id, PAGE, life), Err(LinkError::Life));
    }
}

#[tokio::test]
async fn changed_link_is_rejected_with_a_page() {
    let world = World::start().await;
    let addon = fetched(&world).await;
    let link = link(&world, &addon);
    let (start, token) = link.split_once('=').unwrap();
    let rejected = async |token: &str| {
        let answer = world.browser().get(&format!("{start}={token}")).await;
        assert_rejected(&answer, "invalid-link", "This link is not valid");
    };
    for at in 0..token.len() {
        let other = if &token[at..=at] == "A" { "B" } else { "A" };
        rejected(&format!("{}{other}{}", &token[..at], &token[at + 1..])).await;
    }
    for token in ["", "A", &token[1..], &token[..token.len() - 4], "%00", "=="] {
        rejected(token).await;
    }
    let program = world.browser().fetch(&format!("{start}=A")).await;
    assert_eq!(program.problem(), "invalid-link");
    // A gate with another salt.
    let stranger = World::start().await;
    fetched(&stranger).await;
    let answer = stranger.browser().get(&link).await;
    assert_rejected(&answer, "invalid-link", "This link is not valid");
}

#[tokio::test]
async fn a44_a45_a46_link_leads_to_no_other_site() {
    let world = World::start().await;
    let addon = fetched(&world).await;
    let long = format!("/{}", "x".repeat(2048));
    for path in [
        "",
        "page",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/a b",
        "/a\r\nset-cookie:x",
        "/ä",
        "/heroku/sso",
        "/heroku/sso?link=x",
        "/logout",
        "/logout#x",
        &long,
    ] {
        let made = world.sso.lists().link(&addon.resource_id(), path);
        assert_eq!(made, Err(LinkError::InvalidPath), "{path:.40}");
    }
}

#[tokio::test]
async fn link_below_a_nested_gate_keeps_its_prefix() {
    let world = World::start().await;
    let addon = fetched(&world).await;
    let pages = Router::new().fallback(|| async { "page" });
    let gated = pages.layer(world.sso.layer());
    let browser = Browser::new(serve(Router::new().nest("/addon", gated)).await);
    let link = format!("/addon{}", link(&world, &addon));
    let answer = browser.get(&link).await;
    let web_url = addon.info().web_url;
    assert_eq!(answer.header("location"), Some(web_url.as_str()));
    let form = addon.sign_in_form("ann@example.com").body();
    let answer = browser.submit_body("/addon/heroku/sso", &form).await;
    assert_eq!(answer.header("location"), Some("/addon"));
    let landing = browser.get("/addon").await;
    let page = format!("/addon{PAGE}");
    assert_eq!(landing.header("location"), Some(page.as_str()));
}

/// Ann, signed in, at a gate below two parameters of a path.
async fn below_two_parameters() -> (World, AddOn, Browser) {
    let world = World::start().await;
    let addon = fetched(&world).await;
    // Without a fallback, which axum does not nest below parameters.
    let gated = world.sso.routes().sign_in();
    let site = Router::new().nest("/{team}/{site}", gated);
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let ann = ann.at(serve(site).await);
    (world, addon, ann)
}

#[tokio::test]
async fn empty_segment_before_a_nested_gate_leads_to_no_other_site() {
    let (world, addon, ann) = below_two_parameters().await;
    let link = format!("//evil.example{}", link(&world, &addon));
    let answer = ann.get(&link).await;
    assert_eq!(answer.header("location"), Some(PAGE), "{answer:?}");
}

#[tokio::test]
async fn sign_out_below_an_empty_segment_leads_to_no_other_site() {
    let (_world, _, ann) = below_two_parameters().await;
    for (path, location) in [
        ("/acme/blog/logout", "/acme/blog/logout"),
        ("//evil.example/logout", "/logout"),
    ] {
        let sign_out = ann
            .request(Method::POST, path)
            .header("accept", "text/html");
        let answer = ann.send(sign_out).await;
        assert_eq!(answer.header("location"), Some(location), "{answer:?}");
    }
}

/// A world, and a gate of it whose pages are below their resource.
async fn per_resource() -> (World, tower_heroku_sso::HerokuSso, SocketAddr) {
    let world = World::start().await;
    let set_up = |builder: tower_heroku_sso::HerokuSsoBuilder| {
        builder.resource_in_path("/addons/{resource}")
    };
    let (sso, _) = world.another_gate(set_up).await;
    let pages = Router::new().fallback(|| async { "page" });
    let routes = pages.layer(sso.layer()).merge(
        sso.routes()
            .partner_api(tower_heroku_sso::partner_api::NoProvisioning),
    );
    let address = serve(routes).await;
    world
        .heroku
        .settings()
        .set_partner_url(format!("http://{address}"));
    (world, sso, address)
}

#[tokio::test]
async fn link_is_bound_to_the_resource_in_its_path() {
    let (world, sso, address) = per_resource().await;
    let (one, other) = (world.addon().await, {
        let app = world.heroku.app("other").collaborator("ann@example.com");
        let other = app.addon();
        assert_eq!(other.provision().await.unwrap().status, 200);
        other
    });
    let (id, other) = (one.resource_id(), other.resource_id());
    for id in [&id, &other] {
        sso.lists().refresh(id).await.unwrap();
    }
    let page = format!("/addons/{id}/page?tab=2");
    let link = sso.lists().link(&id, &page).unwrap();
    let browser = Browser::new(address);
    let answer = browser.get(&link).await;
    let web_url = one.info().web_url;
    assert_eq!(answer.header("location"), Some(web_url.as_str()));
    browser.submit(&one.sign_in_form("ann@example.com")).await;
    let landing = browser.get(&format!("/addons/{id}")).await;
    assert_eq!(landing.header("location"), Some(page.as_str()));
    assert_eq!(browser.get(&page).await.status, 200);

    for path in [
        format!("/addons/{other}/page"),
        format!("/addons/{id}/../{other}/page"),
        format!("/addons/{id}%2f..%2f{other}"),
        "/page".to_owned(),
        "/".to_owned(),
    ] {
        let made = sso.lists().link(&id, &path);
        assert_eq!(made, Err(LinkError::OtherResource), "{path}");
        // Nor does the gate follow one that a process with other settings has made.
        let foreign = world.sso.lists().link(&id, &path).unwrap();
        let answer = Browser::new(address).get(&foreign).await;
        assert_rejected(&answer, "invalid-link", "This link is not valid");
    }
}
