//! The content of rejections: pages, problem documents and headers.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{AppendHeaders, Response};
use axum::routing::get;
use heroku_addon_simulator::{Endpoint, Fault};
use reqwest::Method;
use serde_json::{Value, json};
use tower_heroku_sso::gate::Rejection;
use tower_heroku_sso::url::Url;
use tower_heroku_sso::{Permission, Require, Role};

use crate::raw;
use support::browser::{Answer, Browser};
use support::world::{UNUSED, World, serve};

#[tokio::test]
async fn browser_gets_a_page_and_program_a_problem_document() {
    let world = World::start().await;
    let browser = world.browser();
    let page = browser.get("/").await;
    assert_eq!(page.status, 401);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(page.body.contains("<html lang=\"en\">"));
    let (title, advice) = (
        "Please sign in through Heroku",
        "Open the add-on from your app's Resources page in the Heroku Dashboard.",
    );
    assert!(page.body.contains(&format!("<h1>{title}</h1>")));
    assert!(page.body.contains(advice), "{}", page.body);

    let problem = browser.fetch("/").await;
    assert_eq!(problem.status, 401);
    assert_eq!(
        problem.header("content-type"),
        Some("application/problem+json")
    );
    let json = problem.json();
    assert_eq!(
        (&json["title"], &json["detail"]),
        (&title.into(), &advice.into())
    );
    assert_eq!(json["status"], 401);
    assert_eq!(json["type"], "urn:tower-heroku-sso:no-session");
    assert!(json["title"].is_string() && json["detail"].is_string());
}

/// Every status that the gate itself produces.
#[tokio::test]
async fn a56_gate_responses_are_no_store() {
    let world = World::start().await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let stranger = world.browser();
    let form = addon.sign_in_form("bob@example.com");
    let used = addon.sign_in_form("ann@example.com");
    let large = "x".repeat(64 * 1024 + 1);
    let post = |path: &str| stranger.request(Method::POST, path);
    let mut answers = vec![
        (401, stranger.get("/").await),
        (401, stranger.fetch("/").await),
        (403, ann.get("/admin").await),
        (403, ann.fetch("/admin").await),
        (403, stranger.submit(&form).await),
        (403, stranger.submit(&used).await),
        (405, stranger.get("/heroku/sso").await),
        (405, ann.get("/logout").await),
        (200, stranger.get("/logout").await),
        (413, stranger.submit_body("/heroku/sso", &large).await),
        (415, stranger.send(post("/heroku/sso")).await),
        (204, stranger.send(post("/logout")).await),
    ];
    let html = post("/logout").header("accept", "text/html");
    answers.push((303, stranger.send(html).await));
    // The resource is unused until its list is too old.
    world.clock.advance(UNUSED);
    answers.push((303, ann.get("/page").await));
    answers.push((401, ann.get("/page").await));
    let form = addon.sign_in_form("ann@example.com");
    answers.push((303, stranger.submit(&form).await));
    // Heroku is unavailable until the list is too old.
    world.heroku.faults().set(Endpoint::Any, Fault::Reset);
    world.clock.advance(UNUSED / 2 + Duration::from_secs(1));
    assert_eq!(stranger.fetch("/page").await.status, 200);
    world.clock.advance(UNUSED / 2);
    answers.push((503, stranger.fetch("/page").await));
    answers.push((503, stranger.get("/page").await));
    for (number, (status, answer)) in answers.iter().enumerate() {
        assert_eq!(answer.status, *status, "{number}: {}", answer.body);
        assert_eq!(
            answer.header("cache-control"),
            Some("no-store"),
            "{number}: {status}"
        );
        assert_eq!(
            answer.header("retry-after").is_some(),
            *status == 503,
            "{number}"
        );
        let vary = answer.header("vary").unwrap_or_default();
        let depends_on_session = [401, 403, 303, 503].contains(status);
        assert!(
            vary.contains("Cookie") || !depends_on_session,
            "{number}: {status}"
        );
    }
}

