//! HTTP Basic, compared in constant time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::config::Manifest;
use crate::sso::token::equal_in_constant_time;

/// Longer credentials are invalid.
const MAX_HEADER: usize = 1024;

/// True if the request carries the manifest's `id` and `api.password`.
pub(super) fn is_heroku(headers: &HeaderMap, manifest: &Manifest) -> bool {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Some(credentials) = decode(value.as_bytes()) else {
        return false;
    };
    let expected = [
        manifest.slug.as_bytes(),
        b":",
        manifest.password.expose().as_bytes(),
    ];
    equal_in_constant_time(&credentials, &expected.concat())
}

fn decode(header: &[u8]) -> Option<Vec<u8>> {
    let (scheme, rest) = header.split_at_checked(6)?;
    if header.len() > MAX_HEADER || !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    STANDARD.decode(rest.trim_ascii()).ok()
}
