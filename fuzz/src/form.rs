//! SSO requests: serialized again, signed, and the properties of a verified one.

use tower_heroku_sso::fuzzing::fields;
use tower_heroku_sso::sso::{SignedResource, SsoRequest, Verifier, token};
use tower_heroku_sso::{Proof, SsoPolicy};

use crate::{NOW, SALT, salt};

/// A token with this text is replaced by the valid one, which no mutation could find.
const SIGN: &str = "sign";

/// The fields as a form, with every special byte escaped.
pub fn encode(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut form = String::new();
    for (name, value) in fields {
        form += &format!("&{name}=");
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' => form.push(byte.into()),
                b' ' => form.push('+'),
                other => form += &format!("%{other:02X}"),
            }
        }
    }
    form.into_bytes()
}

/// A request that is parsed, serialized and parsed again is the same, and so is its verification.
pub fn check(request: &SsoRequest) {
    let sent = fields(request);
    let again = SsoRequest::parse(&encode(&sent)).expect("what was read can be written");
    assert_eq!(fields(&again), sent);
    assert_eq!(request.is_empty(), sent.is_empty());
    verify(request);

    let signed = sign(&sent);
    let signed: Vec<_> = signed
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    if signed != sent {
        let signed = SsoRequest::parse(&encode(&signed)).expect("a digest can be written");
        verify(&signed);
    }
}

fn sign<'a>(sent: &[(&'a str, &str)]) -> Vec<(&'a str, String)> {
    let field = |name| {
        let found = sent.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    };
    let (resource, timestamp) = (field("resource_id"), field("timestamp"));
    let sign = |name, value: &str| match name {
        _ if value != SIGN => value.to_owned(),
        "user_scoped_resource_token" => {
            let (user, email) = (field("user_id"), field("email"));
            let digest = token::user_scoped_resource(resource, SALT, timestamp, user, email);
            token::hex(&digest)
        }
        "resource_token" => token::hex(&token::resource(resource, SALT, timestamp)),
        "token" => token::hex(&token::v1(field("id"), SALT, timestamp)),
        _ => value.to_owned(),
    };
    sent.iter()
        .map(|(name, value)| (*name, sign(*name, value)))
        .collect()
}

fn verify(request: &SsoRequest) {
    let by = |policy| Verifier::new([salt()]).policy(policy).verify(request, NOW);
    let [strict, lax, legacy] = [
        SsoPolicy::UserScoped,
        SsoPolicy::AllowUnsignedEmail,
        SsoPolicy::Legacy,
    ]
    .map(by);
    // A laxer policy admits no less, by the same token.
    assert!(lax.is_ok() || strict.is_err());
    assert!(legacy.is_ok() || lax.is_err());
    if let Ok(strict) = &strict {
        assert_eq!(strict.proof, Proof::SignedEmail);
    }
    for (stricter, laxer) in [(&strict, &lax), (&lax, &legacy)] {
        if let (Ok(stricter), Ok(laxer)) = (stricter, laxer) {
            assert_eq!(stricter.replay_key(), laxer.replay_key());
        }
    }
    // Only a request that every policy accepts is more than claimed.
    if let (Err(_), Ok(lax)) = (&strict, &lax) {
        assert_eq!(lax.proof, Proof::UnsignedEmail);
    }
    for verified in [strict, lax, legacy].into_iter().flatten() {
        let sent = fields(request);
        let field = |name| {
            sent.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, v)| *v)
        };
        let timestamp = field("timestamp").unwrap();
        assert!(timestamp.bytes().all(|b| b.is_ascii_digit()));
        assert_eq!(timestamp.parse(), Ok(verified.issued_at.unix_timestamp()));
        let age = (NOW - verified.issued_at).whole_seconds();
        assert!((-60..=300).contains(&age));

        let email = verified.email.as_str();
        let sent_email = field("email").unwrap().trim_matches(' ');
        assert!(email.eq_ignore_ascii_case(sent_email));
        assert_eq!(email, email.to_ascii_lowercase());
        assert_eq!(email.matches('@').count(), 1);
        assert!(!email.contains(|c: char| c.is_control() || c.is_whitespace() || c == ':'));
        let id = match &verified.resource {
            SignedResource::Resource(id) => {
                let id = id.to_string();
                assert!(id.eq_ignore_ascii_case(field("resource_id").unwrap()));
                id
            }
            SignedResource::Legacy(id) => {
                assert_eq!(verified.proof, Proof::UnsignedEmail);
                // The legacy id is case-sensitive.
                assert_eq!(Some(id.to_string().as_str()), field("id"));
                id.to_string().to_ascii_lowercase()
            }
            _ => unreachable!("there is no other kind"),
        };
        assert!(is_plain(&id));
        if verified.proof == Proof::SignedEmail {
            let user = verified
                .user_id
                .as_ref()
                .expect("the token covers it")
                .to_string();
            assert!(is_plain(&user) && user.eq_ignore_ascii_case(field("user_id").unwrap()));
        }
        if let Some(app) = &verified.context_app {
            assert!(is_plain(app) && Some(app.as_str()) == field("context_app"));
        }
        // No part of a replay key contains its separator.
        let keys = verified
            .weaker_replay_keys()
            .iter()
            .chain([verified.replay_key()]);
        for key in keys {
            let key = key.to_string();
            let parts: Vec<_> = key.split(':').collect();
            let count = if parts[0] == "user-scoped" { 4 } else { 3 };
            assert!(
                parts.len() == count
                    && parts
                        .iter()
                        .all(|part| is_plain(&part.to_ascii_lowercase()))
            );
        }
    }
}

fn is_plain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    !text.is_empty() && text.len() <= 64 && text.bytes().all(plain)
}
