//! The gate's own cookies, which the upstream must not see.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

/// Removes the session, hint and return cookies, and leaves the upstream's own cookies as they are. Any
/// program with the session's cookie can act as its user.
pub(crate) fn remove(headers: &mut HeaderMap) {
    let cookies = headers.get_all(COOKIE).iter();
    let left: Vec<_> = cookies.filter_map(without_own).collect();
    headers.remove(COOKIE);
    for cookies in left {
        headers.append(COOKIE, cookies);
    }
}

fn without_own(cookies: &HeaderValue) -> Option<HeaderValue> {
    let pairs = cookies.as_bytes().split(|b| *b == b';');
    let pairs = pairs.map(<[u8]>::trim_ascii);
    let others: Vec<_> = pairs
        .filter(|pair| !pair.is_empty() && !is_own(pair))
        .collect();
    if others.is_empty() {
        return None;
    }
    HeaderValue::from_bytes(&others.join(&b"; "[..])).ok()
}

/// `heroku_sso`, `heroku_sso_…`, and both with `__Host-` in front.
fn is_own(pair: &[u8]) -> bool {
    let name = pair.split(|b| *b == b'=').next().unwrap_or_default();
    let name = name.trim_ascii();
    let name = name.strip_prefix(b"__Host-").unwrap_or(name);
    let rest = name.strip_prefix(b"heroku_sso");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"_"))
}
