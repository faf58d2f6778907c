//! Assertions: the gate's statements to services behind it, and their verification.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use heroku_sso_assertion::{AssertedUser, VerifyAssertion};
use reqwest::Method;
use serde_json::json;
use support::ids::AddOnExt as _;
use tower_heroku_sso::assertion::Assertions;
use tower_heroku_sso::jwt::{InvalidJwtKey, JwtKeys};
use tower_heroku_sso::{Clock, ManualClock, SsoPolicy};

use crate::jwt::forge::parts;
use crate::jwt::keys;
use crate::jwt::site::{AUDIENCE, ISSUER, Site, assertions, everything};
use support::browser::{Answer, Browser};
use support::world::serve;

/// A service behind the gate.
pub async fn behind(verify: VerifyAssertion) -> Browser {
    let app = Router::new().route("/page", get(page)).layer(verify);
    Browser::new(serve(app).await)
}

async fn page(user: AssertedUser) -> String {
    format!(
        "{} {} {}",
        user.email(),
        user.app_name(),
        user.roles().join(",")
    )
}

pub async fn offer(behind: &Browser, token: &str) -> Answer {
    let request = behind.request(Method::GET, "/page");
    behind
        .send(request.header("x-heroku-sso-assertion", token))
        .await
}

/// Serves configurable keys and counts the calls.
#[derive(Clone)]
struct KeyServer {
    address: SocketAddr,
    keys: Arc<std::sync::Mutex<Result<String, StatusCode>>>,
    calls: Arc<AtomicUsize>,
    /// An answer waits for a permit.
    passes: Arc<tokio::sync::Semaphore>,
}

impl KeyServer {
    async fn start(keys: &JwtKeys) -> Self {
        let keys = Arc::new(std::sync::Mutex::new(Ok(keys.public_jwks())));
        let calls = Arc::new(AtomicUsize::new(0));
        let passes = Arc::new(tokio::sync::Semaphore::new(1));
        let (its_keys, its_calls) = (Arc::clone(&keys), Arc::clone(&calls));
        let its_passes = Arc::clone(&passes);
        let answer = move || async move {
            its_calls.fetch_add(1, Ordering::SeqCst);
            // Slow enough for concurrent requests.
            tokio::task::yield_now().await;
            drop(its_passes.acquire().await);
            match &*its_keys.lock().unwrap() {
                Ok(keys) => (StatusCode::OK, [("location", "/")], keys.clone()),
                Err(status) => (*status, [("location", "/keys")], String::new()),
            }
        };
        let address = serve(Router::new().route("/keys", get(answer))).await;
        Self {
            address,
            keys,
            calls,
            passes,
        }
    }

    /// Makes answers wait for [`let_go`](Self::let_go).
    fn hold(&self) {
        assert_eq!(self.passes.forget_permits(1), 1);
    }

    fn let_go(&self) {
        self.passes.add_permits(1);
    }

    fn now_has(&self, keys: &JwtKeys) {
        *self.keys.lock().unwrap() = Ok(keys.public_jwks());
    }

