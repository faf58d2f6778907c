//! Command-line clients: a bearer token in exchange for Heroku's SSO answer in `x-addon-sso`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heroku_addon_simulator::{Endpoint, Fault};
use reqwest::Method;
use support::ids::AddOnExt as _;
use tower_heroku_sso::BearerTokens;
use tower_heroku_sso::store::SessionKind;

use crate::jwt::keys;
use crate::jwt::site::Site;
use support::browser::Answer;

const PATH: &str = "/heroku/sso/token";

async fn sign_in(site: &Site, header: &str) -> Answer {
    let program = site.browser();
    let request = program.request(Method::POST, PATH);
    program.send(request.header("x-addon-sso", header)).await
}

fn ann(site: &Site) -> String {
    site.addon
        .sign_in_form("ann@example.com")
        .addon_sso_header()
}

#[tokio::test]
async fn addon_sso_header_gives_a_token_that_follows_its_list() {
    let site = Site::start().await;
    let answer = sign_in(&site, &ann(&site)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.set_cookies().is_empty());
    let json = answer.json();
    assert_eq!(json["token_type"], "Bearer");
    let life = json["expires_in"].as_i64().unwrap();
    assert!((5_398..=5_400).contains(&life), "{life}");
    assert_eq!(json["resource_id"], site.addon.resource_id().to_string());
    let token = json["access_token"].as_str().unwrap();
    assert_eq!(site.as_bearer(token).await.body, "ann@example.com");
    site.clock.advance(Duration::from_secs(480));
    assert_eq!(site.as_bearer(token).await.status, 200);
    site.clock.advance(Duration::from_secs(601));
    assert_eq!(site.as_bearer(token).await.status, 401);
}

#[tokio::test]
async fn addon_sso_answer_is_accepted_once_as_header_or_form() {
    let site = Site::start().await;
    let form = site.addon.sign_in_form("ann@example.com");
    let header = form.addon_sso_header();
    assert_eq!(sign_in(&site, &header).await.status, 200);
    let again = sign_in(&site, &header).await;
    assert_eq!(
        (again.status, again.problem().as_str()),
        (403, "used-sign-in")
    );
    assert_eq!(site.browser().submit(&form).await.status, 403);
}

#[tokio::test]
async fn addon_sso_header_gets_the_checks_of_a_form() {
    let site = Site::start().await;
    let form = || site.addon.sign_in_form("ann@example.com");
    let altered = |name: &str, value: &str| {
        let mut form = form();
        form.set(name, value);
        form.addon_sso_header()
    };
    for (header, problem) in [
        (altered("email", "owner@example.com"), "invalid-sign-in"),
        (altered("user_scoped_resource_token", ""), "invalid-sign-in"),
        (altered("timestamp", "+1"), "invalid-sign-in"),
        (
            site.addon
                .sign_in_form("eve@example.com")
                .addon_sso_header(),
            "not-listed",
        ),
        (
            site.addon
                .sign_in("ann@example.com")
                .at(tower_heroku_sso::Clock::now(&site.clock) - Duration::from_secs(301))
                .form()
                .addon_sso_header(),
            "stale-sign-in",
        ),
        ("".to_owned(), "invalid-sign-in"),
        ("e30=".to_owned(), "invalid-sign-in"),
        ("%%%".to_owned(), "invalid-sign-in"),
        (form().body(), "invalid-sign-in"),
        (
            STANDARD.encode(r#"{"params": {"email": "a@b.c", "email": "d@e.f"}}"#),
            "invalid-sign-in",
        ),
    ] {
        let answer = sign_in(&site, &header).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (403, problem),
            "{header}"
        );
    }
}

#[tokio::test]
async fn cli_sign_in_needs_one_header_by_post() {
    let site = Site::start().await;
    let program = site.browser();
    let get = program.request(Method::GET, PATH);
    let answer = program.send(get.header("x-addon-sso", ann(&site))).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    let none = program.request(Method::POST, PATH);
    assert_eq!(program.send(none).await.status, 403);
    let two = program.request(Method::POST, PATH);
    let two = two
        .header("x-addon-sso", ann(&site))
        .header("x-addon-sso", ann(&site));
    assert_eq!(program.send(two).await.status, 403);
    // None of these has consumed the answer.
    assert_eq!(sign_in(&site, &ann(&site)).await.status, 200);
}

#[tokio::test]
async fn heroku_down_gets_503_without_consuming_the_answer() {
    let site = Site::start().await;
    site.heroku.faults().set(Endpoint::Any, Fault::Status(503));
    site.clock.advance(Duration::from_secs(700));
    let header = ann(&site);
    let answer = sign_in(&site, &header).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    site.heroku.faults().clear_all();
    site.clock.advance(Duration::from_secs(60));
    assert_eq!(sign_in(&site, &header).await.status, 200);
}

#[tokio::test]
async fn cli_sign_in_path_is_a_gated_path_if_not_enabled() {
    let site = Site::with(|builder| builder).await;
    assert_eq!(sign_in(&site, &ann(&site)).await.status, 401);
}

#[tokio::test]
async fn command_line_session_is_listed_and_ends_by_its_hash() {
    let site = Site::with(|builder| {
        let tokens = BearerTokens::new(keys::only(keys::ed25519(0))).cli_sign_in_path(PATH);
        builder.bearer_tokens(tokens)
    })
    .await;
    let answer = sign_in(&site, &ann(&site)).await;
    let json = answer.json();
    let token = json["access_token"].as_str().unwrap();
    assert_eq!(site.as_bearer(token).await.status, 200);
    let (sessions, resource) = (site.sso.sessions(), site.addon.resource_id());
    let listed = sessions.of(&resource).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].kind, SessionKind::Bearer);
    // Its hash opens nothing, also as a cookie.
    assert_eq!(site.as_bearer(listed[0].id.as_str()).await.status, 401);
    assert!(sessions.end(&listed[0].id).await.unwrap());
    assert_eq!(site.as_bearer(token).await.status, 401);
    assert_eq!(sessions.of(&resource).await.unwrap(), []);
}
