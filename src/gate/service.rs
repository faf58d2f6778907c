//! The service around the wrapped service.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower::Service;

use super::body::GateBody;
use super::enter::enter;
use super::future::ResponseFuture;
use super::keeper::Keeper;
use super::mode::Mode;
use super::oldest_form;
use super::original_uri;
use super::paths::Errand;
use super::sign_out::SignOut;
use super::user::HerokuUser;
use crate::clock::Budget;
use crate::deadlines::REQUEST;
use crate::session::Credential;

/// The gate around a service. See the [module docs](crate::gate).
#[derive(Clone, Debug)]
pub struct HerokuSsoGate<S> {
    inner: S,
    keeper: Arc<Keeper>,
    mode: Mode,
}

impl<S> HerokuSsoGate<S> {
    pub(super) fn new(inner: S, keeper: Arc<Keeper>, mode: Mode) -> Self {
        Self {
            inner,
            keeper,
            mode,
        }
    }

    /// The wrapped service, past the gate.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The wrapped service, past the gate.
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
{
    type Response = Response<GateBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let keeper = &self.keeper;
        let errand = match keeper.paths.errand(request.uri().path()) {
            Errand::Pass(_) if oldest_form::is_one(&keeper.verifier, &request) => Errand::SignIn,
            errand => errand,
        };
        match errand {
            Errand::SignIn => {
                let keeper = Arc::clone(keeper);
                let answer = async move { keeper.sign_in(request).await };
                ResponseFuture::answer(Box::pin(answer))
            }
            #[cfg(feature = "jwt")]
            Errand::ProgramSignIn => {
                let keeper = Arc::clone(keeper);
                let answer = async move { keeper.program_sign_in(request).await };
                ResponseFuture::answer(Box::pin(answer))
            }
            Errand::SignOut => {
                let keeper = Arc::clone(keeper);
                let sign_out = SignOut::of(&keeper, &request);
                let answer = async move { keeper.sign_out(sign_out).await };
                ResponseFuture::answer(Box::pin(answer))
            }
            Errand::Pass(place) => {
                let mount = original_uri::prefix(&request);
                let credential = keeper.credential(place, request.headers());
                let user = credential
                    .as_ref()
                    .and_then(|credential| keeper.check_cached(credential, place, mount));
                if let Some(user) = user {
                    let entrance = enter(keeper, &mut request, user);
                    return ResponseFuture::entered(entrance, || self.inner.call(request));
                }
                let (credential, mount) =
                    (credential.map(Credential::into_owned), mount.to_owned());
                // Only this gate says who is behind a request, whatever stands outside of it.
                request.extensions_mut().remove::<HerokuUser>();
                let keeper = Arc::clone(keeper);
                let budget = Budget::of(REQUEST);
                let check = {
                    let keeper = Arc::clone(&keeper);
                    async move { keeper.check(credential, place, mount, budget).await }
                };
                // The service that was polled ready goes along; the clone stays.
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                let check = Box::pin(check);
                ResponseFuture::check(check, keeper, self.mode, budget, request, ready)
            }
        }
    }
}
