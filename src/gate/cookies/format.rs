//! The names and attributes of all cookies, and how they are written and read.

use std::iter;

use cookie::time::Duration as CookieDuration;
use cookie::{Cookie, CookieJar, Key, SameSite};
use heroku_sso_store::ResourceId;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use memchr::memchr;
use time::Duration;

use crate::config::CookieTransport;
use crate::secret::ClientSecret;

/// What all cookies have in common. `SameSite=Lax` on all: a `Strict` cookie would not be sent on the
/// redirect that follows Heroku's cross-site POST.
#[derive(Clone)]
pub(super) struct CookieFormat {
    transport: CookieTransport,
    key: Key,
    /// True if a browser has a session for each resource, instead of one for all.
    pub(super) per_resource: bool,
}

impl CookieFormat {
    pub(super) fn new(
        transport: CookieTransport,
        secret: &ClientSecret,
        per_resource: bool,
    ) -> Self {
        // The key only authenticates hints, which grant nothing. The label separates it from every other use
        // of the secret, and makes the material long enough for the derivation.
        let label = b"tower-heroku-sso: authenticated hint cookies, version 1: ";
        let material = [label, secret.expose().as_bytes()].concat();
        Self {
            transport,
            key: Key::derive_from(&material),
            per_resource,
        }
    }

    /// True if browsers send the cookies over https only.
    pub(super) fn is_secure(&self) -> bool {
        self.transport == CookieTransport::Https
    }

    /// The name of a cookie that each resource may have, without the prefix.
    pub(super) fn name_of(&self, name: &str, resource: Option<&ResourceId>) -> String {
        match resource {
            Some(resource) if self.per_resource => format!("{name}_{resource}"),
            _ => name.to_owned(),
        }
    }

    /// The name as the browser has it.
    pub(super) fn full_name(&self, name: &str) -> String {
        match self.transport {
            CookieTransport::Https => format!("__Host-{name}"),
            CookieTransport::InsecureHttp => name.to_owned(),
        }
    }

    pub(super) fn set(&self, name: &str, value: String, life: Duration) -> HeaderValue {
        let life = CookieDuration::seconds(life.whole_seconds().max(0));
        secret(&self.build(name, value, life))
    }

    /// A cookie whose value only this gate can have written. It is not encrypted.
    pub(super) fn signed(&self, name: &str, value: String, life: Duration) -> HeaderValue {
        let mut jar = CookieJar::new();
        let life = CookieDuration::seconds(life.whole_seconds());
        let cookie = self.build(name, value, life).into_owned();
        jar.signed_mut(&self.key).add(cookie);
        secret(
            jar.get(&self.full_name(name))
                .expect("the cookie added above"),
        )
    }

    /// The value of a signed cookie.
    pub(super) fn verified(&self, headers: &HeaderMap, name: &str) -> Option<String> {
        let name = self.full_name(name);
        let value = find(headers, &name)?;
        let cookie = Cookie::parse_encoded(format!("{name}={value}")).ok()?;
        let verified = CookieJar::new().signed(&self.key).verify(cookie)?;
        Some(verified.value().to_owned())
    }

    fn build(&self, name: &str, value: String, life: CookieDuration) -> Cookie<'static> {
        Cookie::build((self.full_name(name), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.is_secure())
            .max_age(life)
            .build()
    }
}

/// The header of a cookie, marked as sensitive so that it is not printed.
fn secret(cookie: &Cookie<'_>) -> HeaderValue {
    let value = HeaderValue::try_from(cookie.encoded().to_string());
    let mut value = value.expect("an encoded cookie is a valid header value");
    value.set_sensitive(true);
    value
}

/// The value of the first cookie with this name, as it was sent.
pub(super) fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut cookies = all(headers);
    let (_, value) = cookies.find(|(own, _)| *own == name.as_bytes())?;
    str::from_utf8(value).ok()
}

/// Names and values as they were sent. Other cookies may hold any bytes, as a script of the page can set
/// them. A name is never decoded: browsers enforce the `__Host-` prefix only on names written like that.
/// Parsing every cookie would be a large part of a request's cost.
pub(super) fn all(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
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
