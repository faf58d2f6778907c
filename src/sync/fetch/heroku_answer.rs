//! Conditional requests: a 304 answer reuses the cached value.

use crate::access::People;
use crate::heroku::{Call, ETag, HerokuError, Reply};

/// A response value with its ETag, if it has one.
pub(in crate::sync) struct Tagged<T> {
    pub(in crate::sync) value: T,
    pub(in crate::sync) etag: Option<ETag>,
}

impl<T> Tagged<T> {
    /// The new value, or the cached one if Heroku answers 304.
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

/// Fetches one of Heroku's lists. `known` is the cached value and its ETag. An empty answer after one with
/// people is fetched again before it counts.
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
