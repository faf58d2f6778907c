//! Sessions in a signed cookie: the behaviour of stored sessions without a session store.

use std::sync::Arc;
use std::time::Duration;

use heroku_addon_simulator::{Endpoint, Fault};
use reqwest::{Method, Response};
use support::ids::AddOnExt as _;
use tower_heroku_sso::store::{EncryptionKey, EncryptionKeys, SqliteStore};
use tower_heroku_sso::{CookieSessions, HerokuSsoBuilder};

use crate::faulty::Faulty;
use crate::jwt::forge::parts;
use crate::jwt::keys;
use crate::jwt::site::{COOKIE, Site, as_cookie};
use support::browser::Browser;
use support::world::{MAX_LIST_AGE, REFRESH};

const SECOND: Duration = Duration::from_secs(1);

fn in_cookies(builder: HerokuSsoBuilder) -> HerokuSsoBuilder {
    builder.session_store(CookieSessions::new(keys::only(keys::hs256(0))))
}

fn cookie(browser: &Browser) -> String {
    browser.cookie(COOKIE).unwrap()
}

async fn sign_out(browser: &Browser) -> u16 {
    let request = browser.request(Method::POST, "/logout");
    browser.send(request).await.status
}

/// A stream, after its first event.
async fn events(browser: &Browser) -> Response {
    let request = browser.request(Method::GET, "/events");
    let mut stream = request.send().await.unwrap();
    assert_eq!(stream.chunk().await.unwrap().unwrap(), "data: hello\n\n");
    stream
}

async fn ends_cleanly(mut stream: Response) {
    let end = tokio::time::timeout(Duration::from_secs(60), stream.chunk());
    assert_eq!(end.await.expect("the stream ends").unwrap(), None);
}

async fn refresh(site: &Site) {
    let resource = site.addon.resource_id();
    site.sso.lists().refresh(&resource).await.unwrap();
}

#[tokio::test]
async fn signed_cookie_contains_the_grant_and_lasts_max_session() {
    let site = Site::with(in_cookies).await;
    let browser = site.browser();
    let form = site.addon.sign_in_form("ann@example.com");
    let answer = browser.submit(&form).await;
    let cookies = answer.set_cookies();
    let (_, value, attributes) = cookies.iter().find(|(name, ..)| name == COOKIE).unwrap();
    for attribute in [
        "Secure",
        "HttpOnly",
        "SameSite=Lax",
        "Path=/",
        "Max-Age=5400",
    ] {
        assert!(
            attributes.contains(attribute),
            "{attribute} in {attributes}"
        );
    }
    let parts = parts(value);
    assert_eq!(parts.header["typ"], "heroku-session+jwt");
    assert_eq!(parts.claims["grant"]["email"], "ann@example.com");
    let began = parts.claims["grant"]["began"].as_i64().unwrap();
    let ends = parts.claims["exp"].as_i64().unwrap() * 1_000;
    assert!((5_400_000..5_401_000).contains(&(ends - began)));
    assert!(value.len() < 1500, "{} bytes", value.len());
    assert_eq!(browser.fetch("/page").await.body, "ann@example.com");
}

