//! Paths, targets and headers that a server in front of or behind the gate may interpret differently.

use axum::Router;
use axum::http::{HeaderMap, HeaderValue};
use axum::routing::get;
use reqwest::Method;

use crate::raw;
use support::browser::{Browser, FORM};
use support::ids::AddOnExt as _;
use support::world::{World, serve};

/// Spellings of `path`, and targets that contain it.
fn spellings(path: &str) -> Vec<String> {
    let name = &path[1..];
    let upper = name.to_uppercase();
    let escaped = format!("%{:02x}{}", name.as_bytes()[0], &name[1..]);
    let twice = format!("%25{:02x}{}", name.as_bytes()[0], &name[1..]);
    let spelt = [
        "/NAME",
        "//NAME",
        "///NAME",
        "/./NAME",
        "/x/../NAME",
        "/../NAME",
        "/.//NAME",
        "/NAME/",
        "/NAME//",
        "/NAME/.",
        "/NAME/..",
        "/NAME;x=y",
        "/;x=y/NAME",
        "/NAME%00",
        "/NAME%20",
        "/NAME%2f",
        "/%2fNAME",
        "/%2e/NAME",
        "/%2e%2e/NAME",
        "/%5cNAME",
        "/NAME?",
        "/NAME?x=y",
        "/NAME.json",
        "/healthz/../NAME",
        "/healthz;/NAME",
        "/healthz%2f..%2fNAME",
        "/heroku/sso/../../NAME",
        "/logout/../NAME",
        "http://HOST/NAME",
        "http://HOST//NAME",
        "http://elsewhere.example/NAME",
        "https://HOST/NAME",
    ];
    let spelt = spelt.map(|spelling| spelling.replace("NAME", name));
    let names = [upper, escaped, twice].map(|name| format!("/{name}"));
    spelt.into_iter().chain(names).collect()
}

#[tokio::test]
async fn a53_no_path_spelling_bypasses_the_gate() {
    let world = World::start().await;
    world.addon().await;
    for path in ["/page", "/admin"] {
        for spelling in spellings(path) {
            let target = spelling.replace("HOST", &world.address.to_string());
            for method in ["GET", "POST"] {
                let line = format!("{method} {target}");
                let answer = raw::request(world.address, &line, &[]).await;
                // 400: rejected by the server. 404: no route, inside or outside of the gate.
                let status = raw::status(&answer);
                assert!([400, 401, 404].contains(&status), "{line}: {answer}");
            }
        }
    }
    for line in ["GET *", "OPTIONS *", "GET page", "GET healthz/../page"] {
        let answer = raw::request(world.address, line, &[]).await;
        let status = raw::status(&answer);
        assert!([400, 401, 404].contains(&status), "{line}: {answer}");
    }
    assert_eq!(world.reached(), 0);
}

#[tokio::test]
async fn a53_no_path_spelling_bypasses_a_role_guard() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let session = browser.cookie("__Host-heroku_sso").unwrap();
    let cookie = format!("Cookie: __Host-heroku_sso={session}");
    for spelling in spellings("/admin") {
        let target = spelling.replace("HOST", &world.address.to_string());
        let answer = raw::request(world.address, &format!("GET {target}"), &[&cookie]).await;
        let status = raw::status(&answer);
        assert!([400, 403, 404].contains(&status), "{target}: {answer}");
    }
    assert_eq!(world.reached(), 0);
    let answer = raw::request(world.address, "GET /page", &[&cookie]).await;
    assert_eq!(raw::status(&answer), 200, "{answer}");
}

#[tokio::test]
async fn a54_other_spelling_of_the_sso_path_accepts_no_form() {
    let world = World::start().await;
    let addon = world.addon().await;
    let plain = Router::new().fallback(|| async { "reached" });
    let layered = plain.clone().layer(world.sso.layer());
    let routes = Router::new().route("/{*all}", get(|| async { "reached" }));
    let route_layered = routes
        .route_layer(world.sso.layer())
        .merge(world.sso.routes().sign_in());
    let nested = Router::new().nest(
        "/addon",
        layered.clone().merge(world.sso.routes().sign_in()),
    );
    for (app, prefix) in [(layered, ""), (route_layered, ""), (nested, "/addon")] {
        let address = serve(app).await;
        for path in [
            "/heroku/sso/",
            "/heroku//sso",
            "/heroku/./sso",
            "/heroku/SSO",
            "/heroku/s%73o",
            "/heroku/sso;x",
            "/heroku/sso%2f",
            "/heroku/sso/x",
        ] {
            world.clock.advance(std::time::Duration::from_secs(1));
            let body = addon.sign_in_form("ann@example.com").body();
            let length = format!("Content-Length: {}", body.len());
            let kind = format!("Content-Type: {FORM}");
            let head = format!(
                "POST {prefix}{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
                 {length}\r\n{kind}\r\n\r\n{body}"
            );
            let answer = raw::send(address, head).await;
            let status = raw::status(&answer);
            assert!([401, 404, 405].contains(&status), "{path}: {answer}");
            assert!(!answer.contains("reached"), "{path}: {answer}");
        }
    }
}

