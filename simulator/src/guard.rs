//! Processing around every call of an add-on: the call is logged, and a fault may replace its answer.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State as Extract};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::caller;
use super::calls::{Endpoint, RecordedRequest};
use super::connection::ResetSwitch;
use super::fault::Fault;
use super::fault_answer as wrong;
use super::paging::PageNumber;
use super::refusal::Refusal;
use super::shared::Shared;
use super::state::State;

pub(super) async fn guard(
    Extract((shared, endpoint)): Extract<(Arc<Shared>, Endpoint)>,
    ConnectInfo(reset): ConnectInfo<ResetSwitch>,
    request: Request,
    next: Next,
) -> Response {
    let request_id = request.headers().get("request-id").cloned();
    let endpoint = called(&shared, endpoint, &request);
    let arrival = arrive(&shared, endpoint, &request);
    if !arrival.latency.is_zero() {
        tokio::select! {
            // In real time, regardless of the simulator's clock.
            () = tokio::time::sleep(arrival.latency) => {}
            () = shared.stopped() => {}
        }
    }
    let mut answer = match arrival.verdict {
        Verdict::Answer => next.run(request).await,
        Verdict::Refuse => wrong::rate_limited(None),
        Verdict::Fail(fault) => faulty(&shared, endpoint, fault, &reset, request, next).await,
    };
    let status = answer.status();
    let mut state = shared.state();
    if !reset.is_pulled() {
        state
            .log
            .answered(arrival.number, endpoint, status.as_u16());
    }
    let headers = answer.headers_mut();
    if let Some(addon) = arrival.payer {
        let remaining = settle(&shared, &mut state, addon, status);
        headers.insert("ratelimit-remaining", remaining.into());
    }
    let has_request_id = answer
        .extensions()
        .get::<wrong::WithoutRequestId>()
        .is_none();
    let headers = answer.headers_mut();
    if let Some(id) = request_id.or_else(fresh_id).filter(|_| has_request_id) {
        headers.insert("request-id", id);
    }
    if let Some(date) = date(&shared, state.answers.date_offset) {
        headers.insert(header::DATE, date);
    }
    answer
}

/// A call before it is answered.
struct Arrival {
    number: u64,
    /// The add-on that is charged, if the call costs.
    payer: Option<Uuid>,
    latency: Duration,
    verdict: Verdict,
}

enum Verdict {
    Answer,
    /// The rate pool is empty.
    Refuse,
    Fail(Fault),
}

/// The endpoint of a request. For a list of collaborators it depends on whether the caller's add-on is on the
/// app or only attached to it.
fn called(shared: &Shared, endpoint: Endpoint, request: &Request) -> Endpoint {
    let (headers, path) = (request.headers(), request.uri().path());
    match endpoint {
        Endpoint::Collaborators
            if caller::is_of_attached_app(shared, &shared.state(), headers, path) =>
        {
            Endpoint::AttachedCollaborators
        }
        _ => endpoint,
    }
}

fn arrive(shared: &Shared, endpoint: Endpoint, request: &Request) -> Arrival {
    let mut state = shared.state();
    let number = state.log.arrived(endpoint, record(request));
    let payer = caller::of_token(shared, &state, request.headers());
    let payer = payer.filter(|_| endpoint != Endpoint::Token);
    let now = shared.clock.elapsed();
    let verdict = match payer {
        Some(addon) if !state.rates.draw(addon, now) => Verdict::Refuse,
        _ => state
            .faults
            .take(endpoint)
            .map_or(Verdict::Answer, Verdict::Fail),
    };
    Arrival {
        number,
        payer,
        latency: state.answers.latency,
        verdict,
    }
}

/// The add-on's remaining calls after an answer with that status.
fn settle(shared: &Shared, state: &mut State, addon: Uuid, status: StatusCode) -> usize {
    let now = shared.clock.elapsed();
    match status {
        // This includes a fault that only claims that the pool is empty.
        StatusCode::TOO_MANY_REQUESTS => return 0,
        StatusCode::NOT_MODIFIED if !state.rates.rules.charges_not_modified => {
            state.rates.give_back(addon, now);
        }
        _ => {}
    }
    state.rates.remaining(addon, now)
}

fn fresh_id() -> Option<HeaderValue> {
    HeaderValue::try_from(Uuid::new_v4().to_string()).ok()
}

fn record(request: &Request) -> RecordedRequest {
    RecordedRequest {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        had_token: request.headers().contains_key(header::AUTHORIZATION),
        status: None,
    }
}

async fn faulty(
    shared: &Shared,
    endpoint: Endpoint,
    fault: Fault,
    reset: &ResetSwitch,
    request: Request,
    next: Next,
) -> Response {
    match fault {
        Fault::Status(status) => Refusal::of_status(status_of(status)).into_response(),
        Fault::StatusWithoutRequestId(status) => {
            wrong::without_request_id(Refusal::of_status(status_of(status)))
        }
        Fault::Html(status) => wrong::html(status_of(status)),
        Fault::Error { status, id } => wrong::error(status_of(status), &id),
        Fault::RateLimited { retry_after } => wrong::rate_limited(retry_after.as_deref()),
        Fault::Slow(delay) => {
            tokio::select! {
                () = shared.clock.sleep(delay) => {}
                () = shared.stopped() => {}
            }
            next.run(request).await
        }
        Fault::Hang => {
            shared.stopped().await;
            Refusal::UNAVAILABLE.into_response()
        }
        Fault::Reset => {
            reset.pull();
            Refusal::UNAVAILABLE.into_response()
        }
        Fault::Truncated => wrong::truncated(next.run(request).await).await,
        Fault::Html503 => wrong::html_503(),
        Fault::Body(body) => wrong::json_text(body),
        Fault::Oversized(bytes) => wrong::oversized(bytes),
        Fault::NestedJson => wrong::json_text(wrong::nested_arrays()),
        Fault::PartialWithoutNextRange => wrong::partial(next.run(request).await, None),
        Fault::LoopingRange => wrong::partial(next.run(request).await, Some("id ..; max=1")),
        Fault::FailOnPage(page) => {
            let answer = next.run(request).await;
            let is_page = |it: &PageNumber| it.0 == page;
            if !answer.extensions().get().is_some_and(is_page) {
                return answer;
            }
            shared.state().faults.used(endpoint);
            Refusal::UNAVAILABLE.into_response()
        }
        Fault::NotModified => StatusCode::NOT_MODIFIED.into_response(),
        Fault::Redirect(to) => wrong::redirect(&to),
        Fault::WrongId => wrong::about_another(next.run(request).await).await,
    }
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The time of the simulator's clock, in HTTP format.
fn date(shared: &Shared, offset: time::Duration) -> Option<HeaderValue> {
    let now = shared.clock.now() + offset;
    HeaderValue::try_from(httpdate::fmt_http_date(now.into())).ok()
}
