//! The site's own address: a prefix that a front takes off, and the origin of its pages.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{any, get};
use http::Uri;
use reqwest::Method;
use tower_heroku_sso::{HerokuUser, SetupError};

use crate::log::Log;
use support::browser::Browser;
use support::world::{UNUSED, World, serve};

/// Takes the prefix off, as nginx does with `location /base/ { proxy_pass http://app/; }`.
async fn front(mut request: Request, next: Next) -> Response {
    let path = request.uri().path_and_query().unwrap().as_str();
    let rest = path.strip_prefix("/base/").map(|rest| format!("/{rest}"));
    match rest {
        Some(rest) => {
            *request.uri_mut() = rest.parse::<Uri>().unwrap();
            next.run(request).await
        }
        None => Response::builder().status(418).body(Body::empty()).unwrap(),
    }
}

/// The app behind a front, which is another process: the app sees only the request that it sends on.
async fn behind_front(app: Router) -> Browser {
    let behind = any(move |request: Request| async move {
        let (parts, body) = request.into_parts();
        let mut sent_on = Request::new(body);
        *sent_on.method_mut() = parts.method;
        *sent_on.uri_mut() = parts.uri;
        *sent_on.headers_mut() = parts.headers;
        let mut app = app;
        tower::Service::call(&mut app, sent_on).await
    });
    let front = Router::new().fallback(behind).layer(from_fn(front));
    Browser::new(serve(front).await)
}

fn app(world: &World) -> Router {
    let sign_out = get(|user: HerokuUser| async move { user.sign_out_path() });
    let router = Router::new()
        .route("/", get(|| async { "landed" }))
        .route("/page", sign_out)
        .route("/whoami", world.sso.routes().whoami_html());
    world.sso.protect(router)
}

fn behind_base(world: tower_heroku_sso::HerokuSsoBuilder) -> tower_heroku_sso::HerokuSsoBuilder {
    world.public_url("https://a.example/base/".parse().unwrap())
}

