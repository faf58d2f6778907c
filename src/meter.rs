//! Metrics, through the `metrics` facade: nothing is counted until the program installs a recorder.
//!
//! The guide lists all metrics with their labels: [`observing`](crate::guide::observing). No label holds a
//! person, a resource or a secret.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

/// The gauges, as the sync sets them every ten seconds.
#[derive(Debug)]
pub(crate) struct Gauges {
    pub(crate) resources: usize,
    pub(crate) in_use: usize,
    pub(crate) without_list: usize,
    pub(crate) needing_grant: usize,
    pub(crate) dormant: usize,
    pub(crate) oldest_list: Option<Duration>,
    pub(crate) oldest_in_use: Option<Duration>,
    pub(crate) due_in_use: usize,
    pub(crate) due_idle: usize,
    pub(crate) behind: bool,
    pub(crate) calls_left: Option<u32>,
    pub(crate) clock_drift_seconds: Option<i64>,
}

pub(crate) fn api_call(call: &'static str, outcome: &str) {
    let outcome = outcome.to_owned();
    counter!("heroku_sso_api_calls_total", "call" => call, "outcome" => outcome).increment(1);
}

pub(crate) fn list_fetched(outcome: &'static str, took: Duration) {
    counter!("heroku_sso_list_fetches_total", "outcome" => outcome).increment(1);
    histogram!("heroku_sso_list_fetch_seconds", "outcome" => outcome).record(took);
}

pub(crate) fn token_renewed(outcome: &'static str) {
    counter!("heroku_sso_token_renewals_total", "outcome" => outcome).increment(1);
}

pub(crate) fn webhook(outcome: &'static str) {
    counter!("heroku_sso_webhooks_total", "outcome" => outcome).increment(1);
}

pub(crate) fn partner_call_refused(credentials: &'static str) {
    counter!("heroku_sso_partner_calls_refused_total", "credentials" => credentials).increment(1);
}

pub(crate) fn set(gauges: &Gauges) {
    let count = |count: usize| count as f64;
    let seconds = |span: Option<Duration>| span.unwrap_or_default().as_secs_f64();
    for (state, resources) in [
        ("all", gauges.resources),
        ("in_use", gauges.in_use),
        ("without_list", gauges.without_list),
        ("needing_grant", gauges.needing_grant),
        ("dormant", gauges.dormant),
    ] {
        gauge!("heroku_sso_resources", "state" => state).set(count(resources));
    }
    for (tier, age) in [
        ("all", gauges.oldest_list),
        ("in_use", gauges.oldest_in_use),
    ] {
        gauge!("heroku_sso_oldest_list_seconds", "tier" => tier).set(seconds(age));
    }
    for (tier, due) in [("in_use", gauges.due_in_use), ("idle", gauges.due_idle)] {
        gauge!("heroku_sso_due_lists", "tier" => tier).set(count(due));
    }
    gauge!("heroku_sso_sync_behind").set(f64::from(u8::from(gauges.behind)));
    if let Some(left) = gauges.calls_left {
        gauge!("heroku_sso_rate_limit_remaining").set(left);
    }
    if let Some(drift) = gauges.clock_drift_seconds {
        gauge!("heroku_sso_clock_drift_seconds").set(drift as f64);
    }
}
