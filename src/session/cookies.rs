//! The cookies: the session's, the hint that outlives it, the way back, and `heroku-nav-data`.

use std::borrow::Cow;

use cookie::time::Duration as CookieDuration;
use cookie::{Cookie, CookieJar, Key, SameSite};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use time::{Duration, OffsetDateTime};

use super::{Credential, Opened};
use crate::config::CookieTransport;
use crate::ids::ResourceId;
use crate::secret::ClientSecret;

const SESSION: &str = "heroku_sso";
const HINT: &str = "heroku_sso_hint";
const WAY_BACK: &str = "heroku_sso_back";
const NAV_DATA: &str = "heroku-nav-data";

/// How long a browser remembers whose dashboard it showed.
const HINT_LIFE: Duration = Duration::days(30);
/// How long the way through Heroku and back may take.
const WAY_BACK_LIFE: Duration = Duration::minutes(10);
/// How many resources a browser remembers, if each has a session of its own.
const HINTS: usize = 10;
/// The longest page address that is kept for the way back, in bytes.
const MAX_WANTED: usize = 2048;

/// Writes and reads the cookies. `SameSite=Lax` on all: a `Strict` cookie would not be sent on the
/// redirect that follows Heroku's cross-site POST.
#[derive(Clone)]
pub(crate) struct Cookies {
    transport: CookieTransport,
    /// The name of the session cookie, if a browser has only one.
    session: String,
    key: Key,
    /// One session for each resource in a browser, and not one for all.
    one_each: bool,
}

/// Where a browser wants to be once it is signed in again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct WayBack {
    pub(crate) resource: ResourceId,
    /// When the browser was last sent to Heroku.
    pub(crate) sent_at: OffsetDateTime,
    /// The page: a same-origin path with its query. None once it was reached.
    pub(crate) wanted: Option<String>,
}

impl Cookies {
    pub(crate) fn new(transport: CookieTransport, secret: &ClientSecret, one_each: bool) -> Self {
        // The key only authenticates hints, which grant nothing. The label keeps it apart from every
        // other use of the secret and makes the material long enough for the derivation.
        let label = b"tower-heroku-sso: authenticated hint cookies, version 1: ";
        let material = [label, secret.expose().as_bytes()].concat();
        Self {
            session: full_name(transport, SESSION),
            transport,
            key: Key::derive_from(&material),
            one_each,
        }
    }

