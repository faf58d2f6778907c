//! The body of a request, which ends when its sender loses access.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower::BoxError;

use super::body_access::{AccessEnded, BodyAccess};
use super::user::HerokuUser;
use crate::config::Streams;

pin_project! {
    /// The body of an admitted request. It ends with an error once its user's access has ended.
    #[derive(Debug)]
    pub(crate) struct Upload<B> {
        #[pin]
        body: B,
        watch: BodyAccess,
        is_cut: bool,
    }
}

impl<B> Upload<B> {
    /// Under [`Streams::LeaveOpen`] the body is left as it is.
    pub(crate) fn new(body: B, user: &HerokuUser) -> Self {
        let watch = match user.origin.session() {
            Some(session) if session.streams() == Streams::EndWithAccess => {
                BodyAccess::of_request(session.clone())
            }
            _ => BodyAccess::Unlimited { _in_use: None },
        };
        Self {
            body,
            watch,
            is_cut: false,
        }
    }
}

impl<B> Body for Upload<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        if *this.is_cut {
            return Poll::Ready(None);
        }
        if !this.watch.is_over(cx) {
            let polled = this.body.poll_frame(cx);
            if !(polled.is_pending() && this.watch.watch_soon(cx)) {
                return polled.map_err(Into::into);
            }
        }
        *this.is_cut = true;
        Poll::Ready(Some(Err(AccessEnded.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.is_cut || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
