//! `POST /heroku/webhooks`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode};

use super::body::Whole;
use crate::cause;
use crate::clock::{self, LogThrottle};
use crate::deadlines::REQUEST;
use crate::meter;
use crate::store::StoreError;
use crate::sync::{Directory, SyncError};
use crate::webhook::Webhooks;
use crate::webhook::notification::Notification;
use crate::webhook::seen::Seen;
use crate::webhook::signature::{self, is_signed};

const PATH: &str = "/heroku/webhooks";
/// A notification has about two kilobytes.
const MAX_BODY: usize = 256 * 1024;

struct Receiver {
    directory: Arc<Directory>,
    webhooks: Webhooks,
    seen: Seen,
    /// Limits the log lines about webhooks that Heroku did not sign.
    refused: LogThrottle,
}

/// The route of webhooks; an empty router if none are configured.
pub(crate) fn webhooks<S>(directory: &Arc<Directory>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let Some(webhooks) = &directory.settings().webhooks else {
        return Router::new();
    };
    let receiver = Arc::new(Receiver {
        directory: Arc::clone(directory),
        webhooks: webhooks.clone(),
        seen: Seen::default(),
        refused: LogThrottle::default(),
    });
    Router::new()
        .route(PATH, post(receive))
        .with_state(receiver)
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    Whole(body): Whole<MAX_BODY>,
) -> StatusCode {
    if !is_signed(&headers, &body, receiver.webhooks.secrets()) {
        if receiver.refused.is_due(receiver.directory.clock()) {
            let signatures = headers.get_all(signature::HEADER).iter().count();
            tracing::warn!(
                signatures,
                "a webhook that heroku did not sign was refused; others within the hour appear only in \
                 the metrics"
            );
        }
        meter::webhook("unsigned");
        return StatusCode::UNAUTHORIZED;
    }
    let outcome = clock::within(REQUEST, receiver.take(&body)).await;
    let too_slow = || Err(StoreError::new("the webhook took longer than a request may").into());
    let outcome = match outcome.unwrap_or_else(too_slow) {
        Ok(outcome) => outcome,
        Err(error) => {
            // Heroku sends it again.
            tracing::warn!(
                %error, cause = cause::of(&error),
                "webhook deferred; heroku sends it again"
            );
            meter::webhook("failed");
            return StatusCode::SERVICE_UNAVAILABLE;
        }
    };
    meter::webhook(outcome);
    tracing::debug!(outcome, "webhook received");
    StatusCode::NO_CONTENT
}

impl Receiver {
    async fn take(&self, body: &[u8]) -> Result<&'static str, SyncError> {
        let Some(notification) = Notification::read(body) else {
            return Ok("ignored");
        };
        let Some(cue) = &notification.cue else {
            return Ok("ignored");
        };
        let event = notification.event.as_deref();
        if event.is_some_and(|event| self.seen.has(event)) {
            return Ok("seen_before");
        }
        let about = self.directory.follow_hint(cue).await?;
        // Not earlier: Heroku repeats a webhook without a response, also after it disconnected itself.
        if let Some(event) = event {
            self.seen.note(event);
        }
        Ok(if about == 0 { "ignored" } else { "taken" })
    }
}
