//! Conditional requests for the parts of a list: the value that a 304 answer stands for.
//!
//! Source: <https://devcenter.heroku.com/articles/platform-api-reference#caching>, RFC 9110, 13.1.2.

use crate::access::People;
use crate::heroku::{Call, ETag, HerokuError, Reply};

/// A response value with its ETag, if it has one.
pub(in crate::sync) struct Tagged<T> {
    pub(in crate::sync) value: T,
    pub(in crate::sync) etag: Option<ETag>,
}

impl<T> Tagged<T> {
    /// The new value, or the cached one if Heroku answers 304.
    ///
    /// # Errors
    /// [`HerokuError::Malformed`] for a 304 to a request without an ETag.
    pub(in crate::sync) fn read(
        answer: Reply<T>,
        known: Option<(&ETag, T)>,
        call: Call,
    ) -> Result<Self, HerokuError> {
        match (answer, known) {
            (Reply::New(value, etag), _) => Ok(Self { value, etag }),
            (Reply::Unchanged, Some((etag, value))) => Ok(Self {
                value,
                etag: Some(etag.clone()),
            }),
            (Reply::Unchanged, None) => Err(HerokuError::Malformed {
                about: call.about(),
            }),
        }
    }
}

/// Fetches one of Heroku's lists. `known` is the cached value and its ETag. If the last answer had people, an
/// empty one counts only when Heroku gives it twice, the second time without an ETag.
pub(in crate::sync) async fn fetch_people<F>(
    ask: impl Fn(Option<ETag>) -> F,
    known: Option<(&ETag, &People)>,
    had_people: bool,
    call: Call,
) -> Result<Tagged<People>, HerokuError>
where
    F: Future<Output = Result<Reply<People>, HerokuError>>,
{
    let answer = ask(known.map(|(etag, _)| etag.clone())).await?;
    let known = known.map(|(etag, people)| (etag, people.clone()));
    let answer = Tagged::read(answer, known, call)?;
    if answer.value.is_empty() && had_people {
        return Tagged::read(ask(None).await?, None, call);
    }
    Ok(answer)
}
