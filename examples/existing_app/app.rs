//! A small app with state, static files, a fallback and middleware. It knows nothing of the gate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, Response};
use axum::routing::{get, post};
use tower_http::services::ServeDir;
use tower_http::trace::TraceLayer;

#[derive(Clone, Default)]
struct Counter(Arc<AtomicU64>);

pub(crate) fn router() -> Router {
    let files = ServeDir::new(concat!(env!("CARGO_MANIFEST_DIR"), "/existing_app/public"));
    Router::new()
        .route("/", get(index))
        .route("/count", post(count))
        .nest_service("/public", files)
        .fallback(not_found)
        .layer(from_fn(add_request_id))
        .layer(TraceLayer::new_for_http())
        .with_state(Counter::default())
}

async fn index(State(Counter(count)): State<Counter>) -> Html<String> {
    let count = count.load(Ordering::Relaxed);
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Counter</title>\
         <link rel=\"stylesheet\" href=\"/public/style.css\">\
         <main><h1>Counted {count} times</h1>\
         <form method=\"post\" action=\"/count\"><button>Count</button></form></main></html>"
    ))
}

async fn count(State(Counter(count)): State<Counter>) -> String {
    (count.fetch_add(1, Ordering::Relaxed) + 1).to_string()
}

async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "our own page for missing paths")
}

async fn add_request_id(request: Request, next: Next) -> Response {
    static NEXT: AtomicU64 = AtomicU64::new(1);

    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert("x-request-id", HeaderValue::from(id));
    response
}
