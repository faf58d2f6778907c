//! J1 to J12: forged tokens, and tokens of one use presented for another.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heroku_sso_assertion::VerifyAssertion;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::jwt::forge::{Parts, parts, sign};
use crate::jwt::keys::{self, ED25519, P256, SECRETS};
use crate::jwt::site::{AUDIENCE, ISSUER, Site, as_bearer, as_cookie};
use crate::log::Log;
use support::browser::{Answer, Browser};

/// Where a token is presented.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Use {
    Cookie,
    Bearer,
    Assertion,
}

const USES: [Use; 3] = [Use::Cookie, Use::Bearer, Use::Assertion];

/// A site, the service behind it, and a valid token of each use.
struct Stage {
    site: Site,
    behind: Browser,
    good: [String; 3],
}

impl Stage {
    async fn set() -> Self {
        let site = Site::start().await;
        let browser = site.ann().await;
        let cookie = browser.cookie(crate::jwt::site::COOKIE).unwrap();
        let bearer = site.bearer(&browser).await;
        let assertion = browser.fetch("/assertion").await.body;
        let verify = VerifyAssertion::with_keys(keys::only(keys::es256(0)), ISSUER, AUDIENCE)
            .map(|it| it.clock(site.clock.reader()));
        let behind = crate::jwt::assertion::behind(verify.unwrap()).await;
        let stage = Self {
            site,
            behind,
            good: [cookie, bearer, assertion],
        };
        for (kind, token) in USES.into_iter().zip(&stage.good) {
            let answer = stage.offer(kind, token).await;
            assert_eq!(answer.status, 200, "{kind:?}: {}", answer.body);
        }
        stage
    }

    fn parts(&self, kind: Use) -> Parts {
        parts(&self.good[kind as usize])
    }

    async fn offer(&self, kind: Use, token: &str) -> Answer {
        match kind {
            Use::Cookie => as_cookie(self.site.address, token).await,
            Use::Bearer => as_bearer(self.site.address, token).await,
            Use::Assertion => crate::jwt::assertion::offer(&self.behind, token).await,
        }
    }

    async fn rejected(&self, kind: Use, token: &str, why: &str) {
        let answer = self.offer(kind, token).await;
        assert_eq!(answer.status, 401, "{why} as {kind:?}: {}", answer.body);
        assert!(
            token.len() < 8 || !answer.body.contains(token),
            "{why}: the answer quotes the token"
        );
    }
}

fn secret_key(secret: &[u8]) -> EncodingKey {
    EncodingKey::from_secret(secret).unwrap()
}

/// The signing key of a use.
fn right_key(kind: Use) -> (EncodingKey, Algorithm) {
    match kind {
        Use::Cookie => {
            let secret = STANDARD.decode(SECRETS[0]).unwrap();
            (secret_key(&secret), Algorithm::HS256)
        }
        Use::Bearer => {
            let key = EncodingKey::from_ed_pem(ED25519[0].as_bytes());
            (key.unwrap(), Algorithm::EdDSA)
        }
        Use::Assertion => {
            let key = EncodingKey::from_ec_pem(P256[0].as_bytes());
            (key.unwrap(), Algorithm::ES256)
        }
    }
}

fn signed(kind: Use, parts: &Parts) -> String {
    let (key, algorithm) = right_key(kind);
    parts.signed_by(&key, algorithm)
}

#[tokio::test]
async fn unchanged_resigned_tokens_are_accepted() {
    let stage = Stage::set().await;
    for kind in USES {
        let again = signed(kind, &stage.parts(kind));
        assert_eq!(stage.offer(kind, &again).await.status, 200, "{kind:?}");
    }
}

