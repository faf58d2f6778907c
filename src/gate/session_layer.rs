//! Gives handlers values of the partner's own in the session of their user.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, Request, Response, StatusCode};
use tower::{Layer, Service};

use super::mode::Unauthenticated;
use super::state::GateState;
use super::user::HerokuUser;
use crate::error_chain;
use crate::session::{OpenValues, SessionStore, SessionValues};

/// Puts a [`Session`](crate::tower_sessions::Session) into the extensions of each admitted request. From
/// [`Sessions::layer`](crate::Sessions::layer), which says what is in it.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is applied to a service"]
pub struct SessionLayer {
    gate: Arc<GateState>,
    values: SessionValues,
}

impl SessionLayer {
    pub(crate) fn new(gate: Arc<GateState>, store: impl SessionStore) -> Self {
        let values = SessionValues::new(store);
        Self { gate, values }
    }

    /// Gives the request the values of its session, if it has one. Otherwise the request has no values: its
    /// handler would write into the session of an outer layer, and not notice.
    fn open(&self, request: &mut Extensions) -> Option<OpenValues> {
        let user = request.get::<HerokuUser>();
        let Some(session) = user.and_then(|user| user.origin.session()) else {
            let is_outside = user.is_none() && request.get::<Unauthenticated>().is_none();
            let warning = &self.gate.warnings.session_layer;
            if is_outside && warning.is_due(self.gate.directory.clock()) {
                tracing::warn!(
                    "`sessions().layer(…)` is not inside of the gate, so a request has no session (logged at \
                     most once an hour): put it on the router that `sso.protect(…)` is given"
                );
            }
            SessionValues::remove_from(request);
            return None;
        };
        let values = session.values(&self.values);
        values.insert_into(request);
        Some(values)
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionLayerService<S>;

    fn layer(&self, inner: S) -> SessionLayerService<S> {
        SessionLayerService {
            inner,
            layer: self.clone(),
        }
    }
}

/// The service of [`SessionLayer`].
#[derive(Clone, Debug)]
pub struct SessionLayerService<S> {
    inner: S,
    layer: SessionLayer,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SessionLayerService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    S::Future: Send + 'static,
    ResBody: Default + Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<ResBody>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let values = self.layer.open(request.extensions_mut());
        let response = self.inner.call(request);
        Box::pin(async move {
            let response = response.await?;
            match values {
                Some(values) if !response.status().is_server_error() => {
                    Ok(save(&values, response).await)
                }
                _ => Ok(response),
            }
        })
    }
}

/// A response must not say that something was done whose values are lost.
async fn save<B: Default>(values: &OpenValues, response: Response<B>) -> Response<B> {
    let Err(error) = values.save().await else {
        return response;
    };
    tracing::error!(
        %error, cause = error_chain::of(&error),
        "values of a session could not be stored; the answer is 500"
    );
    let mut failed = Response::new(B::default());
    *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    failed
}

impl fmt::Debug for SessionLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer").finish_non_exhaustive()
    }
}
