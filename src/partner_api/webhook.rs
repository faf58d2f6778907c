//! `POST /heroku/webhooks`.

use std::sync::Arc;

use axum::extract::{FromRequest, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::ALLOW;
use http::{HeaderMap, Method, StatusCode};

use super::body::LimitedBody;
use crate::clock::{self, LogThrottle};
use crate::deadlines::REQUEST;
use crate::error_chain;
use crate::meter;
use crate::store::StoreError;
use crate::sync::{Directory, SyncError};
use crate::webhook::Webhooks;
use crate::webhook::notification::Notification;
use crate::webhook::seen::Seen;
use crate::webhook::signature::{self, is_signed};

pub(crate) const WEBHOOKS: &str = "/heroku/webhooks";
/// A notification has about two kilobytes.
const MAX_BODY: usize = 256 * 1024;

pub(crate) struct Receiver {
    directory: Arc<Directory>,
    webhooks: Webhooks,
    seen: Seen,
    /// Limits the log lines about webhooks that Heroku did not sign.
    rejected: LogThrottle,
}

/// The receiver of webhooks; none if no webhooks are configured.
pub(crate) fn webhooks(directory: &Arc<Directory>) -> Option<Arc<Receiver>> {
    let webhooks = directory.settings().webhooks.as_ref()?;
    Some(Arc::new(Receiver {
        directory: Arc::clone(directory),
        webhooks: webhooks.clone(),
        seen: Seen::default(),
        rejected: LogThrottle::default(),
    }))
}

/// Answers every request to the path of webhooks, as a layer that calls nothing behind it.
pub(crate) async fn receive_webhook(
    State(receiver): State<Arc<Receiver>>,
    request: Request,
    _: Next,
) -> Response {
    if request.method() != Method::POST {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "POST")]).into_response();
    }
    let headers = request.headers().clone();
    match LimitedBody::<MAX_BODY>::from_request(request, &()).await {
        Ok(LimitedBody(body)) => receive(&receiver, &headers, &body).await.into_response(),
        Err(rejection) => rejection,
    }
}

async fn receive(receiver: &Receiver, headers: &HeaderMap, body: &[u8]) -> StatusCode {
    if !is_signed(headers, body, receiver.webhooks.secrets()) {
        if receiver.rejected.is_due(receiver.directory.clock()) {
            let signatures = headers.get_all(signature::HEADER).iter().count();
            tracing::warn!(
                signatures,
                "a webhook that heroku did not sign was rejected; others within the hour appear only in \
                 the metrics"
            );
        }
        meter::webhook("unsigned");
        return StatusCode::UNAUTHORIZED;
    }
    let outcome = clock::within(REQUEST, receiver.take(body)).await;
    let too_slow = || Err(StoreError::new("the webhook took longer than a request may").into());
    let outcome = match outcome.unwrap_or_else(too_slow) {
        Ok(outcome) => outcome,
        Err(error) => {
            // Heroku sends it again.
            tracing::warn!(
                %error, cause = error_chain::of(&error),
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
        let Some(hint) = &notification.hint else {
            return Ok("ignored");
        };
        let event = notification.event.as_deref();
        if event.is_some_and(|event| self.seen.has(event)) {
            return Ok("duplicate");
        }
        let about = self.directory.follow_hint(hint).await?;
        // Not earlier: Heroku repeats a webhook that got no response, also if Heroku itself disconnected.
        if let Some(event) = event {
            self.seen.note(event);
        }
        Ok(if about == 0 { "ignored" } else { "accepted" })
    }
}
