//! A form of Heroku's SSO that is only observed: the gate opens its own session, and the app gets the form.

use std::sync::Arc;

use bytes::Bytes;
use heroku_sso_store::ResourceId;
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body::Body;
use http_body_util::Full;
use tokio::sync::oneshot;

use super::close_session::close;
use super::observed_request::{Observation, ObservedResponse, attach};
use super::original_uri;
use super::read_sso_form::{MAX_BODY, read_form};
use super::rejection::Rejection;
use super::replay_body::{Beginning, read_beginning};
use super::sso_sign_in::{OpenedByForm, sign_in, sign_in_in_time};
use super::state::GateState;
use crate::audit::RequestId;
use crate::clock::Budget;
use crate::deadlines::{OBSERVATION, REQUEST};
use crate::sso::SsoRequest;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What was sent to the SSO path. None if it could not be read in time.
type Form = Option<Result<SsoRequest, Rejection>>;

/// Opens a session of the gate if the form is valid, and forwards the form in any case. If its resource is
/// enforced, the gate answers it instead.
pub(super) async fn observe_sign_in<B>(gate: Arc<GateState>, request: Request<B>) -> Observation<B>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let budget = Budget::of(OBSERVATION);
    let own = gate.on_rejection.about(&request);
    let (mut request, form) = read(&gate, request, budget).await;
    if !is_observed(&gate, &form, budget).await {
        let answer = own.of(async move { sign_in(&gate, request).await });
        return Observation::Respond(answer);
    }
    let id = RequestId::of(request.headers());
    let (resource, cookies) = match form {
        None => (None, Vec::new()),
        Some(Err(rejection)) => (Some(Err(rejection)), Vec::new()),
        Some(Ok(form)) => {
            let browser = Browser {
                prefix: original_uri::prefix(&request).to_owned(),
                headers: request.headers().clone(),
                id: id.clone(),
            };
            open(&gate, form, browser, budget).await
        }
    };
    let observed = gate.observer.sign_in(resource, &id);
    let response = ObservedResponse {
        cookies,
        ..attach(&gate, &mut request, observed)
    };
    Observation::Forward(Box::new(request), Box::new(response))
}

/// Reads the form, and puts its body back.
async fn read<B: 'static>(
    gate: &GateState,
    request: Request<B>,
    budget: Budget,
) -> (Request<B>, Form) {
    let (parts, body) = request.into_parts();
    let (body, beginning) = match parts.method {
        Method::POST => read_beginning(body, MAX_BODY, budget).await,
        // Only a POST has a form in its body.
        _ => (body, Beginning::Read(Bytes::new())),
    };
    let form = match beginning {
        Beginning::Read(bytes) => {
            let body = Full::<Bytes>::from(bytes);
            Some(read_form(&gate.forms, gate.reasons, &parts, body).await)
        }
        Beginning::Unfinished => None,
        Beginning::Unreadable => {
            if gate.warnings.unreadable_body.is_due(gate.directory.clock()) {
                tracing::warn!(
                    "the gate observes, but cannot read sign-in forms from this type of body (logged once \
                     an hour): add a layer outside of it that makes each body the `Body` of axum"
                );
            }
            None
        }
    };
    (Request::from_parts(parts, body), form)
}

/// True if the form is not enforced. A form that names its resource ambiguously, or not at all, is enforced
/// if anything is.
async fn is_observed(gate: &GateState, form: &Form, budget: Budget) -> bool {
    let claimed = match form {
        Some(Ok(form)) => budget.within(claimed_resource(gate, form)).await.flatten(),
        _ => None,
    };
    !gate.enforcement.includes(claimed.as_ref())
}

/// The resource that a form names, whether it proves it or not: the app would sign in to no other.
async fn claimed_resource(gate: &GateState, form: &SsoRequest) -> Option<ResourceId> {
    let resource = form.resource_id().map(str::parse).transpose().ok()?;
    let Some(legacy) = form.legacy_id() else {
        return resource;
    };
    // The app may go by either id.
    let legacy = match legacy.parse() {
        Ok(id) => id,
        Err(_) => {
            let legacy = legacy.parse().ok()?;
            let found = gate.directory.lifecycle().find_legacy(&legacy).await;
            found.ok()?
        }
    };
    resource
        .is_none_or(|resource| resource == legacy)
        .then_some(legacy)
}

/// What the sign-in needs from the request, apart from its form.
struct Browser {
    /// The part of the path that an outer router removed.
    prefix: String,
    headers: HeaderMap,
    id: RequestId,
}

/// The resource, and the gate's cookies, if the gate signs the user in.
async fn open(
    gate: &Arc<GateState>,
    form: SsoRequest,
    browser: Browser,
    budget: Budget,
) -> (Option<Result<ResourceId, Rejection>>, Vec<HeaderValue>) {
    let asked = gate.observer.ask(budget, |answer| {
        let gate = Arc::clone(gate);
        async move {
            let budget = Budget::of(REQUEST);
            let Browser {
                prefix,
                headers,
                id,
            } = browser;
            let opened = sign_in_in_time(&gate, &form, &prefix, &headers, &id, budget).await;
            let session = opened.as_ref().ok().map(|it| it.session.session.clone());
            let (taken, is_taken) = oneshot::channel();
            let is_sent = answer.send((opened, taken)).is_ok();
            if let Some(session) = session
                && !(is_sent && is_taken.await.is_ok())
            {
                // The response has left without its cookie.
                close(&gate.sessions, &session).await;
            }
        }
    });
    match asked.await {
        None => (None, Vec::new()),
        Some((Err(rejection), _)) => (Some(Err(rejection)), Vec::new()),
        Some((Ok(OpenedByForm { session, .. }), taken)) => {
            // The task waits for this, unless its runtime has ended.
            let _ = taken.send(());
            let now = gate.directory.clock().now();
            let cookies = gate.cookies.signed_in(&session, now).collect();
            (Some(Ok(session.grant.resource)), cookies)
        }
    }
}
