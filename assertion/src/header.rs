//! The header that carries the assertion.

use http::header::CONNECTION;
use http::{HeaderMap, HeaderName, HeaderValue};

/// `x-heroku-sso-assertion`.
pub static HEADER: HeaderName = HeaderName::from_static("x-heroku-sso-assertion");

/// Removes every spelling of the header: servers behind proxies may treat `_` and `-` alike.
pub fn remove(headers: &mut HeaderMap) {
    let spelt: Vec<_> = headers
        .keys()
        .filter(|name| is_ours(name))
        .cloned()
        .collect();
    for name in spelt {
        headers.remove(name);
    }
}

/// Removes the header's name from `Connection`: a proxy between here and the service would remove
/// the headers listed there (RFC 9110, section 7.6.1), and with them the assertion.
pub fn keep_on_the_way(headers: &mut HeaderMap) {
    let is_named = |option: &&[u8]| option.eq_ignore_ascii_case(HEADER.as_str().as_bytes());
    let values = headers.get_all(CONNECTION).iter();
    if !values.flat_map(options).any(|option| is_named(&option)) {
        return;
    }
    let values = headers.get_all(CONNECTION).iter();
    let others = values.flat_map(options).filter(|option| !is_named(option));
    let others = others.collect::<Vec<_>>().join(&b", "[..]);
    headers.remove(CONNECTION);
    if let Ok(others) = HeaderValue::from_bytes(&others)
        && !others.is_empty()
    {
        headers.insert(CONNECTION, others);
    }
}

fn options(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value
        .as_bytes()
        .split(|b| *b == b',')
        .map(<[u8]>::trim_ascii)
}

fn is_ours(name: &HeaderName) -> bool {
    // Header names are in lower case here.
    let plain = |b: u8| if b == b'_' { b'-' } else { b };
    let ours = HEADER.as_str().bytes();
    name.as_str().bytes().map(plain).eq(ours)
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn no_connection_option_names_the_assertion_and_the_others_stay() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONNECTION, HeaderValue::from_static(value));
            }
            keep_on_the_way(&mut headers);
            let left = headers.get_all(CONNECTION).iter();
            let left: Vec<_> = left
                .map(|value| value.to_str().unwrap().to_owned())
                .collect();
            left.join(" | ")
        };
        assert_eq!(of(&["X-Heroku-SSO-Assertion"]), "");
        let several = [
            "close, x-heroku-sso-assertion",
            "x-other,x-heroku-sso-assertion ",
        ];
        assert_eq!(of(&several), "close, x-other");
        assert_eq!(of(&["keep-alive", "Upgrade"]), "keep-alive | Upgrade");
    }
}
