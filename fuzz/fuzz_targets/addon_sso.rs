//! The header `x-addon-sso`. The input is used both as its decoded content and as the raw header.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tower_heroku_sso::fuzzing::fields;
use tower_heroku_sso::sso::SsoRequest;
use tower_heroku_sso_fuzz::form;

fuzz_target!(|input: &[u8]| {
    if let Ok(request) = SsoRequest::from_addon_sso(input) {
        form::check(&request);
    }
    let header = STANDARD.encode(input);
    let Ok(request) = SsoRequest::from_addon_sso(header.as_bytes()) else {
        return;
    };
    let text = std::str::from_utf8(input).expect("what was read is text");
    // Compared with another JSON parser, which takes the last of two duplicates and also rejects lone
    // surrogates in ignored fields.
    let Ok(json) = serde_json::from_str::<Value>(text) else {
        return form::check(&request);
    };
    for (name, value) in fields(&request) {
        match &json["params"][name] {
            Value::String(text) => assert_eq!(value, text),
            Value::Number(number) => assert_eq!(value, number.to_string()),
            other => panic!("{name} was read from {other}"),
        }
    }
    form::check(&request);
});