/// Headers that a proxy, or an attacker, may add to a request.
const CLAIMS: &[(&str, &str)] = &[
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-prefix", "/healthz"),
    ("x-forwarded-uri", "/healthz"),
    ("x-forwarded-user", "owner@example.com"),
    ("x-forwarded-email", "owner@example.com"),
    ("forwarded", "for=127.0.0.1;host=evil.example;proto=https"),
    ("x-original-url", "/healthz"),
    ("x-original-uri", "/healthz"),
    ("x-rewrite-url", "/healthz"),
    ("x-real-ip", "127.0.0.1"),
    ("x-http-method", "GET"),
    ("x-http-method-override", "POST"),
    ("x-method-override", "POST"),
    ("x-remote-user", "owner@example.com"),
    ("remote-user", "owner@example.com"),
    ("x-authenticated-user", "owner@example.com"),
    ("x-custom-ip-authorization", "127.0.0.1"),
    ("authorization", "Basic YWNtZS1kYjpzdXBlci1zZWNyZXQ="),
    ("origin", "https://addons-sso.heroku.com"),
    ("referer", "https://dashboard.heroku.com/"),
    ("user-agent", "kube-probe/1.29"),
    ("upgrade-insecure-requests", "1"),
    ("purpose", "prefetch"),
];

#[tokio::test]
async fn a55_proxy_headers_change_no_decision() {
    let world = World::start().await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let mut headers = HeaderMap::new();
    let all: Vec<_> = CLAIMS.iter().collect();
    // Each alone, and all together.
    let tries = all.chunks(1).chain([&*all]);
    for claims in tries {
        headers.clear();
        for (name, value) in claims {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        let send = async |browser: &Browser, method: Method, path: &str| {
            let request = browser.request(method, path).headers(headers.clone());
            browser.send(request).await
        };
        let stranger = world.browser();
        for path in ["/", "/page", "/admin"] {
            let answer = send(&stranger, Method::GET, path).await;
            assert_eq!(answer.status, 401, "{path} {claims:?}");
        }
        let answer = send(&ann, Method::GET, "/").await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, "dashboard of ann@example.com"),
            "{claims:?}"
        );
        assert_eq!(send(&ann, Method::GET, "/admin").await.status, 403);
        // No sign-in or sign-out by another method, and no other redirect.
        assert_eq!(send(&ann, Method::GET, "/logout").await.status, 405);
        assert_eq!(
            send(&stranger, Method::GET, "/heroku/sso").await.status,
            405
        );
        world.clock.advance(std::time::Duration::from_secs(1));
        world.refresh(&addon.resource_id()).await;
        let form = addon.sign_in_form("ann@example.com");
        let request = stranger.request(Method::POST, "/heroku/sso");
        let request = request
            .headers(headers.clone())
            .header("content-type", FORM);
        let answer = stranger.send(request.body(form.body())).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some("/")),
            "{claims:?}"
        );
        assert!(!format!("{:?}", answer.headers).contains("evil.example"));
        let (_, _, attributes) = answer.set_cookies().remove(0);
        assert!(attributes.contains("Secure") && !attributes.contains("Domain"));
    }
    // A cross-site sign-out is rejected regardless of the claimed host.
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example"),
        ("x-host", "evil.example"),
    ] {
        let request = ann.request(Method::POST, "/logout").header(name, value);
        let request = request.header("origin", "https://evil.example");
        assert_eq!(ann.send(request).await.status, 403, "{name}");
    }
    assert_eq!(ann.get("/page").await.status, 200);
}

#[tokio::test]
async fn a55_host_header_changes_no_decision() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let session = browser.cookie("__Host-heroku_sso").unwrap();
    let cookie = format!("Cookie: __Host-heroku_sso={session}");
    for host in [
        "Host: localhost",
        "Host: evil.example",
        "Host: 127.0.0.1:1",
        "Host: healthz",
        "Host: ",
        "Host: a:b:c",
        "Host: evil.example\r\nHost: localhost",
        "X-Nothing: 1",
    ] {
        for (cookie, expected) in [("X-No: cookie", 401), (&*cookie, 200)] {
            let head =
                format!("GET /page HTTP/1.1\r\n{host}\r\nConnection: close\r\n{cookie}\r\n\r\n");
            let answer = raw::send(world.address, head).await;
            let status = raw::status(&answer);
            assert!(status == expected || status == 400, "{host}: {answer}");
        }
    }
}
