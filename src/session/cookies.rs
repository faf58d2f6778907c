//! Writing and reading cookies, and the session cookie itself. The others are in
//! [`hints`](super::hints), [`return_to`](super::return_to) and [`nav_data`](super::nav_data).

use std::borrow::Cow;
use std::iter;

use cookie::time::Duration as CookieDuration;
use cookie::{Cookie, CookieJar, Key, SameSite};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use memchr::memchr;
use time::{Duration, OffsetDateTime};

use super::{Credential, NewSession};
use crate::config::CookieTransport;
use crate::ids::ResourceId;
use crate::secret::ClientSecret;

const SESSION: &str = "heroku_sso";

/// Writes and reads the cookies. `SameSite=Lax` on all: a `Strict` cookie would not be sent on the
/// redirect that follows Heroku's cross-site POST.
#[derive(Clone)]
pub(crate) struct Cookies {
    transport: CookieTransport,
    /// The name of the session cookie, if a browser has only one session.
    session: String,
    key: Key,
    /// True if a browser has a session for each resource, instead of one for all.
    pub(super) per_resource: bool,
}

impl Cookies {
    pub(crate) fn new(
        transport: CookieTransport,
        secret: &ClientSecret,
        per_resource: bool,
    ) -> Self {
        // The key only authenticates hints, which grant nothing. The label separates it from every other use
        // of the secret, and makes the material long enough for the derivation.
        let label = b"tower-heroku-sso: authenticated hint cookies, version 1: ";
        let material = [label, secret.expose().as_bytes()].concat();
        Self {
            session: full_name(transport, SESSION),
            transport,
            key: Key::derive_from(&material),
            per_resource,
        }
    }

    /// True if browsers send the cookies over https only.
    pub(crate) fn are_secure(&self) -> bool {
        self.transport == CookieTransport::Https
    }

    /// The session cookie in the request; the one of this resource, if each has its own. Of several cookies
    /// with the same name only the first counts.
    pub(crate) fn session_of<'h>(
        &self,
        headers: &'h HeaderMap,
        resource: Option<&ResourceId>,
    ) -> Option<Credential<'h>> {
        // The value of a session cookie needs no escapes.
        let value = find(headers, &self.session_name(resource))?;
        Some(Credential::Cookie(value.into()))
    }

    /// The name of the session cookie; the one of this resource, if each has its own.
    pub(crate) fn session_name(&self, resource: Option<&ResourceId>) -> Cow<'_, str> {
        match resource.filter(|_| self.per_resource) {
            None => Cow::Borrowed(&self.session),
            Some(_) => Cow::Owned(self.name(&self.of(SESSION, resource))),
        }
    }

    /// The session cookies of all resources in the request, if each has its own.
    pub(crate) fn all_sessions(
        &self,
        headers: &HeaderMap,
    ) -> Vec<(Option<ResourceId>, Credential<'static>)> {
        let prefix = self.name(SESSION) + "_";
        let sessions = all(headers).filter_map(|(name, value)| {
            let resource = name.strip_prefix(prefix.as_bytes())?;
            let resource = str::from_utf8(resource).ok()?.parse().ok()?;
            let value = str::from_utf8(value).ok()?.to_owned();
            Some((Some(resource), Credential::Cookie(value.into())))
        });
        sessions.collect()
    }

    /// The cookies after a sign-in: the session, and the hint that outlives it.
    pub(crate) fn signed_in(
        &self,
        opened: &NewSession,
        now: OffsetDateTime,
    ) -> impl Iterator<Item = HeaderValue> {
        let grant = &opened.grant;
        let value = opened.value.clone();
        let session = self.session(&grant.resource, value, opened.latest_end, now);
        // With a hint for each resource, the browser did not send the others: the form came from another
        // site.
        let hint = (!self.per_resource).then(|| self.with_hint(&[], &grant.resource));
        [session].into_iter().chain(hint)
    }

    /// `Max-Age` is the time to `expires_at`, up to the next whole second.
    fn session(
        &self,
        resource: &ResourceId,
        value: String,
        expires_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> HeaderValue {
        let life = expires_at - now + Duration::nanoseconds(999_999_999);
        self.set(&self.of(SESSION, Some(resource)), value, life)
    }

    pub(crate) fn no_session(&self, resource: Option<&ResourceId>) -> HeaderValue {
        self.set(&self.of(SESSION, resource), String::new(), Duration::ZERO)
    }

    /// The name of a cookie that each resource may have.
    pub(super) fn of(&self, name: &str, resource: Option<&ResourceId>) -> String {
        match resource {
            Some(resource) if self.per_resource => format!("{name}_{resource}"),
            _ => name.to_owned(),
        }
    }

    pub(super) fn name(&self, name: &str) -> String {
        full_name(self.transport, name)
    }

    pub(super) fn set(&self, name: &str, value: String, life: Duration) -> HeaderValue {
        let life = CookieDuration::seconds(life.whole_seconds().max(0));
        secret(&self.build(name, value, life))
    }

    pub(super) fn signed(&self, name: &str, value: String, life: Duration) -> HeaderValue {
        let mut jar = CookieJar::new();
        let life = CookieDuration::seconds(life.whole_seconds());
        let cookie = self.build(name, value, life).into_owned();
        jar.signed_mut(&self.key).add(cookie);
        secret(jar.get(&self.name(name)).expect("the cookie added above"))
    }

    pub(super) fn verified(&self, headers: &HeaderMap, name: &str) -> Option<String> {
        let name = self.name(name);
        let value = find(headers, &name)?;
        let cookie = Cookie::parse_encoded(format!("{name}={value}")).ok()?;
        let verified = CookieJar::new().signed(&self.key).verify(cookie)?;
        Some(verified.value().to_owned())
    }

    fn build(&self, name: &str, value: String, life: CookieDuration) -> Cookie<'static> {
        Cookie::build((self.name(name), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.are_secure())
            .max_age(life)
            .build()
    }
}

impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cookies")
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

/// The header of a cookie, marked as sensitive so that it is not printed.
fn secret(cookie: &Cookie<'_>) -> HeaderValue {
    let value = HeaderValue::try_from(cookie.encoded().to_string());
    let mut value = value.expect("an encoded cookie is a valid header value");
    value.set_sensitive(true);
    value
}

fn full_name(transport: CookieTransport, name: &str) -> String {
    match transport {
        CookieTransport::Https => format!("__Host-{name}"),
        CookieTransport::InsecureHttp => name.to_owned(),
    }
}

/// The value of the first cookie with this name, as it was sent.
fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut cookies = all(headers);
    let (_, value) = cookies.find(|(own, _)| *own == name.as_bytes())?;
    str::from_utf8(value).ok()
}

/// Names and values as they were sent. Other cookies may hold any bytes, as a script of the page can set
/// them. A name is never decoded: browsers enforce the `__Host-` prefix only on names written like that.
/// Parsing every cookie would be a large part of a request's cost.
fn all(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    let texts = headers.get_all(COOKIE).into_iter();
    let pairs = texts.flat_map(|text| split(text.as_bytes()));
    pairs.filter_map(|pair| {
        let end = memchr(b'=', pair)?;
        Some((pair[..end].trim_ascii(), pair[end + 1..].trim_ascii()))
    })
}

/// The parts between the semicolons. Does what `slice::split` does, but many bytes at a time.
fn split(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    iter::from_fn(move || {
        let text = rest?;
        let end = memchr(b';', text);
        rest = end.map(|end| &text[end + 1..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_cookie_is_the_one_that_the_parser_of_all_cookies_finds_first() {
        let secret = ClientSecret::new("a client secret of some length").unwrap();
        let cookies = Cookies::new(CookieTransport::InsecureHttp, &secret, false);
        for text in [
            "heroku_sso=a",
            "x=1; heroku_sso=a; heroku_sso=b",
            "heroku_sso = a ;x=1",
            " ;; heroku_sso=a=b;",
            "heroku_sso=",
            "heroku_sso=;heroku_sso=a",
            "heroku_sso;heroku_sso=a",
            "heroku_sso_hint=h; xheroku_sso=b; heroku_sso x=c",
            "Heroku_sso=a",
            "=heroku_sso=a",
            "x=heroku_sso=a",
            "heroku%5Fsso=a",
            "heroku_sso=\"a\"; x",
            "heroku_sso=a%3Bb",
            "\"heroku_sso=a\"",
            "",
        ] {
            let mut headers = HeaderMap::new();
            headers.append(COOKIE, HeaderValue::from_static("x=y"));
            headers.append(COOKIE, text.parse().unwrap());
            let found = match cookies.session_of(&headers, None) {
                Some(Credential::Cookie(value)) => Some(value.into_owned()),
                _ => None,
            };
            let mut all = Cookie::split_parse(text).filter_map(Result::ok);
            let parsed = all.find(|cookie| cookie.name() == SESSION);
            let parsed = parsed.and_then(|cookie| Some(cookie.value_raw()?.to_owned()));
            assert_eq!(found, parsed, "{text:?}");
        }
    }
}
