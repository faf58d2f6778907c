//! Bearer tokens: they give the access of their session, never more.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use heroku_addon_simulator::{Endpoint, Fault};
use reqwest::Method;
use support::ids::AddOnExt as _;
use tower_heroku_sso::{BearerError, HerokuSsoBuilder, Require, Role};

use crate::jwt::forge::parts;
use crate::jwt::keys;
use crate::jwt::site::{Site, as_bearer};
use support::browser::Browser;
use support::world::{MAX_LIST_AGE, REFRESH, serve};

const SECOND: Duration = Duration::from_secs(1);

async fn refresh(site: &Site) {
    let resource = site.addon.resource_id();
    site.sso.lists().refresh(&resource).await.unwrap();
}

/// Stored sessions, and bearer tokens.
fn bearers(builder: HerokuSsoBuilder) -> HerokuSsoBuilder {
    builder.bearer_tokens(keys::only(keys::ed25519(0)))
}

fn everything(builder: HerokuSsoBuilder) -> HerokuSsoBuilder {
    crate::jwt::site::everything(builder)
}

const BOTH: [fn(HerokuSsoBuilder) -> HerokuSsoBuilder; 2] = [bearers, everything];

#[tokio::test]
async fn bearer_token_identifies_the_user_of_its_session() {
    for set_up in BOTH {
        let site = Site::with(set_up).await;
        let token = site.bearer(&site.ann().await).await;
        let answer = site.as_bearer(&token).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, "ann@example.com")
        );
        assert!(answer.set_cookies().is_empty());
    }
}

/// As at the gate: a program may accept HTML as well.
#[tokio::test]
async fn guards_answer_a_bearer_token_in_json() {
    let site = Site::with(bearers).await;
    let token = site.bearer(&site.ann().await).await;
    let app = Router::new()
        .route("/guarded", get(|| async { "in" }))
        .route_layer(Require::role(Role::Owner))
        .layer(site.sso.optional_layer());
    let program = Browser::new(serve(app).await);
    for (token, status, problem) in [
        (&*token, 403, "missing-role"),
        ("no-token", 401, "no-session"),
    ] {
        let request = program.request(Method::GET, "/guarded");
        let request = request.header("accept", "text/html");
        let bearer = request.header("authorization", format!("Bearer {token}"));
        let answer = program.send(bearer).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (status, problem)
        );
        let challenge = (status == 401).then_some(r#"Bearer error="invalid_token""#);
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
}

#[tokio::test]
async fn bearer_token_does_not_contain_the_session_id() {
    let site = Site::with(bearers).await;
    let browser = site.ann().await;
    let id = browser.cookie(crate::jwt::site::COOKIE).unwrap();
    let claims = parts(&site.bearer(&browser).await).claims;
    assert!(!claims.to_string().contains(&id));
}

#[tokio::test]
async fn bearer_scheme_is_case_insensitive_and_two_tokens_get_401() {
    let site = Site::with(bearers).await;
    let browser = site.ann().await;
    let token = site.bearer(&browser).await;
    let program = site.browser();
    let page = || program.request(Method::GET, "/page");
    let one = |value: String| page().header("authorization", value);
    for (value, status) in [
        (format!("bearer {token}"), 200),
        (format!("BEARER   {token}"), 200),
        (format!("Bearer {token} x"), 401),
        (format!("Basic {token}"), 401),
        (token.clone(), 401),
        ("Bearer ".to_owned(), 401),
    ] {
        assert_eq!(
            program.send(one(value.clone())).await.status,
            status,
            "{value}"
        );
    }
    let two = one(format!("Bearer {token}")).header("authorization", format!("Bearer {token}"));
    assert_eq!(program.send(two).await.status, 401);
}

#[tokio::test]
async fn invalid_token_gets_401_despite_a_valid_cookie() {
    let site = Site::with(bearers).await;
    let browser = site.ann().await;
    let request = browser.request(Method::GET, "/page");
    let answer = browser
        .send(request.header("authorization", "Bearer x.y.z"))
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.header("www-authenticate"),
        Some(r#"Bearer error="invalid_token""#)
    );
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert!(answer.set_cookies().is_empty());
    assert_eq!(browser.fetch("/page").await.status, 200);
}

#[tokio::test]
async fn invalid_token_gets_401_without_redirect() {
    let site = Site::with(bearers).await;
    let browser = site.ann().await;
    let request = browser.request(Method::GET, "/page");
    let request = request
        .header("accept", "text/html")
        .header("authorization", "Bearer x");
    let answer = browser.send(request).await;
    assert_eq!((answer.status, answer.header("location")), (401, None));
}

#[tokio::test]
async fn token_of_a_removed_user_gets_403_after_refresh() {
    for set_up in BOTH {
        let site = Site::with(set_up).await;
        let token = site.bearer(&site.ann().await).await;
        site.addon.app().remove("ann@example.com");
        let resource = site.addon.resource_id();
        site.sso.lists().refresh(&resource).await.unwrap();
        let answer = site.as_bearer(&token).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (403, "not-listed")
        );
        assert_eq!(site.as_bearer(&token).await.status, 401);
    }
}

