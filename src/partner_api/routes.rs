//! The routes of provisioning, plan changes and deprovisioning.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{post, put};
use axum::{Json, Router};
use heroku_sso_store::{ResourceId, ResourceState};
use http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use super::body::LimitedBody;
use super::requests::PlanJson;
use super::{Addon, AddonError, Outcome, PlanChange, Provision, basic_auth};
use crate::audit::{AuditKind, AuditLog, RequestId};
use crate::clock::{Budget, LogThrottle};
use crate::config::Manifest;
use crate::deadlines::REQUEST;
use crate::error_chain;
use crate::meter;
use crate::sync::{Directory, OauthGrant, Registered, SyncError};

/// Heroku's requests have about one kilobyte.
const MAX_BODY: usize = 64 * 1024;

pub(crate) const RESOURCES: &str = "/heroku/resources";
pub(crate) const RESOURCE: &str = "/heroku/resources/{uuid}";

struct Api<A> {
    directory: Arc<Directory>,
    manifest: Arc<Manifest>,
    addon: A,
    /// Limits the log lines about wrong credentials: anyone on the internet can send some.
    rejected: LogThrottle,
}

impl<A> Api<A> {
    fn audit(&self) -> &AuditLog {
        &self.directory.settings().audit
    }
}

type Shared<A> = State<Arc<Api<A>>>;

/// The Partner API's routes.
pub(crate) fn resources<S, A>(
    directory: Arc<Directory>,
    manifest: Arc<Manifest>,
    addon: A,
) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    A: Addon,
{
    let api = Arc::new(Api {
        directory,
        manifest,
        addon,
        rejected: LogThrottle::default(),
    });
    let resource = put(change_plan::<A>).delete(deprovision::<A>);
    Router::new()
        .route(RESOURCES, post(provision::<A>))
        .route(RESOURCE, resource)
        .route_layer(from_fn_with_state(Arc::clone(&api), authenticate::<A>))
        .with_state(api)
}

async fn authenticate<A: Addon>(State(api): Shared<A>, request: Request, next: Next) -> Response {
    let mut response = if basic_auth::is_heroku(request.headers(), &api.manifest) {
        next.run(request).await
    } else {
        let has_some = request.headers().contains_key(AUTHORIZATION);
        let why = if has_some { "wrong" } else { "missing" };
        let request = RequestId::of(request.headers());
        api.audit().partner_call_rejected(&request, why);
        meter::partner_call_rejected(why);
        if has_some && api.rejected.is_due(api.directory.clock()) {
            tracing::warn!(
                "partner api call rejected: wrong id or password (logged at most once an hour); \
                 if heroku sent it, compare HEROKU_ADDON_SLUG and HEROKU_ADDON_PASSWORD with `id` and \
                 `api.password` in the manifest"
            );
        }
        let mut rejected = message(StatusCode::UNAUTHORIZED, "wrong credentials");
        let scheme = HeaderValue::from_static("Basic realm=\"heroku\", charset=\"UTF-8\"");
        rejected.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        rejected
    };
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}

async fn provision<A: Addon>(
    State(api): Shared<A>,
    LimitedBody(body): LimitedBody<MAX_BODY>,
) -> Response {
    let Ok(request) = serde_json::from_slice::<Provision>(&body) else {
        let what = "expected a JSON object with the resource's uuid";
        return message(StatusCode::UNPROCESSABLE_ENTITY, what);
    };
    let id = request.uuid;
    one_at_a_time(&api, &id, provision_in_turn, request).await
}

/// Runs `work` while no other call of the partner's methods runs for this resource. A DELETE waits for a
/// POST that is still exchanging its grant. Of two POSTs, each finds the state that the other has left.
/// Work that has begun is completed, even if Heroku disconnects.
///
/// All steps share one budget, except the partner's own method, which has no time limit. Only the partner
/// knows the effect of stopping it halfway, and Heroku gives up on the call after its own time limit.
async fn one_at_a_time<A, R, F>(
    api: &Arc<Api<A>>,
    id: &ResourceId,
    work: fn(Arc<Api<A>>, R, Budget) -> F,
    request: R,
) -> Response
where
    A: Addon,
    R: Clone + Send + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let for_work = Arc::clone(api);
    let budget = Budget::of(REQUEST);
    let work = move || work(Arc::clone(&for_work), request.clone(), budget);
    let turns = api.directory.lifecycle().partner_turns();
    let answer = turns.run(id, budget, work).await;
    answer.unwrap_or_else(|error| unavailable(id, &error))
}

