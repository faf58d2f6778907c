//! The hint cookie, which outlives the session: it names the resource whose Heroku page may sign this browser
//! in again.

use heroku_sso_store::ResourceId;
use http::{HeaderMap, HeaderValue};
use time::Duration;

use super::format::CookieFormat;

const NAME: &str = "heroku_sso_hint";

/// How long a browser remembers whose dashboard it showed.
const LIFE: Duration = Duration::days(30);

/// How many resources a browser remembers, if each has its own session.
const MOST: usize = 10;

/// Names the resources to which a browser last signed in. It grants nothing.
#[derive(Clone)]
pub(crate) struct HintCookie {
    format: CookieFormat,
    /// How many resources it names.
    most: usize,
}

impl HintCookie {
    pub(super) fn new(format: CookieFormat) -> Self {
        let most = if format.per_resource { MOST } else { 1 };
        Self { format, most }
    }

    /// The resources to which this browser last signed in, the latest first: one, or several if each has its
    /// own session. They name the Heroku pages that may sign it in again.
    pub(crate) fn read(&self, headers: &HeaderMap) -> Vec<ResourceId> {
        let text = self.format.verified(headers, NAME).unwrap_or_default();
        let hints = text.strip_prefix("hint ").unwrap_or_default().split(' ');
        let hints = hints.filter_map(|hint| hint.parse().ok());
        hints.take(self.most).collect()
    }

    pub(super) fn with(&self, hints: &[ResourceId], resource: &ResourceId) -> HeaderValue {
        let others = hints.iter().filter(|hint| *hint != resource);
        let mut text = format!("hint {resource}");
        for other in others.take(self.most - 1) {
            text.push(' ');
            text.push_str(&other.to_string());
        }
        self.format.signed(NAME, text, LIFE)
    }

    /// Removes the hint of this resource, or all hints.
    pub(crate) fn without(
        &self,
        hints: &[ResourceId],
        resource: Option<&ResourceId>,
    ) -> HeaderValue {
        let left: Vec<_> = match resource {
            Some(resource) if self.format.per_resource => {
                hints.iter().filter(|hint| *hint != resource).collect()
            }
            _ => Vec::new(),
        };
        match left.split_first() {
            Some((first, others)) => {
                let others: Vec<_> = others.iter().map(|other| **other).collect();
                self.with(&others, first)
            }
            None => self.format.set(NAME, String::new(), Duration::ZERO),
        }
    }

    /// The hint after a browser has landed, if each resource has its own and the browser has none of this
    /// resource.
    pub(crate) fn after_landing(
        &self,
        headers: &HeaderMap,
        resource: &ResourceId,
    ) -> Option<HeaderValue> {
        let hints = self.format.per_resource.then(|| self.read(headers))?;
        (!hints.contains(resource)).then(|| self.with(&hints, resource))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CookieTransport;
    use crate::secret::ClientSecret;
    use http::header::COOKIE;
    use uuid::Uuid;

    fn hint(per_resource: bool) -> HintCookie {
        let secret = ClientSecret::new("a client secret of some length").unwrap();
        HintCookie::new(CookieFormat::new(
            CookieTransport::Https,
            &secret,
            per_resource,
        ))
    }

    fn resources(count: u128) -> Vec<ResourceId> {
        (0..count).map(|n| Uuid::from_u128(n).into()).collect()
    }

    /// The request headers of a browser that received these cookies.
    fn sent(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        HeaderMap::from_iter([(COOKIE, pair.parse().unwrap())])
    }

    #[test]
    fn last_ten_resources_are_kept_newest_first() {
        let (hint, known) = (hint(true), resources(11));
        let full = hint.with(&known[1..], &known[0]);
        let ten = hint.with(&known[1..10], &known[0]);
        assert_eq!(full, ten);
        assert_eq!(hint.read(&sent(&full)), known[..10]);
        let again = hint.with(&known[..3], &known[2]);
        let order = [known[2], known[0], known[1]];
        assert_eq!(hint.read(&sent(&again)), order, "each once");
    }

    #[test]
    fn removal_of_one_hint_keeps_the_others_per_resource() {
        let known = resources(3);
        let each = hint(true);
        let left = each.without(&known, Some(&known[1]));
        assert_eq!(each.read(&sent(&left)), [known[0], known[2]]);
        for (hint, resource) in [(each, None), (hint(false), Some(&known[1]))] {
            let left = hint.without(&known, resource);
            assert!(hint.read(&sent(&left)).is_empty());
            assert!(left.to_str().unwrap().contains("Max-Age=0"));
        }
    }
}
