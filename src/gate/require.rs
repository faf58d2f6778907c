//! Routes behind the gate for certain roles only.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::RefusalKind;
use super::accept::Format;
use super::body::GateBody;
use super::refusal::Refusal;
use super::user::HerokuUser;
use crate::access::Role;
use crate::sso::Proof;

/// Lets only people in one of some roles pass. Goes inside [`HerokuSso::layer`](crate::HerokuSso::layer),
/// on the routes that need it.
///
/// The roles are those of the newest list. Somebody who signed in by a token that does not cover the
/// email ([`Proof::UnsignedEmail`]) is refused whatever the list says: the email may be another's.
/// Without the gate around it, everybody is refused with 401.
#[derive(Clone, Debug)]
#[must_use = "a layer guards nothing until it is applied to a service"]
pub struct RequireRoleLayer {
    any_of: Arc<[Role]>,
}

impl RequireRoleLayer {
    /// One of `roles` is needed. Of an empty set nobody has one.
    pub fn any_of(roles: impl IntoIterator<Item = Role>) -> Self {
        Self {
            any_of: roles.into_iter().collect(),
        }
    }
}

impl<S> Layer<S> for RequireRoleLayer {
    type Service = RequireRole<S>;

    fn layer(&self, inner: S) -> RequireRole<S> {
        RequireRole {
            inner,
            any_of: Arc::clone(&self.any_of),
        }
    }
}

/// The service of [`RequireRoleLayer`].
#[derive(Clone, Debug)]
pub struct RequireRole<S> {
    inner: S,
    any_of: Arc<[Role]>,
}

impl<S> RequireRole<S> {
    fn refusal<B>(&self, request: &Request<B>) -> Option<RefusalKind> {
        let Some(user) = request.extensions().get::<HerokuUser>() else {
            return Some(RefusalKind::NoSession);
        };
        let allowed = user.proof() == Proof::SignedEmail && user.roles().contains_any(&self.any_of);
        (!allowed).then_some(RefusalKind::MissingRole)
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for RequireRole<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body<Data = Bytes>,
{
    type Response = Response<GateBody<ResBody>>;
    type Error = S::Error;
    type Future = RequireRoleFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let state = match self.refusal(&request) {
            Some(kind) => {
                let format = Format::of(request.headers());
                let response = Refusal::new(kind).into_response(format, request.method());
                State::Refused {
                    response: Some(response),
                }
            }
            None => State::Inner {
                response: self.inner.call(request),
            },
        };
        RequireRoleFuture { state }
    }
}

pin_project! {
    /// The future of [`RequireRole`].
    #[derive(Debug)]
    pub struct RequireRoleFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    #[derive(Debug)]
    enum State<F> {
        Refused { response: Option<Response<Full<Bytes>>> },
        Inner { #[pin] response: F },
    }
}

impl<F, ResBody, E> Future for RequireRoleFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
    ResBody: Body<Data = Bytes>,
{
    type Output = Result<Response<GateBody<ResBody>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Refused { response } => {
                let response = response.take().expect("polled after it was done");
                Poll::Ready(Ok(response.map(GateBody::own)))
            }
            StateProjection::Inner { response } => {
                let response = ready!(response.poll(cx))?;
                Poll::Ready(Ok(response.map(GateBody::inner)))
            }
        }
    }
}
