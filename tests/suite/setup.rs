//! An invalid configuration fails at startup with an error that names the setting.

use std::time::Duration;

use tower_heroku_sso::{
    AddonPassword, ClientSecret, HerokuSso, HerokuSsoBuilder, Manifest, SetupError, SsoSalt,
    WebhookSecret,
};

pub fn builder() -> HerokuSsoBuilder {
    HerokuSso::builder(Manifest::new(
        "acme-db",
        AddonPassword::new("super-secret").unwrap(),
        SsoSalt::new("2f97bfa52ca102f8874716e2eb1d3b4920ad0be4").unwrap(),
        ClientSecret::new("d3b07384-d9a0-4e9b-8c3a-1f0e5f6a7b8c").unwrap(),
    ))
}

async fn refused(builder: HerokuSsoBuilder) -> String {
    builder
        .build()
        .await
        .expect_err("to be refused")
        .to_string()
}

#[tokio::test]
async fn default_settings_build() {
    builder().build().await.unwrap();
}

/// A colon ends the user name of HTTP Basic, so Heroku's calls would all be rejected.
#[tokio::test]
async fn slug_that_heroku_cannot_send_is_refused() {
    for slug in ["", "acme:db", "acme\ndb"] {
        let manifest = Manifest::new(
            slug,
            AddonPassword::new("super-secret").unwrap(),
            SsoSalt::new("2f97bfa52ca102f8874716e2eb1d3b4920ad0be4").unwrap(),
            ClientSecret::new("d3b07384-d9a0-4e9b-8c3a-1f0e5f6a7b8c").unwrap(),
        );
        let error = refused(HerokuSso::builder(manifest)).await;
        assert!(error.contains("HEROKU_ADDON_SLUG"), "{error}");
    }
}

#[tokio::test]
async fn out_of_range_interval_error_names_setting_and_bounds() {
    let second = Duration::from_secs(1);
    let day = Duration::from_secs(86_400);
    for (setting, builder) in [
        (
            "refresh_interval",
            builder().refresh_interval(Duration::ZERO),
        ),
        (
            "refresh_interval",
            builder().refresh_interval(Duration::MAX),
        ),
        ("idle_interval", builder().idle_interval(second)),
        ("max_list_age", builder().max_list_age(second)),
        ("max_session", builder().max_session(second)),
        ("sso_max_age", builder().sso_max_age(day)),
        ("sso_max_skew", builder().sso_max_skew(day)),
        ("heroku_timeout", builder().heroku_timeout(Duration::ZERO)),
    ] {
        let error = refused(builder).await;
        assert!(
            error.starts_with(setting) && error.contains("between"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn invalid_or_duplicate_path_error_names_the_setting() {
    for (setting, builder) in [
        ("sso_path", builder().sso_path("heroku/sso")),
        ("sso_path", builder().sso_path("//evil")),
        ("sso_path", builder().sso_path("/x/{y}")),
        ("sso_path", builder().sso_path("/x/:y")),
        (
            "resource_in_path",
            builder().resource_in_path("/:x/{resource}"),
        ),
        (
            "resource_in_path",
            builder().resource_in_path("/*x/{resource}"),
        ),
        ("sign_out_path", builder().sign_out_path("/*")),
        ("sign_out_path must differ", builder().sso_path("/logout")),
        ("landing_path must differ", builder().sso_path("/")),
        (
            "landing_path must differ",
            builder().landing_path("/logout"),
        ),
        (
            "sso_path must differ",
            builder().sso_path("/heroku/resources"),
        ),
        (
            "sso_path must differ",
            builder().sso_path("/heroku/webhooks"),
        ),
        (
            "resource_in_path",
            builder().resource_in_path("/addons/{resource}/x"),
        ),
        ("resource_in_path", builder().resource_in_path("/addons")),
        ("sign_out_path", builder().sign_out_path("/log out")),
        ("landing_path", builder().landing_path("https://elsewhere")),
        (
            "landing_path",
            builder().landing_path("/a\r\nSet-Cookie: x"),
        ),
    ] {
        let error = refused(builder).await;
        assert!(error.starts_with(setting), "{error}");
    }
}

#[tokio::test]
async fn debug_output_contains_no_manifest_secret() {
    let sso = builder().build().await.unwrap();
    let text = format!("{:?} {:?} {:?}", builder(), sso, sso.layer());
    for secret in ["super-secret", "2f97bfa5", "d3b07384"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn s1_s2_s4_placeholder_and_short_secrets_are_rejected() {
    for weak in [
        "",
        "short",
        "7 chars",
        "changeme",
        "CHANGE-ME",
        " changeme ",
        "your-secret",
        "<the sso salt>",
        "xxxxxxxxxxxxxxxx",
        "00000000",
        "password",
        "placeholder",
    ] {
        let rejections = [
            SsoSalt::new(weak).err(),
            AddonPassword::new(weak).err(),
            ClientSecret::new(weak).err(),
            WebhookSecret::new(weak).err(),
            // Long enough for a password, but not for a key.
            WebhookSecret::new("eleven byte").err(),
        ];
        for (number, rejection) in rejections.iter().enumerate() {
            assert!(rejection.is_some(), "{weak:?} was accepted by {number}");
        }
    }
}

#[test]
fn public_errors_are_send_sync_and_static() {
    fn is_error<E: std::error::Error + Send + Sync + 'static>() {}
    is_error::<SetupError>();
    is_error::<tower_heroku_sso::heroku::HerokuError>();
    is_error::<tower_heroku_sso::AccessTokenError>();
    is_error::<tower_heroku_sso::DeprovisionError>();
    is_error::<tower_heroku_sso::LookupError>();
    is_error::<tower_heroku_sso::RefreshError>();
    is_error::<tower_heroku_sso::RegisterError>();
    is_error::<tower_heroku_sso::store::StoreError>();
    is_error::<tower_heroku_sso::sso::SsoError>();
}

#[test]
fn shared_types_are_send_and_sync() {
    fn is_shared<T: Send + Sync + 'static>() {}
    fn is_sent<T: Send + 'static>() {}
    is_shared::<HerokuSso>();
    is_shared::<HerokuSsoBuilder>();
    is_shared::<Manifest>();
    is_shared::<tower_heroku_sso::HerokuUser>();
    is_shared::<tower_heroku_sso::SignedIn>();
    is_shared::<tower_heroku_sso::gate::HerokuSsoLayer>();
    is_shared::<tower_heroku_sso::Require>();
    is_shared::<tower_heroku_sso::access::Snapshot>();
    is_shared::<tower_heroku_sso::store::MemoryStore>();
    is_shared::<tower_heroku_sso::sync::SyncHandle>();
    is_sent::<tower_heroku_sso::sync::Changes>();
}