/// Not as malformed, which would lead to the keys.
#[tokio::test]
async fn token_for_another_site_is_logged_as_such() {
    let stage = Stage::set().await;
    for kind in [Use::Cookie, Use::Bearer] {
        for claim in ["iss", "aud"] {
            let log = Log::listen();
            let parts = stage.parts(kind).claim(claim, json!("another"));
            let token = signed(kind, &parts);
            stage.rejected(kind, &token, claim).await;
            let lines = log.with(&["signed session rejected", "made for another use"]);
            assert_eq!(lines.len(), 1, "{kind:?}, {claim}: {log:?}");
        }
    }
}

#[tokio::test]
async fn j1_unsigned_token_is_rejected() {
    let stage = Stage::set().await;
    for kind in USES {
        for none in ["none", "None", "NONE", "nOnE", ""] {
            let parts = stage.parts(kind).header("alg", json!(none));
            stage.rejected(kind, &parts.unsigned(), none).await;
            let (head, signature) = stage.good[kind as usize].rsplit_once('.').unwrap();
            let _ = head;
            let kept = format!("{}{signature}", parts.unsigned());
            stage.rejected(kind, &kept, none).await;
        }
        let unsigned = stage.parts(kind).unsigned();
        stage.rejected(kind, &unsigned, "no signature").await;
    }
}

#[tokio::test]
async fn j2_public_key_is_rejected_as_hs256_secret() {
    let stage = Stage::set().await;
    let jwks: Value = stage
        .site
        .browser()
        .fetch("/.well-known/jwks.json")
        .await
        .json();
    let jwk = &jwks["keys"][0];
    let spki = |pem: &str| pem.as_bytes().to_vec();
    let decoded = |text: &str| {
        base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(text)
            .unwrap()
    };
    let [x, y] = ["x", "y"].map(|name| decoded(jwk[name].as_str().unwrap()));
    let point = [&[4][..], &x, &y].concat();
    for secret in [
        jwk.to_string().into_bytes(),
        x,
        point,
        spki(P256[0]),
        spki(ED25519[0]),
        Vec::new(),
    ] {
        for kind in USES {
            let parts = stage.parts(kind).header("alg", json!("HS256"));
            // jsonwebtoken does not sign with an empty key.
            let secret = if secret.is_empty() {
                vec![0]
            } else {
                secret.clone()
            };
            let token = parts.signed_by(&secret_key(&secret), Algorithm::HS256);
            stage
                .rejected(kind, &token, "a public key as the secret")
                .await;
        }
    }
}

#[tokio::test]
async fn j3_key_with_another_algorithm_is_rejected() {
    let stage = Stage::set().await;
    let secret = STANDARD.decode(SECRETS[0]).unwrap();
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let parts = stage.parts(Use::Cookie);
        let parts = parts.header("alg", serde_json::to_value(algorithm).unwrap());
        let token = parts.signed_by(&secret_key(&secret), algorithm);
        stage.rejected(Use::Cookie, &token, "another hash").await;
    }
    // The key id is valid, the signature is by a key of another family.
    for kind in USES {
        for other in USES.into_iter().filter(|other| *other != kind) {
            let (key, algorithm) = right_key(other);
            let parts = stage.parts(kind);
            let parts = parts.header("alg", serde_json::to_value(algorithm).unwrap());
            let token = parts.signed_by(&key, algorithm);
            stage.rejected(kind, &token, "another family").await;
        }
    }
    for name in ["RS256", "PS256", "ES384", "ES512", "hs256", "XS256"] {
        for kind in USES {
            let parts = stage.parts(kind).header("alg", json!(name));
            stage.rejected(kind, &signed(kind, &parts), name).await;
        }
    }
}

#[tokio::test]
async fn j4_missing_or_foreign_key_id_is_rejected() {
    let stage = Stage::set().await;
    for kind in USES {
        let parts = stage.parts(kind).without_header("kid");
        stage.rejected(kind, &signed(kind, &parts), "no kid").await;
        for kid in [
            json!("unknown"),
            json!(""),
            json!(7),
            json!(null),
            json!(["a"]),
        ] {
            let parts = stage.parts(kind).header("kid", kid.clone());
            stage
                .rejected(kind, &signed(kind, &parts), &kid.to_string())
                .await;
        }
        // The key id of another use.
        for other in USES.into_iter().filter(|other| *other != kind) {
            let kid = stage.parts(other).header["kid"].clone();
            let parts = stage.parts(kind).header("kid", kid);
            stage
                .rejected(kind, &signed(kind, &parts), "another's kid")
                .await;
        }
    }
}

