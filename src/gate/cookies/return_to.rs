//! The cookies that lead a browser back to the pages that it requested after its session had ended. Each page
//! has its own, so that the tabs of a browser do not overwrite each other's.

use heroku_sso_store::ResourceId;
use http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use super::format::{CookieFormat, all};

/// The beginning of their names; the page's key follows.
const NAME: &str = "heroku_sso_back_";

/// The maximum time of the way through Heroku and back.
const LIFE: Duration = Duration::minutes(10);

/// How long a page that was reached is remembered: longer than the pause between two redirects.
const REACHED_LIFE: Duration = Duration::minutes(2);

/// The maximum length of a page's address, in bytes.
const MAX_WANTED: usize = 2048;

/// The maximum length of a page's cookie, in bytes, as set. A longer address is not stored.
const MAX_COOKIE: usize = 2048;

/// The most cookies that a browser has at a time, and the bytes that it may send for them. Heroku's router
/// allows 8 KiB for all cookies together.
pub(crate) const MOST: usize = 8;
const MAX_SENT: usize = 2560;

/// A page to which a browser returns once it is signed in again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ReturnTo {
    pub(crate) resource: ResourceId,
    /// When the browser first requested the page without a session.
    pub(crate) since: OffsetDateTime,
    /// When the browser was last sent to Heroku from this page, if it was.
    pub(crate) sent_at: Option<OffsetDateTime>,
    /// The page: a same-origin path with its query. None once it was reached, or if it is not stored.
    pub(crate) wanted: Option<String>,
    /// Names the page in the cookie's name.
    pub(crate) key: PageKey,
    /// Distinguishes this way back from others to the same page.
    pub(crate) nonce: u64,
    /// The bytes that the browser sent for it.
    sent_bytes: usize,
}

/// The beginning of the SHA-256 of a page's path and query.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PageKey(u64);

impl PageKey {
    pub(crate) fn of(page: &str) -> Self {
        let mut first = [0; 8];
        first.copy_from_slice(&Sha256::digest(page)[..8]);
        Self(u64::from_be_bytes(first))
    }

    fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        is_hex.then(|| u64::from_str_radix(text, 16).ok().map(Self))?
    }

    fn text(self) -> String {
        format!("{:016x}", self.0)
    }
}

impl ReturnTo {
    /// A page that is requested now. `keep` is false for a page to which the browser need not be led: the
    /// landing page.
    pub(crate) fn new(resource: ResourceId, page: String, keep: bool, now: OffsetDateTime) -> Self {
        Self {
            resource,
            since: now,
            sent_at: None,
            key: PageKey::of(&page),
            wanted: keep.then_some(page).filter(|page| is_own_path(page)),
            nonce: fastrand::u64(..),
            sent_bytes: 0,
        }
    }

    /// The same page, with the times of the entry in `earlier` that is about it, if there is one.
    pub(crate) fn continuing(self, earlier: &[Self]) -> Self {
        let is_same = |it: &&Self| it.key == self.key && it.resource == self.resource;
        match earlier.iter().find(is_same) {
            Some(earlier) => Self {
                since: earlier.since,
                sent_at: earlier.sent_at,
                ..self
            },
            None => self,
        }
    }

    /// The same page, from which the browser is sent to Heroku now.
    pub(crate) fn sent(self, now: OffsetDateTime) -> Self {
        Self {
            sent_at: Some(now),
            ..self
        }
    }

    /// The same page, which the browser has now reached.
    pub(crate) fn reached(self) -> Self {
        Self {
            wanted: None,
            ..self
        }
    }
}

/// Remembers the pages, while the browser is at Heroku.
#[derive(Clone)]
pub(crate) struct ReturnToCookie {
    format: CookieFormat,
}

impl ReturnToCookie {
    pub(super) fn new(format: CookieFormat) -> Self {
        Self { format }
    }

