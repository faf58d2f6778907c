//! The future of a request at the gate.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower::{BoxError, Service};

use super::admitted_request::{Next, prepare};
use super::mode::{Mode, Unauthenticated};
use super::observed_request::{Observation, ObservedResponse};
use super::rejection::Rejection;
use super::rejection_context::RejectionContext;
use super::response_body::{GateBody, OwnAnswer};
use super::response_decorator::{Decorator, ResponseDecorator};
use super::state::GateState;
use super::unread_body::UnreadBody;
use super::user::HerokuUser;
use crate::clock::Budget;
use crate::meter::{self, RequestDecision};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pin_project! {
    /// The future of [`HerokuSsoGate`](super::HerokuSsoGate).
    pub struct ResponseFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>>,
    {
        #[pin]
        state: State<S, ReqBody, S::Future>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, ReqBody, F> {
        // The gate responds without the wrapped service.
        Answer { answer: OwnAnswer },
        // The list is being fetched; the request waits outside.
        Check {
            check: Boxed<Result<HerokuUser, Rejection>>,
            waiting: Option<Waiting<S, ReqBody>>,
        },
        // The request is being observed, and waits outside.
        Observe {
            observation: Boxed<Observation<ReqBody>>,
            service: Option<S>,
        },
        // The wrapped service is running.
        Inner {
            #[pin]
            response: F,
            decorator: Option<Decorator>,
        },
    }
}

struct Waiting<S, ReqBody> {
    gate: Arc<GateState>,
    mode: Mode,
    budget: Budget,
    request: Request<ReqBody>,
    service: S,
}

impl<S, ReqBody> ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    pub(super) fn answer(answer: OwnAnswer) -> Self {
        Self {
            state: State::Answer { answer },
        }
    }

    /// For an admitted request; `call` calls the wrapped service.
    pub(super) fn admitted(next: Next, call: impl FnOnce() -> S::Future) -> Self {
        Self {
            state: State::admitted(next, call),
        }
    }

    /// For a request that is observed, and waits for it.
    pub(super) fn observe(observation: Boxed<Observation<ReqBody>>, service: S) -> Self {
        Self {
            state: State::Observe {
                observation,
                service: Some(service),
            },
        }
    }

    /// For a request that was observed; `call` calls the wrapped service.
    pub(super) fn observed(
        observed: Box<ObservedResponse>,
        call: impl FnOnce() -> S::Future,
    ) -> Self {
        Self {
            state: State::observed(observed, call),
        }
    }

    pub(super) fn check(
        check: Boxed<Result<HerokuUser, Rejection>>,
        gate: Arc<GateState>,
        mode: Mode,
        budget: Budget,
        request: Request<ReqBody>,
        service: S,
    ) -> Self {
        Self {
            state: State::Check {
                check,
                waiting: Some(Waiting {
                    gate,
                    mode,
                    budget,
                    request,
                    service,
                }),
            },
        }
    }
}

impl<S, ReqBody, ResBody> Future for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: Body + Send + 'static,
    ReqBody::Data: Send,
    ResBody: Body<Data = Bytes>,
    ResBody::Error: Into<BoxError>,
{
    type Output = Result<Response<GateBody<ResBody>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let next = match self.as_mut().project().state.project() {
                StateProjection::Answer { answer } => {
                    let response = task::ready!(answer.as_mut().poll(cx));
                    return Poll::Ready(Ok(response.map(GateBody::own)));
                }
                StateProjection::Check { check, waiting } => {
                    let verdict = task::ready!(check.as_mut().poll(cx));
                    let waiting = waiting.take().expect("not polled after completion");
                    waiting.proceed(verdict)
                }
                StateProjection::Observe {
                    observation,
                    service,
                } => {
                    let observation = task::ready!(observation.as_mut().poll(cx));
                    let mut service = service.take().expect("not polled after completion");
                    match observation {
                        Observation::Forward(request, observed) => {
                            State::observed(observed, || service.call(*request))
                        }
                        Observation::Respond(answer) => State::Answer { answer },
                    }
                }
                StateProjection::Inner {
                    response,
                    decorator,
                } => {
                    let response = task::ready!(response.poll(cx))?;
                    let decorator = decorator.take().expect("not polled after completion");
                    return Poll::Ready(Ok(decorator.decorate(response)));
                }
            };
            self.as_mut().project().state.set(next);
        }
    }
}

impl<S, ReqBody, F> State<S, ReqBody, F> {
    fn admitted(next: Next, call: impl FnOnce() -> F) -> Self {
        match next {
            Next::Respond(answer) => Self::Answer { answer },
            Next::Forward(decorator) => Self::Inner {
                response: call(),
                decorator: Some(Decorator::Enforced(decorator)),
            },
        }
    }

    fn observed(observed: Box<ObservedResponse>, call: impl FnOnce() -> F) -> Self {
        Self::Inner {
            response: call(),
            decorator: Some(Decorator::Observed(observed)),
        }
    }
}

impl<S, ReqBody> Waiting<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
    ReqBody: Body + Send + 'static,
    ReqBody::Data: Send,
{
    fn proceed(self, verdict: Result<HerokuUser, Rejection>) -> State<S, ReqBody, S::Future> {
        let Self {
            gate,
            mode,
            budget,
            mut request,
            mut service,
        } = self;
        meter::request(match (&verdict, mode) {
            (Ok(_), _) => RequestDecision::Allow,
            (Err(rejection), Mode::Optional) => RequestDecision::Anonymous(rejection.kind.code()),
            (Err(rejection), Mode::Required) => RequestDecision::Deny(rejection.kind.code()),
        });
        match (verdict, mode) {
            (Ok(user), _) => {
                let next = prepare(&gate, &mut request, user);
                State::admitted(next, || service.call(request))
            }
            (Err(rejection), Mode::Optional) => {
                request.extensions_mut().insert(Unauthenticated {
                    on_rejection: gate.on_rejection.clone(),
                    is_bearer: rejection.is_bearer,
                });
                let next = Next::Forward(ResponseDecorator::without_user(&gate));
                State::admitted(next, || service.call(request))
            }
            (Err(rejection), Mode::Required) => {
                let own = gate.on_rejection.about(&request);
                let rejection_context = RejectionContext::of(&gate, &request);
                let answer = async move {
                    let response = rejection_context.respond(&gate, rejection, budget).await;
                    UnreadBody::of(request).discard(budget).await;
                    response
                };
                State::Answer {
                    answer: own.of(answer),
                }
            }
        }
    }
}

impl<S, ReqBody> fmt::Debug for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