#[tokio::test]
async fn a56_passed_responses_default_to_cache_control_private() {
    let world = World::start().await;
    let addon = world.addon().await;
    let headers = |pairs: &'static [(&str, &str)]| {
        get(move || async move { AppendHeaders(pairs.iter().copied()) })
    };
    let app = Router::new()
        .route("/plain", headers(&[]))
        .route("/none", headers(&[("cache-control", "no-store")]))
        .route(
            "/public",
            headers(&[("cache-control", "public, max-age=60")]),
        )
        .route("/vary", headers(&[("vary", "Accept-Encoding")]))
        .route("/cookie", headers(&[("vary", "accept, cookie")]))
        .route("/star", headers(&[("vary", "*")]))
        .layer(world.sso.layer());
    let browser = Browser::new(serve(app).await);
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    for (path, cache_control, vary) in [
        ("/plain", "private", &["Cookie"][..]),
        ("/none", "no-store", &["Cookie"]),
        ("/public", "public, max-age=60", &["Cookie"]),
        ("/vary", "private", &["Accept-Encoding", "Cookie"]),
        ("/cookie", "private", &["accept, cookie"]),
        ("/star", "private", &["*"]),
        ("/nothing", "private", &["Cookie"]),
    ] {
        let answer = browser.get(path).await;
        assert_eq!(
            answer.header("cache-control"),
            Some(cache_control),
            "{path}"
        );
        let said: Vec<_> = answer.headers.get_all("vary").iter().collect();
        assert_eq!(said, vary, "{path}");
    }
}

#[tokio::test]
async fn a51_accept_header_selects_page_or_problem_document() {
    let world = World::start().await;
    let long = format!("text/html,{}", "a/b,".repeat(1024));
    let (html, json) = ("text/html; charset=utf-8", "application/problem+json");
    for (headers, kind) in [
        (vec![("accept", "text/html")], html),
        (vec![("accept", "text/html,*/*;q=0.8")], html),
        (vec![("accept", "application/xhtml+xml")], html),
        (vec![("accept", "application/json")], json),
        (vec![("accept", "application/problem+json")], json),
        (vec![("accept", "*/*")], json),
        (vec![("accept", "text/*")], json),
        (vec![("accept", "")], json),
        (vec![], json),
        (
            vec![("accept", "text/html;q=0.4, application/json;q=0.5")],
            json,
        ),
        (
            vec![("accept", "text/html;q=0.5, application/json;q=0.4")],
            html,
        ),
        (vec![("accept", "text/html;q=0")], json),
        (vec![("accept", "text/html;q=-1")], json),
        (vec![("accept", "text/html;q=NaN")], json),
        (vec![("accept", "text/html;q=inf")], html),
        (vec![("accept", "text/html;level=1;q=0.5")], html),
        (vec![("accept", ";;,,;q=;")], json),
        (vec![("accept", &*long)], json),
        (
            vec![("accept", "text/html"), ("sec-fetch-mode", "navigate")],
            html,
        ),
        (
            vec![("accept", "text/html"), ("sec-fetch-mode", "cors")],
            json,
        ),
        (
            vec![("accept", "text/html"), ("sec-fetch-mode", "no-cors")],
            json,
        ),
        (
            vec![("accept", "text/html"), ("sec-fetch-mode", "same-origin")],
            json,
        ),
        (
            vec![("accept", "text/html"), ("sec-fetch-mode", "websocket")],
            json,
        ),
    ] {
        let lines: Vec<_> = headers.iter().map(|(k, v)| format!("{k}: {v}")).collect();
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let answer = raw::request(world.address, "GET /page", &lines).await;
        assert_eq!(raw::status(&answer), 401);
        let expected = format!("content-type: {kind}\r\n");
        assert!(answer.contains(&expected), "{headers:.80?} {answer}");
    }
}

#[tokio::test]
async fn rejection_page_has_a_csp_that_allows_nothing() {
    let world = World::start().await;
    let page = world.browser().get("/").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'self'"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert!(!page.body.contains("<script"));
}

