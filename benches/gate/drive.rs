//! Prepares requests, and measures only their answers.

#![allow(dead_code, reason = "each program needs a part")]

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, header};
use tokio::runtime::Runtime;
use tower::Service;

/// The number of prepared requests.
const BATCH: u64 = 100;

/// The router behind all peers.
pub fn page() -> Router {
    Router::new().route("/page", get(|| async { "page" }))
}

/// The router as `axum::serve` has it for each connection: its layers are built once, not for each request.
pub fn served(app: Router) -> Router {
    app.with_state(())
}

pub fn current_thread() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// A request for the page, from a browser with these cookies.
pub fn request(cookie: &str) -> Request<Body> {
    let request = Request::get("/page");
    let request = match cookie.is_empty() {
        true => request,
        false => request.header(header::COOKIE, cookie),
    };
    request.body(Body::empty()).expect("a request")
}

/// The time that `app` takes for this many requests, with these cookies in turn.
pub async fn answers(app: &mut Router, cookies: &[String], requests: u64) -> Duration {
    let mut whose = cookies.iter().cycle();
    let mut spent = Duration::ZERO;
    let mut left = requests;
    while left > 0 {
        let batch = left.min(BATCH);
        let next = || request(whose.next().expect("at least one"));
        let requests = std::iter::repeat_with(next).take(batch as usize).collect();
        let started = Instant::now();
        answer(app, requests).await;
        spent += started.elapsed();
        left -= batch;
    }
    spent
}

/// This many requests, with these cookies in turn.
pub fn requests(cookies: &[String], count: u64) -> Vec<Request<Body>> {
    let whose = cookies.iter().cycle().take(count as usize);
    whose.map(|cookie| request(cookie)).collect()
}

pub async fn answer(app: &mut Router, requests: Vec<Request<Body>>) {
    for request in requests {
        drop(app.call(request).await);
    }
}