    /// The session cookie in the request; of this resource, if each has its own. Of several cookies
    /// of the name only the first counts.
    pub(crate) fn session_of<'h>(
        &self,
        headers: &'h HeaderMap,
        resource: Option<&ResourceId>,
    ) -> Option<Credential<'h>> {
        let name = self.session_name(resource);
        let texts = headers.get_all(COOKIE).into_iter();
        let texts = texts.filter_map(|text| text.to_str().ok());
        let mut pairs = texts.flat_map(|text| text.split(';'));
        // As sent: what a session cookie holds needs no escapes. To have every cookie parsed would be
        // much of what a request costs.
        let value = pairs.find_map(|pair| {
            let (own, value) = pair.split_once('=')?;
            (own.trim() == name).then(|| value.trim())
        });
        Some(Credential::Cookie(value?.into()))
    }

    /// The name of the session cookie; of this resource's, if each has its own.
    pub(crate) fn session_name(&self, resource: Option<&ResourceId>) -> Cow<'_, str> {
        match resource.filter(|_| self.one_each) {
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
        let sessions = all(headers).filter_map(|cookie| {
            let resource = cookie.name().strip_prefix(&prefix)?.parse().ok()?;
            let value = cookie.value().to_owned();
            Some((Some(resource), Credential::Cookie(value.into())))
        });
        sessions.collect()
    }

    /// The cookies of somebody who has signed in: the session, and the hint that outlives it.
    pub(crate) fn signed_in(
        &self,
        opened: &Opened,
        now: OffsetDateTime,
    ) -> impl Iterator<Item = HeaderValue> {
        let grant = &opened.grant;
        let value = opened.value.clone();
        let session = self.session(&grant.resource, value, grant.expires_at, now);
        // Of several hints the browser did not send the others along: the form came from another site.
        let hint = (!self.one_each).then(|| self.with_hint(&[], &grant.resource));
        [session].into_iter().chain(hint)
    }

    /// The hint of somebody who has landed, if each resource has its own and the browser has none of
    /// this one.
    pub(crate) fn landed(&self, headers: &HeaderMap, resource: &ResourceId) -> Option<HeaderValue> {
        let hints = self.one_each.then(|| self.hints(headers))?;
        (!hints.contains(resource)).then(|| self.with_hint(&hints, resource))
    }

    /// `Max-Age` is the time to `expires_at`, up to the next whole second.
    pub(crate) fn session(
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

    /// The resources that this browser last signed in to, the last one first: one, or some if each
    /// has a session of its own. They say whose Heroku page may sign it in again, and grant nothing.
    pub(crate) fn hints(&self, headers: &HeaderMap) -> Vec<ResourceId> {
        let text = self.verified(headers, HINT).unwrap_or_default();
        let hints = text.strip_prefix("hint ").unwrap_or_default().split(' ');
        let hints = hints.filter_map(|hint| hint.parse().ok());
        hints.take(if self.one_each { HINTS } else { 1 }).collect()
    }

    fn with_hint(&self, hints: &[ResourceId], resource: &ResourceId) -> HeaderValue {
        let others = hints.iter().filter(|hint| *hint != resource);
        let mut text = format!("hint {resource}");
        for other in others.take(if self.one_each { HINTS - 1 } else { 0 }) {
            text.push(' ');
            text.push_str(&other.to_string());
        }
        self.signed(HINT, text, HINT_LIFE)
    }

    /// Takes back the hint of this resource, or all.
    pub(crate) fn without_hint(
        &self,
        hints: &[ResourceId],
        resource: Option<&ResourceId>,
    ) -> HeaderValue {
        let left: Vec<_> = match resource {
            Some(resource) if self.one_each => {
                hints.iter().filter(|hint| *hint != resource).collect()
            }
            _ => Vec::new(),
        };
        match left.split_first() {
            Some((first, others)) => {
                let others: Vec<_> = others.iter().map(|other| **other).collect();
                self.with_hint(&others, first)
            }
            None => self.set(HINT, String::new(), Duration::ZERO),
        }
    }

    pub(crate) fn way_back(
        &self,
        headers: &HeaderMap,
        resource: Option<&ResourceId>,
    ) -> Option<WayBack> {
        let text = self.verified(headers, &self.of(WAY_BACK, resource))?;
        let mut parts = text.strip_prefix("back ")?.splitn(3, ' ');
        let resource = parts.next()?.parse().ok()?;
        let sent_at = parts.next()?.parse().ok()?;
        let wanted = parts.next().filter(|path| is_own_path(path));
        Some(WayBack {
            resource,
            sent_at: OffsetDateTime::from_unix_timestamp(sent_at).ok()?,
            wanted: wanted.map(str::to_owned),
        })
    }

    pub(crate) fn set_way_back(&self, way: &WayBack) -> HeaderValue {
        let sent_at = way.sent_at.unix_timestamp();
        let wanted = way.wanted.as_deref().filter(|path| is_own_path(path));
        let wanted = wanted.unwrap_or_default();
        let text = format!("back {} {sent_at} {wanted}", way.resource);
        self.signed(&self.of(WAY_BACK, Some(&way.resource)), text, WAY_BACK_LIFE)
    }

    /// `heroku-nav-data`, for kensa and add-ons from before 2019; none if the value is not the
    /// base64 that Heroku sends.
    pub(crate) fn nav_data(&self, value: &str) -> Option<HeaderValue> {
        let base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/-_=".contains(&b);
        if value.is_empty() || value.len() > 4096 || !value.bytes().all(base64) {
            return None;
        }
        let cookie = Cookie::build((NAV_DATA, value))
            .path("/")
            .same_site(SameSite::Lax)
            .secure(self.transport == CookieTransport::Https);
        cookie.to_string().try_into().ok()
    }

    /// The name of a cookie that each resource may have.
    fn of(&self, name: &str, resource: Option<&ResourceId>) -> String {
        match resource {
            Some(resource) if self.one_each => format!("{name}_{resource}"),
            _ => name.to_owned(),
        }
    }

    fn name(&self, name: &str) -> String {
        full_name(self.transport, name)
    }

    fn set(&self, name: &str, value: String, life: Duration) -> HeaderValue {
        let life = CookieDuration::seconds(life.whole_seconds().max(0));
        secret(&self.build(name, value, life))
    }

    fn signed(&self, name: &str, value: String, life: Duration) -> HeaderValue {
        let mut jar = CookieJar::new();
        let life = CookieDuration::seconds(life.whole_seconds());
        let cookie = self.build(name, value, life).into_owned();
        jar.signed_mut(&self.key).add(cookie);
        secret(jar.get(&self.name(name)).expect("the cookie added above"))
    }

    fn verified(&self, headers: &HeaderMap, name: &str) -> Option<String> {
        let cookie = find(headers, &self.name(name))?;
        let verified = CookieJar::new().signed(&self.key).verify(cookie)?;
        Some(verified.value().to_owned())
    }

    fn build(&self, name: &str, value: String, life: CookieDuration) -> Cookie<'static> {
        Cookie::build((self.name(name), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.transport == CookieTransport::Https)
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

/// The header of a cookie, which is not to be printed.
fn secret(cookie: &Cookie<'_>) -> HeaderValue {
    let value = HeaderValue::try_from(cookie.encoded().to_string());
    let mut value = value.expect("an encoded cookie is a header value");
    value.set_sensitive(true);
    value
}

fn full_name(transport: CookieTransport, name: &str) -> String {
    match transport {
        CookieTransport::Https => format!("__Host-{name}"),
        CookieTransport::InsecureHttp => name.to_owned(),
    }
}

fn find(headers: &HeaderMap, name: &str) -> Option<Cookie<'static>> {
    all(headers).find(|cookie| cookie.name() == name)
}

fn all(headers: &HeaderMap) -> impl Iterator<Item = Cookie<'static>> {
    let headers = headers.get_all(COOKIE).into_iter();
    let texts = headers.filter_map(|value| value.to_str().ok());
    let cookies = texts.flat_map(|text| Cookie::split_parse_encoded(text.to_owned()));
    cookies.filter_map(Result::ok)
}

/// A path of this site that no browser reads as another site: one leading slash, no backslash, no
/// control characters, no spaces.
fn is_own_path(path: &str) -> bool {
    let own = path.starts_with('/') && !path.starts_with("//") && path.len() <= MAX_WANTED;
    own && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
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