#[tokio::test]
async fn each_key_type_signs_cookies() {
    for key in [keys::hs256(0), keys::es256(0), keys::ed25519(0)] {
        let name = format!("{key:?}");
        let site =
            Site::with(|builder| builder.session_store(CookieSessions::new(keys::only(key)))).await;
        assert_eq!(site.ann().await.fetch("/page").await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn a37_removed_user_gets_403_and_the_cookie_stays_closed() {
    let site = Site::with(in_cookies).await;
    let browser = site.ann().await;
    let copy = cookie(&browser);
    assert_eq!(browser.fetch("/page").await.status, 200);
    site.addon.app().remove("ann@example.com");
    refresh(&site).await;
    assert_eq!(browser.fetch("/page").await.status, 403);
    assert_eq!(browser.fetch("/page").await.status, 401);
    // After being added again, the old cookie stays closed.
    site.addon.app().collaborator("ann@example.com");
    refresh(&site).await;
    assert_eq!(as_cookie(site.address, &copy).await.status, 401);
}

#[tokio::test]
async fn sign_out_ends_every_copy_of_the_cookie() {
    let site = Site::with(in_cookies).await;
    let browser = site.ann().await;
    let copy = cookie(&browser);
    assert_eq!(as_cookie(site.address, &copy).await.status, 200);
    assert_eq!(sign_out(&browser).await, 204);
    assert_eq!(browser.cookie(COOKIE), None);
    assert_eq!(as_cookie(site.address, &copy).await.status, 401);
}

#[tokio::test]
async fn sign_out_at_another_process_ends_a_cookie_that_was_used_here() {
    let store = Faulty::shared(&Arc::default());
    let with = || {
        let store = store.clone();
        move |builder| in_cookies(builder).store(store).session_cache(SECOND)
    };
    let site = Site::with(with()).await;
    let (_another, address) = site.another(with()).await;
    let browser = site.ann().await;
    let copy = cookie(&browser);
    assert_eq!(as_cookie(site.address, &copy).await.status, 200);
    assert_eq!(sign_out(&browser.at(address)).await, 204);
    site.clock.advance(2 * SECOND);
    assert_eq!(as_cookie(site.address, &copy).await.status, 401);
}

#[tokio::test]
async fn sign_out_outlasts_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = async || {
        let key = EncryptionKey::from_base64(keys::SECRETS[0]);
        // The secret of these tests is too long for an encryption key.
        assert!(key.is_err());
        let key = "c2VhbGluZ19rZXlfb2ZfMzJfYnl0ZXNfZm9yX3Rlc3Q=";
        let keys = EncryptionKeys::new(EncryptionKey::from_base64(key).unwrap());
        SqliteStore::open(folder.path().join("sso.db"), keys)
            .await
            .unwrap()
    };
    let first = store().await;
    let site = Site::with(|builder| in_cookies(builder).store(first)).await;
    let (out, stays) = (site.ann().await, {
        site.clock.advance(Duration::from_secs(1));
        site.ann().await
    });
    let (out_copy, stays_copy) = (cookie(&out), cookie(&stays));
    assert_eq!(sign_out(&out).await, 204);
    let second = store().await;
    let (_restarted, address) = site
        .another(|builder| in_cookies(builder).store(second))
        .await;
    assert_eq!(as_cookie(address, &out_copy).await.status, 401);
    assert_eq!(as_cookie(address, &stays_copy).await.status, 200);
}

#[tokio::test]
async fn revocation_ends_existing_sessions_only() {
    let site = Site::with(in_cookies).await;
    let browser = site.ann().await;
    let email = "ann@example.com".parse().unwrap();
    let resource = site.addon.resource_id();
    site.sso.sessions().revoke(&resource, &email).await.unwrap();
    assert_eq!(browser.fetch("/page").await.status, 401);
    site.clock.advance(Duration::from_secs(1));
    assert_eq!(site.ann().await.fetch("/page").await.status, 200);
}

#[tokio::test]
async fn revocation_ends_sessions_from_before_a_restart() {
    // The store is in memory: its sequence numbers start from the beginning.
    let site = Site::with(in_cookies).await;
    let browser = site.ann().await;
    let (sso, address) = site.another(in_cookies).await;
    let resource = site.addon.resource_id();
    let code = tower_heroku_sso::OauthGrant::Code(site.addon.grant_code().into());
    sso.resources().register(&resource, code).await.unwrap();
    let there = browser.at(address);
    assert_eq!(there.fetch("/page").await.status, 200);
    let email = "ann@example.com".parse().unwrap();
    sso.sessions().revoke(&resource, &email).await.unwrap();
    assert_eq!(there.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn cookie_is_set_once_and_follows_its_list() {
    let site = Site::with(in_cookies).await;
    let browser = site.ann().await;
    for _ in 0..8 {
        site.clock.advance(REFRESH - SECOND);
        refresh(&site).await;
    }
    site.clock.advance(REFRESH);
    let answer = browser.fetch("/page").await;
    assert_eq!((answer.status, answer.set_cookies().len()), (200, 0));
    // At most to the longest session life.
    let longest = Duration::from_secs(90 * 60);
    site.clock
        .advance(longest - 9 * REFRESH + SECOND * 8 - SECOND);
    refresh(&site).await;
    assert_eq!(browser.fetch("/page").await.status, 200);
    site.clock.advance(SECOND);
    refresh(&site).await;
    assert_eq!(browser.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn removed_user_gets_403_when_a_request_fetches_the_list() {
    let site = Site::with(in_cookies).await;
    let browser = site.ann().await;
    site.addon.app().remove("ann@example.com");
    site.clock.advance(REFRESH + SECOND);
    // The request fetches the list.
    assert_eq!(browser.fetch("/page").await.status, 403);
    assert_eq!(browser.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn cookie_outlasts_a_heroku_outage() {
    let site = Site::with(in_cookies).await;
    let browser = site.ann().await;
    site.heroku.faults().set(Endpoint::Any, Fault::Reset);
    site.clock.advance(MAX_LIST_AGE);
    assert_eq!(browser.fetch("/page").await.status, 200);
    site.clock.advance(SECOND);
    let answer = browser.fetch("/page").await;
    assert_eq!((answer.status, answer.set_cookies().len()), (503, 0));
    site.heroku.faults().clear_all();
    assert_eq!(browser.fetch("/page").await.status, 200);
}

#[tokio::test]
async fn unused_cookie_is_closed_once_its_list_is_too_old() {
    let site = Site::with(in_cookies).await;
    let browser = site.ann().await;
    site.clock.advance(MAX_LIST_AGE + SECOND);
    let answer = browser.fetch("/page").await;
    assert_eq!((answer.status, answer.set_cookies().len()), (401, 0));
    refresh(&site).await;
    assert_eq!(browser.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn key_rotation_keeps_sessions() {
    let site = Site::with(in_cookies).await;
    let old = cookie(&site.ann().await);
    let resource = site.addon.resource_id();
    let register = async |sso: &tower_heroku_sso::HerokuSso| {
        let code = tower_heroku_sso::OauthGrant::Code(site.addon.grant_code().into());
        sso.resources().register(&resource, code).await.unwrap();
    };
    let both = keys::only(keys::hs256(1)).with_previous_key(keys::hs256(0));
    let (sso, address) = site
        .another(|builder| builder.session_store(CookieSessions::new(both)))
        .await;
    register(&sso).await;
    assert_eq!(as_cookie(address, &old).await.status, 200);
    // The next sign-in uses the new key.
    let browser = Browser::new(address);
    site.clock.advance(SECOND);
    let form = site.addon.sign_in_form("ann@example.com");
    assert_eq!(browser.submit(&form).await.status, 303);
    assert_eq!(parts(&cookie(&browser)).header["kid"], keys::hs256(1).id());
    let new = keys::only(keys::hs256(1));
    let (sso, address) = site
        .another(|builder| builder.session_store(CookieSessions::new(new)))
        .await;
    register(&sso).await;
    assert_eq!(as_cookie(address, &old).await.status, 401);
    assert_eq!(as_cookie(address, &cookie(&browser)).await.status, 200);
}

#[tokio::test]
async fn a40_stream_ends_with_its_session() {
    let site = Site::with(in_cookies).await;
    let browser = site.ann().await;
    let stream = events(&browser).await;
    assert_eq!(sign_out(&browser).await, 204);
    ends_cleanly(stream).await;
}

#[tokio::test]
async fn a32_sign_in_makes_a_new_session_and_closes_the_previous() {
    let site = Site::with(in_cookies).await;
    let browser = site.ann().await;
    let before = cookie(&browser);
    site.clock.advance(Duration::from_secs(1));
    let form = site.addon.sign_in_form("ann@example.com");
    // Same-site, so that the browser sends the cookie.
    let request = browser.request(Method::POST, "/heroku/sso");
    let request = request
        .header("content-type", support::browser::FORM)
        .body(form.body());
    assert_eq!(browser.send(request).await.status, 303);
    let after = cookie(&browser);
    assert_ne!(parts(&before).claims["sid"], parts(&after).claims["sid"]);
    assert_eq!(as_cookie(site.address, &before).await.status, 401);
    assert_eq!(browser.fetch("/page").await.status, 200);
}

/// The store cannot record closed sessions for a while.
mod forgetful;

#[tokio::test]
async fn repeated_sign_out_stays_503_until_the_store_recovers() {
    use crate::jwt::site::everything;

    for set_up in [everything as fn(_) -> _, |builder: HerokuSsoBuilder| {
        builder.bearer_tokens(keys::only(keys::ed25519(0)))
    }] {
        let store = forgetful::Forgetful::default();
        let site = Site::with(|builder| set_up(builder).store(store.clone())).await;
        let browser = site.ann().await;
        let (copy, token) = (cookie(&browser), site.bearer(&browser).await);
        store.forget(true);
        for _ in 0..3 {
            assert_eq!(sign_out(&browser).await, 503);
        }
        // In this process the session is closed.
        assert_eq!(as_cookie(site.address, &copy).await.status, 401);
        assert_eq!(site.as_bearer(&token).await.status, 401);
        store.forget(false);
        assert_eq!(sign_out(&browser).await, 204);
        let (_sso, address) = site.another(|builder| set_up(builder).store(store)).await;
        assert_eq!(as_cookie(address, &copy).await.status, 401);
        assert_eq!(
            crate::jwt::site::as_bearer(address, &token).await.status,
            401
        );
    }
}

#[tokio::test]
async fn c43_stream_follows_its_list_without_requests() {
    let site = Site::with(in_cookies).await;
    let browser = site.ann().await;
    let mut stream = events(&browser).await;
    for _ in 0..8 {
        site.clock.advance(REFRESH - SECOND);
        refresh(&site).await;
        let silent = tokio::time::timeout(Duration::from_millis(50), stream.chunk()).await;
        assert!(silent.is_err(), "the stream has ended");
    }
    site.addon.app().remove("ann@example.com");
    refresh(&site).await;
    ends_cleanly(stream).await;
}

#[tokio::test]
async fn s5_debug_output_of_a_login_contains_no_cookie() {
    let site = Site::with(in_cookies).await;
    let email = "ann@example.com".parse().unwrap();
    let verified = tower_heroku_sso::VerifiedEmail::assume_verified(email);
    let resource = site.addon.resource_id();
    let signed_in = site
        .sso
        .sessions()
        .admit(&resource, &verified, &Default::default())
        .await;
    let signed_in = signed_in.unwrap();
    let mut headers = axum::http::HeaderMap::new();
    signed_in.set_cookies(&mut headers);
    let shown = format!("{signed_in:?} {headers:?}");
    let value = headers["set-cookie"].to_str().unwrap();
    let value = value.split(['=', ';']).nth(1).unwrap();
    assert!(
        value.len() > 100 && !shown.contains(&value[..20]),
        "{shown}"
    );
}