    /// The pages that this browser requested, the earliest first.
    pub(crate) fn read(&self, headers: &HeaderMap) -> Vec<ReturnTo> {
        let prefix = self.format.full_name(NAME);
        let keys = all(headers).filter_map(|(name, value)| {
            let key = str::from_utf8(name.strip_prefix(prefix.as_bytes())?).ok()?;
            Some((PageKey::parse(key)?, name.len() + value.len() + 3))
        });
        // A browser has no more than we have set; each costs a signature.
        let keys: Vec<_> = keys.take(2 * MOST).collect();
        let pages = keys.into_iter().filter_map(|(key, sent_bytes)| {
            let page = self.read_one(headers, key)?;
            Some(ReturnTo { sent_bytes, ..page })
        });
        let mut pages: Vec<_> = pages.collect();
        pages.sort_by_key(|page| page.since);
        pages
    }

    fn read_one(&self, headers: &HeaderMap, key: PageKey) -> Option<ReturnTo> {
        let name = format!("{NAME}{}", key.text());
        let text = self.format.verified(headers, &name)?;
        let mut parts = text.strip_prefix("back ")?.splitn(6, ' ');
        let is_its_own = PageKey::parse(parts.next()?)? == key;
        let resource = parts.next()?.parse().ok()?;
        let mut time = || OffsetDateTime::from_unix_timestamp(parts.next()?.parse().ok()?).ok();
        let (since, sent_at) = (time()?, time()?);
        let nonce = parts.next()?.parse().ok()?;
        let wanted = parts.next().filter(|path| is_own_path(path));
        is_its_own.then(|| ReturnTo {
            resource,
            since,
            sent_at: Some(sent_at).filter(|at| *at != OffsetDateTime::UNIX_EPOCH),
            wanted: wanted.map(str::to_owned),
            key,
            nonce,
            sent_bytes: 0,
        })
    }

    /// The cookie of a page. An address that would make it too long is left out.
    pub(crate) fn set(&self, page: &ReturnTo) -> HeaderValue {
        let key = page.key.text();
        let sent_at = page.sent_at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (since, sent_at) = (page.since.unix_timestamp(), sent_at.unix_timestamp());
        let (resource, nonce) = (page.resource, page.nonce);
        let begin = format!("back {key} {resource} {since} {sent_at} {nonce}");
        let signed = |text, life| self.format.signed(&format!("{NAME}{key}"), text, life);
        let wanted = page.wanted.as_deref().filter(|path| is_own_path(path));
        let whole = wanted.map(|wanted| signed(format!("{begin} {wanted}"), LIFE));
        let life = if page.wanted.is_some() {
            LIFE
        } else {
            REACHED_LIFE
        };
        whole
            .filter(|cookie| cookie.len() <= MAX_COOKIE)
            .unwrap_or_else(|| signed(begin, life))
    }

    /// The cookie of a page, and the removal of the earliest others if there are too many.
    pub(crate) fn add(
        &self,
        pages: &[ReturnTo],
        added: &ReturnTo,
    ) -> impl Iterator<Item = HeaderValue> {
        let cookie = self.set(added);
        let mut count = 1;
        let mut bytes = cookie.len();
        let others = pages.iter().rev().filter(|page| page.key != added.key);
        let too_many = others.filter(|page| {
            count += 1;
            bytes += page.sent_bytes;
            count > MOST || bytes > MAX_SENT
        });
        let removed: Vec<_> = too_many.map(|page| self.remove(page.key)).collect();
        removed.into_iter().chain([cookie])
    }

    fn remove(&self, key: PageKey) -> HeaderValue {
        let name = format!("{NAME}{}", key.text());
        self.format.set(&name, String::new(), Duration::ZERO)
    }
}

