//! A webhook: the first lines are values of the signature header, then an empty line and the body. The
//! value `sign` is replaced by the valid signature.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use sha2::Sha256;
use tower_heroku_sso::fuzzing;
use tower_heroku_sso_fuzz::{WEBHOOK_SECRET, lines, webhook_secret};

fuzz_target!(|input: &[u8]| {
    let mut headers = HeaderMap::new();
    let mut body = input;
    let mut values = Vec::new();
    loop {
        let (line, rest) = lines::first(body);
        body = rest;
        if line.is_empty() {
            break;
        }
        values.push(line);
    }
    let right = sign(body);
    for value in &values {
        let value = if *value == b"sign" {
            right.as_bytes()
        } else {
            value
        };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append("heroku-webhook-hmac-sha256", value);
        }
    }
    let signed = fuzzing::is_signed(&headers, body, &[webhook_secret()]);
    let mut sent = headers.values();
    let by_heroku = sent.next().is_some_and(|value| value == right.as_str());
    assert_eq!(signed, by_heroku && sent.next().is_none());

    let Some(told) = fuzzing::notification(body) else {
        return;
    };
    assert!(told.event.is_none_or(|id| (1..=64).contains(&id.len())));
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    let about = told.about.as_deref();
    assert!(about.is_none_or(|id| (1..=64).contains(&id.len()) && id.bytes().all(plain)));
    assert!(told.left.is_none() || about.is_some());
});

fn sign(body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
    STANDARD.encode(mac.chain_update(body).finalize().into_bytes())
}
