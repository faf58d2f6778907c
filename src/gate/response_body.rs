//! The body of a response: the wrapped service's or the gate's own.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use pin_project_lite::pin_project;
use tower::BoxError;

use super::body_access::{AccessEnded, BodyAccess};
use super::session_handle::SessionHandle;

pin_project! {
    /// The gate's response body: its own page, or the wrapped service's body, which ends early if its reader
    /// loses access ([`streams`](crate::HerokuSsoBuilder::streams)).
    #[derive(Debug)]
    pub struct GateBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProjection]
    #[derive(Debug)]
    enum Kind<B> {
        Own { #[pin] body: Full<Bytes> },
        Inner { #[pin] body: B, watch: BodyAccess, cut: Cut },
    }
}

/// How a body ends when its reader loses access.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// Like a complete body: the reader asks again, and is rejected.
    Complete,
    /// With an error, so that the reader does not take a part for the whole.
    Broken,
}

/// The gate's own response, once it is ready.
pub(super) type OwnAnswer = Pin<Box<dyn Future<Output = Response<Full<Bytes>>> + Send>>;

/// A body of a known size up to this is expected to be read immediately.
const SHORT: u64 = 64 * 1024;

impl<B> GateBody<B> {
    pub(super) fn own(body: Full<Bytes>) -> Self {
        Self {
            kind: Kind::Own { body },
        }
    }

    pub(super) fn inner(body: B) -> Self {
        let watch = BodyAccess::Unlimited { _in_use: None };
        Self {
            kind: Kind::Inner {
                body,
                watch,
                cut: Cut::Broken,
            },
        }
    }

    /// True for the gate's own answer, which the wrapped service did not make.
    #[cfg(feature = "axum")]
    pub(crate) fn is_own(&self) -> bool {
        matches!(self.kind, Kind::Own { .. })
    }
}

impl<B: Body> GateBody<B> {
    /// A body that runs to its own end, even if its reader loses access.
    pub(super) fn left_open(body: B, session: &SessionHandle) -> Self {
        let _in_use = if is_short(&body) {
            None
        } else {
            session.hold()
        };
        let watch = BodyAccess::Unlimited { _in_use };
        Self {
            kind: Kind::Inner {
                body,
                watch,
                cut: Cut::Broken,
            },
        }
    }

    /// A body that ends when its reader loses access.
    pub(super) fn until_ended(body: B, session: SessionHandle, cut: Cut) -> Self {
        let watch = BodyAccess::of_response(session, is_short(&body));
        Self {
            kind: Kind::Inner { body, watch, cut },
        }
    }
}

fn is_short<B: Body>(body: &B) -> bool {
    let size = body.size_hint().exact();
    size.is_some_and(|size| size <= SHORT)
}

impl<B> Body for GateBody<B>
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
        match self.project().kind.project() {
            KindProjection::Own { body } => body
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            KindProjection::Inner { body, watch, cut } => {
                let was_over = matches!(watch, BodyAccess::Over);
                let over = |cut: &Cut| match cut {
                    Cut::Broken if !was_over => Poll::Ready(Some(Err(AccessEnded.into()))),
                    Cut::Broken | Cut::Complete => Poll::Ready(None),
                };
                if watch.is_over(cx) {
                    return over(cut);
                }
                let polled = body.poll_frame(cx);
                if polled.is_pending() && watch.watch_now(cx) {
                    return over(cut);
                }
                polled.map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Own { body } => body.is_end_stream(),
            Kind::Inner { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Own { body } => body.size_hint(),
            Kind::Inner { body, .. } => body.size_hint(),
        }
    }
}
