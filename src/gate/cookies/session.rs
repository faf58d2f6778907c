//! The session cookie.

use std::borrow::Cow;

use heroku_sso_store::ResourceId;
use http::{HeaderMap, HeaderValue};
use time::{Duration, OffsetDateTime};

use super::format::{CookieFormat, all, find};
use crate::session::{Credential, NewSession};

const NAME: &str = "heroku_sso";

/// The most bytes of sessions that a browser keeps after a sign-in, if each resource has its own. Heroku's
/// router allows 8 KiB for all cookies together, and the next session and the other cookies are among them.
const MAX_SENT: usize = 4608;

/// The most bytes of sessions that are read from one request, which bounds the sessions that a sign-out ends:
/// [`MAX_SENT`], and what the last sign-ins have added. The answer removes each by a header of its own, and
/// many clients read 100 headers at most.
const MAX_READ: usize = 6 * 1024;

/// Names a session, or contains it.
#[derive(Clone)]
pub(crate) struct SessionCookie {
    format: CookieFormat,
    /// The name, if a browser has only one session.
    name: String,
}

/// The session cookie of one resource in a request.
struct Sent<'h> {
    resource: ResourceId,
    value: &'h [u8],
    /// In the header, in bytes.
    size: usize,
}

impl SessionCookie {
    pub(super) fn new(format: CookieFormat) -> Self {
        let name = format.full_name(NAME);
        Self { format, name }
    }

    /// The session cookie in the request; the one of this resource, if each has its own. Of several cookies
    /// with the same name only the first counts.
    pub(crate) fn read<'h>(
        &self,
        headers: &'h HeaderMap,
        resource: Option<&ResourceId>,
    ) -> Option<Credential<'h>> {
        // The value of a session cookie needs no escapes.
        let value = find(headers, &self.name(resource))?;
        Some(Credential::Cookie(value.into()))
    }

    /// The session cookies of all resources in the request, if each has its own, up to [`MAX_READ`].
    pub(crate) fn read_all(
        &self,
        headers: &HeaderMap,
    ) -> Vec<(Option<ResourceId>, Credential<'static>)> {
        let sessions = self.of_resources(headers);
        let mut bytes = 0;
        let sessions = sessions.take_while(|session| {
            bytes += session.size;
            bytes <= MAX_READ
        });
        let sessions = sessions.filter_map(|session| {
            let value = str::from_utf8(session.value).ok()?.to_owned();
            Some((Some(session.resource), Credential::Cookie(value.into())))
        });
        sessions.collect()
    }

    /// Its name; the one of this resource, if each has its own.
    pub(crate) fn name(&self, resource: Option<&ResourceId>) -> Cow<'_, str> {
        match resource.filter(|_| self.format.per_resource) {
            None => Cow::Borrowed(&self.name),
            Some(_) => Cow::Owned(self.format.full_name(&self.format.name_of(NAME, resource))),
        }
    }

    /// `Max-Age` is the time to the session's latest end, up to the next whole second.
    pub(crate) fn set(&self, opened: &NewSession, now: OffsetDateTime) -> HeaderValue {
        let life = opened.latest_end - now + Duration::nanoseconds(999_999_999);
        let name = self.format.name_of(NAME, Some(&opened.grant.resource));
        self.format.set(&name, opened.value.clone(), life)
    }

    /// The removal of the sessions that a browser used least recently, if it sends too many bytes of them:
    /// signed cookies are long. `order` are the resources to which it signed in, the latest first.
    pub(super) fn make_room(&self, headers: &HeaderMap, order: &[ResourceId]) -> Vec<HeaderValue> {
        let mut sessions: Vec<_> = self.of_resources(headers).collect();
        sessions.sort_by_key(|session| {
            let rank = order.iter().position(|it| *it == session.resource);
            rank.unwrap_or(order.len())
        });
        let mut bytes = 0;
        let too_many = sessions.into_iter().filter(|session| {
            bytes += session.size;
            bytes > MAX_SENT
        });
        too_many
            .map(|session| self.remove(Some(&session.resource)))
            .collect()
    }

    /// The session cookies of all resources in the request, if each has its own.
    fn of_resources<'h>(&self, headers: &'h HeaderMap) -> impl Iterator<Item = Sent<'h>> {
        let prefix = format!("{}_", self.name);
        all(headers).filter_map(move |(name, value)| {
            let resource = str::from_utf8(name.strip_prefix(prefix.as_bytes())?).ok()?;
            Some(Sent {
                resource: resource.parse().ok()?,
                value,
                size: name.len() + value.len() + 3,
            })
        })
    }

    pub(crate) fn remove(&self, resource: Option<&ResourceId>) -> HeaderValue {
        let name = self.format.name_of(NAME, resource);
        self.format.set(&name, String::new(), Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use cookie::Cookie;
    use http::header::COOKIE;

    use super::*;
    use crate::config::CookieTransport;
    use crate::secret::ClientSecret;

    #[test]
    fn fast_lookup_finds_the_same_cookie_as_the_full_parser() {
        let secret = ClientSecret::new("a client secret of some length").unwrap();
        let format = CookieFormat::new(CookieTransport::InsecureHttp, &secret, false);
        let session = SessionCookie::new(format);
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
            let found = match session.read(&headers, None) {
                Some(Credential::Cookie(value)) => Some(value.into_owned()),
                _ => None,
            };
            let mut all = Cookie::split_parse(text).filter_map(Result::ok);
            let parsed = all.find(|cookie| cookie.name() == NAME);
            let parsed = parsed.and_then(|cookie| Some(cookie.value_raw()?.to_owned()));
            assert_eq!(found, parsed, "{text:?}");
        }
    }
}