    fn now_answers(&self, answer: Result<String, StatusCode>) {
        *self.keys.lock().unwrap() = answer;
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn behind(&self, clock: &ManualClock) -> Browser {
        let url = format!("http://{}/keys", self.address);
        let verify = VerifyAssertion::from_jwks_url(&url, ISSUER, AUDIENCE)
            .map(|it| it.clock(clock.reader()));
        behind(verify.unwrap()).await
    }
}

/// Another program may add its own keys to the set, of kinds that this crate does not know.
#[tokio::test]
async fn bad_key_in_the_set_does_not_disable_the_others() {
    let site = Site::start().await;
    let server = KeyServer::start(&keys::only(keys::es256(0))).await;
    let good = keys::only(keys::es256(0)).public_jwks();
    let mut set: serde_json::Value = serde_json::from_str(&good).unwrap();
    let own = set["keys"][0].clone();
    let mut without_point = own.clone();
    without_point.as_object_mut().unwrap().remove("x");
    let mut off_the_curve = own.clone();
    off_the_curve["x"] = json!("AAAA");
    off_the_curve["kid"] = json!("odd");
    let bad = json!([
        null,
        7,
        "text",
        {},
        { "kty": "LMS", "kid": "new" },
        { "kty": "RSA", "kid": "no-modulus" },
        { "kty": "EC", "crv": "P-999", "kid": "curve", "x": "AA", "y": "AA" },
        without_point,
        off_the_curve,
    ]);
    let all = set["keys"].as_array_mut().unwrap();
    for key in bad.as_array().unwrap() {
        all.insert(0, key.clone());
        all.push(key.clone());
    }
    server.now_answers(Ok(set.to_string()));
    let behind = server.behind(&site.clock).await;
    let token = assertion(&site).await;
    assert_eq!(offer(&behind, &token).await.status, 200);
    // A malformed set has no keys.
    let other = KeyServer::start(&keys::only(keys::es256(0))).await;
    for text in ["", "[]", "{}", r#"{"keys": {}}"#] {
        other.now_answers(Ok(text.to_owned()));
        let behind = other.behind(&site.clock).await;
        assert_eq!(offer(&behind, &token).await.status, 503, "{text}");
    }
}

async fn assertion(site: &Site) -> String {
    site.ann().await.fetch("/assertion").await.body
}

#[tokio::test]
async fn service_verifies_the_assertion_with_the_gates_keys() {
    let site = Site::start().await;
    let browser = site.ann().await;
    let token = browser.fetch("/assertion").await.body;
    let url = browser.url("/.well-known/jwks.json");
    let verify = VerifyAssertion::from_jwks_url(&url, ISSUER, AUDIENCE)
        .map(|it| it.clock(site.clock.reader()));
    let behind = behind(verify.unwrap()).await;
    let answer = offer(&behind, &token).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, "ann@example.com shop collaborator")
    );
    assert_eq!(behind.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn assertion_contains_user_resource_and_expiry() {
    let site = Site::start().await;
    let parts = parts(&assertion(&site).await);
    assert_eq!(parts.header["typ"], "heroku-assertion+jwt");
    assert_eq!(parts.header["alg"], "ES256");
    let claims = parts.claims;
    let now = site.clock.now().unix_timestamp();
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], AUDIENCE);
    assert_eq!(claims["email"], "ann@example.com");
    assert_eq!(claims["sub"], claims["user_id"]);
    assert_eq!(claims["resource_id"], site.addon.resource_id().to_string());
    assert_eq!(claims["app"]["name"], "shop");
    assert_eq!(claims["roles"], json!(["collaborator"]));
    assert_eq!(claims["proof"], "signed_email");
    assert_eq!(claims["iat"], now);
    assert_eq!(claims["exp"], now + 300);
}

#[tokio::test]
async fn assertion_never_outlives_its_session() {
    let site = Site::start().await;
    let browser = site.ann().await;
    site.clock.advance(Duration::from_secs(200));
    let claims = parts(&browser.fetch("/assertion").await.body).claims;
    let end = site.clock.now().unix_timestamp() + 100;
    assert_eq!(claims["exp"], end);
}

#[tokio::test]
async fn a57_a58_a59_assertion_headers_from_outside_are_removed() {
    let site = Site::start().await;
    let browser = site.ann().await;
    let forged = browser.fetch("/assertion").await.body.replace('.', "!");
    for names in [
        &["x-heroku-sso-assertion"][..],
        &["X-HEROKU-SSO-ASSERTION"],
        &["x_heroku_sso_assertion"],
        &["X-Heroku_SSO-Assertion", "x_heroku-sso_assertion"],
        &["x-heroku-sso-assertion", "x-heroku-sso-assertion"],
    ] {
        let mut request = browser.request(Method::GET, "/assertion");
        for name in names {
            request = request.header(*name, &forged);
        }
        let answer = browser.send(request).await;
        assert_eq!(answer.status, 200, "{names:?}");
        assert_eq!(answer.body.lines().count(), 1, "{names:?}");
        assert!(!answer.body.contains('!'), "{names:?}");
    }
}

