//! Leads a browser whose session has ended to its add-on's page at Heroku, which signs it in again, and from
//! there back to the page that it requested.

use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::Full;
use time::{Duration, OffsetDateTime};
use url::{Host, Url};

use super::RejectionKind;
use super::cookies::ReturnTo;
use super::redirect::redirect;
use super::state::GateState;
use crate::config::{Config, OnExpired};
use crate::heroku::is_loopback;
use crate::ids::ResourceId;
use crate::sync::Directory;

/// A browser is redirected to Heroku at most this often. After that it gets the page, which prevents a
/// redirect loop.
const BETWEEN_BOUNCES: Duration = Duration::MINUTE;

/// Whether browsers are redirected to Heroku, and to which pages.
#[derive(Debug)]
pub(super) struct HerokuRedirects {
    on_expired: OnExpired,
    /// The Platform API is on this machine, so Heroku's pages may be on it too.
    heroku_is_local: bool,
}

impl HerokuRedirects {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            on_expired: config.on_expired,
            heroku_is_local: config.api_url.is_loopback(),
        }
    }

    /// True if a browser may be redirected now; `last` is its last redirect.
    pub(super) fn are_due(&self, last: Option<&ReturnTo>, now: OffsetDateTime) -> bool {
        let just_sent = last.is_some_and(|last| (now - last.sent_at).abs() < BETWEEN_BOUNCES);
        self.on_expired == OnExpired::Redirect && !just_sent
    }

    /// The page at Heroku that signs a user of this resource in again, if it is known and trusted.
    pub(super) async fn page_of(
        &self,
        directory: &Directory,
        resource: &ResourceId,
    ) -> Option<Url> {
        let list = directory.known_list(resource).await.ok()??;
        let web_url = list.snapshot.web_url.clone()?;
        is_herokus(&web_url, self.heroku_is_local).then_some(web_url)
    }
}

/// Sends the browser to `web_url`. A cookie remembers the page that it requested.
pub(super) fn to_heroku(
    gate: &GateState,
    kind: RejectionKind,
    web_url: &Url,
    resource: ResourceId,
    wanted: String,
) -> Response<Full<Bytes>> {
    let return_to = ReturnTo {
        resource,
        sent_at: gate.directory.clock().now(),
        wanted: Some(wanted),
    };
    let location = HeaderValue::try_from(web_url.as_str());
    let location = location.expect("a parsed URL is printable ASCII");
    let mut response = redirect(location);
    let headers = response.headers_mut();
    headers.append(SET_COOKIE, gate.cookies.return_to.set(&return_to));
    response.extensions_mut().insert(kind);
    response
}

/// Sends the browser from the landing page, once, to the page that the user requested when the last session
/// ended.
pub(super) fn back_to_page(
    gate: &GateState,
    headers: &HeaderMap,
    resource: &ResourceId,
) -> Option<Response<Full<Bytes>>> {
    let return_to = gate.cookies.return_to.read(headers, Some(resource))?;
    if return_to.resource != *resource {
        return None;
    }
    let wanted = return_to.wanted.clone()?;
    let mut response = redirect(HeaderValue::try_from(wanted).ok()?);
    let done = ReturnTo {
        wanted: None,
        ..return_to
    };
    let done = gate.cookies.return_to.set(&done);
    response.headers_mut().append(SET_COOKIE, done);
    Some(response)
}

/// An add-on's Heroku page is trusted if it is https on heroku.com. It may be on this machine if the Platform
/// API is on this machine too.
fn is_herokus(page: &Url, heroku_is_local: bool) -> bool {
    let plain = page.username().is_empty() && page.password().is_none();
    let at_heroku = match page.host() {
        Some(Host::Domain(host)) => host == "heroku.com" || host.ends_with(".heroku.com"),
        _ => false,
    };
    let public = page.scheme() == "https" && at_heroku && page.port().is_none();
    let local = heroku_is_local && matches!(page.scheme(), "http" | "https") && is_loopback(page);
    plain && (public || local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_to_heroku_and_nowhere_else() {
        let counts = |page: &str, local| is_herokus(&page.parse().unwrap(), local);
        for page in [
            "https://heroku.com/apps/shop",
            "https://addons-sso.heroku.com/apps/shop/addons/1",
            "https://HEROKU.com:443/",
        ] {
            assert!(counts(page, false) && counts(page, true), "{page}");
        }
        for page in [
            "http://127.0.0.1:5000/",
            "https://localhost/",
            "http://[::1]:5000/",
        ] {
            assert!(!counts(page, false) && counts(page, true), "{page}");
        }
        for page in [
            "http://heroku.com/",
            "https://heroku.com:8443/",
            "https://heroku.com.evil.example/",
            "https://notheroku.com/",
            "https://evil.example/heroku.com",
            "https://evil.example/.heroku.com",
            "https://ann@heroku.com/",
            "https://:secret@heroku.com/",
            "http://ann:secret@127.0.0.1/",
            "https://10.0.0.1/",
            "ftp://127.0.0.1/",
            "data:text/html,heroku.com",
            "javascript:alert(1)//.heroku.com",
        ] {
            assert!(!counts(page, false) && !counts(page, true), "{page}");
        }
    }
}
