//! HTTP/2: many requests on one connection.

use axum::http::header::COOKIE;
use reqwest::{Client, Version};
use support::ids::AddOnExt as _;
use tokio::task::JoinSet;

use support::browser::Browser;
use support::world::World;

const SESSION: &str = "__Host-heroku_sso";

fn http2() -> Client {
    let client = Client::builder().http2_prior_knowledge().no_proxy();
    client
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// 200 requests, each on its own stream; those with even numbers have the cookie.
async fn streams(client: &Client, browser: &Browser, session: &str) -> [Vec<u16>; 2] {
    let mut streams = JoinSet::new();
    for number in 0..200 {
        let mut request = client.get(browser.url("/page"));
        if number % 2 == 0 {
            // The cookie header in parts, as HTTP/2 allows.
            request = request.header(COOKIE, "theme=dark");
            request = request.header(COOKIE, format!("{SESSION}={session}"));
        }
        streams.spawn(async move {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.version(), Version::HTTP_2);
            (number % 2, answer.status().as_u16())
        });
    }
    let mut statuses = [Vec::new(), Vec::new()];
    for (odd, status) in streams.join_all().await {
        statuses[odd].push(status);
    }
    statuses
}

#[tokio::test]
async fn a62_http2_streams_of_a_connection_are_decided_separately() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let session = browser.cookie(SESSION).unwrap();
    let client = http2();
    let [with_cookie, without] = streams(&client, &browser, &session).await;
    assert_eq!(with_cookie, [200; 100]);
    assert_eq!(without, [401; 100]);
    assert_eq!(world.reached(), 100);
    // The same connection with a changed list.
    world.heroku.app("shop").remove("ann@example.com");
    world
        .sso
        .lists()
        .refresh(&addon.resource_id())
        .await
        .unwrap();
    let [with_cookie, without] = streams(&client, &browser, &session).await;
    assert!(with_cookie.contains(&403));
    assert!(
        with_cookie
            .iter()
            .chain(&without)
            .all(|status| [401, 403].contains(status))
    );
    assert_eq!(world.reached(), 100);
}

#[tokio::test]
async fn a62_form_on_concurrent_http2_streams_is_accepted_once() {
    let world = World::start().await;
    let addon = world.addon().await;
    let (client, url) = (http2(), world.browser().url("/heroku/sso"));
    let body = addon.sign_in_form("ann@example.com").body();
    let mut streams = JoinSet::new();
    for _ in 0..50 {
        let request = client.post(&url).body(body.clone());
        let request = request.header("content-type", support::browser::FORM);
        streams.spawn(async move { request.send().await.unwrap().status().as_u16() });
    }
    let mut statuses = streams.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 303);
    assert_eq!(statuses[1..], [403; 49]);
}

/// The stream is reset: without an end, the reader would take a part for the whole.
#[tokio::test]
async fn c24_cut_http2_download_is_reset() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let session = browser.cookie(SESSION).unwrap();
    let request = http2().get(browser.url("/stream"));
    let request = request.header(COOKIE, format!("{SESSION}={session}"));
    let mut response = request.send().await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    assert!(response.chunk().await.unwrap().is_some());
    world.heroku.app("shop").remove("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    let end = tokio::time::timeout(std::time::Duration::from_secs(60), response.chunk());
    assert!(end.await.expect("the stream ends").is_err());
}
