//! Answers that need not be sent again.
//!
//! Source: <https://devcenter.heroku.com/articles/platform-api-reference#caching>, RFC 9110, 8.8.3.

use http::HeaderMap;
use http::header::ETAG;

use super::HerokuError;

/// A longer one is not kept.
const MAX_LEN: usize = 128;

/// The name of one exact answer. Weak ones are not kept: what they call the same may differ in what
/// counts here.
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

/// Heroku's answer to a question that was asked before.
#[derive(Clone, Debug)]
pub(crate) enum Reply<T> {
    /// As it was.
    Unchanged,
    /// The answer, and its name if it has one.
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
