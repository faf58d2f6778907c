//! The cookie that outlives the session: it names the resource whose Heroku page may sign this browser in
//! again.

use http::{HeaderMap, HeaderValue};
use time::Duration;

use super::Cookies;
use crate::ids::ResourceId;

const NAME: &str = "heroku_sso_hint";

/// How long a browser remembers whose dashboard it showed.
const LIFE: Duration = Duration::days(30);

/// How many resources a browser remembers, if each has its own session.
const MOST: usize = 10;

impl Cookies {
    /// The resources to which this browser last signed in, the latest first: one, or several if each has its
    /// own session. They name the Heroku pages that may sign it in again, and grant nothing.
    pub(crate) fn hints(&self, headers: &HeaderMap) -> Vec<ResourceId> {
        let text = self.verified(headers, NAME).unwrap_or_default();
        let hints = text.strip_prefix("hint ").unwrap_or_default().split(' ');
        let hints = hints.filter_map(|hint| hint.parse().ok());
        hints
            .take(if self.per_resource { MOST } else { 1 })
            .collect()
    }

    pub(super) fn with_hint(&self, hints: &[ResourceId], resource: &ResourceId) -> HeaderValue {
        let others = hints.iter().filter(|hint| *hint != resource);
        let mut text = format!("hint {resource}");
        for other in others.take(if self.per_resource { MOST - 1 } else { 0 }) {
            text.push(' ');
            text.push_str(&other.to_string());
        }
        self.signed(NAME, text, LIFE)
    }

    /// Removes the hint of this resource, or all hints.
    pub(crate) fn without_hint(
        &self,
        hints: &[ResourceId],
        resource: Option<&ResourceId>,
    ) -> HeaderValue {
        let left: Vec<_> = match resource {
            Some(resource) if self.per_resource => {
                hints.iter().filter(|hint| *hint != resource).collect()
            }
            _ => Vec::new(),
        };
        match left.split_first() {
            Some((first, others)) => {
                let others: Vec<_> = others.iter().map(|other| **other).collect();
                self.with_hint(&others, first)
            }
            None => self.set(NAME, String::new(), Duration::ZERO),
        }
    }

    /// The hint after a browser has landed, if each resource has its own and the browser has none of this
    /// resource.
    pub(crate) fn landed(&self, headers: &HeaderMap, resource: &ResourceId) -> Option<HeaderValue> {
        let hints = self.per_resource.then(|| self.hints(headers))?;
        (!hints.contains(resource)).then(|| self.with_hint(&hints, resource))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CookieTransport;
    use crate::secret::ClientSecret;
    use http::header::COOKIE;
    use uuid::Uuid;

    fn cookies(per_resource: bool) -> Cookies {
        let secret = ClientSecret::new("a client secret of some length").unwrap();
        Cookies::new(CookieTransport::Https, &secret, per_resource)
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
    fn the_last_ten_are_remembered_the_newest_first() {
        let (cookies, known) = (cookies(true), resources(11));
        let full = cookies.with_hint(&known[1..], &known[0]);
        let ten = cookies.with_hint(&known[1..10], &known[0]);
        assert_eq!(full, ten);
        assert_eq!(cookies.hints(&sent(&full)), known[..10]);
        let again = cookies.with_hint(&known[..3], &known[2]);
        let order = [known[2], known[0], known[1]];
        assert_eq!(cookies.hints(&sent(&again)), order, "each once");
    }

    #[test]
    fn one_is_taken_back_and_the_others_stay_if_each_has_a_session() {
        let known = resources(3);
        let each = cookies(true);
        let left = each.without_hint(&known, Some(&known[1]));
        assert_eq!(each.hints(&sent(&left)), [known[0], known[2]]);
        for (cookies, resource) in [(each, None), (cookies(false), Some(&known[1]))] {
            let left = cookies.without_hint(&known, resource);
            assert!(cookies.hints(&sent(&left)).is_empty());
            assert!(left.to_str().unwrap().contains("Max-Age=0"));
        }
    }
}
