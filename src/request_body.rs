//! Reads the body of an external request, up to a size limit and within a deadline.

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::clock;
use crate::deadlines::REQUEST_BODY;

/// Why the body could not be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BodyError {
    /// The connection broke, or the encoding is invalid.
    Broken,
    /// The deadline has passed.
    Slow,
    /// It has more bytes than the limit.
    TooLarge,
}

/// Reads a body of at most `limit` bytes within [`REQUEST_BODY`]. A body whose `Content-Length` exceeds the
/// limit is not read at all.
pub(crate) async fn read<B>(headers: &HeaderMap, body: B, limit: usize) -> Result<Bytes, BodyError>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let announced = headers.get(CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(BodyError::TooLarge);
    }
    let body = Limited::new(body, limit).collect();
    match clock::within(REQUEST_BODY, body).await {
        Some(Ok(body)) => Ok(body.to_bytes()),
        Some(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Some(Err(_)) => Err(BodyError::Broken),
        None => Err(BodyError::Slow),
    }
}
