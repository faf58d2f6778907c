//! The partner's own login, and revocation.

use std::time::Duration;

use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};
use support::ids::AddOnExt as _;
use tower_heroku_sso::{AdmitError, Clock as _, Email, SignedIn, VerifiedEmail};

use support::browser::Browser;
use support::world::{REFRESH, World};

fn email(text: &str) -> Email {
    text.parse().unwrap()
}

async fn admit(world: &World, addon: &AddOn, who: &str) -> Result<SignedIn, AdmitError> {
    let verified = VerifiedEmail::assume_verified(email(who));
    let resource = addon.resource_id();
    world
        .sso
        .sessions()
        .admit(&resource, &verified, &HeaderMap::new())
        .await
}

/// A browser with the cookies of this sign-in.
fn browser_with(world: &World, signed_in: &SignedIn) -> Browser {
    let mut headers = HeaderMap::new();
    signed_in.set_cookies(&mut headers);
    let browser = world.browser();
    for cookie in headers.get_all("set-cookie") {
        let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        assert!(attributes.contains("HttpOnly") && attributes.contains("Secure"));
        browser.set_cookie(name, value);
    }
    browser
}

#[tokio::test]
async fn own_login_of_a_listed_user_opens_a_regular_session() {
    let world = World::start().await;
    let addon = world.addon().await;
    let signed_in = admit(&world, &addon, "ANN@example.com").await.unwrap();
    assert_eq!(signed_in.member().email, email("ann@example.com"));
    assert_eq!(signed_in.landing(), "/");
    let printed = format!("{signed_in:?}");
    assert!(printed.contains("expires_at") && !printed.contains("ann"));
    let left = signed_in.expires_at() - world.clock.now();
    assert!(left <= REFRESH && left > REFRESH - Duration::from_secs(2));
    let browser = browser_with(&world, &signed_in);
    assert_eq!(browser.get("/").await.body, "dashboard of ann@example.com");
    addon.app().remove("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    assert_eq!(browser.fetch("/page").await.status, 403);
}

#[tokio::test]
async fn own_login_of_unlisted_user_or_unknown_resource_is_rejected() {
    let world = World::start().await;
    let addon = world.addon().await;
    let refused = admit(&world, &addon, "mallory@example.com").await;
    assert!(matches!(refused, Err(AdmitError::NotListed)));
    let stranger = world.heroku.app("stranger").addon();
    let refused = admit(&world, &stranger, "ann@example.com").await;
    assert!(matches!(refused, Err(AdmitError::NotListed)));
}

#[tokio::test]
async fn own_login_is_rejected_when_the_list_cannot_be_checked() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.heroku.faults().set(Endpoint::Any, Fault::Status(503));
    let refused = admit(&world, &addon, "ann@example.com").await;
    assert!(matches!(refused, Err(AdmitError::CannotCheck { .. })));
}

#[tokio::test]
async fn own_login_closes_the_browsers_earlier_session() {
    let world = World::start().await;
    let addon = world.addon().await;
    let first = browser_with(
        &world,
        &admit(&world, &addon, "ann@example.com").await.unwrap(),
    );
    let session = first.cookie("__Host-heroku_sso").unwrap();
    let mut headers = HeaderMap::new();
    let cookie = format!("__Host-heroku_sso={session}");
    headers.insert(COOKIE, HeaderValue::try_from(cookie).unwrap());
    let verified = VerifiedEmail::assume_verified(email("owner@example.com"));
    let resource = addon.resource_id();
    let second = world
        .sso
        .sessions()
        .admit(&resource, &verified, &headers)
        .await
        .unwrap();
    assert_eq!(first.fetch("/page").await.status, 401);
    assert_eq!(
        browser_with(&world, &second).fetch("/page").await.status,
        200
    );
}

#[tokio::test]
async fn revoked_user_loses_all_sessions_and_may_sign_in_again() {
    let world = World::start().await;
    let addon = world.addon().await;
    addon.app().collaborator("bob@example.com");
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let ann_elsewhere = world.browser();
    let bob = world.signed_in(&addon, "bob@example.com").await;
    world.clock.advance(Duration::from_secs(1));
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(ann_elsewhere.submit(&form).await.status, 303);
    let resource = addon.resource_id();
    world
        .sso
        .sessions()
        .revoke(&resource, &email("ann@example.com"))
        .await
        .unwrap();
    assert_eq!(ann.fetch("/page").await.status, 401);
    assert_eq!(ann_elsewhere.fetch("/page").await.status, 401);
    assert_eq!(bob.fetch("/page").await.status, 200);
    world.clock.advance(Duration::from_secs(1));
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(ann.submit(&form).await.status, 303);
    assert_eq!(ann.fetch("/page").await.status, 200);
    assert_eq!(ann_elsewhere.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn revocation_outlives_later_fetches() {
    let world = World::start().await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let resource = addon.resource_id();
    world
        .sso
        .sessions()
        .revoke(&resource, &email("ann@example.com"))
        .await
        .unwrap();
    world.refresh(&resource).await;
    assert_eq!(ann.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn revocation_at_unknown_resource_is_an_error() {
    let world = World::start().await;
    let stranger = world.heroku.app("stranger").addon().resource_id();
    assert!(
        world
            .sso
            .sessions()
            .revoke(&stranger, &email("ann@example.com"))
            .await
            .is_err()
    );
}
