//! Settings from environment variables, and methods that follow.

use std::time::Duration;

use heroku_addon_simulator::Simulator;
use tower_heroku_sso::store::MemoryStore;
use tower_heroku_sso::{HerokuSso, HerokuSsoBuilder, OauthGrant, SetupError};

use support::browser::Browser;

const REQUIRED: [(&str, &str); 4] = [
    ("HEROKU_ADDON_SLUG", "acme-db"),
    ("HEROKU_ADDON_PASSWORD", "a-password-of-length"),
    ("HEROKU_SSO_SALT", "a-salt-of-good-length"),
    ("HEROKU_CLIENT_SECRET", "a-secret-of-good-length"),
];

/// 32 bytes.
const KEY: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";

fn read(variables: &[(&str, &str)]) -> Result<HerokuSsoBuilder, SetupError> {
    HerokuSso::builder_from_vars(|name| {
        let found = variables.iter().find(|(set, _)| *set == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// The required variables and these.
fn with(others: &[(&str, &str)]) -> Result<HerokuSsoBuilder, SetupError> {
    read(&[&REQUIRED, others].concat())
}

async fn refused(others: &[(&str, &str)]) -> String {
    let built = match with(others) {
        Ok(builder) => builder.build().await.map(drop),
        Err(error) => Err(error),
    };
    built.expect_err("to be refused").to_string()
}

#[test]
fn missing_required_variables_are_all_named() {
    let error = read(&[]).unwrap_err();
    for (name, _) in REQUIRED {
        assert!(error.to_string().contains(name), "{error}");
    }
    let SetupError::MissingVariables { variables } = error else {
        panic!("{error}");
    };
    assert_eq!(variables.len(), REQUIRED.len());
}

#[tokio::test]
async fn addresses_of_heroku_are_checked_at_the_start() {
    for (bad, reason) in [
        ("http://api.example.com", "https"),
        ("https://user@api.example.com", "credentials"),
        ("https://api.example.com/?a", "query"),
    ] {
        let url: tower_heroku_sso::url::Url = bad.parse().unwrap();
        for (setting, builder) in [
            ("api_url", with(&[]).unwrap().api_url(url.clone())),
            ("id_url", with(&[]).unwrap().id_url(url.clone())),
        ] {
            let error = builder.build().await.unwrap_err();
            assert!(matches!(error, SetupError::HerokuAddress { .. }), "{error}");
            let text = error.to_string();
            assert!(text.starts_with(setting) && text.contains(reason), "{text}");
        }
    }
}

#[tokio::test]
async fn required_variables_are_enough() {
    with(&[]).unwrap().build().await.unwrap();
}

#[test]
fn empty_variable_counts_as_not_set() {
    assert!(with(&[("REFRESH_INTERVAL_SECS", ""), ("SESSION_KEY", " \n")]).is_ok());
    let error = with(&[]).and(read(&[("HEROKU_ADDON_SLUG", "  ")]));
    assert!(error.unwrap_err().to_string().contains("HEROKU_ADDON_SLUG"));
}

#[tokio::test]
async fn invalid_value_error_names_the_variable_and_not_the_value() {
    for (name, value) in [
        ("HEROKU_ADDON_SLUG", "acme:db"),
        ("HEROKU_SSO_SALT", "a-salt-of-good-length,"),
        ("HEROKU_CLIENT_SECRET", "changeme"),
        ("HEROKU_API_URL", "http://api.example.com"),
        ("HEROKU_API_URL", "api.example.com"),
        ("HEROKU_SSO_POLICY", "anything"),
        ("HEROKU_WEBHOOK_SECRET", "tiny-one"),
        ("REFRESH_INTERVAL_SECS", "5 minutes"),
        ("IN_USE_FOR_SECS", "-1"),
        ("INSECURE_COOKIES", "yes"),
        ("TOKEN_ENCRYPTION_KEY", "c2hvcnQ="),
        ("SESSION_KEY", "c2hvcnQ="),
    ] {
        // The first of two in the list counts, as the variable is set once.
        let all = [&[(name, value)], &REQUIRED[..]].concat();
        let error = read(&all).expect_err(name).to_string();
        assert!(error.contains(name) && !error.contains(value), "{error}");
    }
}

#[tokio::test]
async fn explain_rejections_needs_insecure_cookies() {
    let error = refused(&[("EXPLAIN_REJECTIONS", "1")]).await;
    assert!(
        error.starts_with("EXPLAIN_REJECTIONS needs INSECURE_COOKIES=1"),
        "{error}"
    );
    let both = [("EXPLAIN_REJECTIONS", "1"), ("INSECURE_COOKIES", "1")];
    assert!(with(&both).is_ok());
}

#[tokio::test]
async fn insecure_cookies_of_an_https_site_are_refused() {
    let with_url = |url| [("INSECURE_COOKIES", "1"), ("PUBLIC_URL", url)];
    let error = refused(&with_url("https://queues.example.com")).await;
    assert!(
        error.contains("INSECURE_COOKIES") && error.contains("PUBLIC_URL"),
        "{error}"
    );
    let local = with(&with_url("http://127.0.0.1:3000")).unwrap();
    local.build().await.unwrap();
}

#[tokio::test]
async fn encryption_key_without_a_database_is_refused() {
    let key = [("TOKEN_ENCRYPTION_KEY", KEY)];
    let error = refused(&key).await;
    assert!(
        error.starts_with("TOKEN_ENCRYPTION_KEY needs DATABASE_URL"),
        "{error}"
    );
    // A store that the app opens itself.
    let builder = with(&key).unwrap().store(MemoryStore::default());
    builder.build().await.unwrap();
}

#[tokio::test]
async fn webhook_url_needs_the_secret() {
    let url = "https://addon.example.com/heroku/webhooks";
    let error = refused(&[("HEROKU_WEBHOOK_URL", url)]).await;
    assert!(error.starts_with("HEROKU_WEBHOOK_SECRET is not set"));
}

#[tokio::test]
async fn long_refresh_interval_raises_the_defaults_that_depend_on_it() {
    let day = with(&[("REFRESH_INTERVAL_SECS", "86400")]).unwrap();
    day.build().await.unwrap();
    let contradicting = [
        ("REFRESH_INTERVAL_SECS", "3600"),
        ("MAX_SESSION_SECS", "1800"),
    ];
    let error = refused(&contradicting).await;
    assert!(
        error.starts_with("max_session") && error.contains("refresh_interval"),
        "{error}"
    );
}

#[tokio::test]
async fn method_wins_over_the_variable() {
    let variables = [
        ("REFRESH_INTERVAL_SECS", "0"),
        ("DATABASE_URL", "mysql://localhost/x"),
    ];
    let builder = with(&variables).unwrap();
    let builder = builder.refresh_interval(Duration::from_secs(60));
    let sso = builder.store(MemoryStore::default()).build().await.unwrap();
    assert_eq!(sso.lists().health().await.resources, 0);
}

#[tokio::test]
async fn unusable_database_url_is_an_error_and_never_memory() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", folder.path().join("state").display());
    let nowhere = format!("sqlite:{}", folder.path().join("no/such/folder").display());
    for (url, key, told) in [
        ("mysql://localhost/x", Some(KEY), "DATABASE_URL is invalid"),
        ("sqlite:", Some(KEY), "DATABASE_URL is invalid"),
        ("sqlite::memory:", Some(KEY), "DATABASE_URL is invalid"),
        ("sqlite:file:gate.db", Some(KEY), "DATABASE_URL is invalid"),
        ("sqlite:x?mode=memory", Some(KEY), "DATABASE_URL is invalid"),
        (&file, None, "TOKEN_ENCRYPTION_KEY is not set"),
        (&nowhere, Some(KEY), "DATABASE_URL cannot be used"),
    ] {
        let mut variables = vec![("DATABASE_URL", url)];
        variables.extend(key.map(|key| ("TOKEN_ENCRYPTION_KEY", key)));
        let error = refused(&variables).await;
        assert!(error.starts_with(told), "{url}: {error}");
        let is_told = error.contains(url.trim_start_matches("sqlite:"));
        assert!(!is_told || url == "sqlite:", "{error}");
    }
    #[cfg(not(feature = "postgres"))]
    {
        let error = refused(&[("DATABASE_URL", "postgres://localhost/x")]).await;
        assert!(error.contains("the feature `postgres`"), "{error}");
    }
}

#[tokio::test]
async fn sqlite_database_url_keeps_resources_over_a_restart() {
    let heroku = Simulator::start().await.unwrap();
    let addon = heroku.app("shop").collaborator("ann@example.com").addon();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("state").display());
    let start = async || {
        let builder = at(
            &heroku,
            &[("DATABASE_URL", &url), ("TOKEN_ENCRYPTION_KEY", KEY)],
        );
        builder.build().await.unwrap()
    };
    let resource = addon.id().into();
    let first = start().await;
    let grant = OauthGrant::Code(addon.grant_code().into());
    first.resources().register(&resource, grant).await.unwrap();
    first.lists().refresh(&resource).await.unwrap();
    drop(first);
    let list = start().await.lists().get(&resource).await.unwrap();
    assert_eq!(list.unwrap().app.name, "shop");
}

#[tokio::test]
async fn session_key_puts_sessions_into_signed_cookies() {
    let heroku = Simulator::start().await.unwrap();
    let addon = heroku.app("shop").collaborator("ann@example.com").addon();
    let sso = at(&heroku, &[("SESSION_KEY", KEY), ("INSECURE_COOKIES", "1")]);
    let sso = sso.build().await.unwrap();
    let grant = OauthGrant::Code(addon.grant_code().into());
    let resource = addon.id().into();
    sso.resources().register(&resource, grant).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let browser = Browser::new(listener.local_addr().unwrap());
    let app = axum::Router::new().layer(sso.layer());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let answer = browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(cookie.matches('.').count(), 2, "a signed token: {cookie}");
}

/// The variables of the simulator's add-on, and these.
fn at(heroku: &Simulator, others: &[(&str, &str)]) -> HerokuSsoBuilder {
    let of_heroku = [
        ("HEROKU_ADDON_SLUG", heroku.slug()),
        ("HEROKU_ADDON_PASSWORD", heroku.password()),
        ("HEROKU_SSO_SALT", heroku.sso_salt()),
        ("HEROKU_CLIENT_SECRET", heroku.client_secret()),
        ("HEROKU_API_URL", heroku.url()),
        ("HEROKU_ID_URL", heroku.url()),
    ];
    let of_heroku = of_heroku.each_ref().map(|(name, value)| (*name, &**value));
    read(&[&of_heroku, others].concat()).unwrap()
}
