//! HTTP/1.1 pipelining: many requests on one connection.

use support::world::World;

use crate::raw;

const SESSION: &str = "__Host-heroku_sso";

#[tokio::test]
async fn a62_pipelined_requests_are_decided_separately_and_in_order() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let session = browser.cookie(SESSION).unwrap();
    let cookie = format!("Cookie: {SESSION}={session}\r\n");
    let mut sent = String::new();
    for (line, cookie) in [
        ("GET /page", &*cookie),
        ("GET /page", ""),
        ("GET /admin", &*cookie),
        ("GET /healthz", ""),
        ("GET /page", ""),
        ("POST /heroku/sso", &*cookie),
        ("GET /page", &*cookie),
        ("POST /logout", &*cookie),
        ("GET /page", &*cookie),
    ] {
        sent += &format!("{line} HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n{cookie}\r\n");
    }
    // The last request closes the connection.
    sent += "GET /page HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
    let answers = raw::send(world.address, sent).await;
    let statuses: Vec<_> = answers
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| raw::status(&answers[at..]))
        .collect();
    assert_eq!(
        statuses,
        [200, 401, 403, 200, 401, 415, 200, 204, 401, 401],
        "{answers}"
    );
    assert_eq!(world.reached(), 2);
}
