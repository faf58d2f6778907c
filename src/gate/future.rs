//! The future of a request at the gate.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, Entry, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body::Body;
use http_body_util::Full;
use pin_project_lite::pin_project;
use tower::Service;

use super::body::GateBody;
use super::check::Passage;
use super::keeper::Keeper;
use super::mode::Mode;
use super::refusal::Refusal;
use super::visit::Visit;
use super::visitor::{Visitor, redirect};
use crate::config::Streams;
use crate::ids::ResourceId;
use crate::session::WayBack;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Own = Response<Full<Bytes>>;

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
        // The gate answers by itself.
        Answer { answer: Boxed<Own> },
        // The list is asked; the request waits outside.
        Check {
            check: Boxed<Result<Passage, Refusal>>,
            waiting: Option<Waiting<S, ReqBody>>,
        },
        // Inside.
        Inner {
            #[pin]
            response: F,
            vary: &'static str,
            cookies: Vec<HeaderValue>,
            // Whose access ends the response's body.
            reader: Option<Visit>,
        },
    }
}

struct Waiting<S, ReqBody> {
    keeper: Arc<Keeper>,
    mode: Mode,
    request: Request<ReqBody>,
    service: S,
}

impl<S, ReqBody> ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    pub(super) fn answer(answer: Boxed<Own>) -> Self {
        Self {
            state: State::Answer { answer },
        }
    }

    /// Of somebody who has passed already.
    pub(super) fn enter(
        keeper: &Keeper,
        request: Request<ReqBody>,
        passage: Passage,
        service: &mut S,
    ) -> Self {
        Self {
            state: enter(keeper, request, passage, service),
        }
    }

    pub(super) fn check(
        check: Boxed<Result<Passage, Refusal>>,
        keeper: Arc<Keeper>,
        mode: Mode,
        request: Request<ReqBody>,
        service: S,
    ) -> Self {
        Self {
            state: State::Check {
                check,
                waiting: Some(Waiting {
                    keeper,
                    mode,
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
    ResBody: Body<Data = Bytes>,
{
    type Output = Result<Response<GateBody<ResBody>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let next = match self.as_mut().project().state.project() {
                StateProjection::Answer { answer } => {
                    let response = ready!(answer.as_mut().poll(cx));
                    return Poll::Ready(Ok(response.map(GateBody::own)));
                }
                StateProjection::Check { check, waiting } => {
                    let verdict = ready!(check.as_mut().poll(cx));
                    let waiting = waiting.take().expect("polled after it was done");
                    waiting.proceed(verdict)
                }
                StateProjection::Inner {
                    response,
                    vary,
                    cookies,
                    reader,
                } => {
                    let mut response = ready!(response.poll(cx))?;
                    mark_personal(response.headers_mut(), vary);
                    for cookie in cookies.drain(..) {
                        response.headers_mut().append(SET_COOKIE, cookie);
                    }
                    let reader = reader.take();
                    return Poll::Ready(Ok(response.map(|body| match reader {
                        Some(reader) => GateBody::until_ended(body, reader),
                        None => GateBody::inner(body),
                    })));
                }
            };
            self.as_mut().project().state.set(next);
        }
    }
}

impl<S, ReqBody> Waiting<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    fn proceed(self, verdict: Result<Passage, Refusal>) -> State<S, ReqBody, S::Future> {
        let Self {
            keeper,
            mode,
            request,
            mut service,
        } = self;
        match (verdict, mode) {
            (Ok(passage), _) => enter(&keeper, request, passage, &mut service),
            (Err(_), Mode::Identify) => State::Inner {
                response: service.call(request),
                vary: keeper.varies_by(),
                cookies: Vec::new(),
                reader: None,
            },
            (Err(refusal), Mode::Guard) => {
                let visitor = Visitor::of(&keeper, &request);
                let answer = async move { visitor.refuse(&keeper, refusal).await };
                State::Answer {
                    answer: Box::pin(answer),
                }
            }
        }
    }
}

/// Calls the wrapped service for somebody who passed.
fn enter<S, ReqBody>(
    keeper: &Keeper,
    mut request: Request<ReqBody>,
    passage: Passage,
    service: &mut S,
) -> State<S, ReqBody, S::Future>
where
    S: Service<Request<ReqBody>>,
{
    let mut hint = None;
    if passage.by_cookie && is_landing(keeper, &request, passage.user.resource()) {
        if let Some(answer) = lead_back(keeper, &request, &passage) {
            let answer = Box::pin(async move { answer });
            return State::Answer { answer };
        }
        // Of somebody who has just signed in, where the form could not set it.
        let resource = passage.user.resource();
        hint = keeper.cookies.landed(request.headers(), resource);
    }
    let ends = keeper.streams == Streams::EndWithAccess;
    let reader = ends.then(|| passage.user.visit().clone());
    request.extensions_mut().insert(passage.user);
    if !passage.by_cookie {
        // It was for the gate: whoever sees it could use it too.
        request.headers_mut().remove(AUTHORIZATION);
    }
    State::Inner {
        response: service.call(request),
        vary: keeper.varies_by(),
        cookies: passage.cookie.into_iter().chain(hint).collect(),
        reader,
    }
}

/// The landing page leads on to the page that was wanted when the last session ended, once.
fn lead_back<B>(keeper: &Keeper, request: &Request<B>, passage: &Passage) -> Option<Own> {
    let resource = passage.user.resource();
    let way = keeper.cookies.way_back(request.headers(), Some(resource))?;
    let wanted = way.wanted.clone()?;
    let done = keeper.cookies.set_way_back(&WayBack {
        wanted: None,
        ..way.clone()
    });
    if way.resource != *resource {
        return None;
    }
    let mut response = redirect(HeaderValue::try_from(wanted).ok()?);
    let headers = response.headers_mut();
    headers.append(SET_COOKIE, done);
    if let Some(cookie) = &passage.cookie {
        headers.append(SET_COOKIE, cookie.clone());
    }
    Some(response)
}

fn is_landing<B>(keeper: &Keeper, request: &Request<B>, resource: &ResourceId) -> bool {
    let path = request.uri().path();
    request.method() == Method::GET && keeper.paths.is_landing(path, resource)
}

/// What a response from behind the gate says is for one person.
fn mark_personal(headers: &mut HeaderMap, by: &'static str) {
    match headers.entry(VARY) {
        Entry::Vacant(vary) => {
            vary.insert(HeaderValue::from_static(by));
        }
        Entry::Occupied(mut vary) => {
            let is_named = |wanted: &str| {
                vary.iter().any(|vary| {
                    let mut names = vary.to_str().unwrap_or_default().split(',').map(str::trim);
                    names.any(|name| name == "*" || name.eq_ignore_ascii_case(wanted))
                })
            };
            if !by.split(", ").all(is_named) {
                vary.append(HeaderValue::from_static(by));
            }
        }
    }
    let cached = headers.entry(CACHE_CONTROL);
    cached.or_insert(HeaderValue::from_static("private"));
}

impl<S, ReqBody> fmt::Debug for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