#[tokio::test]
async fn a59_assertion_in_trailers_is_removed() {
    use bytes::Bytes;
    use http_body_util::{BodyExt, StreamBody};
    use tower::{Layer, ServiceExt};

    let clock = ManualClock::new();
    let assertions = crate::jwt::site::assertions(&clock);
    async fn read<B: http_body::Body<Error: std::fmt::Debug>>(
        request: axum::http::Request<B>,
    ) -> Result<(Bytes, axum::http::HeaderMap), std::convert::Infallible> {
        let collected = request.into_body().collect().await.unwrap();
        let trailers = collected.trailers().cloned().unwrap_or_default();
        Ok((collected.to_bytes(), trailers))
    }
    let service = assertions.layer().layer(tower::service_fn(read));
    let mut trailers = axum::http::HeaderMap::new();
    for name in [
        "x-heroku-sso-assertion",
        "x_heroku_sso_assertion",
        "x-checksum",
    ] {
        trailers.insert(
            axum::http::HeaderName::from_static(name),
            axum::http::HeaderValue::from_static("sent"),
        );
    }
    let frames = [
        http_body::Frame::data(Bytes::from("body")),
        http_body::Frame::trailers(trailers),
    ];
    let frames = frames.map(Ok::<_, std::convert::Infallible>);
    let body = StreamBody::new(tokio_stream::iter(frames));
    let (body, trailers) = service
        .oneshot(axum::http::Request::new(body))
        .await
        .unwrap();
    assert_eq!(body, "body");
    let names: Vec<_> = trailers.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["x-checksum"]);
}

#[tokio::test]
async fn two_assertions_in_one_request_are_rejected() {
    let site = Site::start().await;
    let token = assertion(&site).await;
    let keys = keys::only(keys::es256(0));
    let verify =
        VerifyAssertion::with_keys(keys, ISSUER, AUDIENCE).map(|it| it.clock(site.clock.reader()));
    let behind = behind(verify.unwrap()).await;
    let request = behind.request(Method::GET, "/page");
    let request = request
        .header("x-heroku-sso-assertion", &token)
        .header("x-heroku-sso-assertion", &token);
    assert_eq!(behind.send(request).await.status, 401);
    // Other spellings of the header are ignored.
    let request = behind.request(Method::GET, "/page");
    let request = request.header("x_heroku_sso_assertion", &token);
    assert_eq!(behind.send(request).await.status, 401);
}

#[tokio::test]
async fn unknown_key_id_triggers_a_key_fetch() {
    let site = Site::start().await;
    let server = KeyServer::start(&keys::only(keys::es256(1))).await;
    let behind = server.behind(&site.clock).await;
    let token = assertion(&site).await;
    // The gate has rotated to a key that this service does not know.
    assert_eq!(offer(&behind, &token).await.status, 401);
    server.now_has(&keys::only(keys::es256(1)).with_previous_key(keys::es256(0)));
    assert_eq!(
        offer(&behind, &token).await.status,
        401,
        "the last fetch is too recent"
    );
    site.clock.advance(Duration::from_secs(30));
    assert_eq!(offer(&behind, &token).await.status, 200);
    assert_eq!(server.calls(), 2);
}

#[tokio::test]
async fn forged_key_ids_cause_one_fetch_in_30_seconds() {
    let site = Site::start().await;
    let server = KeyServer::start(&keys::only(keys::es256(0))).await;
    let behind = server.behind(&site.clock).await;
    let token = assertion(&site).await;
    assert_eq!(offer(&behind, &token).await.status, 200);
    let (key, algorithm) = {
        let pem = keys::P256[1].as_bytes();
        (
            jsonwebtoken::EncodingKey::from_ec_pem(pem).unwrap(),
            jsonwebtoken::Algorithm::ES256,
        )
    };
    for number in 0..50 {
        let forged = parts(&token).header("kid", json!(format!("made-up-{number}")));
        let forged = forged.signed_by(&key, algorithm);
        assert_eq!(offer(&behind, &forged).await.status, 401);
    }
    assert_eq!(server.calls(), 1);
    assert_eq!(offer(&behind, &token).await.status, 200);
}

