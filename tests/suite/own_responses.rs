//! `on_rejection`: the partner's own responses in place of the gate's.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use http_body_util::BodyExt as _;
use reqwest::Method;
use tower::ServiceExt as _;
use tower_heroku_sso::gate::Rejection;
use tower_heroku_sso::{HerokuSsoBuilder, RejectionKind};

use crate::log::Log;
use support::browser::{Answer, Browser, FORM};
use support::world::{World, serve};

/// Pages of the partner's, and the gate's own problem documents.
fn with_pages(builder: HerokuSsoBuilder) -> HerokuSsoBuilder {
    builder.on_rejection(|rejection: &Rejection, request: &Parts| {
        let code = rejection.kind().code();
        let page = format!("own page: {code} {} {}", request.method, request.uri.path());
        rejection.is_page().then(|| Response::new(page))
    })
}

fn own(answer: &Answer) -> &str {
    answer.body.strip_prefix("own page: ").expect("an own page")
}

async fn page(browser: &Browser, method: Method, path: &str) -> Answer {
    let request = browser.request(method, path);
    browser.send(request.header("accept", "text/html")).await
}

#[tokio::test]
async fn own_page_keeps_the_status_and_headers_of_the_gate() {
    let world = World::with(with_pages).await;
    let answer = world.browser().get("/page").await;
    assert_eq!((answer.status, own(&answer)), (401, "no-session GET /page"));
    for (name, value) in [
        ("cache-control", "no-store"),
        ("content-type", "text/html; charset=utf-8"),
        ("referrer-policy", "no-referrer"),
        ("vary", "Accept, Cookie"),
        ("www-authenticate", "Heroku-SSO"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'"), "{policy}");
}

#[tokio::test]
async fn program_gets_the_problem_document_for_none() {
    let world = World::with(with_pages).await;
    let answer = world.browser().fetch("/page").await;
    assert_eq!(
        (answer.status, answer.problem()),
        (401, "no-session".into())
    );
}

#[tokio::test]
async fn sign_in_sign_out_and_guards_give_own_pages_too() {
    let world = World::with(with_pages).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let mut forged = addon.sign_in_form("ann@example.com");
    forged.set("user_scoped_resource_token", "0".repeat(64));
    let answer = world.browser().submit(&forged).await;
    assert_eq!(
        (answer.status, own(&answer)),
        (403, "invalid-sign-in POST /heroku/sso")
    );
    let answer = page(&ann, Method::GET, "/admin").await;
    assert_eq!(
        (answer.status, own(&answer)),
        (403, "missing-role GET /admin")
    );
    let elsewhere = ann.request(Method::POST, "/logout");
    let elsewhere = elsewhere.header("accept", "text/html");
    let answer = ann
        .send(elsewhere.header("sec-fetch-site", "cross-site"))
        .await;
    assert_eq!(
        (answer.status, own(&answer)),
        (403, "cross-site POST /logout")
    );
    assert_eq!(ann.get("/").await.body, "dashboard of ann@example.com");
}

#[tokio::test]
async fn role_checks_behind_an_optional_layer_give_own_pages() {
    let world = World::with(with_pages).await;
    let addon = world.addon().await;
    let owners = Router::new()
        .route("/guarded", get(|| async { "reached" }))
        .route_layer(tower_heroku_sso::Require::role(
            tower_heroku_sso::Role::Owner,
        ));
    let app = Router::new()
        .merge(owners)
        .layer(world.sso.optional_layer());
    let browser = Browser::new(serve(app).await);
    let answer = page(&browser, Method::GET, "/guarded").await;
    assert_eq!(
        (answer.status, own(&answer)),
        (401, "no-session GET /guarded")
    );
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    let answer = page(&browser, Method::GET, "/guarded").await;
    assert_eq!(
        (answer.status, own(&answer)),
        (403, "missing-role GET /guarded")
    );
}

#[tokio::test]
async fn own_page_carries_the_cookies_of_the_gate() {
    let world = World::with(with_pages).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    ann.get("/").await;
    assert!(ann.cookie("__Host-heroku_sso_hint").is_some());
    addon.app().remove("ann@example.com");
    world.refresh(&addon.id().into()).await;
    let answer = ann.get("/").await;
    assert_eq!((answer.status, own(&answer)), (403, "not-listed GET /"));
    assert!(ann.cookie("__Host-heroku_sso_hint").is_none());
}

#[tokio::test]
async fn own_cookie_is_beside_the_cookies_of_the_gate() {
    let world = World::with(|builder| {
        builder.on_rejection(|_, _| {
            let response = Response::builder().header("set-cookie", "own=1; Path=/");
            Some(response.body("rejected").unwrap())
        })
    })
    .await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    ann.get("/").await;
    addon.app().remove("ann@example.com");
    world.refresh(&addon.id().into()).await;
    let answer = ann.get("/").await;
    assert_eq!((answer.status, answer.body.as_str()), (403, "rejected"));
    let cookies = answer.set_cookies();
    let names: Vec<_> = cookies.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["own", "__Host-heroku_sso_hint"]);
}

#[tokio::test]
async fn own_status_headers_and_policy_are_kept() {
    let world = World::with(|builder| {
        builder.on_rejection(|_, _| {
            let response = Response::builder()
                .status(302)
                .header("location", "/login")
                .header("cache-control", "public, max-age=60")
                .header("content-type", "text/plain")
                .header("content-security-policy", "default-src 'self'")
                .header("set-cookie", "own=1")
                .header("vary", "x-own");
            Some(response.body("elsewhere").unwrap())
        })
    })
    .await;
    let answer = world.browser().fetch("/").await;
    assert_eq!((answer.status, answer.body.as_str()), (302, "elsewhere"));
    for (name, value) in [
        ("location", "/login"),
        ("cache-control", "no-store"),
        ("content-type", "text/plain"),
        ("content-security-policy", "default-src 'self'"),
        ("set-cookie", "own=1"),
        ("vary", "x-own"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
    assert_eq!(vary, ["x-own", "Accept, Cookie"]);
}

#[tokio::test]
async fn own_page_decides_whether_it_leads_on() {
    for own in [None, Some("60")] {
        let world = World::with(|builder| {
            builder.on_rejection(move |_, _| {
                let mut response = Response::builder();
                if let Some(own) = own {
                    response = response.header("refresh", own);
                }
                Some(response.body("used").unwrap())
            })
        })
        .await;
        let form = world.addon().await.sign_in_form("ann@example.com");
        let browser = world.browser();
        assert_eq!(browser.submit(&form).await.status, 303);
        let answer = browser.submit(&form).await;
        assert_eq!((answer.status, answer.body.as_str()), (403, "used"));
        assert_eq!(answer.header("refresh"), own);
    }
}

#[tokio::test]
async fn head_request_gets_no_body_of_an_own_page() {
    let world = World::with(with_pages).await;
    let answer = page(&world.browser(), Method::HEAD, "/page").await;
    assert_eq!((answer.status, answer.body.as_str()), (401, ""));
    // Its length is not that of the gate's page.
    let length = answer.header("content-length");
    assert!(length.is_none_or(|it| it == "0"), "{length:?}");
}

#[tokio::test]
async fn own_page_has_the_rejection_in_its_extensions() {
    let world = World::with(with_pages).await;
    let outer = |mut response: Response| async {
        let kind = response.extensions().get::<RejectionKind>().copied();
        let rejection = response.extensions().get::<Rejection>();
        assert_eq!(rejection.map(Rejection::kind), kind);
        let kind = kind.expect("a rejection").code();
        response
            .headers_mut()
            .insert("x-kind", kind.parse().unwrap());
        response
    };
    let app = Router::new()
        .route("/", get(|| async { "reached" }))
        .layer(world.sso.layer())
        .layer(axum::middleware::map_response(outer));
    let answer = Browser::new(serve(app).await).get("/").await;
    assert_eq!(answer.header("x-kind"), Some("no-session"));
    assert_eq!(own(&answer), "no-session GET /");
}

/// Where the session's end is answered with a redirect, there is nothing to replace.
#[tokio::test]
async fn redirect_through_heroku_is_not_replaced() {
    let world = World::with(with_pages).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    ann.get("/").await;
    ann.drop_cookie("__Host-heroku_sso");
    let answer = ann.get("/page").await;
    assert_eq!((answer.status, answer.body.as_str()), (303, ""));
    // Within a minute, the browser gets the page.
    let answer = ann.get("/page").await;
    assert_eq!((answer.status, own(&answer)), (401, "no-session GET /page"));
}

/// A body that was sent to the SSO path is never given to the partner's code.
#[tokio::test]
async fn sso_form_is_not_in_the_request_that_the_hook_gets() {
    let world = World::with(|builder| {
        builder.on_rejection(|_, request: &Parts| Some(Response::new(format!("{:?}", request.uri))))
    })
    .await;
    let addon = world.addon().await;
    let mut stale = addon.sign_in_form("ann@example.com");
    stale.set("timestamp", "1");
    let browser = world.browser();
    let request = browser.request(Method::POST, "/heroku/sso");
    let answer = browser
        .send(request.header("content-type", FORM).body(stale.body()))
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (403, "/heroku/sso"));
}

#[tokio::test]
async fn panic_in_on_rejection_gives_the_page_of_the_gate() {
    let log = Log::listen();
    let world = World::with(|builder| {
        builder.on_rejection(
            |rejection: &Rejection, _: &Parts| -> Option<Response<String>> {
                panic!("a fault of the partner's, at {}", rejection.kind().code())
            },
        )
    })
    .await;
    let addon = world.addon().await;
    let answer = world.browser().fetch("/page").await;
    assert_eq!(
        (answer.status, answer.problem()),
        (401, "no-session".into())
    );
    let ann = world.signed_in(&addon, "ann@example.com").await;
    // A guard inside of the gate, and the gate's own path.
    let answer = ann.fetch("/admin").await;
    assert_eq!(
        (answer.status, answer.problem()),
        (403, "missing-role".into())
    );
    let answer = ann.submit_body("/heroku/sso", "nonsense").await;
    assert_eq!(answer.status, 403);
    assert_eq!(ann.get("/").await.body, "dashboard of ann@example.com");
    assert_eq!(log.with(&["ERROR", "on_rejection panicked"]).len(), 1);
}

#[tokio::test]
async fn websocket_from_another_site_gets_the_own_response() {
    let world = World::with(|builder| {
        builder.on_rejection(|rejection: &Rejection, request: &Parts| {
            let code = rejection.kind().code();
            Some(Response::new(format!("{code} {}", request.uri.path())))
        })
    })
    .await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let session = ann.cookie("__Host-heroku_sso").unwrap();
    let request = Request::get("/socket")
        .header("upgrade", "websocket")
        .header("host", "a.example")
        .header("origin", "https://b.example")
        .header("cookie", format!("__Host-heroku_sso={session}"));
    let request = request.body(Body::empty()).unwrap();
    let gate = Router::new().layer(world.sso.layer());
    let answer = gate.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 403);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "foreign-origin /socket");
}