/// The result of the gate's own part within the budget. Work that has begun continues beyond it.
async fn own<T>(
    budget: Budget,
    work: impl Future<Output = Result<T, SyncError>>,
) -> Result<T, SyncError> {
    let done = budget.within(work).await;
    done.unwrap_or(Err(SyncError::Busy))
}

/// The result of the partner's method, and the same budget as before it.
async fn partners<T>(budget: Budget, method: impl Future<Output = T>) -> (T, Budget) {
    let left = budget.left();
    (method.await, Budget::of(left))
}

async fn provision_in_turn<A: Addon>(
    api: Arc<Api<A>>,
    request: Provision,
    budget: Budget,
) -> Response {
    let id = request.uuid;
    let grant = request.oauth_grant.as_ref();
    let grant = grant.map(|grant| OauthGrant::Code(grant.code.clone()));
    let lifecycle = api.directory.lifecycle();
    let is_new = match own(budget, lifecycle.register(&id, grant, None)).await {
        Ok(registered) => registered == Registered::New,
        Err(SyncError::Gone) => return gone(),
        Err(error) => return unavailable(&id, &error),
    };
    let (provisioned, budget) = partners(budget, api.addon.provision(request)).await;
    match provisioned {
        Ok(Outcome::Done {
            config,
            log_drain_url,
            message,
        }) => {
            api.audit()
                .partner_call(AuditKind::Provisioned, &id, "done");
            let message = message.unwrap_or_else(|| "The add-on is ready.".to_owned());
            let mut answer = json!({ "id": id, "config": config, "message": message });
            if let Some(url) = log_drain_url {
                answer["log_drain_url"] = url.into();
            }
            (StatusCode::OK, Json(answer)).into_response()
        }
        Ok(Outcome::Later { message }) => {
            api.audit()
                .partner_call(AuditKind::Provisioned, &id, "later");
            let message = message.unwrap_or_else(|| "The add-on is being prepared.".to_owned());
            let answer = json!({ "id": id, "message": message });
            (StatusCode::ACCEPTED, Json(answer)).into_response()
        }
        Err(error) => {
            api.audit()
                .partner_call(AuditKind::Provisioned, &id, outcome_of(&error));
            let rejected = matches!(error, AddonError::Rejected(_));
            // Heroku will not create this resource. A resource that existed before stays.
            if rejected
                && is_new
                && let Err(error) = own(budget, lifecycle.erase(&id)).await
            {
                return unavailable(&id, &error);
            }
            response_to(&error)
        }
    }
}

async fn change_plan<A: Addon>(
    State(api): Shared<A>,
    Path(uuid): Path<String>,
    LimitedBody(body): LimitedBody<MAX_BODY>,
) -> Response {
    let Ok(resource) = uuid.parse() else {
        return not_found();
    };
    one_at_a_time(&api, &resource, change_plan_in_turn, (resource, body)).await
}

async fn change_plan_in_turn<A: Addon>(
    api: Arc<Api<A>>,
    (resource, body): (ResourceId, Bytes),
    budget: Budget,
) -> Response {
    match state(&api.directory, &resource, budget).await {
        Ok((ResourceState::Deprovisioning | ResourceState::Deprovisioned, _)) => return gone(),
        Ok(_) => {}
        Err(response) => return response,
    }
    let Ok(PlanJson { plan }) = serde_json::from_slice(&body) else {
        let what = "expected a JSON object with the plan";
        return message(StatusCode::UNPROCESSABLE_ENTITY, what);
    };
    let change = PlanChange { resource, plan };
    let (changed, _) = partners(budget, api.addon.change_plan(change)).await;
    match changed {
        Ok(Outcome::Done {
            config, message, ..
        }) => {
            api.audit()
                .partner_call(AuditKind::PlanChanged, &resource, "done");
            let message = message.unwrap_or_else(|| "The plan is changed.".to_owned());
            let mut answer = json!({ "message": message });
            if !config.is_empty() {
                answer["config"] = json!(config);
            }
            (StatusCode::OK, Json(answer)).into_response()
        }
        Ok(Outcome::Later { message: said }) => {
            api.audit()
                .partner_call(AuditKind::PlanChanged, &resource, "later");
            let said = said.unwrap_or_else(|| "The plan is being changed.".to_owned());
            message(StatusCode::ACCEPTED, &said)
        }
        Err(error) => {
            api.audit()
                .partner_call(AuditKind::PlanChanged, &resource, outcome_of(&error));
            response_to(&error)
        }
    }
}

