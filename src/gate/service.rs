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
use super::observed_request::{observe_request, observe_sign_out, observe_user, observed_user};
use super::observed_sign_in::observe_sign_in;
use super::open_link::OpenLink;
use super::original_uri;
use super::paths::GateRoute;
use super::rejection_record::audit_request;
use super::response_body::GateBody;
use super::response_future::ResponseFuture;
use super::sign_out::SignOut;
use super::sso_sign_in::sign_in;
use super::state::GateState;
use super::target::Target;
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

    /// The wrapped service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The wrapped service.
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
        let (mut route, scope) = gate.paths.route(request.uri().path());
        if route == GateRoute::Pass && is_legacy_form(gate, &request) {
            route = GateRoute::SignIn;
        }
        let target = match &gate.resource_of {
            None => Target::by_path(scope),
            Some(resource_of) => {
                let (target, same) = Target::by_session(scope, resource_of, request);
                request = same;
                target
            }
        };
        let is_enforced = gate.enforcement.includes(target.resource.as_ref());
        match route {
            GateRoute::SignIn => self.sign_in(request),
            GateRoute::Pass if is_enforced => self.check(request, target),
            GateRoute::Pass => self.observe(request, target),
            GateRoute::SignOut if !is_enforced => {
                let observation = observe_sign_out(Arc::clone(gate), request);
                ResponseFuture::observe(Box::pin(observation), self.ready())
            }
            // The app may have a page at this path.
            #[cfg(feature = "jwt")]
            GateRoute::ProgramSignIn if !is_enforced => {
                request.extensions_mut().remove::<HerokuUser>();
                let untouched = Box::default();
                ResponseFuture::observed(untouched, || self.inner.call(request))
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
        }
    }
}

impl<S> HerokuSsoGate<S> {
    /// Answers a form or a signed link, or forwards a form that is only observed.
    fn sign_in<ReqBody>(&mut self, request: Request<ReqBody>) -> ResponseFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>> + Clone,
        ReqBody: Body + Send + 'static,
        ReqBody::Data: Send,
        ReqBody::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (gate, own) = (
            Arc::clone(&self.gate),
            self.gate.on_rejection.about(&request),
        );
        if gate.enforcement.is_any()
            && let Some(link) = OpenLink::of(&request)
        {
            let answer = async move { link.respond(&gate).await };
            return ResponseFuture::answer(own.of(answer));
        }
        if gate.enforcement.is_total() {
            let answer = async move { sign_in(&gate, request).await };
            return ResponseFuture::answer(own.of(answer));
        }
        // The form names its resource.
        let observation = observe_sign_in(gate, request);
        ResponseFuture::observe(Box::pin(observation), self.ready())
    }

    /// Forwards a request that passes the check.
    fn check<ReqBody>(
        &mut self,
        mut request: Request<ReqBody>,
        target: Target,
    ) -> ResponseFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>> + Clone,
    {
        let gate = &self.gate;
        let mount = original_uri::prefix(&request);
        let credential = credential(gate, target.scope, request.headers());
        let user = credential
            .as_ref()
            .and_then(|credential| check_cached(gate, credential, &target, mount));
        if let Some(user) = user {
            meter::request(RequestDecision::Allow);
            let next = prepare(gate, &mut request, user);
            return ResponseFuture::admitted(next, || self.inner.call(request));
        }
        let (credential, mount) = (credential.map(Credential::into_owned), mount.to_owned());
        // Only this gate identifies a request's user, whatever an outer layer has set.
        request.extensions_mut().remove::<HerokuUser>();
        let gate = Arc::clone(gate);
        let request_id = RequestId::of(request.headers());
        let budget = Budget::of(REQUEST);
        let check = {
            let gate = Arc::clone(&gate);
            async move {
                let checked = check(&gate, credential, &target, &mount, budget).await;
                checked.inspect_err(|rejection| {
                    audit_request(gate.audit(), rejection, &request_id);
                })
            }
        };
        let (check, mode) = (Box::pin(check), self.mode);
        ResponseFuture::check(check, gate, mode, budget, request, self.ready())
    }

    /// Forwards any request, with the verdict about it.
    fn observe<ReqBody>(
        &mut self,
        mut request: Request<ReqBody>,
        target: Target,
    ) -> ResponseFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>> + Clone,
        ReqBody: Send + 'static,
    {
        let gate = &self.gate;
        let credential = credential(gate, target.scope, request.headers());
        let user = credential
            .as_ref()
            .and_then(|credential| observed_user(gate, &request, credential, &target));
        if let Some(user) = user {
            let observed = Box::new(observe_user(gate, &mut request, user));
            return ResponseFuture::observed(observed, || self.inner.call(request));
        }
        let credential = credential.map(Credential::into_owned);
        let observation = observe_request(Arc::clone(gate), request, credential, target);
        ResponseFuture::observe(Box::pin(observation), self.ready())
    }

    /// The service that was polled ready, for a request that waits. Its clone stays behind.
    fn ready(&mut self) -> S
    where
        S: Clone,
    {
        let clone = self.inner.clone();
        mem::replace(&mut self.inner, clone)
    }
}

/// True for a form at a path of the Partner API, if the policy accepts such forms.
fn is_legacy_form<B>(gate: &GateState, request: &Request<B>) -> bool {
    gate.forms.accept_legacy() && legacy_form::is_one(request)
}