#[tokio::test]
async fn j5_removed_key_is_rejected() {
    let stage = Stage::set().await;
    let set_up = |builder: tower_heroku_sso::HerokuSsoBuilder| {
        builder
            .session_store(tower_heroku_sso::CookieSessions::new(keys::only(
                keys::hs256(1),
            )))
            .bearer_tokens(keys::only(keys::ed25519(1)))
    };
    let (_, address) = stage.site.another(set_up).await;
    assert_eq!(as_cookie(address, &stage.good[0]).await.status, 401);
    assert_eq!(as_bearer(address, &stage.good[1]).await.status, 401);
    let verify = VerifyAssertion::with_keys(keys::only(keys::es256(1)), ISSUER, AUDIENCE)
        .map(|it| it.clock(stage.site.clock.reader()));
    let behind = crate::jwt::assertion::behind(verify.unwrap()).await;
    let answer = crate::jwt::assertion::offer(&behind, &stage.good[2]).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn j6_token_expires_to_the_second() {
    let stage = Stage::set().await;
    for kind in USES {
        let now = tower_heroku_sso::Clock::now(&stage.site.clock).unix_timestamp();
        let leeway = leeway(kind);
        for (end, status) in [
            (now + 1, 200),
            (now + 1 - leeway, 200),
            (now - leeway, 401),
            (now - 1 - leeway, 401),
            (0, 401),
            (-1, 401),
            (i64::MIN, 401),
        ] {
            let parts = stage.parts(kind).claim("exp", json!(end));
            let answer = stage.offer(kind, &signed(kind, &parts)).await;
            assert_eq!(answer.status, status, "{kind:?} ends at {end}, now {now}");
        }
    }
}

/// An assertion is checked with another machine's clock.
fn leeway(kind: Use) -> i64 {
    match kind {
        Use::Cookie | Use::Bearer => 0,
        Use::Assertion => 5,
    }
}

#[tokio::test]
async fn c42_token_is_rejected_before_its_nbf() {
    let stage = Stage::set().await;
    for kind in USES {
        let now = tower_heroku_sso::Clock::now(&stage.site.clock).unix_timestamp();
        let leeway = leeway(kind);
        for (begins, status) in [
            (json!(0), 200),
            (json!(i64::MIN), 200),
            (json!(now), 200),
            (json!(now + leeway), 200),
            (json!(now + leeway + 1), 401),
            (json!(i64::MAX), 401),
            (json!(9_223_372_036_854_775_808_u64), 401),
            (json!(now.to_string()), 401),
            (json!(now as f64 + 0.5), 401),
            (json!([now]), 401),
        ] {
            let parts = stage.parts(kind).claim("nbf", begins.clone());
            let answer = stage.offer(kind, &signed(kind, &parts)).await;
            assert_eq!(
                answer.status, status,
                "{kind:?} begins at {begins}, now {now}"
            );
        }
        let text = stage
            .parts(kind)
            .claim("nbf", json!(now))
            .claims
            .to_string();
        let twice = format!("{{\"nbf\":{now},{}", &text[1..]);
        let (key, algorithm) = right_key(kind);
        let header = stage.parts(kind).header.to_string();
        let token = sign(&header, &twice, &key, algorithm);
        stage.rejected(kind, &token, "nbf twice").await;
    }
}

#[tokio::test]
async fn j7_audience_of_cookies_and_bearer_tokens_names_the_add_on() {
    let stage = Stage::set().await;
    let slug = stage.site.heroku.slug();
    for (kind, usage) in [(Use::Cookie, "session"), (Use::Bearer, "bearer")] {
        let claims = stage.parts(kind).claims;
        assert_eq!(claims["aud"], format!("{slug}:{usage}"));
        // The audience of another add-on, by the same issuer and key.
        let other = stage
            .parts(kind)
            .claim("aud", json!(format!("other:{usage}")));
        stage
            .rejected(kind, &signed(kind, &other), "another add-on")
            .await;
    }
}

#[tokio::test]
async fn j7_wrong_issuer_audience_or_type_is_rejected() {
    let stage = Stage::set().await;
    for kind in USES {
        for claim in ["iss", "aud"] {
            let right = stage.parts(kind).claims[claim].clone();
            for wrong in [
                json!("another"),
                json!(""),
                json!(null),
                json!([right.clone()]),
                json!([right.clone(), "another"]),
                json!({}),
            ] {
                let parts = stage.parts(kind).claim(claim, wrong.clone());
                let why = format!("{claim} {wrong}");
                stage.rejected(kind, &signed(kind, &parts), &why).await;
            }
            let parts = stage.parts(kind).without_claim(claim);
            stage.rejected(kind, &signed(kind, &parts), claim).await;
        }
        let parts = stage.parts(kind).without_header("typ");
        stage.rejected(kind, &signed(kind, &parts), "no typ").await;
        for wrong in ["JWT", "jwt", "heroku-session", "HEROKU-SESSION+JWT", ""] {
            let parts = stage.parts(kind).header("typ", json!(wrong));
            stage.rejected(kind, &signed(kind, &parts), wrong).await;
        }
    }
}

#[tokio::test]
async fn j8_token_is_rejected_for_another_use() {
    let stage = Stage::set().await;
    for made in USES {
        for offered in USES.into_iter().filter(|offered| *offered != made) {
            let token = &stage.good[made as usize];
            stage.rejected(offered, token, &format!("{made:?}")).await;
        }
    }
}

/// As J8, where all uses share one key.
#[tokio::test]
async fn j8_token_is_rejected_for_another_use_of_the_same_key() {
    let site = Site::with(|builder| {
        builder
            .session_store(tower_heroku_sso::CookieSessions::new(keys::only(
                keys::es256(0),
            )))
            .bearer_tokens(keys::only(keys::es256(0)))
    })
    .await;
    let browser = site.ann().await;
    let cookie = browser.cookie(crate::jwt::site::COOKIE).unwrap();
    let bearer = site.bearer(&browser).await;
    let assertion = browser.fetch("/assertion").await.body;
    assert_eq!(as_cookie(site.address, &cookie).await.status, 200);
    assert_eq!(as_bearer(site.address, &bearer).await.status, 200);
    for token in [&bearer, &assertion] {
        assert_eq!(as_cookie(site.address, token).await.status, 401);
    }
    for token in [&cookie, &assertion] {
        assert_eq!(as_bearer(site.address, token).await.status, 401);
    }
    let verify = VerifyAssertion::with_keys(keys::only(keys::es256(0)), ISSUER, AUDIENCE)
        .map(|it| it.clock(site.clock.reader()));
    let behind = crate::jwt::assertion::behind(verify.unwrap()).await;
    for token in [&cookie, &bearer] {
        assert_eq!(
            crate::jwt::assertion::offer(&behind, token).await.status,
            401
        );
    }
}

#[tokio::test]
async fn j9_non_integer_expiry_is_rejected() {
    let stage = Stage::set().await;
    for kind in USES {
        let end = stage.parts(kind).claims["exp"].as_i64().unwrap();
        for odd in [
            json!(end.to_string()),
            json!(end as f64 + 0.5),
            json!(9_223_372_036_854_775_808_u64),
            json!(1e30),
            json!(null),
            json!([end]),
            json!(true),
        ] {
            let parts = stage.parts(kind).claim("exp", odd.clone());
            let why = format!("exp {odd}");
            stage.rejected(kind, &signed(kind, &parts), &why).await;
        }
        let parts = stage.parts(kind).without_claim("exp");
        stage.rejected(kind, &signed(kind, &parts), "no exp").await;
    }
}

#[tokio::test]
async fn j10_duplicate_claim_is_rejected() {
    let stage = Stage::set().await;
    for kind in USES {
        let Parts { header, claims } = stage.parts(kind);
        let (key, algorithm) = right_key(kind);
        for claim in ["exp", "iss", "aud"] {
            let value = claims[claim].to_string();
            for other in [value.as_str(), "\"x\"", "99999999999"] {
                let text = claims.to_string();
                let first = format!("{{\"{claim}\":{other},{}", &text[1..]);
                let last = format!("{},\"{claim}\":{other}}}", &text[..text.len() - 1]);
                for text in [first, last] {
                    let token = sign(&header.to_string(), &text, &key, algorithm);
                    stage.rejected(kind, &token, &text).await;
                }
            }
        }
        let text = header.to_string();
        for name in ["alg", "kid", "typ"] {
            let twice = format!("{{\"{name}\":{},{}", header[name], &text[1..]);
            let token = sign(&twice, &claims.to_string(), &key, algorithm);
            stage.rejected(kind, &token, &twice).await;
        }
    }
}

#[tokio::test]
async fn j11_long_or_malformed_tokens_are_rejected() {
    let stage = Stage::set().await;
    for kind in USES {
        let good = &stage.good[kind as usize];
        let parts: Vec<_> = good.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            panic!("three parts");
        };
        let long = stage.parts(kind).claim("padding", json!("x".repeat(6000)));
        for token in [
            signed(kind, &long),
            format!("{good}.x"),
            format!(".{good}"),
            format!("{good}."),
            format!("{header}.{claims}"),
            format!("{header}..{signature}"),
            format!(".{claims}.{signature}"),
            "..".to_owned(),
            ".".to_owned(),
            "x".to_owned(),
            "A".repeat(8192),
            format!("{header}.{claims}.{signature}="),
            format!("{header}.{claims}.{}", &signature[..signature.len() - 2]),
            format!("{header}.{signature}.{claims}"),
        ] {
            stage.rejected(kind, &token, "odd").await;
        }
        // A critical header that is not supported.
        let crit = stage.parts(kind).header("crit", json!(["x"]));
        let crit = crit.header("x", json!(1));
        stage.rejected(kind, &signed(kind, &crit), "crit").await;
    }
}

