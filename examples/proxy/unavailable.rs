//! The answers for an upstream that does not respond.

use axum::Json;
use axum::extract::Request;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use axum_reverse_proxy::ProxyError;
use maud::{DOCTYPE, html};
use serde_json::json;

/// Replaces the proxy's bare 502 and 504 by a page, or by a problem document for programs. The upstream's
/// own answers stay unchanged, including its own 502.
pub(crate) async fn explain(request: Request, next: Next) -> Response {
    let for_person = wants_page(request.headers());
    let response = next.run(request).await;
    match response.extensions().get::<ProxyError>() {
        Some(_) => answer(response.status(), for_person),
        None => response,
    }
}

fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

fn answer(status: StatusCode, for_person: bool) -> Response {
    let title = match status {
        StatusCode::GATEWAY_TIMEOUT => "The dashboard takes too long to answer",
        _ => "The dashboard does not answer",
    };
    let detail = "You are still signed in. Try again in a minute.";
    let uncached = [(CACHE_CONTROL, "no-store")];
    if for_person {
        return (status, uncached, page(title, detail)).into_response();
    }
    let problem = json!({ "title": title, "status": status.as_u16(), "detail": detail });
    let kind = [(CONTENT_TYPE, "application/problem+json")];
    (status, uncached, kind, Json(problem)).into_response()
}

fn page(title: &str, detail: &str) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (title) }
            }
            body { main { h1 { (title) } p { (detail) } } }
        }
    };
    Html(page.into_string())
}
