//! Whether a body may continue. Its access is checked only if it is open for long.

use std::fmt;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use super::session_handle::SessionHandle;
use crate::sync::InUse;

/// Whether the user whose body this is still has access.
pub(super) enum BodyAccess {
    /// Never checked. The resource is in use until the body is finished.
    Unlimited {
        _in_use: Option<InUse>,
    },
    /// Not checked yet: most bodies end before that.
    Started(Started),
    /// Checked at every frame.
    Watched(Pin<Box<dyn Future<Output = ()> + Send>>),
    Over,
}

/// The error at the end of a body that ends before it is complete.
#[derive(Debug, thiserror::Error)]
#[error("the user's access ended before the body was complete")]
pub(super) struct AccessEnded;

pub(super) struct Started {
    session: SessionHandle,
    frames: u32,
    /// By [`Clock::elapsed`](crate::Clock::elapsed); none for a short body.
    unwatched_until: Option<Duration>,
    in_use: Option<InUse>,
}

/// A body that never has to wait is checked after this many frames, or after this time because the other
/// side may be slow.
const FRAMES_UNWATCHED: u32 = 16;
const UNWATCHED_FOR: Duration = Duration::from_secs(1);

impl BodyAccess {
    /// For a response. A short one is expected to be read immediately, so its time is not limited.
    pub(super) fn of_response(session: SessionHandle, is_short: bool) -> Self {
        let in_use = if is_short { None } else { session.hold() };
        let unwatched_until = (!is_short).then(|| session.elapsed() + UNWATCHED_FOR);
        Self::Started(Started {
            session,
            frames: 0,
            unwatched_until,
            in_use,
        })
    }

    /// For a request, whose body may still have to arrive.
    #[cfg(feature = "axum")]
    pub(super) fn of_request(session: SessionHandle) -> Self {
        let unwatched_until = Some(session.elapsed() + UNWATCHED_FOR);
        Self::Started(Started {
            session,
            frames: 0,
            unwatched_until,
            in_use: None,
        })
    }

    /// True once the access has ended. Counts the requested frame.
    pub(super) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        match self {
            Self::Unlimited { .. } => false,
            Self::Started(started) => {
                started.frames += 1;
                let until = started.unwatched_until;
                let is_slow = until.is_some_and(|until| until <= started.session.elapsed());
                match is_slow || started.frames > FRAMES_UNWATCHED {
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
    pub(super) fn watch_now(&mut self, cx: &mut Context<'_>) -> bool {
        let Self::Started(started) = self else {
            return false;
        };
        let (session, in_use) = (started.session.clone(), started.in_use.take());
        *self = Self::Watched(Box::pin(async move {
            let _in_use = in_use;
            session.ended().await;
        }));
        self.is_over(cx)
    }

    /// As [`watch_now`](Self::watch_now), after a moment in which most requests have arrived.
    #[cfg(feature = "axum")]
    pub(super) fn watch_soon(&mut self, cx: &mut Context<'_>) -> bool {
        let Self::Started(started) = self else {
            return false;
        };
        let session = started.session.clone();
        *self = Self::Watched(Box::pin(session.ended_after(UNWATCHED_FOR)));
        self.is_over(cx)
    }
}

impl fmt::Debug for BodyAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unlimited { .. } => "Unlimited",
            Self::Started(_) => "Started",
            Self::Watched(_) => "Watched",
            Self::Over => "Over",
        })
    }
}
