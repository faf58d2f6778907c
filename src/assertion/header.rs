//! The header that the assertion travels in.

use http::{HeaderMap, HeaderName};

/// `x-heroku-sso-assertion`.
pub static HEADER: HeaderName = HeaderName::from_static("x-heroku-sso-assertion");

/// Removes every spelling of the header: servers behind proxies read `_` and `-` as the same.
pub(super) fn remove(headers: &mut HeaderMap) {
    let spelt: Vec<_> = headers
        .keys()
        .filter(|name| is_ours(name))
        .cloned()
        .collect();
    for name in spelt {
        headers.remove(name);
    }
}

fn is_ours(name: &HeaderName) -> bool {
    // Header names are in lower case here.
    let plain = |b: u8| if b == b'_' { b'-' } else { b };
    let ours = HEADER.as_str().bytes();
    name.as_str().bytes().map(plain).eq(ours)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a57_a58_a59_every_spelling_is_removed_and_nothing_else() {
        let mut headers = HeaderMap::new();
        for name in [
            "x-heroku-sso-assertion",
            "X-Heroku-SSO-Assertion",
            "x_heroku_sso_assertion",
            "X_HEROKU-sso_assertion",
            "x-heroku-sso-assertions",
            "x-heroku-sso",
        ] {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_static("forged"));
        }
        remove(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["x-heroku-sso", "x-heroku-sso-assertions"]);
    }
}
