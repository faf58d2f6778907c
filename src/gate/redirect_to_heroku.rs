//! Redirects a browser whose session has ended to its add-on's page at Heroku, which signs it in again. From
//! there the browser returns to the page that it requested.

use std::collections::VecDeque;

use bytes::Bytes;
use heroku_sso_store::ResourceId;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::Full;
use parking_lot::Mutex;
use time::{Duration, OffsetDateTime};
use url::{Host, Url};

use super::RejectionKind;
use super::cookies::{MOST_RETURNS, ReturnTo};
use super::rejection_page::HEROKU_DASHBOARD;
use super::see_other::see_other;
use super::state::GateState;
use crate::config::{Config, OnExpired};
use crate::heroku::is_loopback;
use crate::sync::Directory;

/// The minimum time between two redirects of a browser to Heroku from one page. In the meantime the browser
/// gets the rejection page, which prevents a redirect loop.
const BETWEEN_BOUNCES: Duration = Duration::MINUTE;

/// How many returns are remembered in this process.
const USED_RETURNS: usize = 256;

/// Whether browsers are redirected to Heroku, and to which pages.
#[derive(Debug)]
pub(super) struct HerokuRedirects {
    on_expired: OnExpired,
    /// The Platform API is on this machine, so Heroku's pages may be on it too.
    heroku_is_local: bool,
    /// Where a user finds their apps: the simulator's page in place of Heroku's, if there is one.
    dashboard: Url,
    /// The returns that were used last. A browser that restores several tabs opens the landing page several
    /// times before it has received the first response's cookies.
    used: Mutex<VecDeque<u64>>,
}

impl HerokuRedirects {
    pub(super) fn new(config: &Config) -> Self {
        let heroku_is_local = is_loopback(&config.api_url);
        let dashboard = match heroku_is_local {
            true => config.api_url.to_string(),
            false => HEROKU_DASHBOARD.to_owned(),
        };
        Self {
            on_expired: config.on_expired,
            heroku_is_local,
            dashboard: dashboard.parse().expect("a valid address"),
            used: Mutex::default(),
        }
    }

    /// True if a browser may be redirected from `page` now; `all` are the pages that it is about to return
    /// to.
    pub(super) fn are_due(&self, page: &ReturnTo, all: &[ReturnTo], now: OffsetDateTime) -> bool {
        let is_recent = |page: &ReturnTo| {
            let sent_at = page.sent_at;
            sent_at.is_some_and(|sent_at| (now - sent_at).abs() < BETWEEN_BOUNCES)
        };
        let recent = all.iter().filter(|page| is_recent(page)).count();
        self.on_expired == OnExpired::Redirect && !is_recent(page) && recent < MOST_RETURNS
    }

    /// The page at Heroku that signs a user of this resource in again, if it is known and trusted.
    pub(super) async fn page_of(
        &self,
        directory: &Directory,
        resource: &ResourceId,
    ) -> Option<Url> {
        let list = directory.known_list(resource).await.ok()??;
        let web_url = Url::parse(list.snapshot.web_url.as_deref()?).ok()?;
        is_herokus(&web_url, self.heroku_is_local).then_some(web_url)
    }

    /// Where a user finds their apps.
    pub(super) fn dashboard(&self) -> &Url {
        &self.dashboard
    }

    /// True once for each return in this process.
    fn begin_return(&self, page: &ReturnTo) -> bool {
        let mut used = self.used.lock();
        if used.contains(&page.nonce) {
            return false;
        }
        if used.len() == USED_RETURNS {
            used.pop_front();
        }
        used.push_back(page.nonce);
        true
    }
}

/// Sends the browser to `web_url`. A cookie remembers the page that it requested.
pub(super) fn to_heroku(
    gate: &GateState,
    kind: RejectionKind,
    web_url: &Url,
    page: ReturnTo,
    all: &[ReturnTo],
) -> Response<Full<Bytes>> {
    let page = page.sent(gate.directory.clock().now());
    let location = HeaderValue::try_from(web_url.as_str());
    let location = location.expect("a parsed URL is printable ASCII");
    let mut response = see_other(location);
    let headers = response.headers_mut();
    for cookie in gate.cookies.return_to.add(all, &page) {
        headers.append(SET_COOKIE, cookie);
    }
    response.extensions_mut().insert(kind);
    response
}

/// Sends the browser from the landing page to a page that it requested when the last session had ended. Each
/// such page is the target once, the earliest first.
pub(super) fn back_to_page(
    gate: &GateState,
    headers: &HeaderMap,
    resource: &ResourceId,
) -> Option<Response<Full<Bytes>>> {
    let pages = gate.cookies.return_to.read(headers).into_iter();
    let mut pages = pages.filter(|page| page.resource == *resource && page.wanted.is_some());
    let page = pages.find(|page| gate.redirects.begin_return(page))?;
    let wanted = page.wanted.as_deref()?;
    let mut response = see_other(HeaderValue::try_from(wanted).ok()?);
    let done = gate.cookies.return_to.set(&page.reached());
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
