//! Reads the credential of a request: its session cookie or its bearer token.

use http::HeaderMap;

use super::paths::SessionScope;
use super::state::GateState;
use crate::session::Credential;

/// The credential that applies in this scope. A bearer token takes precedence over a cookie.
pub(super) fn credential<'h>(
    gate: &GateState,
    scope: SessionScope,
    headers: &'h HeaderMap,
) -> Option<Credential<'h>> {
    if scope == SessionScope::None {
        return None;
    }
    let bearer = bearer(gate, headers);
    bearer.or_else(|| gate.cookies.session.read(headers, scope.resource()))
}

/// The bearer token of a request, if this gate accepts any.
#[cfg(feature = "jwt")]
pub(super) fn bearer<'h>(gate: &GateState, headers: &'h HeaderMap) -> Option<Credential<'h>> {
    let takes_bearers = gate.sessions.takes_bearers();
    takes_bearers.then(|| authorization(headers)).flatten()
}

#[cfg(not(feature = "jwt"))]
pub(super) fn bearer<'h>(_: &GateState, _: &'h HeaderMap) -> Option<Credential<'h>> {
    None
}

/// The token of the `Authorization` header, if its scheme is `Bearer` (RFC 6750, section 2.1). If there are
/// several, none is accepted, and the request has no other credential.
#[cfg(feature = "jwt")]
fn authorization(headers: &HeaderMap) -> Option<Credential<'_>> {
    const SCHEME: &[u8] = b"bearer";
    let values = headers.get_all(http::header::AUTHORIZATION).iter();
    let mut tokens = values.filter_map(|value| {
        let (scheme, token) = value.as_bytes().split_at_checked(SCHEME.len())?;
        let is_bearer = scheme.eq_ignore_ascii_case(SCHEME)
            && token.first().is_none_or(u8::is_ascii_whitespace);
        // A value that is not text is an invalid token, but it is still this request's credential.
        is_bearer.then(|| str::from_utf8(token).unwrap_or_default().trim())
    });
    let token = tokens.next()?;
    let only = if tokens.next().is_none() { token } else { "" };
    Some(Credential::Bearer(only.into()))
}
