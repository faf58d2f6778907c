//! The cookie that leads a browser back to the page that it requested after its session had ended.

use http::{HeaderMap, HeaderValue};
use time::{Duration, OffsetDateTime};

use super::format::CookieFormat;
use crate::ids::ResourceId;

const NAME: &str = "heroku_sso_back";

/// The maximum time of the way through Heroku and back.
const LIFE: Duration = Duration::minutes(10);

/// The maximum length of a page address that is stored, in bytes.
const MAX_WANTED: usize = 2048;

/// The page to which a browser returns once it is signed in again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ReturnTo {
    pub(crate) resource: ResourceId,
    /// When the browser was last sent to Heroku.
    pub(crate) sent_at: OffsetDateTime,
    /// The page: a same-origin path with its query. None once it was reached.
    pub(crate) wanted: Option<String>,
}

/// Remembers the page, while the browser is at Heroku.
#[derive(Clone)]
pub(crate) struct ReturnToCookie {
    format: CookieFormat,
}

impl ReturnToCookie {
    pub(super) fn new(format: CookieFormat) -> Self {
        Self { format }
    }

    pub(crate) fn read(
        &self,
        headers: &HeaderMap,
        resource: Option<&ResourceId>,
    ) -> Option<ReturnTo> {
        let text = self
            .format
            .verified(headers, &self.format.name_of(NAME, resource))?;
        let mut parts = text.strip_prefix("back ")?.splitn(3, ' ');
        let resource = parts.next()?.parse().ok()?;
        let sent_at = parts.next()?.parse().ok()?;
        let wanted = parts.next().filter(|path| is_own_path(path));
        Some(ReturnTo {
            resource,
            sent_at: OffsetDateTime::from_unix_timestamp(sent_at).ok()?,
            wanted: wanted.map(str::to_owned),
        })
    }

    pub(crate) fn set(&self, page: &ReturnTo) -> HeaderValue {
        let sent_at = page.sent_at.unix_timestamp();
        let wanted = page.wanted.as_deref().filter(|path| is_own_path(path));
        let wanted = wanted.unwrap_or_default();
        let text = format!("back {} {sent_at} {wanted}", page.resource);
        let name = self.format.name_of(NAME, Some(&page.resource));
        self.format.signed(&name, text, LIFE)
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

    /// Browsers let other sites set these names: they do not begin with `__Host-`.
    #[test]
    fn a_name_that_only_reads_like_ours_is_not_ours() {
        let secret = ClientSecret::new("a client secret of some length").unwrap();
        let format = CookieFormat::new(CookieTransport::Https, &secret, false);
        let cookie = ReturnToCookie::new(format);
        let page = |wanted: &str| ReturnTo {
            resource: Uuid::nil().into(),
            sent_at: OffsetDateTime::UNIX_EPOCH,
            wanted: Some(wanted.to_owned()),
        };
        let signed = |wanted: &str| {
            let cookie = cookie.set(&page(wanted));
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            cookie.split_once('=').unwrap().1.to_owned()
        };
        let read = |text: String| {
            let text = HeaderValue::from_bytes(text.as_bytes()).unwrap();
            cookie.read(&HeaderMap::from_iter([(COOKIE, text)]), None)
        };
        let (planted, own) = (signed("/planted"), signed("/own"));
        for name in [
            "%5F%5FHost-heroku_sso_back",
            "__Host-heroku%5Fsso_back",
            "\u{2000}__Host-heroku_sso_back",
            "\u{a0}__Host-heroku_sso_back",
            "__host-heroku_sso_back",
            "heroku_sso_back",
            "\"__Host-heroku_sso_back\"",
        ] {
            assert_eq!(read(format!("{name}={planted}")), None, "{name}");
            let both = format!("{name}={planted}; __Host-heroku_sso_back={own}");
            assert_eq!(read(both), Some(page("/own")), "{name}");
        }
    }
}