#[tokio::test]
async fn rejection_echoes_no_request_content() {
    let world = World::start().await;
    let addon = world.addon().await;
    let mut form = addon.sign_in_form("<script>@example.com");
    form.set("app", "<script>alert(1)</script>");
    let page = world.browser().submit(&form).await;
    assert_eq!(page.status, 403);
    assert!(!page.body.contains("<script") && !page.body.contains("example.com"));
    let answer = world.browser().get("/%3Cscript%3E?x=<script>").await;
    assert!(!answer.body.contains("script>"));
}

#[tokio::test]
async fn head_rejection_has_no_body() {
    let world = World::start().await;
    let browser = world.browser();
    let request = browser
        .request(Method::HEAD, "/")
        .header("accept", "text/html");
    let answer = browser.send(request).await;
    assert_eq!((answer.status, answer.body.as_str()), (401, ""));
}

/// The extension from which an app renders its own page.
#[tokio::test]
async fn outer_layer_gets_the_rejection_details_as_an_extension() {
    let world = World::with(|builder| builder.development()).await;
    let addon = world.addon().await;
    addon
        .app()
        .collaborator_as("bob@example.com", "admin", &["manage"]);
    let own = |mut response: Response| async {
        let rejection = response.extensions_mut().remove::<Rejection>();
        let Some(rejection) = rejection else {
            return response;
        };
        assert!(!format!("{rejection:?}").contains('@'));
        assert_eq!(response.extensions().get(), Some(&rejection.kind()));
        let (head, _) = response.into_parts();
        let roles: Vec<_> = rejection
            .required_roles()
            .iter()
            .map(Role::as_str)
            .collect();
        let said = json!({
            "url": rejection.sign_in_url().map(Url::as_str),
            "landing": rejection.landing(),
            "roles": roles,
            "permission": rejection.required_permission().map(Permission::as_str),
            "ask": rejection.who_can_grant().collect::<Vec<_>>(),
            "reason": rejection.reason(),
        });
        Response::from_parts(head, Body::from(said.to_string()))
    };
    let app = Router::new()
        .route("/", get(|| async {}))
        .route("/admin", get(|| async {}).layer(Require::role(Role::Admin)))
        .route(
            "/approve",
            get(|| async {}).layer(Require::permission(Permission::from("approve"))),
        )
        .layer(world.sso.layer())
        .merge(world.sso.routes().sign_in())
        .layer(axum::middleware::map_response(own));
    let browser = Browser::new(serve(app).await);
    let nothing = json!({
        "url": null, "landing": null, "roles": [], "permission": null, "ask": [], "reason": null,
    });
    let expect = |answer: &Answer, status: u16, changes: Value| {
        let mut expected = nothing.clone();
        let changes = changes.as_object().unwrap().clone();
        expected.as_object_mut().unwrap().extend(changes);
        assert_eq!((answer.status, answer.json()), (status, expected));
    };
    let answer = browser.fetch("/").await;
    let why = "no cookie `heroku_sso` came with the request";
    expect(&answer, 401, json!({ "reason": why }));
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(browser.submit(&form).await.status, 303);
    let answer = browser.fetch("/admin").await;
    expect(
        &answer,
        403,
        json!({
            "landing": "/",
            "roles": ["admin"],
            "ask": ["bob@example.com", "owner@example.com"],
        }),
    );
    let answer = browser.fetch("/approve").await;
    expect(
        &answer,
        403,
        json!({
            "landing": "/",
            "permission": "approve",
            "ask": ["bob@example.com", "owner@example.com"],
        }),
    );
    let answer = browser.submit(&form).await;
    let why = "the form was used before";
    expect(&answer, 403, json!({ "landing": "/", "reason": why }));
    world.clock.advance(UNUSED);
    let answer = browser.fetch("/").await;
    assert_eq!(answer.json()["url"], addon.info().web_url);
}
