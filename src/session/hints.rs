//! The cookie that outlives the session: whose Heroku page may sign this browser in again.

use http::{HeaderMap, HeaderValue};
use time::Duration;

use super::Cookies;
use crate::ids::ResourceId;

const NAME: &str = "heroku_sso_hint";

/// How long a browser remembers whose dashboard it showed.
const LIFE: Duration = Duration::days(30);

/// How many resources a browser remembers, if each has a session of its own.
const MOST: usize = 10;

impl Cookies {
    /// The resources that this browser last signed in to, the last one first: one, or some if each
    /// has a session of its own. They say whose Heroku page may sign it in again, and grant nothing.
    pub(crate) fn hints(&self, headers: &HeaderMap) -> Vec<ResourceId> {
        let text = self.verified(headers, NAME).unwrap_or_default();
        let hints = text.strip_prefix("hint ").unwrap_or_default().split(' ');
        let hints = hints.filter_map(|hint| hint.parse().ok());
        hints.take(if self.one_each { MOST } else { 1 }).collect()
    }

    pub(super) fn with_hint(&self, hints: &[ResourceId], resource: &ResourceId) -> HeaderValue {
        let others = hints.iter().filter(|hint| *hint != resource);
        let mut text = format!("hint {resource}");
        for other in others.take(if self.one_each { MOST - 1 } else { 0 }) {
            text.push(' ');
            text.push_str(&other.to_string());
        }
        self.signed(NAME, text, LIFE)
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
            None => self.set(NAME, String::new(), Duration::ZERO),
        }
    }

    /// The hint of somebody who has landed, if each resource has its own and the browser has none of
    /// this one.
    pub(crate) fn landed(&self, headers: &HeaderMap, resource: &ResourceId) -> Option<HeaderValue> {
        let hints = self.one_each.then(|| self.hints(headers))?;
        (!hints.contains(resource)).then(|| self.with_hint(&hints, resource))
    }
}
