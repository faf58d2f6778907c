//! The complete TRACE log of an add-on's life contains no secret, and emails only in audit events.
//!
//! In its own process, as it captures the whole process's log.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use heroku_addon_simulator::{ETags, Endpoint, Fault, Simulator};
use heroku_sso_store::Store;
use support::ids::AddOnExt as _;
use tower_heroku_sso::jwt::{JwtKey, JwtKeys};
use tower_heroku_sso::partner_api::NoProvisioning;
use tower_heroku_sso::store::{EncryptionKey, EncryptionKeys, MemoryStore, SqliteStore};
use tower_heroku_sso::{
    AddonPassword, BearerTokens, ClientSecret, CookieSessions, HerokuSso, HerokuSsoBuilder,
    HerokuUser, Manifest, ManualClock, SsoSalt, WebhookSecret, Webhooks,
};
use tracing::level_filters::LevelFilter;

use support::browser::Browser;

use crate::alone::alone_async;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        text.lines().map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const KEY: &str = "c2VhbGluZ19rZXlfb2ZfMzJfYnl0ZXNfZm9yX3Rlc3Q=";
const HOOK_SECRET: &str = "a-webhook-secret-of-our-own";

#[test]
fn s1_s2_s3_s4_s5_s6_logs_and_responses_contain_no_secret() {
    alone_async(
        "secrets::s1_s2_s3_s4_s5_s6_logs_and_responses_contain_no_secret",
        async {
            let log = Log::default();
            let writer = log.clone();
            tracing_subscriber::fmt()
                .with_max_level(LevelFilter::TRACE)
                .with_ansi(false)
                .with_writer(move || writer.clone())
                .init();

            life(&log, MemoryStore::default(), |builder| builder).await;
            life(&log, MemoryStore::default(), signed).await;
            let folder = tempfile::tempdir().unwrap();
            let key = EncryptionKey::from_base64(KEY).unwrap();
            let file = folder.path().join("state.sqlite");
            let store = SqliteStore::open(file, EncryptionKeys::new(key)).await;
            life(&log, store.unwrap(), |builder| builder).await;
            let lines = log.lines();
            assert!(lines.iter().any(|line| line.contains("sqlx")));
            assert!(!lines.iter().any(|line| line.contains(KEY)));
        },
    );
}

/// Sessions in cookies, and bearer tokens.
fn signed(builder: HerokuSsoBuilder) -> HerokuSsoBuilder {
    let secret = JwtKey::hs256_base64(KEY).unwrap();
    let pair = JwtKey::es256_pem(include_str!("../suite/jwt/p256_1.pem")).unwrap();
    builder
        .session_store(CookieSessions::new(JwtKeys::new(secret)))
        .bearer_tokens(BearerTokens::new(JwtKeys::new(pair)).cli_sign_in_path("/token"))
}

