//! An invalid configuration of signed tokens fails at startup with an error that names the setting.

use heroku_addon_simulator::Simulator;
use tower_heroku_sso::jwt::{InvalidJwtKey, JwtKey};
use tower_heroku_sso::{BearerTokens, HerokuSsoBuilder, ManualClock, SetupError};

use crate::jwt::keys;
use support::world::builder;

async fn refused(set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder) -> SetupError {
    let heroku = Simulator::start().await.unwrap();
    let builder = builder(&heroku, &ManualClock::new());
    set_up(builder).build().await.expect_err("to be refused")
}

#[tokio::test]
async fn bearer_tokens_reject_a_secret_key() {
    let error = refused(|builder| builder.bearer_tokens(keys::only(keys::hs256(0)))).await;
    let SetupError::InvalidJwtKey { setting, source } = error else {
        panic!("{error}");
    };
    assert_eq!(setting, "bearer_tokens");
    assert_eq!(source, InvalidJwtKey::SecretNotAllowed);
}

#[tokio::test]
async fn invalid_cli_sign_in_path_error_names_the_setting() {
    for path in ["token", "//token", "/heroku/sso", "/logout", "/"] {
        let error = refused(|builder| {
            let tokens = BearerTokens::new(keys::only(keys::es256(0)));
            builder.bearer_tokens(tokens.cli_sign_in_path(path))
        })
        .await;
        assert!(error.to_string().starts_with("cli_sign_in_path"), "{path}");
    }
}

#[test]
fn invalid_key_is_rejected() {
    let weak = ["", "c2hvcnQ=", "not base64 at all!", &"A".repeat(44)];
    for secret in weak {
        let error = JwtKey::hs256_base64(secret).unwrap_err();
        assert_eq!(error, InvalidJwtKey::NotASecret, "{secret}");
    }
    let public = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n";
    for pem in ["", "nonsense", public, keys::ED25519[0]] {
        assert_eq!(
            JwtKey::es256_pem(pem).unwrap_err(),
            InvalidJwtKey::NotAPrivateKey
        );
    }
    for pem in ["", "nonsense", public, keys::P256[0]] {
        assert_eq!(
            JwtKey::ed25519_pem(pem).unwrap_err(),
            InvalidJwtKey::NotAPrivateKey
        );
    }
}

#[test]
fn key_ids_are_unique_and_debug_shows_only_the_id() {
    let keys = [
        keys::es256(0),
        keys::es256(1),
        keys::ed25519(0),
        keys::ed25519(1),
        keys::hs256(0),
        keys::hs256(1),
    ];
    let names: std::collections::HashSet<_> = keys.iter().map(|key| key.id().to_owned()).collect();
    assert_eq!(names.len(), keys.len());
    for key in &keys {
        assert_eq!(format!("{key:?}"), format!("JwtKey({})", key.id()));
    }
    let shown = format!("{:?}", keys::only(keys::hs256(0)));
    assert!(!shown.contains(&keys::SECRETS[0][..8]), "{shown}");
}
