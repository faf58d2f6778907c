//! The service around the wrapped service.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower::Service;

use super::admitted_request::prepare;
use super::check_session::{check, check_cached};
#[cfg(feature = "jwt")]
use super::cli_sign_in::cli_sign_in;
use super::credential::credential;
use super::legacy_form;
use super::mode::Mode;
use super::open_link::OpenLink;
use super::original_uri;
use super::paths::GateRoute;
use super::response_body::GateBody;
use super::response_future::ResponseFuture;
use super::sign_out::SignOut;
use super::sso_sign_in::sign_in;
use super::state::GateState;
use super::unread_body::UnreadBody;
use super::user::HerokuUser;
use crate::audit::RequestId;
use crate::clock::Budget;
use crate::deadlines::REQUEST;
use crate::meter::{self, RequestDecision};
use crate::session::Credential;

/// The gate around a service. See the [module docs](crate::gate).
#[derive(Clone, Debug)]
pub struct HerokuSsoGate<S> {
    inner: S,
    gate: Arc<GateState>,
    mode: Mode,
}

impl<S> HerokuSsoGate<S> {
    pub(super) fn new(inner: S, gate: Arc<GateState>, mode: Mode) -> Self {
        Self { inner, gate, mode }
    }

    /// The wrapped service, behind the gate.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The wrapped service, behind the gate.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The wrapped service without the gate.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for HerokuSsoGate<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ReqBody: Body + Send + 'static,
    ReqBody::Data: Send,
    ReqBody::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    ResBody: Body<Data = Bytes>,
    ResBody::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<GateBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let gate = &self.gate;
        let route = match gate.paths.route(request.uri().path()) {
            GateRoute::Pass(_) if is_legacy_form(gate, &request) => GateRoute::SignIn,
            route => route,
        };
        match route {
            GateRoute::SignIn => {
                let (gate, own) = (Arc::clone(gate), gate.on_rejection.about(&request));
                if let Some(link) = OpenLink::of(&request) {
                    let answer = async move { link.respond(&gate).await };
                    return ResponseFuture::answer(own.of(answer));
                }
                let answer = async move { sign_in(&gate, request).await };
                ResponseFuture::answer(own.of(answer))
            }
            #[cfg(feature = "jwt")]
            GateRoute::ProgramSignIn => {
                let (gate, own) = (Arc::clone(gate), gate.on_rejection.about(&request));
                let answer = async move { cli_sign_in(&gate, request).await };
                ResponseFuture::answer(own.of(answer))
            }
            GateRoute::SignOut => {
                let (gate, own) = (Arc::clone(gate), gate.on_rejection.about(&request));
                let sign_out = SignOut::of(&gate, &request);
                let budget = Budget::of(REQUEST);
                let answer = async move {
                    let response = sign_out.respond(&gate).await;
                    UnreadBody::of(request).discard(budget).await;
                    response
                };
                ResponseFuture::answer(own.of(answer))
            }
            GateRoute::Pass(scope) => {
                let mount = original_uri::prefix(&request);
                let credential = credential(gate, scope, request.headers());
                let user = credential
                    .as_ref()
                    .and_then(|credential| check_cached(gate, credential, scope, mount));
                if let Some(user) = user {
                    meter::request(RequestDecision::Allow);
                    let next = prepare(gate, &mut request, user);
                    return ResponseFuture::admitted(next, || self.inner.call(request));
                }
                let (credential, mount) =
                    (credential.map(Credential::into_owned), mount.to_owned());
                // Only this gate identifies a request's user, whatever an outer layer has set.
                request.extensions_mut().remove::<HerokuUser>();
                let gate = Arc::clone(gate);
                let request_id = RequestId::of(request.headers());
                let budget = Budget::of(REQUEST);
                let check = {
                    let gate = Arc::clone(&gate);
                    async move { check(&gate, credential, scope, &mount, request_id, budget).await }
                };
                // The service that was polled ready handles this request; its clone stays behind.
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                let check = Box::pin(check);
                ResponseFuture::check(check, gate, self.mode, budget, request, ready)
            }
        }
    }
}

/// True for a form at a path of the Partner API, if the policy accepts such forms.
fn is_legacy_form<B>(gate: &GateState, request: &Request<B>) -> bool {
    gate.forms.accept_legacy() && legacy_form::is_one(request)
}