/// The life of an add-on, from provisioning to deprovisioning.
async fn life(
    log: &Log,
    store: impl Store,
    set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder,
) {
    let clock = ManualClock::new();
    let heroku = Simulator::builder()
        .clock(clock.reader())
        .start()
        .await
        .unwrap();
    let manifest = Manifest::new(
        heroku.slug(),
        AddonPassword::new(heroku.password()).unwrap(),
        SsoSalt::new(heroku.sso_salt()).unwrap(),
        ClientSecret::new(heroku.client_secret()).unwrap(),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hooks = format!("http://{address}/heroku/webhooks").parse().unwrap();
    let hook_secret = WebhookSecret::new(HOOK_SECRET).unwrap();
    let builder = HerokuSso::builder(manifest)
        .webhooks(Webhooks::new(hook_secret).subscribe_at(hooks))
        .api_url(heroku.url().parse().unwrap())
        .id_url(heroku.url().parse().unwrap())
        .store(store)
        .clock(clock.clone());
    let builder = set_up(builder);
    let mut said = format!("{builder:?}");
    let sso = builder.build().await.unwrap();
    let sync = sso.spawn_sync();
    let app = sso
        .protect(Router::new().route(
            "/",
            get(|user: HerokuUser| async move { format!("{user:?}") }),
        ))
        .merge(sso.routes().partner_api(NoProvisioning));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    heroku
        .settings()
        .set_partner_url(format!("http://{address}"));

    // Provisioning, sign-in, requests, a replay and a rejection.
    let addon = heroku.app("shop").collaborator("ann@example.com").addon();
    let mut code = String::new();
    let provision = addon.provision_with(|body| {
        code = body["oauth_grant"]["code"].as_str().unwrap().to_owned();
    });
    provision.await.unwrap();
    let resource = addon.resource_id();
    let browser = Browser::new(address);
    let form = addon.sign_in_form("ann@example.com");
    let answer = browser.submit(&form).await;
    assert_eq!(answer.status, 303);
    let session = browser.cookie("__Host-heroku_sso").unwrap();
    let mut answers = vec![
        answer.body,
        browser.get("/").await.body,
        Browser::new(address).submit(&form).await.body,
        Browser::new(address)
            .submit(&addon.sign_in_form("bob@example.com"))
            .await
            .body,
        Browser::new(address)
            .submit_body("/heroku/sso", "email=x%40example.com&email=y")
            .await
            .body,
    ];
    // A program sign-in, if enabled; its token, and an altered one.
    let program = Browser::new(address);
    let header = addon.sign_in_form("owner@example.com").addon_sso_header();
    let request = program.request(reqwest::Method::POST, "/token");
    let answer = program.send(request.header("x-addon-sso", &header)).await;
    let bearer = match answer.status {
        200 => answer.json()["access_token"].as_str().unwrap().to_owned(),
        401 => "none.none.none".to_owned(), // Not enabled: the path is gated like any other.
        status => panic!("{status}"),
    };
    for token in [bearer.clone(), format!("{bearer}x"), header.clone()] {
        let request = program.request(reqwest::Method::GET, "/");
        let request = request.header("authorization", format!("Bearer {token}"));
        answers.push(program.send(request).await.body);
    }
    // Webhooks: subscribed, sent and forged.
    while heroku.webhooks().of(&addon).is_empty() {
        clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    heroku
        .app("shop")
        .collaborator("dan@example.com")
        .remove("dan@example.com");
    let mut notifications = heroku.webhooks().take();
    assert!(notifications[0].send().await.succeeded());
    assert_eq!(
        notifications[0].set_signature("forged").send().await.status,
        Some(401)
    );
    // Faults, a token renewal, a failing renewal, and deprovisioning.
    let token = sso.resources().access_token(&resource).await.unwrap();
    heroku.settings().set_etags(ETags::None); // An answer that is not sent cannot be truncated.
    for fault in [
        Fault::Status(500),
        Fault::Status(401),
        Fault::Truncated,
        Fault::Reset,
        Fault::Body(r#"{"id":"HRKU-AA-echo","message":"ann@example.com"}"#.into()),
    ] {
        heroku.faults().set(Endpoint::Any, fault);
        let error = sso.lists().refresh(&resource).await.unwrap_err();
        said += &format!("{error} {error:?}");
        clock.advance(Duration::from_secs(70));
    }
    heroku.faults().clear_all();
    heroku.tokens().expire_access();
    // If the sync met the 401 too, several times, the pause before the next renewal is up to an hour.
    let mut renewed = sso.lists().refresh(&resource).await;
    for _ in 0..70 {
        if renewed.is_ok() {
            break;
        }
        clock.advance(Duration::from_secs(60));
        renewed = sso.lists().refresh(&resource).await;
    }
    renewed.unwrap();
    heroku.tokens().revoke(&addon);
    let error = sso.lists().refresh(&resource).await.unwrap_err();
    said += &format!("{error} {error:?} {sso:?}");
    answers.push(browser.fetch("/").await.body);
    addon.deprovision().await.unwrap();
    answers.push(browser.fetch("/").await.body);
    sync.shutdown().await;

    let lines = log.lines();
    assert!(
        lines
            .iter()
            .any(|line| line.contains("tower_heroku_sso::audit") && line.contains("ann@"))
    );
    assert!(
        lines
            .iter()
            .any(|line| line.contains("could not be fetched"))
    );
    let tokens = ["user_scoped_resource_token", "resource_token"];
    let tokens = tokens.map(|name| form.get(name).unwrap().to_owned());
    let secrets = [
        heroku.sso_salt(),
        heroku.password(),
        heroku.client_secret(),
        session,
        secrecy::ExposeSecret::expose_secret(&token).to_owned(),
        "HRKU-AA".to_owned(),
        code,
        HOOK_SECRET.to_owned(),
    ];
    let signatures =
        [&secrets[3], &bearer].map(|token| token.rsplit('.').next().unwrap().to_owned());
    let signatures = signatures.iter().filter(|signature| *signature != "none");
    for secret in secrets
        .iter()
        .chain(&tokens)
        .chain(signatures)
        .chain([&header])
    {
        let told = lines.iter().find(|line| line.contains(secret.as_str()));
        assert!(told.is_none(), "{told:?}");
        assert!(!said.contains(secret.as_str()), "{said}");
        assert!(
            !answers
                .iter()
                .any(|answer| answer.contains(secret.as_str()))
        );
    }
    for line in lines.iter().filter(|line| line.contains("@example.com")) {
        assert!(line.contains("tower_heroku_sso::audit"), "{line}");
    }
    assert!(!said.contains("@example.com"), "{said}");
}
