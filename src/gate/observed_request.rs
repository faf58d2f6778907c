//! A request that is only observed: it is checked, and passes whatever the verdict is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderValue, Request, Response};
use http_body::Body;

use super::check_session::{check, check_cached};
use super::mode::Unauthenticated;
use super::observed::Observed;
use super::original_uri;
use super::rejection::Rejection;
use super::rejection_kind::RejectionKind;
use super::response_body::{GateBody, OwnAnswer};
use super::sign_out::SignOut;
use super::state::GateState;
use super::target::Target;
use super::user::HerokuUser;
use crate::audit::RequestId;
use crate::clock::Budget;
use crate::deadlines::{OBSERVATION, REQUEST};
use crate::session::Credential;

/// What becomes of a request after it was observed.
pub(super) enum Observation<B> {
    /// It goes to the app.
    Forward(Box<Request<B>>, Box<ObservedResponse>),
    /// It was a form of a resource that is enforced.
    Respond(OwnAnswer),
}

/// What the gate adds to the app's response: its own cookie after a sign-in, and nothing else that a client
/// could see.
#[derive(Default)]
pub(super) struct ObservedResponse {
    pub(super) observed: Option<Observed>,
    pub(super) cookies: Vec<HeaderValue>,
}

impl ObservedResponse {
    pub(super) fn decorate<B: Body<Data = Bytes>>(
        self,
        mut response: Response<B>,
    ) -> Response<GateBody<B>> {
        for cookie in self.cookies {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        let Some(observed) = self.observed else {
            return response.map(GateBody::inner);
        };
        let user = observed.user();
        let reader = user.and_then(|user| user.origin.session().cloned());
        response.extensions_mut().insert(observed);
        response.map(|body| match reader {
            // The resource is in use until then, as it would be if the gate were enforced.
            Some(reader) => GateBody::left_open(body, &reader),
            None => GateBody::inner(body),
        })
    }
}

/// The user of a request, as far as it is known without waiting, which covers nearly every request with a
/// session.
pub(super) fn observed_user<B>(
    gate: &Arc<GateState>,
    request: &Request<B>,
    credential: &Credential<'_>,
    target: &Target,
) -> Option<HerokuUser> {
    let mount = original_uri::prefix(request);
    let check = || check_cached(gate, credential, target, mount);
    catch_unwind(AssertUnwindSafe(check)).ok().flatten()
}

/// Observes a request that would pass.
pub(super) fn observe_user<B>(
    gate: &GateState,
    request: &mut Request<B>,
    user: HerokuUser,
) -> ObservedResponse {
    let id = RequestId::of(request.headers());
    let verdict = with_origin(gate, request, user);
    let observed = gate.observer.request(None, Some(verdict), &id);
    attach(gate, request, observed)
}

/// Observes a request that has to wait.
pub(super) async fn observe_request<B>(
    gate: Arc<GateState>,
    mut request: Request<B>,
    credential: Option<Credential<'static>>,
    target: Target,
) -> Observation<B> {
    let mount = original_uri::prefix(&request).to_owned();
    let budget = Budget::of(OBSERVATION);
    let asked = gate.observer.ask(budget, |answer| {
        let gate = Arc::clone(&gate);
        async move {
            // It has the time that an enforced request has, so that its verdict is the same.
            let budget = Budget::of(REQUEST);
            let verdict = check(&gate, credential, &target, &mount, budget).await;
            // An answer that is late has no reader.
            let _ = answer.send(verdict);
        }
    });
    let checked = asked.await;
    let verdict =
        checked.map(|checked| checked.and_then(|user| with_origin(&gate, &request, user)));
    let id = RequestId::of(request.headers());
    let observed = gate.observer.request(target.resource, verdict, &id);
    let response = attach(&gate, &mut request, observed);
    Observation::Forward(Box::new(request), Box::new(response))
}

/// Ends the gate's sessions beside a sign-out, which the app answers itself. Otherwise they would open the
/// resource again as soon as it is enforced.
pub(super) async fn observe_sign_out<B>(
    gate: Arc<GateState>,
    mut request: Request<B>,
) -> Observation<B> {
    request.extensions_mut().remove::<HerokuUser>();
    let sign_out = SignOut::of(&gate, &request);
    let ended = gate.observer.ask(Budget::of(OBSERVATION), |ended| {
        let gate = Arc::clone(&gate);
        async move {
            sign_out.observe(&gate).await;
            // An answer that is late has no reader.
            let _ = ended.send(());
        }
    });
    // The app's own sign-out does not depend on it.
    let _ = ended.await;
    Observation::Forward(Box::new(request), Box::default())
}

/// The user, unless the request is a WebSocket of another site, which an enforced gate rejects.
fn with_origin<B>(
    gate: &GateState,
    request: &Request<B>,
    user: HerokuUser,
) -> Result<HerokuUser, Rejection> {
    let session = user.origin.session().filter(|it| it.is_of_cookie());
    match session {
        Some(session) if gate.origins.foreign_handshake(request).is_some() => {
            let rejection = Rejection::new(RejectionKind::ForeignOrigin);
            Err(session.record("foreign_origin").attach_to(rejection))
        }
        _ => Ok(user),
    }
}

/// A request's user is never the one that an outer layer has set.
pub(super) fn attach<B>(
    gate: &GateState,
    request: &mut Request<B>,
    observed: Observed,
) -> ObservedResponse {
    let extensions = request.extensions_mut();
    extensions.remove::<HerokuUser>();
    extensions.insert(Unauthenticated {
        on_rejection: gate.on_rejection.clone(),
        is_bearer: false,
    });
    extensions.insert(observed.clone());
    ObservedResponse {
        observed: Some(observed),
        cookies: Vec::new(),
    }
}
