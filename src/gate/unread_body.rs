//! The request body that a rejected request leaves unread.
//!
//! A server that responds and closes a connection on which the client is still sending resets it, and the
//! client may lose the response. So a moderate rest is read and discarded before the gate responds. HTTP/2
//! needs none of this: there, only the stream ends.

use std::pin::pin;

use http::header::{CONTENT_LENGTH, EXPECT};
use http::{HeaderMap, Request, Version};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::sync::Semaphore;

use crate::clock::{self, Budget};
use crate::deadlines::UNREAD_BODY;

/// The most bytes that are discarded.
const MAX_DISCARDED: u64 = 8 * 1024 * 1024;

/// How many bodies are discarded at the same time in this process. With more, connections are closed instead.
static SLOTS: Semaphore = Semaphore::const_new(64);

/// The body of a request that the gate answers itself, or the rest of one that it has read in part.
pub(super) struct UnreadBody<B> {
    body: B,
    is_worth_reading: bool,
}

impl<B> UnreadBody<B> {
    pub(super) fn of(request: Request<B>) -> Self {
        let (head, body) = request.into_parts();
        Self::new(head.version, &head.headers, body)
    }

    pub(super) fn new(version: Version, headers: &HeaderMap, body: B) -> Self {
        let length = headers.get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let is_short = length.is_none_or(|length| length <= MAX_DISCARDED);
        // A client that asks before it sends is told by the response itself.
        let is_sent = !headers.contains_key(EXPECT);
        Self {
            body,
            is_worth_reading: version < Version::HTTP_2 && is_short && is_sent,
        }
    }
}

impl<B> UnreadBody<B>
where
    B: Body,
{
    /// Reads what is left, up to a limit of bytes and time.
    pub(super) async fn discard(self, budget: Budget) {
        if !self.is_worth_reading || self.body.is_end_stream() {
            return;
        }
        let Ok(_slot) = SLOTS.try_acquire() else {
            return;
        };
        let mut body = pin!(self.body);
        let limit = UNREAD_BODY.min(budget.left());
        clock::within(limit, async {
            let mut left = MAX_DISCARDED;
            while let Some(Ok(frame)) = body.frame().await {
                let read = frame.data_ref().map_or(0, bytes::Buf::remaining);
                match left.checked_sub(read as u64) {
                    Some(rest) => left = rest,
                    None => return,
                }
            }
        })
        .await;
    }
}
