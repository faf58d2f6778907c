//! The dashboard with an external Heroku, configured by environment variables only.

use heroku_addon_simulator::Simulator;
use serde_json::{Value, json};
use support::ids::AddOnExt as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::timeout;

use support::browser::Browser;
use support::process::START;
use support::running::{Running, command};

pub(crate) fn variables(heroku: &Simulator) -> Vec<(&'static str, String)> {
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
        ("REFRESH_INTERVAL_SECS", "120".into()),
        ("INSECURE_COOKIES", "1".into()),
    ]
}

async fn started(heroku: &Simulator) -> Running {
    let dashboard = Running::start("dashboard", "add-on", &variables(heroku), false).await;
    heroku
        .settings()
        .set_partner_url(format!("http://{}", dashboard.address));
    dashboard
}

#[tokio::test]
async fn dashboard_provisions_signs_in_serves_and_deprovisions() {
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
    let until = OffsetDateTime::parse(me["session_expires_at"].as_str().unwrap(), &Rfc3339);
    let left = (until.unwrap() - OffsetDateTime::now_utc()).whole_seconds();
    assert!(
        (60..=120).contains(&left),
        "{left} s of REFRESH_INTERVAL_SECS"
    );
    assert_eq!(browser.fetch("/admin").await.status, 403);
    assert_eq!(dashboard.browser().submit(&form).await.status, 403);
    let stranger = addon.sign_in_form("bob@example.com");
    assert_eq!(dashboard.browser().submit(&stranger).await.status, 403);

    assert_eq!(addon.change_plan("pro").await.unwrap().status, 200);
    assert_eq!(browser.fetch("/whoami").await.status, 200);
    assert_eq!(addon.deprovision().await.unwrap().status, 204);
    assert_eq!(browser.fetch("/whoami").await.status, 401);
    assert_eq!(addon.deprovision().await.unwrap().status, 410);
    assert_eq!(addon.provision_with(again).await.unwrap().status, 410);
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(dashboard.browser().submit(&form).await.status, 403);
}

#[tokio::test]
async fn removed_user_gets_403_after_refresh() {
    let heroku = Simulator::start().await.unwrap();
    let dashboard = started(&heroku).await;
    let app = heroku.app("shop").collaborator("ann@example.com");
    let addon = app.addon();
    assert_eq!(addon.provision().await.unwrap().status, 200);
    let (ann, owner) = (dashboard.browser(), dashboard.browser());
    for (browser, email) in [(&ann, "ann@example.com"), (&owner, "owner@example.com")] {
        let form = addon.sign_in_form(email);
        assert_eq!(browser.submit(&form).await.status, 303);
    }
    assert_eq!(owner.fetch("/admin").await.status, 200);

    app.remove("ann@example.com");
    assert_eq!(ann.fetch("/whoami").await.status, 200);
    let refresh = owner.request(reqwest::Method::POST, "/refresh");
    assert_eq!(owner.send(refresh).await.status, 303);
    assert_eq!(ann.fetch("/whoami").await.status, 403);
    assert_eq!(owner.fetch("/whoami").await.status, 200);
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(ann.submit(&form).await.status, 403);
}

#[tokio::test]
async fn provisioning_without_password_or_uuid_is_rejected() {
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
    let anonymous = browser.request(reqwest::Method::POST, "/heroku/resources");
    assert_eq!(browser.send(anonymous.json(&body)).await.status, 401);
    let answer = browser.send(post("wrong-password".into(), body)).await;
    assert_eq!(answer.status, 401);
    let answer = browser
        .send(post(heroku.password(), json!({"plan": "basic"})))
        .await;
    assert_eq!(answer.status, 422);
}

#[tokio::test]
async fn dashboard_names_missing_variables_and_does_not_start() {
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
        assert_refuses(command, &[missing, "is not set"]).await;
    }
    let mut alone = command("dashboard");
    alone
        .env("PORT", "0")
        .env("HEROKU_SSO_SALT", "a-salt-of-good-length");
    let others = all.map(|(name, _)| name);
    let others: Vec<_> = others
        .into_iter()
        .filter(|name| *name != "HEROKU_SSO_SALT")
        .collect();
    assert_refuses(alone, &others).await;
    for (name, value) in [
        ("HEROKU_SSO_SALT", "salt"),
        ("HEROKU_SSO_SALT", "a-salt-of-good-length,"),
        ("HEROKU_CLIENT_SECRET", "changeme"),
        ("HEROKU_API_URL", "http://api.heroku.com"),
        ("HEROKU_SSO_POLICY", "anything"),
        ("REFRESH_INTERVAL_SECS", "5 minutes"),
        ("INSECURE_COOKIES", "yes"),
        ("DATABASE_URL", "mysql://localhost/x"),
    ] {
        let mut command = command("dashboard");
        command.envs(all).env("PORT", "0").env(name, value);
        assert_refuses(command, &[name]).await;
    }
    let mut open = command("dashboard");
    open.envs(all)
        .env("INSECURE_COOKIES", "1")
        .env("BIND", "0.0.0.0")
        .env("PORT", "0");
    assert_refuses(open, &["INSECURE_COOKIES", "loopback"]).await;
}

/// Fails at startup with these words and without any secret value.
pub(crate) async fn assert_refuses(command: std::process::Command, words: &[&str]) {
    let mut command = tokio::process::Command::from(command);
    // A wrongly started process would run for ever.
    let output = timeout(START, command.kill_on_drop(true).output()).await;
    let output = output.unwrap_or_else(|_| panic!("it starts without {words:?}"));
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(!output.status.success(), "{said}");
    for word in words {
        assert!(said.contains(word), "{word} in {said}");
    }
    for secret in ["a-password-of", "a-salt-of", "a-secret-of", "changeme"] {
        assert!(!said.contains(secret), "{said}");
    }
}
