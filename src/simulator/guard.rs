//! What happens around every call of an add-on: it is noted, and a fault may come in between.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use time::macros::format_description;
use uuid::Uuid;

use super::calls::{Endpoint, RecordedRequest};
use super::connection::ResetSwitch;
use super::fault::Fault;
use super::fault_answer as wrong;
use super::paging::PageNumber;
use super::refusal::Refusal;
use super::shared::Shared;

/// How many requests an account may make before it would have to wait.
const RATE_POOL: usize = 4500;

pub(super) async fn guard(
    State((shared, endpoint)): State<(Arc<Shared>, Endpoint)>,
    ConnectInfo(reset): ConnectInfo<ResetSwitch>,
    request: Request,
    next: Next,
) -> Response {
    let request_id = request.headers().get("request-id").cloned();
    let (number, fault) = {
        let mut state = shared.state();
        let number = state.log.arrived(endpoint, record(&request));
        (number, state.faults.take(endpoint))
    };
    let mut answer = match fault {
        None => next.run(request).await,
        Some(fault) => faulty(&shared, endpoint, fault, &reset, request, next).await,
    };
    let mut state = shared.state();
    if !reset.is_pulled() {
        state
            .log
            .answered(number, endpoint, answer.status().as_u16());
    }
    let remaining = match answer.status() {
        StatusCode::TOO_MANY_REQUESTS => 0,
        _ => RATE_POOL.saturating_sub(state.log.count(Endpoint::Any)),
    };
    let headers = answer.headers_mut();
    headers.insert("ratelimit-remaining", remaining.into());
    if let Some(id) = request_id.or_else(fresh_id) {
        headers.insert("request-id", id);
    }
    if let Some(date) = date(&shared) {
        headers.insert(header::DATE, date);
    }
    answer
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
        Fault::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Refusal::of_status(status).into_response()
        }
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
        Fault::Redirect(to) => wrong::redirect(&to),
        Fault::WrongId => wrong::about_another(next.run(request).await).await,
    }
}

/// The time by the simulator's clock, as HTTP writes it.
fn date(shared: &Shared) -> Option<HeaderValue> {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let now = shared.clock.now().to_offset(time::UtcOffset::UTC);
    HeaderValue::try_from(now.format(&format).ok()?).ok()
}
