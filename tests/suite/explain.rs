//! `development`: rejections that tell developers the reason.

use std::time::Duration;

use heroku_addon_simulator::{Endpoint, Fault};
use reqwest::Method;

use support::browser::{Answer, Browser};
use support::world::{UNUSED, World};

async fn explaining() -> World {
    World::with(|builder| builder.development()).await
}

/// The reason in the problem document, in the same words as on the page.
fn reason(answer: &Answer) -> String {
    let json = answer.json();
    json["reason"].as_str().unwrap_or_default().to_owned()
}

async fn why_not(browser: &Browser, form: &str) -> String {
    let post = browser.request(Method::POST, "/heroku/sso");
    let post = post
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "application/json")
        .body(form.to_owned());
    let answer = browser.send(post).await;
    assert_ne!(answer.status, 303);
    reason(&answer)
}

#[tokio::test]
async fn rejected_form_explains_the_failed_check() {
    let world = explaining().await;
    let addon = world.addon().await;
    let browser = world.browser();
    let form = addon.sign_in_form("ann@example.com").body();

    let altered = form.replace("ann%40", "bob%40");
    let why = why_not(&browser, &altered).await;
    assert!(
        why.contains("does not match the request") && why.contains("HEROKU_SSO_SALT"),
        "{why}"
    );
    let why = why_not(&browser, "").await;
    assert!(
        why.contains("is missing") || why.contains("no token"),
        "{why}"
    );
    let tokenless: Vec<_> = form
        .split('&')
        .filter(|field| !field.contains("token="))
        .collect();
    let why = why_not(&browser, &tokenless.join("&")).await;
    assert_eq!(why, "the request has no token. Did Heroku send this form?");
    let weak: Vec<_> = form
        .split('&')
        .filter(|field| !field.starts_with("user_scoped"))
        .collect();
    let why = why_not(&browser, &weak.join("&")).await;
    assert!(
        why.contains("HEROKU_SSO_POLICY=allow-unsigned-email"),
        "{why}"
    );
    let why = why_not(&browser, &format!("{form}&timestamp=1")).await;
    assert_eq!(why, "the field `timestamp` is sent twice");
    let stranger = addon.sign_in_form("bob@example.com").body();
    assert_eq!(
        why_not(&browser, &stranger).await,
        "the email is not on the list"
    );
    let elsewhere = world
        .heroku
        .app("other")
        .collaborator("ann@example.com")
        .addon();
    let elsewhere = elsewhere.sign_in_form("ann@example.com").body();
    let why = why_not(&browser, &elsewhere).await;
    let expected = "the resource is not registered: provision it first";
    assert!(why.starts_with(expected), "{why}");

    assert_eq!(browser.submit_body("/heroku/sso", &form).await.status, 303);
    assert_eq!(why_not(&browser, &form).await, "the form was used before");
    world.clock.advance(Duration::from_secs(301));
    let why = why_not(&browser, &form).await;
    assert!(why.contains("old") && why.contains("clock"), "{why}");
    let page = browser.submit_body("/heroku/sso", &form).await;
    assert!(
        page.body.contains("For developers: ") && page.body.contains("clock"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn rejected_request_explains_its_session_state() {
    let world = explaining().await;
    let addon = world.addon().await;
    let stranger = world.browser();
    let why = reason(&stranger.fetch("/").await);
    assert_eq!(why, "no cookie `heroku_sso` came with the request");
    stranger.set_cookie("heroku_sso", "AAAAAAAAAAAAAAAAAAAAAA");
    let why = reason(&stranger.fetch("/").await);
    assert!(why.starts_with("no such session"), "{why}");

    let ann = world.signed_in(&addon, "ann@example.com").await;
    world.heroku.faults().set(Endpoint::Any, Fault::Reset);
    world.clock.advance(UNUSED);
    let why = reason(&ann.fetch("/").await);
    assert!(why.contains("the resource was not used"), "{why}");
    let form = addon.sign_in_form("ann@example.com").body();
    let why = why_not(&ann, &form).await;
    let expected = "heroku gave no usable answer: no answer from heroku";
    assert!(why.starts_with(expected), "{why}");
}

#[tokio::test]
async fn path_without_resource_is_explained() {
    let world = World::with(|builder| {
        let builder = builder.development();
        builder.resource_in_path("/addons/{resource}")
    })
    .await;
    let why = reason(&world.browser().fetch("/").await);
    assert_eq!(why, "this path belongs to no resource");
}

/// An explanation contains no expected value, nothing of the request, and no listed email.
#[tokio::test]
async fn explanation_contains_no_secret_or_email() {
    let world = explaining().await;
    let addon = world.addon().await;
    let browser = world.browser();
    let form = addon.sign_in_form("bob@example.com").body();
    let token = |name: &str| {
        let mut fields = form.split('&').filter_map(|field| field.split_once('='));
        let (_, value) = fields.find(|(field, _)| *field == name).unwrap();
        value.to_owned()
    };
    let (right, wrong) = (token("user_scoped_resource_token"), "0".repeat(64));
    let altered = form.replace(&right, &wrong);
    for form in [&form, &altered] {
        let said = why_not(&browser, form).await;
        assert!(!said.is_empty());
        let (salt, token) = (world.heroku.sso_salt(), token("resource_token"));
        for secret in [&right, &wrong, &token, &salt, &"ann".into(), &"bob".into()] {
            assert!(!said.contains(secret.as_str()), "{said}");
        }
    }
}

#[tokio::test]
async fn without_the_setting_no_reason_is_shown() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.browser();
    let form = addon.sign_in_form("bob@example.com").body();
    assert_eq!(why_not(&browser, &form).await, "");
    assert_eq!(reason(&browser.fetch("/").await), "");
    let page = browser.get("/").await;
    assert!(!page.body.contains("For developers"));
}