async fn deprovision<A: Addon>(State(api): Shared<A>, Path(uuid): Path<String>) -> Response {
    let Ok(resource) = uuid.parse() else {
        return not_found();
    };
    one_at_a_time(&api, &resource, deprovision_in_turn, resource).await
}

async fn deprovision_in_turn<A: Addon>(
    api: Arc<Api<A>>,
    resource: ResourceId,
    budget: Budget,
) -> Response {
    match state(&api.directory, &resource, budget).await {
        Ok((ResourceState::Deprovisioned, false)) => return gone(),
        // Also a resource that was deprovisioned without a request of Heroku: this is the request.
        Ok(_) => {}
        Err(response) => return response,
    }
    let lifecycle = api.directory.lifecycle();
    let (deprovisioned, budget) = partners(budget, api.addon.deprovision(resource)).await;
    match deprovisioned {
        Ok(Outcome::Done { .. }) => {
            match own(budget, lifecycle.complete_deprovisioning(&resource)).await {
                Ok(_) => {
                    api.audit()
                        .partner_call(AuditKind::Deprovisioned, &resource, "done");
                    StatusCode::NO_CONTENT.into_response()
                }
                Err(error) => unavailable(&resource, &error),
            }
        }
        Ok(Outcome::Later { message: said }) => {
            match own(budget, lifecycle.begin_deprovisioning(&resource)).await {
                // Also if deprovisioning had begun before, and Heroku asks again.
                Ok(_) => {
                    api.audit()
                        .partner_call(AuditKind::Deprovisioned, &resource, "later");
                    let said = said.unwrap_or_else(|| "The add-on is being removed.".to_owned());
                    message(StatusCode::ACCEPTED, &said)
                }
                Err(error) => unavailable(&resource, &error),
            }
        }
        Err(error) => {
            api.audit()
                .partner_call(AuditKind::Deprovisioned, &resource, outcome_of(&error));
            response_to(&error)
        }
    }
}

/// The result for the audit log: the partner's text is for the customer, and may contain anything.
fn outcome_of(error: &AddonError) -> &'static str {
    match error {
        AddonError::Rejected(_) => "rejected",
        AddonError::TryLater(_) => "try_later",
    }
}

/// The state of a known resource, and whether the partner's deprovisioning is still owed.
async fn state(
    directory: &Directory,
    id: &ResourceId,
    budget: Budget,
) -> Result<(ResourceState, bool), Response> {
    let known = async { Ok(directory.store().get(id).await?) };
    match own(budget, known).await {
        Ok(Some(known)) => Ok((known.state, known.deprovision_owed)),
        Ok(None) => Err(not_found()),
        Err(error) => Err(unavailable(id, &error)),
    }
}

fn not_found() -> Response {
    message(StatusCode::NOT_FOUND, "no such resource")
}

fn gone() -> Response {
    message(StatusCode::GONE, "the resource was deprovisioned")
}

fn response_to(error: &AddonError) -> Response {
    match error {
        AddonError::Rejected(why) => message(StatusCode::UNPROCESSABLE_ENTITY, why),
        AddonError::TryLater(why) => message(StatusCode::SERVICE_UNAVAILABLE, why),
    }
}

fn unavailable(id: &ResourceId, error: &dyn std::error::Error) -> Response {
    tracing::error!(
        resource = %id, %error, cause = error_chain::of(error),
        "partner api call failed; heroku may repeat it"
    );
    let what = "This request failed. Please try again in a few minutes.";
    message(StatusCode::SERVICE_UNAVAILABLE, what)
}

pub(super) fn message(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "message": text }))).into_response()
}