#[tokio::test]
async fn concurrent_first_requests_share_one_key_fetch() {
    let site = Site::start().await;
    let server = KeyServer::start(&keys::only(keys::es256(0))).await;
    let behind = Arc::new(server.behind(&site.clock).await);
    let token = assertion(&site).await;
    let mut offers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (behind, token) = (Arc::clone(&behind), token.clone());
        offers.spawn(async move { offer(&behind, &token).await.status });
    }
    let statuses = offers.join_all().await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn cached_keys_stay_valid_for_a_day_while_fetches_fail() {
    let site = Site::start().await;
    let server = KeyServer::start(&keys::only(keys::es256(0))).await;
    let behind = server.behind(&site.clock).await;
    assert_eq!(offer(&behind, &assertion(&site).await).await.status, 200);
    for broken in [
        Err(StatusCode::INTERNAL_SERVER_ERROR),
        Err(StatusCode::FOUND),
        Ok("{".to_owned()),
        Ok(" ".repeat(100_000)),
    ] {
        server.now_answers(broken);
        site.clock.advance(Duration::from_secs(11 * 60));
        let calls = server.calls();
        // The fetch runs in the background, after the pause of the previous one.
        while server.calls() == calls {
            assert_eq!(offer(&behind, &assertion(&site).await).await.status, 200);
            site.clock.advance(Duration::from_secs(3));
        }
    }
    site.clock.advance(Duration::from_secs(24 * 60 * 60));
    let answer = offer(&behind, &assertion(&site).await).await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("30"))
    );
}

#[tokio::test]
async fn removed_key_is_rejected_after_a_quiet_night() {
    let site = Site::start().await;
    let server = KeyServer::start(&keys::only(keys::es256(0))).await;
    let behind = server.behind(&site.clock).await;
    assert_eq!(offer(&behind, &assertion(&site).await).await.status, 200);
    for set in [
        keys::only(keys::es256(1)).public_jwks(),
        r#"{"keys": []}"#.to_owned(),
    ] {
        server.now_answers(Ok(set));
        site.clock.advance(Duration::from_secs(8 * 60 * 60));
        let stolen = assertion(&site).await;
        assert_eq!(offer(&behind, &stolen).await.status, 401);
        server.now_has(&keys::only(keys::es256(0)));
        site.clock.advance(Duration::from_secs(30));
        assert_eq!(offer(&behind, &stolen).await.status, 200);
    }
}

