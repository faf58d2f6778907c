//! Reads the beginning of a request's body, and puts it back for the app.

use std::any::Any;
use std::collections::VecDeque;
use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;

use crate::clock::Budget;

/// The beginning of a body.
#[derive(Debug, PartialEq)]
pub(super) enum Beginning {
    /// The body, or a little more of it than the limit.
    Read(Bytes),
    /// It was not there in time, came in too many pieces, or the connection broke.
    Unfinished,
    /// This type of body cannot be put back, so it was not read.
    Unreadable,
}

/// The most frames that are kept. A form comes in one or two; a frame takes memory however short it is.
const MOST_FRAMES: usize = 256;

type Boxed = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// Reads a body, up to a little more than `limit` bytes and within the budget. The body that is returned has
/// the same frames. Bodies of axum and `UnsyncBoxBody` can be read; others are returned as they are.
pub(super) async fn read_beginning<B: 'static>(
    body: B,
    limit: usize,
    budget: Budget,
) -> (B, Beginning) {
    #[cfg(feature = "axum")]
    let body = match read_as(body, axum::body::Body::new, limit, budget).await {
        Ok(read) => return read,
        Err(body) => body,
    };
    match read_as::<B, Boxed>(body, UnsyncBoxBody::new, limit, budget).await {
        Ok(read) => read,
        Err(body) => (body, Beginning::Unreadable),
    }
}

/// Reads a body if it is a `T`; otherwise returns it.
async fn read_as<B, T>(
    body: B,
    whole: fn(Replay<T>) -> T,
    limit: usize,
    budget: Budget,
) -> Result<(B, Beginning), B>
where
    B: 'static,
    T: Body<Data = Bytes> + Unpin + 'static,
{
    let mut replay = Replay::new(cast::<B, T>(body)?);
    // What was read is kept at the deadline.
    let is_read = budget.within(replay.read(limit)).await;
    let beginning = match is_read {
        Some(true) => Beginning::Read(replay.bytes()),
        Some(false) | None => Beginning::Unfinished,
    };
    let body = cast::<T, B>(whole(replay)).unwrap_or_else(|_| unreachable!("the types are equal"));
    Ok((body, beginning))
}

/// The same value, if its type is `T`.
fn cast<B: 'static, T: 'static>(value: B) -> Result<T, B> {
    let mut value = Some(value);
    let same = (&mut value as &mut dyn Any).downcast_mut::<Option<T>>();
    match same.and_then(Option::take) {
        Some(same) => Ok(same),
        None => Err(value
            .take()
            .unwrap_or_else(|| unreachable!("it was not taken"))),
    }
}

/// A body of which the first frames have been read.
struct Replay<T: Body> {
    read: VecDeque<Frame<Bytes>>,
    /// How reading ended, if it did.
    error: Option<T::Error>,
    is_finished: bool,
    rest: T,
}

impl<T: Body<Data = Bytes> + Unpin> Replay<T> {
    fn new(body: T) -> Self {
        Self {
            read: VecDeque::new(),
            error: None,
            is_finished: false,
            rest: body,
        }
    }

    /// Reads to the end, or to more than `limit` bytes. False if the body broke or has too many frames.
    /// Nothing is lost if the future is dropped.
    async fn read(&mut self, limit: usize) -> bool {
        let mut length = 0;
        while length <= limit {
            if self.read.len() == MOST_FRAMES {
                return false;
            }
            match poll_fn(|cx| Pin::new(&mut self.rest).poll_frame(cx)).await {
                Some(Ok(frame)) => {
                    length += frame.data_ref().map_or(0, Bytes::len);
                    self.read.push_back(frame);
                }
                Some(Err(error)) => {
                    self.error = Some(error);
                    return false;
                }
                None => {
                    self.is_finished = true;
                    return true;
                }
            }
        }
        true
    }

    fn bytes(&self) -> Bytes {
        let chunks = self.read.iter().filter_map(Frame::data_ref);
        Bytes::from(chunks.flatten().copied().collect::<Vec<_>>())
    }

    fn unread(&self) -> u64 {
        let chunks = self.read.iter().filter_map(Frame::data_ref);
        chunks.map(|chunk| chunk.len() as u64).sum()
    }
}

impl<T: Body<Data = Bytes> + Unpin> Body for Replay<T>
where
    T::Error: Unpin,
{
    type Data = Bytes;
    type Error = T::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, T::Error>>> {
        let this = &mut *self;
        if let Some(frame) = this.read.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        if let Some(error) = this.error.take() {
            this.is_finished = true;
            return Poll::Ready(Some(Err(error)));
        }
        match this.is_finished {
            true => Poll::Ready(None),
            false => Pin::new(&mut this.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        let is_over = self.is_finished || self.rest.is_end_stream();
        self.read.is_empty() && self.error.is_none() && is_over
    }

    fn size_hint(&self) -> SizeHint {
        let (unread, rest) = (self.unread(), self.rest.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(unread));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(unread));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::{BodyExt as _, Full, StreamBody};

    use super::*;

    type Frames = Vec<Result<Frame<Bytes>, Infallible>>;

    fn frames(count: usize) -> Frames {
        let frame = || Ok(Frame::data(Bytes::from_static(b"form")));
        (0..count).map(|_| frame()).collect()
    }

    /// A body that does not know its end before it is read to it.
    fn streamed(count: usize) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        StreamBody::new(futures_util::stream::iter(frames(count)))
    }

    #[tokio::test]
    async fn body_ends_once_its_read_frames_are_taken() {
        let mut body = Replay::new(streamed(2));
        assert!(!body.is_end_stream());
        assert!(body.read(100).await);
        for _ in 0..2 {
            assert!(!body.is_end_stream());
            assert!(body.frame().await.unwrap().is_ok());
        }
        assert!(body.is_end_stream());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn body_that_was_read_in_part_ends_with_its_rest() {
        let mut body = Replay::new(streamed(2));
        assert!(body.read(3).await);
        assert!(body.frame().await.unwrap().is_ok());
        assert!(!body.is_end_stream());
        assert!(body.frame().await.unwrap().is_ok());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn size_of_a_body_includes_what_was_read() {
        let mut body = Replay::new(Full::new(Bytes::from_static(b"form")));
        assert_eq!(body.size_hint().exact(), Some(4));
        assert!(body.read(3).await);
        assert_eq!((body.unread(), body.is_finished), (4, false));
        assert_eq!(body.size_hint().exact(), Some(4));
        assert!(!body.is_end_stream());
        assert!(body.frame().await.unwrap().is_ok());
        assert_eq!(body.size_hint().exact(), Some(0));
        // The rest says so, without being read.
        assert!(body.is_end_stream());
    }
}