#[tokio::test]
async fn j12_key_id_is_only_compared_and_embedded_keys_are_ignored() {
    let stage = Stage::set().await;
    for kind in USES {
        for kid in [
            "../../../dev/null",
            "/etc/passwd",
            "http://127.0.0.1:1/key",
            "' OR 1=1 --",
            "a\u{0}b",
        ] {
            let parts = stage.parts(kind).header("kid", json!(kid));
            stage.rejected(kind, &signed(kind, &parts), kid).await;
        }
        // Keys embedded in the token are ignored.
        let attacker = EncodingKey::from_ec_pem(P256[1].as_bytes()).unwrap();
        let jwks = keys::only(keys::es256(1)).public_jwks();
        let jwk: Value = serde_json::from_str::<Value>(&jwks).unwrap()["keys"][0].clone();
        let parts = stage.parts(kind).header("alg", json!("ES256"));
        let parts = parts.header("kid", jwk["kid"].clone());
        for (name, value) in [
            ("jwk", jwk.clone()),
            ("jku", json!("https://evil.example/jwks.json")),
            ("x5u", json!("https://evil.example/x5u")),
        ] {
            let parts = parts.clone().header(name, value);
            let token = parts.signed_by(&attacker, Algorithm::ES256);
            stage.rejected(kind, &token, name).await;
        }
    }
}
