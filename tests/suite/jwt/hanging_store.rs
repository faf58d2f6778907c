//! Signed sessions while the store hangs, which knows the sessions that were closed. Tokio's time is paused and
//! jumps to the next timer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use tokio::time::{Instant, pause, resume};
use tower::ServiceExt as _;

use crate::faulty::Faulty;
use crate::jwt::site::{COOKIE, Site, everything};

/// Longer than a token is used before the store is asked again.
const OLD: Duration = Duration::from_secs(6);

/// With some tolerance for the clock's steps.
const RECHECK: Duration = Duration::from_millis(2_100);
const IMMEDIATELY: Duration = Duration::from_millis(100);

#[tokio::test]
async fn hanging_store_delays_a_known_token_once_and_by_two_seconds() {
    // Only a store that other processes use is asked at all.
    let store = Faulty::shared(&Arc::default());
    let own = store.clone();
    let site = Site::with(|builder| everything(builder).store(own)).await;
    let browser = site.ann().await;
    let app = Router::new()
        .route("/page", get(|| async { "in" }))
        .layer(site.sso.layer());
    for (name, value) in [
        (
            "cookie",
            format!("{COOKIE}={}", browser.cookie(COOKIE).unwrap()),
        ),
        (
            "authorization",
            format!("Bearer {}", site.bearer(&browser).await),
        ),
    ] {
        let page = async || {
            let request = Request::get("/page").header(name, &value);
            let begun = Instant::now();
            let answer = app.clone().oneshot(request.body(Body::empty()).unwrap());
            (answer.await.unwrap().status(), begun.elapsed())
        };
        assert_eq!(page().await.0, 200, "{name}");
        pause();
        store.hold("is_session_closed");
        // The store is asked again after a while, by one request.
        for _ in 0..2 {
            site.clock.advance(OLD);
            for limit in [RECHECK, IMMEDIATELY, IMMEDIATELY] {
                let (status, took) = page().await;
                assert_eq!(status, 200, "{name}");
                assert!(took <= limit, "{name}: {took:?}");
            }
        }
        store.let_go("is_session_closed");
        resume();
    }
}
