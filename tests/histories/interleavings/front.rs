//! A proxy in front of Heroku: every call stops before it reaches Heroku and before its answer returns.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri, header};
use tokio::net::TcpListener;

use crate::interleavings::stops::Stops;

struct Front {
    http: reqwest::Client,
    heroku: String,
    stops: Stops,
}

/// Starts the proxy for the Heroku at this address, and returns its own address.
pub async fn start(heroku: String, stops: Stops) -> String {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let front = Arc::new(Front {
        http,
        heroku,
        stops,
    });
    let pass = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
        front.pass(method, uri, headers, body).await
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(pass);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    format!("http://{address}")
}

impl Front {
    async fn pass(
        &self,
        method: Method,
        uri: Uri,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Response<Body> {
        let place = format!("heroku {}", kind(uri.path()));
        self.stops.stop(format!("{place} asked")).await;
        headers.remove(header::HOST);
        let request = self.http.request(method, format!("{}{uri}", self.heroku));
        let sent = request.headers(headers).body(body).send().await;
        let Ok(answer) = sent else {
            return status(StatusCode::BAD_GATEWAY);
        };
        let (code, mut headers) = (answer.status(), answer.headers().clone());
        let Ok(body) = answer.bytes().await else {
            return status(StatusCode::BAD_GATEWAY);
        };
        self.stops.stop(format!("{place} answered")).await;
        headers.remove(header::TRANSFER_ENCODING);
        headers.remove(header::CONNECTION);
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = code;
        *response.headers_mut() = headers;
        response
    }
}

/// Ids differ from run to run.
fn kind(path: &str) -> &'static str {
    let parts: Vec<_> = path.trim_matches('/').split('/').collect();
    match parts[..] {
        ["addons", _] => "add-on",
        ["apps", _] => "app",
        ["apps", _, "collaborators"] => "collaborators",
        ["teams", _, "members"] => "members",
        ["oauth", "token"] => "token",
        _ => "other",
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
