//! The layer that adds the assertion.

use std::task::{Context, Poll};

use heroku_sso_assertion::{HEADER, header};
use http::Request;
use tower::{Layer, Service};

use super::body::WithoutAssertion;
use super::issue::Assertions;
use crate::gate::HerokuUser;

/// Adds the assertion to each admitted request. Made by
/// [`Assertions::layer`]; see the [module docs](crate::assertion).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it is applied to a service"]
pub struct AssertLayer(pub(super) Assertions);

impl<S> Layer<S> for AssertLayer {
    type Service = Assert<S>;

    fn layer(&self, inner: S) -> Assert<S> {
        Assert {
            inner,
            assertions: self.0.clone(),
        }
    }
}

/// The service of [`AssertLayer`].
#[derive(Clone, Debug)]
pub struct Assert<S> {
    inner: S,
    assertions: Assertions,
}

impl<S, B> Service<Request<B>> for Assert<S>
where
    S: Service<Request<WithoutAssertion<B>>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        let mut request = request.map(WithoutAssertion::new);
        header::remove(request.headers_mut());
        header::keep_on_the_way(request.headers_mut());
        let assertion = request
            .extensions()
            .get::<HerokuUser>()
            .filter(|user| user.has_session())
            .and_then(|user| self.assertions.assert(user));
        if let Some(assertion) = assertion {
            request.headers_mut().insert(HEADER.clone(), assertion);
        }
        self.inner.call(request)
    }
}
