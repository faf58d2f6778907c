//! The proxy with an external Heroku and an external app, configured by environment variables only.

use axum::Router;
use axum::routing::get;
use heroku_addon_simulator::Simulator;
use heroku_sso_assertion::{AssertedUser, VerifyAssertion};
use tokio::net::TcpListener;

use crate::examples::real_mode::{assert_refuses, variables};
use support::running::{Running, command};

const P256: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../suite/jwt/p256_1.pem");
const ED25519: &str = include_str!("../../suite/jwt/ed25519_1.pem");

#[tokio::test]
async fn proxy_guards_an_app_with_either_key_type() {
    for (key, curve) in [(P256, "P-256"), (ED25519, "Ed25519")] {
        let heroku = Simulator::start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = listener.local_addr().unwrap();
        let mut variables = variables(&heroku);
        variables.push(("UPSTREAM_URL", format!("http://{upstream}/")));
        variables.push(("ASSERTION_KEY", key.to_owned()));
        let proxy = Running::start("proxy", "add-on", &variables, false).await;
        heroku
            .settings()
            .set_partner_url(format!("http://{}", proxy.address));

        let jwks = format!("http://{}/.well-known/jwks.json", proxy.address);
        let verify = VerifyAssertion::from_jwks_url(&jwks, "heroku-sso-proxy", "dashboard");
        let hello = get(|user: AssertedUser| async move { user.email().to_string() });
        let app = Router::new().route("/", hello).layer(verify.unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });

        let addon = heroku.app("shop").collaborator("ann@example.com").addon();
        assert_eq!(addon.provision().await.unwrap().status, 200);
        let browser = proxy.browser();
        let form = addon.sign_in_form("ann@example.com");
        assert_eq!(browser.submit(&form).await.status, 303);
        assert_eq!(browser.fetch("/").await.body, "ann@example.com");
        let keys = proxy.browser().fetch("/.well-known/jwks.json").await;
        assert_eq!(keys.json()["keys"][0]["crv"], curve);
    }
}

#[tokio::test]
async fn proxy_names_invalid_variables_and_does_not_start() {
    let all = [
        ("HEROKU_ADDON_SLUG", "acme-db"),
        ("HEROKU_ADDON_PASSWORD", "a-password-of-length"),
        ("HEROKU_SSO_SALT", "a-salt-of-good-length"),
        ("HEROKU_CLIENT_SECRET", "a-secret-of-good-length"),
        ("UPSTREAM_URL", "http://127.0.0.1:4000"),
        ("ASSERTION_KEY", P256),
    ];
    for missing in ["UPSTREAM_URL", "ASSERTION_KEY"] {
        let mut command = command("proxy");
        command.env("PORT", "0");
        command.envs(all.iter().copied().filter(|(name, _)| *name != missing));
        assert_refuses(command, &[missing, "is not set"]).await;
    }
    for (name, value) in [
        ("UPSTREAM_URL", "127.0.0.1:4000"),
        ("UPSTREAM_URL", "https://app.example.com"),
        ("UPSTREAM_URL", "http://app.example.com/admin"),
        ("UPSTREAM_URL", "http://user@app.example.com"),
        ("UPSTREAM_TIMEOUT_SECS", "0"),
        ("ASSERTION_KEY", "/no/such/a-secret-of-mine"),
        (
            "ASSERTION_KEY",
            "-----BEGIN PRIVATE KEY-----\na-secret-of-mine",
        ),
    ] {
        let mut command = command("proxy");
        command.envs(all).env("PORT", "0").env(name, value);
        assert_refuses(command, &[name]).await;
    }
}

#[tokio::test]
async fn proxy_rejects_itself_as_upstream() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let mut command = command("proxy");
    command.env("PORT", port.to_string());
    command.env("SIMULATOR_PORT", "0");
    command.env("UPSTREAM_URL", format!("http://localhost:{port}"));
    assert_refuses(command, &["UPSTREAM_URL", "PORT"]).await;
}
