//! Metrics, through the `metrics` facade: nothing is counted until the program installs a recorder.
//!
//! The guide lists all metrics with their labels: [`observing`](crate::guide::observing). No label holds a
//! person, a resource or a secret.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

/// Each resource in one state, the first that applies. The sum is the number of resources in memory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ResourceStates {
    pub(crate) dormant: usize,
    pub(crate) needing_grant: usize,
    pub(crate) without_list: usize,
    pub(crate) in_use: usize,
    pub(crate) idle: usize,
}

/// The gauges, as the sync sets them every ten seconds.
#[derive(Debug)]
pub(crate) struct Gauges {
    pub(crate) resources: ResourceStates,
    pub(crate) oldest_in_use: Option<Duration>,
    pub(crate) oldest_idle: Option<Duration>,
    pub(crate) due_in_use: usize,
    pub(crate) due_idle: usize,
    pub(crate) lagging: bool,
    pub(crate) calls_left: Option<u32>,
    pub(crate) clock_drift_seconds: Option<i64>,
}

/// What the gate decided about a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RequestDecision {
    Allow,
    /// With the code of its [`RejectionKind`](crate::RejectionKind).
    Deny(&'static str),
    /// The same, but the optional gate passes the request on without a user.
    Anonymous(&'static str),
}

/// Gives the recorder the unit and the text of each metric.
pub(crate) fn describe() {
    for (name, text) in [
        (
            "heroku_sso_requests_total",
            "Requests at the gate, by decision, and by the reason of a denial.",
        ),
        (
            "heroku_sso_guard_rejections_total",
            "Requests of admitted users that a guard rejected, by reason.",
        ),
        (
            "heroku_sso_sign_ins_total",
            "Sign-ins, by outcome: ok, or the reason of the rejection.",
        ),
        (
            "heroku_sso_observations_total",
            "Requests and sign-ins that the gate only observed, by verdict, and by the reason of a rejection.",
        ),
        (
            "heroku_sso_api_calls_total",
            "Calls to Heroku's APIs, by call and outcome.",
        ),
        (
            "heroku_sso_list_fetches_total",
            "Fetches of a resource's access list, by outcome.",
        ),
        (
            "heroku_sso_token_renewals_total",
            "Renewals of access tokens, by outcome.",
        ),
        (
            "heroku_sso_partner_calls_rejected_total",
            "Calls to the Partner API without Heroku's credentials.",
        ),
        (
            "heroku_sso_webhooks_total",
            "Webhook notifications, by outcome.",
        ),
        (
            "heroku_sso_audit_events_dropped_total",
            "Audit events that on_audit did not get, because it was too slow.",
        ),
    ] {
        describe_counter!(name, Unit::Count, text);
    }
    describe_histogram!(
        "heroku_sso_list_fetch_duration_seconds",
        Unit::Seconds,
        "How long the fetch of an access list takes, by outcome."
    );
    for (name, unit, text) in [
        (
            "heroku_sso_resources",
            Unit::Count,
            "Resources in memory, each in one state.",
        ),
        (
            "heroku_sso_oldest_list_age_seconds",
            Unit::Seconds,
            "Age of the oldest access list, among resources in use and idle ones.",
        ),
        (
            "heroku_sso_due_lists",
            Unit::Count,
            "Access lists that are due and wait for their fetch.",
        ),
        (
            "heroku_sso_sync_lagging",
            Unit::Count,
            "1 while access lists are not refreshed within their intervals.",
        ),
        (
            "heroku_sso_rate_limit_remaining_calls",
            Unit::Count,
            "Calls that Heroku's rate limit still allows.",
        ),
        (
            "heroku_sso_clock_drift_seconds",
            Unit::Seconds,
            "How far Heroku's clock is ahead of this machine's.",
        ),
    ] {
        describe_gauge!(name, unit, text);
    }
}

pub(crate) fn request(decision: RequestDecision) {
    // An empty reason is no label at all to Prometheus, and its series are alike.
    match decision {
        RequestDecision::Allow => {
            counter!("heroku_sso_requests_total", "decision" => "allow", "reason" => "")
                .increment(1);
        }
        RequestDecision::Deny(code) => {
            counter!("heroku_sso_requests_total", "decision" => "deny", "reason" => code)
                .increment(1);
        }
        RequestDecision::Anonymous(code) => {
            counter!("heroku_sso_requests_total", "decision" => "anonymous", "reason" => code)
                .increment(1);
        }
    }
}

pub(crate) fn guard_rejection(code: &'static str) {
    counter!("heroku_sso_guard_rejections_total", "reason" => code).increment(1);
}

pub(crate) fn sign_in(outcome: &'static str) {
    counter!("heroku_sso_sign_ins_total", "outcome" => outcome).increment(1);
}

pub(crate) fn api_call(call: &'static str, outcome: &str) {
    let outcome = outcome.to_owned();
    counter!("heroku_sso_api_calls_total", "call" => call, "outcome" => outcome).increment(1);
}

pub(crate) fn list_fetched(outcome: &'static str, took: Duration) {
    counter!("heroku_sso_list_fetches_total", "outcome" => outcome).increment(1);
    histogram!("heroku_sso_list_fetch_duration_seconds", "outcome" => outcome).record(took);
}

pub(crate) fn token_renewed(outcome: &'static str) {
    counter!("heroku_sso_token_renewals_total", "outcome" => outcome).increment(1);
}

pub(crate) fn webhook(outcome: &'static str) {
    counter!("heroku_sso_webhooks_total", "outcome" => outcome).increment(1);
}

pub(crate) fn partner_call_rejected(credentials: &'static str) {
    counter!("heroku_sso_partner_calls_rejected_total", "credentials" => credentials).increment(1);
}

pub(crate) fn audit_events_dropped(count: u64) {
    counter!("heroku_sso_audit_events_dropped_total").increment(count);
}

/// A request or a sign-in that reached the app because the gate only observes it.
pub(crate) fn observation(of: &'static str, verdict: &'static str, reason: &'static str) {
    counter!(
        "heroku_sso_observations_total", "of" => of, "verdict" => verdict, "reason" => reason
    )
    .increment(1);
}

pub(crate) fn set(gauges: &Gauges) {
    let count = |count: usize| count as f64;
    let seconds = |span: Option<Duration>| span.unwrap_or_default().as_secs_f64();
    let resources = &gauges.resources;
    for (state, resources) in [
        ("dormant", resources.dormant),
        ("needing_grant", resources.needing_grant),
        ("without_list", resources.without_list),
        ("in_use", resources.in_use),
        ("idle", resources.idle),
    ] {
        gauge!("heroku_sso_resources", "state" => state).set(count(resources));
    }
    for (state, age) in [
        ("in_use", gauges.oldest_in_use),
        ("idle", gauges.oldest_idle),
    ] {
        gauge!("heroku_sso_oldest_list_age_seconds", "state" => state).set(seconds(age));
    }
    for (state, due) in [("in_use", gauges.due_in_use), ("idle", gauges.due_idle)] {
        gauge!("heroku_sso_due_lists", "state" => state).set(count(due));
    }
    gauge!("heroku_sso_sync_lagging").set(f64::from(u8::from(gauges.lagging)));
    if let Some(left) = gauges.calls_left {
        gauge!("heroku_sso_rate_limit_remaining_calls").set(left);
    }
    if let Some(drift) = gauges.clock_drift_seconds {
        gauge!("heroku_sso_clock_drift_seconds").set(drift as f64);
    }
}