#[tokio::test]
async fn token_follows_its_list_up_to_max_session() {
    for set_up in BOTH {
        let site = Site::with(set_up).await;
        let browser = site.ann().await;
        let token = site.bearer(&browser).await;
        let claims = parts(&token).claims;
        let began = claims["grant"]["began"].as_i64().unwrap();
        let ends = claims["exp"].as_i64().unwrap() * 1_000;
        assert!((5_400_000..5_401_000).contains(&(ends - began)));
        for _ in 0..17 {
            site.clock.advance(REFRESH);
            refresh(&site).await;
        }
        site.clock.advance(REFRESH - SECOND);
        assert_eq!(site.as_bearer(&token).await.status, 200);
        site.clock.advance(SECOND);
        refresh(&site).await;
        assert_eq!(site.as_bearer(&token).await.status, 401);
    }
}

#[tokio::test]
async fn removed_user_gets_403_when_a_request_fetches_the_list() {
    for set_up in BOTH {
        let site = Site::with(set_up).await;
        let token = site.bearer(&site.ann().await).await;
        site.addon.app().remove("ann@example.com");
        site.clock.advance(REFRESH + SECOND);
        assert_eq!(site.as_bearer(&token).await.status, 403);
    }
}

#[tokio::test]
async fn token_outlasts_a_heroku_outage() {
    for set_up in BOTH {
        let site = Site::with(set_up).await;
        let token = site.bearer(&site.ann().await).await;
        site.heroku.faults().set(Endpoint::Any, Fault::Reset);
        site.clock.advance(MAX_LIST_AGE);
        assert_eq!(site.as_bearer(&token).await.status, 200);
        site.clock.advance(SECOND);
        assert_eq!(site.as_bearer(&token).await.status, 503);
        site.heroku.faults().clear_all();
        assert_eq!(site.as_bearer(&token).await.status, 200);
    }
}

#[tokio::test]
async fn unused_token_ends_with_its_session() {
    for set_up in BOTH {
        let site = Site::with(set_up).await;
        let browser = site.ann().await;
        let token = site.bearer(&browser).await;
        site.clock.advance(MAX_LIST_AGE + SECOND);
        assert_eq!(site.as_bearer(&token).await.status, 401);
        refresh(&site).await;
        assert_eq!(site.as_bearer(&token).await.status, 401);
        assert_eq!(browser.fetch("/page").await.status, 401);
    }
}

#[tokio::test]
async fn sign_out_ends_only_the_tokens_of_its_session() {
    for set_up in BOTH {
        let site = Site::with(set_up).await;
        let browser = site.ann().await;
        let token = site.bearer(&browser).await;
        site.clock.advance(Duration::from_secs(1));
        let other = site.bearer(&site.ann().await).await;
        let out = browser.request(Method::POST, "/logout");
        assert_eq!(browser.send(out).await.status, 204);
        assert_eq!(site.as_bearer(&token).await.status, 401);
        assert_eq!(site.as_bearer(&other).await.status, 200);
    }
}

