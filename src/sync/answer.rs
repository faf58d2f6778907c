//! What Heroku answers, together with what is kept of its last answer.

use crate::access::People;
use crate::heroku::{Call, ETag, HerokuError, Reply};

/// An answer, and its name if it has one.
pub(super) struct Named<T> {
    pub(super) value: T,
    pub(super) etag: Option<ETag>,
}

impl<T> Named<T> {
    /// The answer's value; that of the known one, if Heroku says that nothing changed.
    pub(super) fn read(
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

/// Asks for one of Heroku's lists. `known` is what the last answer's name stands for. A list that had
/// people and suddenly has none is asked for again before it is believed.
pub(super) async fn people<F>(
    ask: impl Fn(Option<ETag>) -> F,
    known: Option<(&ETag, &People)>,
    had_people: bool,
    call: Call,
) -> Result<Named<People>, HerokuError>
where
    F: Future<Output = Result<Reply<People>, HerokuError>>,
{
    let answer = ask(known.map(|(etag, _)| etag.clone())).await?;
    let known = known.map(|(etag, people)| (etag, people.clone()));
    let answer = Named::read(answer, known, call)?;
    if answer.value.is_empty() && had_people {
        return Named::read(ask(None).await?, None, call);
    }
    Ok(answer)
}
