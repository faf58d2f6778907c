//! Configuration mistakes that show only at run time: the log says what to do, once an hour.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use heroku_addon_simulator::{Endpoint, Fault};
use reqwest::Method;
use support::ids::AddOnExt as _;
use tower_heroku_sso::{HerokuUser, OauthGrant, Require, Role, WebhookSecret, Webhooks};

use crate::log::Log;
use support::browser::Browser;
use support::world::{World, serve};

#[tokio::test]
async fn handler_outside_the_gate_is_logged_with_its_path() {
    let log = Log::listen();
    let app = Router::new().route("/reports", get(|_: HerokuUser| async {}));
    let browser = Browser::new(serve(app).await);
    assert_eq!(browser.fetch("/reports?of=ann").await.status, 500);
    let said = log.with(&["not behind", "method=GET", "path=\"/reports\""]);
    assert_eq!(said.len(), 1, "{log:?}");
}

#[tokio::test]
async fn wrong_partner_credentials_are_logged_once_an_hour() {
    let log = Log::listen();
    let world = World::start().await;
    let browser = world.browser();
    for credentials in [None, Some("Basic YTpi"), Some("Basic YTpi")] {
        let mut call = browser.request(Method::POST, "/heroku/resources");
        if let Some(credentials) = credentials {
            call = call.header("authorization", credentials);
        }
        assert_eq!(browser.send(call).await.status, 401);
        let said = log.with(&["WARN", "HEROKU_ADDON_SLUG", "HEROKU_ADDON_PASSWORD"]);
        assert_eq!(said.len(), usize::from(credentials.is_some()));
    }
    world.clock.advance(Duration::from_secs(60 * 60));
    let call = browser.request(Method::POST, "/heroku/resources");
    browser
        .send(call.header("authorization", "Basic YTpi"))
        .await;
    assert_eq!(log.with(&["HEROKU_ADDON_SLUG"]).len(), 2);
}

#[tokio::test]
async fn session_over_plain_http_is_logged_once() {
    let log = Log::listen();
    let world = World::start().await;
    let addon = world.addon().await;
    for who in ["ann@example.com", "owner@example.com"] {
        let form = addon.sign_in_form(who);
        assert_eq!(world.browser().submit(&form).await.status, 303);
    }
    assert_eq!(
        log.with(&["WARN", "INSECURE_COOKIES=1"]).len(),
        1,
        "{log:?}"
    );
}

#[tokio::test]
async fn refused_grant_error_names_the_likely_cause() {
    let world = World::start().await;
    let addon = world.heroku.app("shop").addon();
    let id = addon.resource_id();
    for (status, advice) in [
        (401, "is HEROKU_CLIENT_SECRET the secret of this add-on"),
        (400, "a grant code works once"),
    ] {
        world
            .heroku
            .faults()
            .set(Endpoint::Token, Fault::Status(status));
        let code = OauthGrant::Code(addon.grant_code().into());
        let error = world.sso.resources().register(&id, code).await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        let said = format!("{error}: {cause}");
        let expected = "heroku did not exchange the grant code: heroku refused the grant";
        assert!(said.starts_with(expected), "{said}");
        assert!(said.contains(advice), "{said}");
        world.heroku.faults().clear_all();
    }
}

#[tokio::test]
async fn unsigned_webhooks_are_logged_once_an_hour() {
    let log = Log::listen();
    let secret = WebhookSecret::new("a secret of some length for webhooks").unwrap();
    let world = World::with(|builder| builder.webhooks(Webhooks::new(secret))).await;
    let send = async || {
        let browser = world.browser();
        let webhook = browser.request(Method::POST, "/heroku/webhooks");
        assert_eq!(browser.send(webhook.body("{}")).await.status, 401);
    };
    for _ in 0..3 {
        send().await;
    }
    assert_eq!(log.with(&["WARN", "webhook"]).len(), 1, "{log:?}");
    world.clock.advance(Duration::from_secs(60 * 60));
    send().await;
    assert_eq!(log.with(&["WARN", "webhook"]).len(), 2, "{log:?}");
}

#[tokio::test]
async fn role_guard_outside_the_gate_logs_an_error() {
    let log = Log::listen();
    let world = World::start().await;
    let app = |gated: bool| {
        let app = Router::new().route("/", get(|| async { "reached" }));
        let app = app.route_layer(Require::any_of([Role::Owner]));
        match gated {
            true => app.layer(world.sso.optional_layer()),
            false => app,
        }
    };
    for (gated, logged) in [(true, 0), (false, 1)] {
        let browser = Browser::new(serve(app(gated)).await);
        for _ in 0..3 {
            assert_eq!(browser.fetch("/").await.status, 401);
        }
        assert_eq!(log.with(&["ERROR", "role guard"]).len(), logged, "{log:?}");
    }
}
