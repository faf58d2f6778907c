//! The layer of the service behind the gate.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;
use std::{fmt, mem};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{Either, Full};
use tower_layer::Layer;
use tower_service::Service;

use super::claims::{AssertedUser, AssertionClaims};
use super::fetched_keys::{FetchedKeys, JwksSetupError};
use super::header::{self, HEADER};
use super::rejection::Rejection;
use crate::clock::Clock;
use crate::jwt::codec::{key_id, verify};
use crate::jwt::{InvalidJwtKey, JwtKeys, PublicKeys};

/// A layer that admits only requests with an assertion. It identifies the user by an
/// [`AssertedUser`] in their extensions.
///
/// A request is admitted only if it has exactly one header `x-heroku-sso-assertion`. One of the gate's keys
/// must have signed its token, which must have the right type, issuer and audience, and not have expired. All
/// other requests get 401 as `application/problem+json`, or 503 while no keys are available.
#[derive(Clone, Debug)]
#[must_use = "a layer guards nothing until it is applied to a service"]
pub struct VerifyAssertion {
    keys: Keys,
    issuer: Arc<str>,
    audience: Arc<str>,
    clock: Clock,
}

#[derive(Clone, Debug)]
enum Keys {
    Fixed(Arc<PublicKeys>),
    Fetched(Arc<FetchedKeys>),
}

impl VerifyAssertion {
    /// Fetches the keys from `url`, the address of the gate's `jwks()` route, when the first assertion
    /// arrives. The address must be https, or http to this machine.
    ///
    /// The first assertion after ten minutes starts another fetch; after twenty minutes it also waits for it.
    /// An assertion that names an unknown key waits for a fetch too, at most every thirty seconds. There are
    /// never two fetches at the same time. If a fetch fails, the last keys stay in use, for a day at most.
    ///
    /// # Errors
    /// [`JwksSetupError`] for an address that is not allowed, or if the HTTP client cannot start.
    pub fn from_jwks_url(url: &str, issuer: &str, audience: &str) -> Result<Self, JwksSetupError> {
        let keys = FetchedKeys::new(url)?;
        Ok(Self {
            keys: Keys::Fetched(Arc::new(keys)),
            issuer: issuer.into(),
            audience: audience.into(),
            clock: Clock::system(),
        })
    }

    /// Uses these keys and fetches none: for a gate in the same program, or for a test.
    ///
    /// # Errors
    /// [`InvalidJwtKey::SecretNotAllowed`] for a key that is not ES256 or Ed25519.
    pub fn with_keys(keys: JwtKeys, issuer: &str, audience: &str) -> Result<Self, InvalidJwtKey> {
        Ok(Self {
            keys: Keys::Fixed(Arc::new(keys.asymmetric()?.verifying())),
            issuer: issuer.into(),
            audience: audience.into(),
            clock: Clock::system(),
        })
    }

    /// Reads the time with this function instead of the machine's clock. For tests: the ages of fetched
    /// keys depend on it too.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Clock::given(now);
        if let Keys::Fetched(keys) = &mut self.keys {
            *keys = Arc::new(keys.by_clock(self.clock.clone()));
        }
        self
    }

    async fn check(&self, token: Option<String>) -> Result<AssertedUser, Rejection> {
        let token = token.ok_or(Rejection::NotAsserted)?;
        let key = key_id(&token).ok_or(Rejection::NotAsserted)?;
        let keys = match &self.keys {
            Keys::Fixed(keys) => Arc::clone(keys),
            Keys::Fetched(keys) => keys.for_key(&key).await.map_err(|_| Rejection::NoKeys)?,
        };
        let now = self.clock.unix_timestamp();
        let claims = verify::<AssertionClaims>(&keys, &self.issuer, &self.audience, &token, now);
        claims.map(AssertedUser::new).map_err(|reason| {
            tracing::debug!(%reason, "assertion rejected");
            Rejection::NotAsserted
        })
    }
}

impl<S> Layer<S> for VerifyAssertion {
    type Service = Verified<S>;

    fn layer(&self, inner: S) -> Verified<S> {
        Verified {
            inner,
            verify: self.clone(),
        }
    }
}

/// The service of [`VerifyAssertion`].
#[derive(Clone, Debug)]
pub struct Verified<S> {
    inner: S,
    verify: VerifyAssertion,
}

/// The future of [`Verified`].
pub struct VerifyFuture<R, E>(Pin<Box<dyn Future<Output = Result<R, E>> + Send>>);

impl<R, E> Future for VerifyFuture<R, E> {
    type Output = Result<R, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<R, E> fmt::Debug for VerifyFuture<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyFuture").finish_non_exhaustive()
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Verified<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    ReqBody: Send + 'static,
    ResBody: Send + 'static,
{
    type Response = Response<Either<Full<Bytes>, ResBody>>;
    type Error = S::Error;
    type Future = VerifyFuture<Self::Response, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        // Only this layer sets the user of a request.
        request.extensions_mut().remove::<AssertedUser>();
        let token = only(request.headers());
        header::remove(request.headers_mut());
        let clone = self.inner.clone();
        let mut ready = mem::replace(&mut self.inner, clone);
        let verify = self.verify.clone();
        VerifyFuture(Box::pin(async move {
            match verify.check(token).await {
                Ok(user) => {
                    request.extensions_mut().insert(user);
                    let response = ready.call(request).await?;
                    Ok(response.map(Either::Right))
                }
                Err(rejection) => Ok(rejection.into_response().map(Either::Left)),
            }
        }))
    }
}

/// The assertion of a request that has exactly one.
fn only(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(&HEADER).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    value.to_str().ok().map(str::to_owned)
}