#[tokio::test]
async fn cancelled_request_does_not_cancel_the_key_fetch() {
    use axum::body::Body;
    use axum::http::Request;
    use tower::{Layer, Service};

    let site = Site::start().await;
    let token = assertion(&site).await;
    let server = KeyServer::start(&keys::only(keys::es256(0))).await;
    let url = format!("http://{}/keys", server.address);
    let verify = VerifyAssertion::from_jwks_url(&url, ISSUER, AUDIENCE)
        .map(|it| it.clock(site.clock.reader()));
    let app = Router::new().route("/page", get(page));
    let mut service = verify.unwrap().layer(app);
    let request = || {
        let request = Request::get("/page").header("x-heroku-sso-assertion", &token);
        request.body(Body::empty()).unwrap()
    };
    // Polled once, and dropped during the fetch.
    let mut first = Box::pin(service.call(request()));
    assert!(after_one_poll(&mut first).await.is_none());
    drop(first);
    let answer = service.call(request()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn slow_failed_key_fetch_is_followed_by_a_pause() {
    let site = Site::start().await;
    let server = KeyServer::start(&keys::only(keys::es256(0))).await;
    let behind = Arc::new(server.behind(&site.clock).await);
    let token = assertion(&site).await;
    server.now_answers(Err(StatusCode::INTERNAL_SERVER_ERROR));
    server.hold();
    let first = tokio::spawn({
        let (behind, token) = (Arc::clone(&behind), token.clone());
        async move { offer(&behind, &token).await.status }
    });
    while server.calls() == 0 {
        tokio::task::yield_now().await;
    }
    // The time limit of a fetch.
    site.clock.advance(Duration::from_secs(5));
    server.let_go();
    assert_eq!(first.await.unwrap(), 503);
    assert_eq!(offer(&behind, &token).await.status, 503);
    assert_eq!(server.calls(), 1);
    site.clock.advance(Duration::from_secs(2));
    server.now_has(&keys::only(keys::es256(0)));
    assert_eq!(offer(&behind, &token).await.status, 200);
}

/// The output of a future after one poll.
async fn after_one_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        let polled = std::pin::Pin::new(&mut *future).poll(cx);
        std::task::Poll::Ready(match polled {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn secret_is_rejected_as_verification_key() {
    let keys = keys::only(keys::hs256(0));
    let verify = VerifyAssertion::with_keys(keys, ISSUER, AUDIENCE);
    assert_eq!(verify.unwrap_err(), InvalidJwtKey::SecretNotAllowed);
}

#[tokio::test]
async fn c7_assertion_of_unsigned_email_has_no_roles_and_account() {
    let site = Site::with(|builder| {
        let builder = builder.sso_policy(SsoPolicy::AllowUnsignedEmail);
        everything(builder)
    })
    .await;
    let browser = site.browser();
    let mut form = site.addon.sign_in_form("owner@example.com");
    form.remove("user_scoped_resource_token");
    assert_eq!(browser.submit(&form).await.status, 303);
    let claims = parts(&browser.fetch("/assertion").await.body).claims;
    assert_eq!(claims["proof"], "unsigned_email");
    assert_eq!(claims["roles"], json!([]));
    assert_eq!(claims["user_id"], json!(null));
    assert_eq!(claims["sub"], "owner@example.com");
}

#[tokio::test]
async fn missing_keys_give_503() {
    let site = Site::start().await;
    let server = KeyServer::start(&keys::only(keys::es256(0))).await;
    server.now_answers(Err(StatusCode::BAD_GATEWAY));
    let behind = server.behind(&site.clock).await;
    let token = assertion(&site).await;
    assert_eq!(offer(&behind, &token).await.status, 503);
    assert_eq!(offer(&behind, "garbage").await.status, 401);
    server.now_has(&keys::only(keys::es256(0)));
    assert_eq!(
        offer(&behind, &token).await.status,
        503,
        "the last fetch is too recent"
    );
    site.clock.advance(Duration::from_secs(2));
    assert_eq!(offer(&behind, &token).await.status, 200);
}

#[test]
fn key_url_must_be_https_or_loopback() {
    for url in [
        "http://addon.example.com/jwks.json",
        "https://user:password@addon.example.com/jwks.json",
        "ftp://127.0.0.1/x",
        "jwks.json",
    ] {
        assert!(
            VerifyAssertion::from_jwks_url(url, ISSUER, AUDIENCE).is_err(),
            "{url}"
        );
    }
    let right = "https://addon.example.com/jwks.json";
    assert!(VerifyAssertion::from_jwks_url(right, ISSUER, AUDIENCE).is_ok());
}

#[test]
fn secret_is_rejected_as_assertion_signing_key() {
    for keys in [
        keys::only(keys::hs256(0)),
        keys::only(keys::es256(0)).with_previous_key(keys::hs256(0)),
    ] {
        let error = Assertions::new(keys, ISSUER, AUDIENCE).unwrap_err();
        assert_eq!(error, InvalidJwtKey::SecretNotAllowed);
    }
}

#[test]
fn published_key_set_contains_public_keys_only() {
    let keys = keys::only(keys::es256(0))
        .with_previous_key(keys::ed25519(0))
        .with_previous_key(keys::hs256(0));
    let set: serde_json::Value = serde_json::from_str(&keys.public_jwks()).unwrap();
    let published = set["keys"].as_array().unwrap();
    assert_eq!(published.len(), 2);
    for key in published {
        assert_eq!(key["use"], "sig");
        assert!(key.get("d").is_none() && key.get("k").is_none(), "{key}");
    }
    assert_eq!(published[0]["kid"], keys::es256(0).id());
}

#[tokio::test]
async fn user_of_a_test_gets_no_assertion() {
    let is_there = |headers: axum::http::HeaderMap| async move {
        headers.contains_key("x-heroku-sso-assertion").to_string()
    };
    let app = Router::new()
        .route("/", get(is_there))
        .layer(assertions(&ManualClock::new()).layer())
        .layer(axum::Extension(crate::unit_tests::bob()));
    assert_eq!(
        Browser::new(serve(app).await).fetch("/").await.body,
        "false"
    );
}
