//! The body of a response: the wrapped service's or the gate's own.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use pin_project_lite::pin_project;

use super::session_handle::SessionHandle;
use crate::sync::InUse;

pin_project! {
    /// The gate's response body: its own page, or the wrapped service's body unchanged.
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
        Inner { #[pin] body: B, watch: AccessWatch },
    }
}

/// The gate's own response, once it is ready.
pub(super) type OwnAnswer = Pin<Box<dyn Future<Output = Response<Full<Bytes>>> + Send>>;

/// Whether the reader may continue to read.
enum AccessWatch {
    /// Never checked. The resource is in use until the body is read.
    Unlimited {
        _in_use: Option<InUse>,
    },
    /// Not checked yet: most bodies end before that.
    Started {
        session: SessionHandle,
        frames: u32,
        /// By [`Clock::elapsed`](crate::Clock::elapsed); none for a short body.
        unwatched_until: Option<Duration>,
        in_use: Option<InUse>,
    },
    /// Checked at every frame.
    Watched(Pin<Box<dyn Future<Output = ()> + Send>>),
    Over,
}

/// A body that never has to wait is checked after this many frames, or after this time because its reader may
/// be slow.
const FRAMES_UNWATCHED: u32 = 16;
const UNWATCHED_FOR: Duration = Duration::from_secs(1);

/// A body of a known size up to this is expected to be read immediately.
const SHORT: u64 = 64 * 1024;

impl<B> GateBody<B> {
    pub(super) fn own(body: Full<Bytes>) -> Self {
        Self {
            kind: Kind::Own { body },
        }
    }

    pub(super) fn inner(body: B) -> Self {
        let watch = AccessWatch::Unlimited { _in_use: None };
        Self {
            kind: Kind::Inner { body, watch },
        }
    }
}

impl<B: Body> GateBody<B> {
    /// A body that runs to its own end, even if its reader loses access.
    pub(super) fn left_open(body: B, session: &SessionHandle) -> Self {
        let _in_use = hold_for(&body, session);
        let watch = AccessWatch::Unlimited { _in_use };
        Self {
            kind: Kind::Inner { body, watch },
        }
    }

    /// A body that ends when its reader loses access.
    pub(super) fn until_ended(body: B, session: SessionHandle) -> Self {
        let in_use = hold_for(&body, &session);
        let unwatched_until = match is_short(&body) {
            true => None,
            false => Some(session.elapsed() + UNWATCHED_FOR),
        };
        let watch = AccessWatch::Started {
            session,
            frames: 0,
            unwatched_until,
            in_use,
        };
        Self {
            kind: Kind::Inner { body, watch },
        }
    }
}

/// A resource is in use until its longer bodies are finished.
fn hold_for<B: Body>(body: &B, session: &SessionHandle) -> Option<InUse> {
    if is_short(body) { None } else { session.hold() }
}

fn is_short<B: Body>(body: &B) -> bool {
    let size = body.size_hint().exact();
    size.is_some_and(|size| size <= SHORT)
}

impl<B: Body<Data = Bytes>> Body for GateBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProjection::Own { body } => body
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            KindProjection::Inner { body, watch } => {
                if watch.is_over(cx) {
                    return Poll::Ready(None);
                }
                let polled = body.poll_frame(cx);
                if polled.is_pending() && watch.watch_now(cx) {
                    return Poll::Ready(None);
                }
                polled
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

impl AccessWatch {
    /// True once the access has ended. Counts the requested frame.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        match self {
            Self::Unlimited { .. } => false,
            Self::Started {
                session,
                frames,
                unwatched_until,
                ..
            } => {
                *frames += 1;
                let is_slow = unwatched_until.is_some_and(|until| until <= session.elapsed());
                match is_slow || *frames > FRAMES_UNWATCHED {
                    true => self.watch_now(cx),
                    false => false,
                }
            }
            Self::Watched(ended) => {
                let over = ended.as_mut().poll(cx).is_ready();
                if over {
                    *self = Self::Over;
                }
                over
            }
            Self::Over => true,
        }
    }

    /// Starts watching the access of a body that is still unwatched. True if the access has already ended.
    fn watch_now(&mut self, cx: &mut Context<'_>) -> bool {
        if let Self::Started {
            session, in_use, ..
        } = self
        {
            let (ended, in_use) = (session.clone().ended(), in_use.take());
            *self = Self::Watched(Box::pin(async move {
                let _in_use = in_use;
                ended.await;
            }));
            return self.is_over(cx);
        }
        false
    }
}

impl fmt::Debug for AccessWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unlimited { .. } => "Unlimited",
            Self::Started { .. } => "Started",
            Self::Watched(_) => "Watched",
            Self::Over => "Over",
        })
    }
}