#[tokio::test]
async fn sign_out_with_a_bearer_token_ends_its_session() {
    let site = Site::with(bearers).await;
    let browser = site.ann().await;
    let token = site.bearer(&browser).await;
    let program = site.browser();
    let out = program.request(Method::POST, "/logout");
    let out = out.header("authorization", format!("Bearer {token}"));
    assert_eq!(program.send(out).await.status, 204);
    assert_eq!(site.as_bearer(&token).await.status, 401);
    assert_eq!(browser.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn revocation_ends_bearer_tokens() {
    for set_up in BOTH {
        let site = Site::with(set_up).await;
        let token = site.bearer(&site.ann().await).await;
        let email = "ann@example.com".parse().unwrap();
        let resource = site.addon.resource_id();
        site.sso.sessions().revoke(&resource, &email).await.unwrap();
        assert_eq!(site.as_bearer(&token).await.status, 401);
    }
}

#[tokio::test]
async fn stream_ends_with_its_bearer_token() {
    let site = Site::with(bearers).await;
    let token = site.bearer(&site.ann().await).await;
    let program = site.browser();
    let request = program.request(Method::GET, "/events");
    let request = request.header("authorization", format!("Bearer {token}"));
    let mut stream = request.send().await.unwrap();
    assert!(stream.chunk().await.unwrap().is_some());
    for _ in 0..17 {
        site.clock.advance(REFRESH);
        refresh(&site).await;
        let more = tokio::time::timeout(Duration::from_millis(20), stream.chunk());
        assert!(more.await.is_err(), "the stream ended or sent data");
    }
    site.clock.advance(REFRESH);
    let end = tokio::time::timeout(Duration::from_secs(60), stream.chunk());
    assert_eq!(end.await.expect("the stream ends").unwrap(), None);
}

#[tokio::test]
async fn bearer_token_is_valid_only_for_its_own_resource_path() {
    let site = Site::with(|builder| bearers(builder).resource_in_path("/addons/{resource}")).await;
    let (one, other) = (&site.addon, {
        let addon = site
            .heroku
            .app("books")
            .collaborator("ann@example.com")
            .addon();
        assert_eq!(addon.provision().await.unwrap().status, 200);
        addon
    });
    let mints = site.sso.clone();
    let app = axum::Router::new()
        .route(
            "/addons/{resource}/token",
            axum::routing::get(move |user: tower_heroku_sso::HerokuUser| async move {
                use secrecy::ExposeSecret;

                let token = mints.sessions().bearer(&user).unwrap();
                let printed = format!("{token:?}");
                assert!(printed.contains("expires_at"));
                assert!(!printed.contains(token.secret().expose_secret()));
                token.secret().expose_secret().to_owned()
            }),
        )
        .layer(site.sso.layer())
        .merge(site.sso.routes().sign_in());
    let browser = Browser::new(support::world::serve(app).await);
    let answer = browser.submit(&one.sign_in_form("ann@example.com")).await;
    assert_eq!(answer.status, 303);
    let path =
        |addon: &heroku_addon_simulator::AddOn| format!("/addons/{}/token", addon.resource_id());
    let token = browser.fetch(&path(one)).await.body;
    for (path, status) in [
        (path(one), 200),
        (path(&other), 403),
        ("/addons/x/token".to_owned(), 401),
    ] {
        let request = browser.request(Method::GET, &path);
        let request = request.header("authorization", format!("Bearer {token}"));
        assert_eq!(browser.send(request).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn authorization_header_passes_if_bearer_tokens_are_off() {
    let site = Site::with(|builder| builder).await;
    let browser = site.ann().await;
    let request = browser.request(Method::GET, "/page");
    let request = request.header("authorization", "Bearer of-your-own-api");
    assert_eq!(browser.send(request).await.status, 200);
    assert_eq!(as_bearer(site.address, "x.y.z").await.status, 401);
}

#[tokio::test]
async fn a56_bearer_response_varies_by_authorization_and_hides_it() {
    let site = Site::with(bearers).await;
    let browser = site.ann().await;
    let token = site.bearer(&browser).await;
    for answer in [site.as_bearer(&token).await, browser.fetch("/page").await] {
        assert_eq!(answer.header("vary"), Some("Cookie, Authorization"));
    }
    let program = site.browser();
    let request = program.request(Method::GET, "/headers");
    let request = request.header("authorization", format!("Bearer {token}"));
    assert_eq!(program.send(request).await.body, "");
    // Other schemes are left alone.
    let request = browser.request(Method::GET, "/headers");
    let answer = browser
        .send(request.header("authorization", "Basic x"))
        .await;
    assert_eq!(answer.body, "Basic x");
    for other in ["Digest x", "Bearerx", "Bearer-of x", "Bear"] {
        let request = browser.request(Method::GET, "/page");
        let answer = browser.send(request.header("authorization", other)).await;
        assert_eq!(answer.status, 200, "{other}");
    }
}

#[tokio::test]
async fn malformed_bearer_header_does_not_fall_back_to_the_cookie() {
    let site = Site::with(bearers).await;
    let browser = site.ann().await;
    for value in [&b"Bearer \xff\xfe"[..], b"Bearer", b"bearer\t"] {
        let value = reqwest::header::HeaderValue::from_bytes(value).unwrap();
        let request = browser.request(Method::GET, "/page");
        let answer = browser.send(request.header("authorization", value)).await;
        assert_eq!(answer.status, 401);
    }
}

#[tokio::test]
async fn bearer_sign_out_leaves_browser_cookies() {
    let site = Site::with(bearers).await;
    let browser = site.ann().await;
    site.clock.advance(Duration::from_secs(1));
    let other = site.bearer(&site.ann().await).await;
    let out = browser.request(Method::POST, "/logout");
    let out = out.header("authorization", format!("Bearer {other}"));
    let answer = browser.send(out).await;
    assert_eq!(answer.status, 204);
    assert!(answer.set_cookies().is_empty());
    assert_eq!(site.as_bearer(&other).await.status, 401);
    assert_eq!(browser.fetch("/page").await.status, 200);
}

#[tokio::test]
async fn bearer_503_is_json_regardless_of_accept() {
    let site = Site::with(bearers).await;
    let token = site.bearer(&site.ann().await).await;
    site.heroku.faults().set(Endpoint::Any, Fault::Status(503));
    site.clock.advance(MAX_LIST_AGE);
    assert_eq!(site.as_bearer(&token).await.status, 200);
    site.clock.advance(SECOND);
    let program = site.browser();
    let request = program.request(Method::GET, "/page");
    let request = request
        .header("accept", "text/html")
        .header("authorization", format!("Bearer {token}"));
    let answer = program.send(request).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
}

#[tokio::test]
async fn user_of_a_test_gets_no_bearer_token() {
    let site = Site::with(bearers).await;
    let token = site.sso.sessions().bearer(&crate::unit_tests::bob());
    assert!(matches!(token, Err(BearerError::NoSession)));
}

#[tokio::test]
async fn end_all_ends_signed_cookies_and_bearer_tokens() {
    for set_up in BOTH {
        let site = Site::with(set_up).await;
        let browser = site.ann().await;
        let token = site.bearer(&browser).await;
        assert_eq!(site.as_bearer(&token).await.status, 200);
        let sessions = site.sso.sessions();
        sessions.end_all(&site.addon.resource_id()).await.unwrap();
        assert_eq!(site.as_bearer(&token).await.status, 401);
        assert_eq!(browser.fetch("/page").await.status, 401);
    }
}
