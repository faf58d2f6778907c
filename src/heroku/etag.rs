//! Conditional requests: answers that Heroku need not send again.
//!
//! Source: <https://devcenter.heroku.com/articles/platform-api-reference#caching>, RFC 9110, 8.8.3.

use http::HeaderMap;
use http::header::ETAG;

use super::HerokuError;

/// A longer tag is ignored.
const MAX_LEN: usize = 128;

/// A strong tag. Weak tags are ignored, because answers with the same weak tag may differ in relevant parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ETag(Box<str>);

impl ETag {
    pub(super) fn strong(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(ETAG)?.to_str().ok()?;
        let quoted = text.len() >= 2 && text.starts_with('"') && text.ends_with('"');
        (quoted && text.len() <= MAX_LEN).then(|| Self(text.into()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Heroku's answer to a conditional request.
#[derive(Clone, Debug)]
pub(crate) enum Reply<T> {
    /// The answer has not changed.
    Unchanged,
    /// The new answer, and its tag if it has one.
    New(T, Option<ETag>),
}

impl<T> Reply<T> {
    pub(super) fn try_map<U>(
        self,
        read: impl FnOnce(T) -> Result<U, HerokuError>,
    ) -> Result<Reply<U>, HerokuError> {
        Ok(match self {
            Self::Unchanged => Reply::Unchanged,
            Self::New(value, etag) => Reply::New(read(value)?, etag),
        })
    }
}