/// A path of this site that no browser takes for another site: one leading slash, no backslash, no
/// control characters, no spaces.
pub(crate) fn is_own_path(path: &str) -> bool {
    let own = path.starts_with('/') && !path.starts_with("//") && path.len() <= MAX_WANTED;
    own && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CookieTransport;
    use crate::secret::ClientSecret;
    use http::header::COOKIE;
    use uuid::Uuid;

    fn cookie() -> ReturnToCookie {
        let secret = ClientSecret::new("a client secret of some length").unwrap();
        ReturnToCookie::new(CookieFormat::new(CookieTransport::Https, &secret, false))
    }

    fn page(wanted: &str, since: i64) -> ReturnTo {
        let now = OffsetDateTime::from_unix_timestamp(since).unwrap();
        ReturnTo::new(Uuid::nil().into(), wanted.to_owned(), true, now)
    }

    fn pair(cookie: &HeaderValue) -> String {
        let text = cookie.to_str().unwrap();
        text.split(';').next().unwrap().to_owned()
    }

    fn read(text: &str) -> Vec<Option<String>> {
        let text = HeaderValue::from_bytes(text.as_bytes()).unwrap();
        let pages = cookie().read(&HeaderMap::from_iter([(COOKIE, text)]));
        pages.into_iter().map(|page| page.wanted).collect()
    }

    /// Browsers let other sites set these names: they do not begin with `__Host-`.
    #[test]
    fn cookie_with_a_similar_name_is_ignored() {
        let set = |wanted: &str| pair(&cookie().set(&page(wanted, 0)));
        let (planted, own) = (set("/planted"), set("/own"));
        let (name, value) = planted.split_once('=').unwrap();
        let key = name.strip_prefix("__Host-heroku_sso_back_").unwrap();
        for name in [
            "%5F%5FHost-heroku_sso_back_",
            "__Host-heroku%5Fsso_back_",
            "\u{2000}__Host-heroku_sso_back_",
            "\u{a0}__Host-heroku_sso_back_",
            "__host-heroku_sso_back_",
            "heroku_sso_back_",
            "\"__Host-heroku_sso_back_\"",
        ] {
            assert!(read(&format!("{name}{key}={value}")).is_empty(), "{name}");
            let both = format!("{name}{key}={value}; {own}");
            assert_eq!(read(&both), [Some("/own".to_owned())], "{name}");
        }
        // The value of one page under the name of another.
        let (other, _) = own.split_once('=').unwrap();
        assert!(read(&format!("{other}={value}")).is_empty());
    }

    #[test]
    fn return_cookie_stays_small_by_dropping_too_long_pages() {
        let limit = |wanted: &str| {
            let set = cookie().set(&page(wanted, 0));
            assert!(set.len() <= MAX_COOKIE, "{}", set.len());
            read(&pair(&set))
        };
        assert_eq!(limit("/short?a=%20b"), [Some("/short?a=%20b".to_owned())]);
        assert_eq!(limit(&format!("/{}", "%20".repeat(620))), [None]);
        assert_eq!(limit(&format!("/{}", "x".repeat(4000))), [None]);
    }

    #[test]
    fn reached_page_is_remembered_for_two_minutes_only() {
        let life = |page: &ReturnTo| {
            let set = cookie().set(page);
            let text = set.to_str().unwrap().to_owned();
            let life = text.split("; ").find_map(|it| it.strip_prefix("Max-Age="));
            life.unwrap().parse::<i64>().unwrap()
        };
        assert_eq!(life(&page("/short", 0)), LIFE.whole_seconds());
        // The way back is as long if the address is not stored.
        let long = page(&format!("/{}", "x".repeat(1_900)), 0);
        assert!(long.wanted.is_some());
        assert_eq!(life(&long), LIFE.whole_seconds());
        let reached = page("/short", 0).reached();
        assert_eq!(life(&reached), REACHED_LIFE.whole_seconds());
    }

    #[test]
    fn earliest_pages_are_removed_first() {
        let cookie = cookie();
        let mut kept: Vec<String> = Vec::new();
        for number in 0..20 {
            let header = kept.join("; ").parse().unwrap();
            let pages = cookie.read(&HeaderMap::from_iter([(COOKIE, header)]));
            let new = page(&format!("/page/{number}?{}", "x".repeat(40)), number);
            for set in cookie.add(&pages, &new) {
                let (name, _) = pair(&set)
                    .split_once('=')
                    .map(|(a, b)| (a.to_owned(), b.len()))
                    .unwrap();
                kept.retain(|pair| !pair.starts_with(&name));
                if !set.to_str().unwrap().contains("Max-Age=0") {
                    kept.push(pair(&set));
                }
            }
            let sent = kept.join("; ");
            assert!(
                kept.len() <= MOST && sent.len() <= MAX_SENT,
                "{}",
                sent.len()
            );
        }
        let wanted = read(&kept.join("; "));
        assert!(wanted.len() >= 6, "{wanted:?}");
        assert!(
            wanted
                .last()
                .unwrap()
                .as_ref()
                .unwrap()
                .starts_with("/page/19")
        );
    }
}
