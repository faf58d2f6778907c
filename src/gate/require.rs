//! Routes behind the gate for some users only.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use heroku_sso_store::{Permission, Role};
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::RejectionKind;
use super::mode::Unauthenticated;
use super::on_rejection::reject;
use super::rejection::Rejection;
use super::require_rule::Rule;
use super::response_body::{GateBody, OwnAnswer};
use super::unread_body::UnreadBody;
use super::user::HerokuUser;
use crate::clock::Budget;
use crate::deadlines::REQUEST;

/// Admits only some of the users that the gate has admitted. Goes, by `route_layer`, on routes of the router
/// that [`HerokuSso::protect`](crate::HerokuSso::protect) is given, or inside
/// [`HerokuSso::layer`](crate::HerokuSso::layer).
///
/// Roles and permissions are those of the newest list, at each request. A user who signed in with a token
/// that does not cover the email ([`Proof::UnsignedEmail`](crate::Proof::UnsignedEmail)) is rejected
/// whatever the list says. The email may belong to another person.
/// [`trust_unsigned_email`](Self::trust_unsigned_email) changes that. Without the gate around it, every
/// request is rejected with 401.
///
/// The rejection's page says which role or permission is needed, and which owners and admins on the list can
/// grant it.
///
/// # Roles
/// | the app is | its users' roles |
/// | --- | --- |
/// | personal | `owner`, `collaborator` |
/// | a team's | `admin`, `member`, `viewer`, `collaborator` |
///
/// The owner of a team's app is an account of Heroku's own, which the gate ignores. So
/// `Require::role(Role::Owner)` rejects every user there. `Require::any_of([Role::Owner, Role::Admin])` suits
/// both kinds of app.
#[derive(Clone, Debug)]
#[must_use = "a layer guards nothing until it is applied to a service"]
pub struct Require {
    rule: Rule,
    warned: Arc<Once>,
}

impl Require {
    /// This role is needed. A team's app has no users with [`Role::Owner`](crate::Role::Owner): see
    /// [the table](Require#roles).
    pub fn role(role: Role) -> Self {
        Self::any_of([role])
    }

    /// One of `roles` is needed. An empty set admits no user.
    pub fn any_of(roles: impl IntoIterator<Item = Role>) -> Self {
        Self::of(Rule::any_of(roles))
    }

    /// This permission on the app is needed. Only collaborators of an app that belongs to a team have any.
    ///
    /// ```
    /// # use axum::{Router, routing::post};
    /// # use tower_heroku_sso::{Permission, Require};
    /// # fn routes(sso: tower_heroku_sso::HerokuSso) -> Router {
    /// # async fn deploy() {}
    /// let router = Router::new()
    ///     .route("/deploy", post(deploy))
    ///     .route_layer(Require::permission(Permission::Deploy));
    /// sso.protect(router)
    /// # }
    /// ```
    pub fn permission(permission: Permission) -> Self {
        Self::of(Rule::permission(permission))
    }

    /// Admits the users for whom `rule` returns true. All others get 403
    /// [`NotPermitted`](crate::RejectionKind::NotPermitted). A user with an
    /// [unsigned email](crate::Proof::UnsignedEmail) is rejected without a call of `rule`, unless the guard
    /// [trusts it](Self::trust_unsigned_email).
    ///
    /// ```
    /// # use axum::{Router, routing::post};
    /// # use tower_heroku_sso::{Proof, Require};
    /// # fn routes(sso: tower_heroku_sso::HerokuSso) -> Router {
    /// # async fn billing() {}
    /// let router = Router::new()
    ///     .route("/billing", post(billing))
    ///     .route_layer(Require::only_if(|user| user.proof() == Proof::SignedEmail));
    /// sso.protect(router)
    /// # }
    /// ```
    pub fn only_if(rule: impl Fn(&HerokuUser) -> bool + Send + Sync + 'static) -> Self {
        Self::of(Rule::holds_if(rule))
    }

    fn of(rule: Rule) -> Self {
        let warned = Arc::new(Once::new());
        Self { rule, warned }
    }

    /// Also admits users whose email Heroku did not sign, by the roles and permissions that the list has for
    /// it. Any user who can open the add-on can then enter as any other user on its list: see SECURITY.md.
    /// Behind the guard, [`HerokuUser::roles`] is still empty for them. A handler that needs the roles or
    /// permissions calls [`HerokuUser::trust_unsigned_email`].
    pub fn trust_unsigned_email(self) -> Self {
        Self::of(self.rule.trust_unsigned_email())
    }
}

impl<S> Layer<S> for Require {
    type Service = RequireService<S>;

    fn layer(&self, inner: S) -> RequireService<S> {
        RequireService {
            inner,
            rule: self.rule.clone(),
            warned: Arc::clone(&self.warned),
        }
    }
}

/// The service of [`Require`].
#[derive(Clone, Debug)]
pub struct RequireService<S> {
    inner: S,
    rule: Rule,
    /// Warns of a guard outside the gate only once, because unauthenticated requests cause the warning.
    warned: Arc<Once>,
}

impl<S> RequireService<S> {
    fn check<B>(&self, request: &Request<B>) -> Result<(), Rejection> {
        if let Some(user) = request.extensions().get::<HerokuUser>() {
            return self.rule.check(user, request.headers());
        }
        if request.extensions().get::<Unauthenticated>().is_none() {
            self.warned.call_once(|| {
                tracing::error!(
                    "a role guard is not inside of the gate and rejects every request: put it on routes \
                     inside of `sso.protect(…)`"
                );
            });
        }
        Err(Rejection::new(RejectionKind::NoSession))
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for RequireService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: Body + Send + 'static,
    ReqBody::Data: Send,
    ResBody: Body<Data = Bytes>,
    ResBody::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<GateBody<ResBody>>;
    type Error = S::Error;
    type Future = RequireFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let state = match self.check(&request) {
            Err(rejection) => {
                let (head, body) = request.into_parts();
                let response = reject(rejection, &head);
                let rest = UnreadBody::new(head.version, &head.headers, body);
                let budget = Budget::of(REQUEST);
                State::Rejected {
                    answer: Box::pin(async move {
                        rest.discard(budget).await;
                        response
                    }),
                }
            }
            Ok(()) => State::Inner {
                response: self.inner.call(request),
            },
        };
        RequireFuture { state }
    }
}

pin_project! {
    /// The future of [`RequireService`].
    pub struct RequireFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Rejected { answer: OwnAnswer },
        Inner { #[pin] response: F },
    }
}

impl<F, ResBody, E> Future for RequireFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
    ResBody: Body<Data = Bytes>,
    ResBody::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Output = Result<Response<GateBody<ResBody>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Rejected { answer } => {
                let response = ready!(answer.as_mut().poll(cx));
                Poll::Ready(Ok(response.map(GateBody::own)))
            }
            StateProjection::Inner { response } => {
                let response = ready!(response.poll(cx))?;
                Poll::Ready(Ok(response.map(GateBody::inner)))
            }
        }
    }
}

impl<F> fmt::Debug for RequireFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireFuture").finish_non_exhaustive()
    }
}
