//! The body of a request that carries an assertion.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use heroku_sso_assertion::header;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// A request body as it was sent, but without an assertion in its trailers: a forwarder may turn
    /// trailers into headers.
    #[derive(Debug)]
    pub struct WithoutAssertion<B> {
        #[pin]
        body: B,
    }
}

impl<B> WithoutAssertion<B> {
    pub(super) fn new(body: B) -> Self {
        Self { body }
    }
}

impl<B: Body> Body for WithoutAssertion<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut frame = ready!(self.project().body.poll_frame(cx));
        if let Some(Ok(frame)) = &mut frame
            && let Some(trailers) = frame.trailers_mut()
        {
            header::remove(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
