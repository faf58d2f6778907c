//! The dashboard at somebody else's Heroku, by environment variables alone.

use serde_json::{Value, json};
use tower_heroku_sso::simulator::Simulator;

use crate::browser::Browser;
use crate::running::{Running, command};

fn variables(heroku: &Simulator) -> Vec<(&'static str, String)> {
    vec![
        ("HEROKU_ADDON_SLUG", heroku.slug()),
        ("HEROKU_ADDON_PASSWORD", heroku.password()),
        (
            "HEROKU_SSO_SALT",
            format!("a-salt-that-comes-next,{}", heroku.sso_salt()),
        ),
        ("HEROKU_CLIENT_SECRET", heroku.client_secret()),
        ("HEROKU_API_URL", heroku.url()),
        ("HEROKU_ID_URL", heroku.url()),
        ("INSECURE_COOKIES", "1".into()),
    ]
}

async fn started(heroku: &Simulator) -> Running {
    let dashboard = Running::start("dashboard", "add-on", &variables(heroku), false).await;
    heroku.set_partner_url(format!("http://{}", dashboard.address));
    dashboard
}

#[tokio::test]
async fn it_provisions_signs_in_serves_refuses_and_deprovisions() {
    let heroku = Simulator::start().await.unwrap();
    let dashboard = started(&heroku).await;
    let app = heroku.app("shop").collaborator("ann@example.com");
    let addon = app.addon();
    let repeated = addon.provisioning_body();
    let again = |body: &mut Value| *body = repeated.clone();
    assert_eq!(addon.provision_with(again).await.unwrap().status, 200);
    assert_eq!(addon.provision_with(again).await.unwrap().status, 200);

    let browser = dashboard.browser();
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(browser.submit(&form).await.status, 303);
    let me = browser.fetch("/whoami").await.json();
    assert_eq!(me["email"], "ann@example.com");
    assert_eq!(me["resource_id"], addon.resource_id().to_string());
    assert_eq!(dashboard.browser().submit(&form).await.status, 403);
    let stranger = addon.sign_in_form("bob@example.com");
    assert_eq!(dashboard.browser().submit(&stranger).await.status, 403);

    assert_eq!(addon.change_plan("pro").await.unwrap().status, 200);
    assert_eq!(addon.deprovision().await.unwrap().status, 204);
    assert_eq!(browser.fetch("/whoami").await.status, 401);
    assert_eq!(addon.deprovision().await.unwrap().status, 410);
    assert_eq!(addon.provision_with(again).await.unwrap().status, 410);
}

#[tokio::test]
async fn it_refuses_provisioning_without_the_password_or_a_uuid() {
    let heroku = Simulator::start().await.unwrap();
    let dashboard = started(&heroku).await;
    let browser: Browser = dashboard.browser();
    let post = |password: String, body: Value| {
        let request = browser.request(reqwest::Method::POST, "/heroku/resources");
        request
            .basic_auth(heroku.slug(), Some(password))
            .json(&body)
    };
    let body = heroku.app("shop").addon().provisioning_body();
    let answer = browser.send(post("wrong-password".into(), body)).await;
    assert_eq!(answer.status, 401);
    let answer = browser
        .send(post(heroku.password(), json!({"plan": "basic"})))
        .await;
    assert_eq!(answer.status, 422);
}

#[test]
fn without_what_it_needs_it_does_not_start_and_says_what_is_missing() {
    let all = [
        ("HEROKU_ADDON_SLUG", "acme-db"),
        ("HEROKU_ADDON_PASSWORD", "a-password-of-length"),
        ("HEROKU_SSO_SALT", "a-salt-of-good-length"),
        ("HEROKU_CLIENT_SECRET", "a-secret-of-good-length"),
    ];
    for (missing, _) in all.iter().filter(|(name, _)| *name != "HEROKU_SSO_SALT") {
        let mut command = command("dashboard");
        command.env("PORT", "0");
        command.envs(all.iter().copied().filter(|(name, _)| name != missing));
        assert_refuses(command, &[missing, "is not set"]);
    }
    for (name, value) in [
        ("HEROKU_SSO_SALT", "salt"),
        ("HEROKU_SSO_SALT", "a-salt-of-good-length,"),
        ("HEROKU_CLIENT_SECRET", "changeme"),
        ("HEROKU_API_URL", "http://api.heroku.com"),
        ("HEROKU_SSO_POLICY", "anything"),
        ("REFRESH_INTERVAL_SECS", "5 minutes"),
        ("INSECURE_COOKIES", "yes"),
        ("DATABASE_URL", "postgres://localhost/x"),
    ] {
        let mut command = command("dashboard");
        command.envs(all).env("PORT", "0").env(name, value);
        assert_refuses(command, &[name]);
    }
    let mut open = command("dashboard");
    open.envs(all)
        .env("INSECURE_COOKIES", "1")
        .env("BIND", "0.0.0.0")
        .env("PORT", "0");
    assert_refuses(open, &["INSECURE_COOKIES", "loopback"]);
}

/// Fails at once, with these words and without any value that may be secret.
fn assert_refuses(mut command: std::process::Command, words: &[&str]) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    for word in words {
        assert!(said.contains(word), "{word} in {said}");
    }
    for secret in ["a-password-of", "a-salt-of", "a-secret-of", "changeme"] {
        assert!(!said.contains(secret), "{said}");
    }
}