#[tokio::test]
async fn c32_every_path_has_the_prefix_that_the_front_takes_off() {
    let world = World::with(behind_base).await;
    let addon = world.addon().await;
    let browser = behind_front(app(&world)).await;
    let form = || addon.sign_in_form("ann@example.com").body();
    let answer = browser.submit_body("/base/heroku/sso", &form()).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/base/"))
    );
    for (_, _, attributes) in answer.set_cookies() {
        assert!(
            attributes.contains("Path=/;") || attributes.ends_with("Path=/"),
            "{attributes}"
        );
    }
    assert_eq!(browser.get("/base/").await.body, "landed");
    let sign_out = browser.get("/base/page").await.body;
    assert_eq!(sign_out, "/base/logout");
    let button = browser.get("/base/whoami").await.body;
    assert!(button.contains(r#"action="/base/logout""#), "{button}");

    // The deep link survives the way through Heroku.
    world.clock.advance(UNUSED);
    assert_eq!(browser.get("/base/page?x=1").await.status, 303);
    let used = form();
    browser.submit_body("/base/heroku/sso", &used).await;
    let landing = browser.get("/base/").await;
    assert_eq!(landing.header("location"), Some("/base/page?x=1"));

    // A used form leads on to the dashboard.
    let again = browser.submit_body("/base/heroku/sso", &used).await;
    assert_eq!(again.status, 403);
    assert!(again.body.contains(r#"href="/base/""#), "{}", again.body);

    let out = browser.request(Method::POST, &sign_out);
    let out = browser
        .send(out.header("origin", "https://a.example"))
        .await;
    assert_eq!(out.status, 204);
    assert_eq!(browser.get("/base/page").await.status, 401);
}

#[tokio::test]
async fn c32_prefixes_of_front_router_and_resource_add_up() {
    let world = World::with(|builder| {
        behind_base(builder)
            .resource_in_path("/addons/{resource}")
            .landing_path("/home")
    })
    .await;
    let addon = world.addon().await;
    let page = get(|user: HerokuUser| async move { user.sign_out_path() });
    let router = Router::new().route("/addons/{resource}/home", page);
    let nested = Router::new().nest("/app", world.sso.protect(router));
    let browser = behind_front(nested).await;
    let form = addon.sign_in_form("ann@example.com").body();
    let answer = browser.submit_body("/base/app/heroku/sso", &form).await;
    let id = addon.id();
    let home = format!("/base/app/addons/{id}/home");
    assert_eq!(answer.header("location"), Some(&*home));
    assert_eq!(
        browser.get(&home).await.body,
        format!("/base/app/addons/{id}/logout")
    );
}

#[tokio::test]
async fn own_login_lands_below_the_prefix() {
    let world = World::with(behind_base).await;
    let addon = world.addon().await;
    let email = "ann@example.com".parse().unwrap();
    let email = tower_heroku_sso::VerifiedEmail::assume_verified(email);
    let resource = support::ids::AddOnExt::resource_id(&addon);
    let browser = http::HeaderMap::new();
    let sessions = world.sso.sessions();
    let signed_in = sessions.admit(&resource, &email, &browser);
    assert_eq!(signed_in.await.unwrap().landing(), "/base/");
}

/// Neither `Host` nor a header of a proxy says the origin if it is configured.
#[tokio::test]
async fn sign_out_is_accepted_from_the_configured_origin_only() {
    let world =
        World::with(|builder| builder.public_url("https://a.example".parse().unwrap())).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let host = format!("http://{}", world.address);
    for (origin, status) in [
        (&*host, 403),
        ("https://evil.example", 403),
        ("http://a.example", 403),
        ("https://A.example:443", 204),
    ] {
        let request = browser
            .request(Method::POST, "/logout")
            .header("origin", origin);
        let request = request
            .header("x-forwarded-host", "evil.example")
            .header("forwarded", "host=evil.example;proto=https");
        assert_eq!(browser.send(request).await.status, status, "{origin}");
    }
}

#[tokio::test]
async fn configured_https_site_is_not_warned_of_plain_http() {
    let log = Log::listen();
    let world =
        World::with(|builder| builder.public_url("https://a.example".parse().unwrap())).await;
    let addon = world.addon().await;
    world.signed_in(&addon, "ann@example.com").await;
    assert!(
        log.with(&["began on a loopback address"]).is_empty(),
        "{log:?}"
    );
}

#[tokio::test]
async fn public_url_is_checked_at_the_start() {
    let build = async |url: &str, is_insecure: bool| {
        let builder = crate::setup::builder().public_url(url.parse().unwrap());
        let builder = match is_insecure {
            true => builder.insecure_cookies(),
            false => builder,
        };
        builder.build().await.map(drop)
    };
    for good in [
        "https://a.example",
        "https://a.example:8443/",
        "https://a.example/b/c/",
    ] {
        assert!(build(good, false).await.is_ok(), "{good}");
    }
    assert!(build("http://127.0.0.1:3000/b", true).await.is_ok());
    for bad in [
        "http://a.example",
        "ftp://a.example",
        "https://ann@a.example",
        "https://a.example/?b",
        "https://a.example/#b",
        "https://a.example//b",
        "data:text/plain,a",
    ] {
        let refused = build(bad, false).await;
        assert!(
            matches!(refused, Err(SetupError::PublicUrl)),
            "{bad}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn allowed_origins_are_checked_at_the_start() {
    for (origin, is_one) in [
        ("https://a.example", true),
        ("http://localhost:8080/", true),
        ("https://a.example/b", false),
        ("https://a.example/?b", false),
        ("ws://a.example", false),
    ] {
        let builder = crate::setup::builder().allowed_origins(vec![origin.parse().unwrap()]);
        assert_eq!(builder.build().await.is_ok(), is_one, "{origin}");
    }
}
