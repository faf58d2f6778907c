//! The metrics and their names. In its own process, as a process has one recorder.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use heroku_addon_simulator::{ETags, Endpoint, Fault, Simulator};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use support::ids::AddOnExt as _;
use tower::ServiceExt as _;
use tower_heroku_sso::partner_api::NoProvisioning;
use tower_heroku_sso::{
    AddonPassword, ClientSecret, HerokuSso, Manifest, ManualClock, OauthGrant, SsoSalt,
};

use crate::alone::alone_async;

/// Names with labels, as `name{label=value}`: sums of counters and samples, latest gauges.
#[derive(Debug, Default)]
struct Found(BTreeMap<String, f64>);

impl Found {
    /// A snapshot has the changes since the previous one.
    fn add(&mut self, snapshotter: &Snapshotter) {
        for (key, _, _, value) in snapshotter.snapshot().into_vec() {
            let key = key.key();
            let labels = key
                .labels()
                .map(|label| format!("{}={}", label.key(), label.value()));
            let labels: Vec<_> = labels.collect();
            let name = match labels.as_slice() {
                [] => key.name().to_owned(),
                labels => format!("{}{{{}}}", key.name(), labels.join(",")),
            };
            let entry = self.0.entry(name).or_default();
            match value {
                DebugValue::Counter(count) => *entry += count as f64,
                DebugValue::Gauge(level) => *entry = level.into_inner(),
                DebugValue::Histogram(samples) => *entry += samples.len() as f64,
            }
        }
    }
}

/// The faults of Heroku, and their label values.
fn kinds() -> [(Endpoint, Fault, &'static str); 11] {
    use Endpoint::{AddOn, App, Collaborators};

    let elsewhere = "https://evil.example/".to_owned();
    let retry_after = Some("60".to_owned());
    [
        (AddOn, Fault::Status(401), "unauthorized"),
        (AddOn, Fault::Status(403), "forbidden"),
        (App, Fault::Status(404), "not_found"),
        (AddOn, Fault::RateLimited { retry_after }, "rate_limited"),
        (AddOn, Fault::Html503, "unavailable"),
        (AddOn, Fault::Redirect(elsewhere), "redirected"),
        (AddOn, Fault::Reset, "transport"),
        (AddOn, Fault::WrongId, "wrong_subject"),
        (Collaborators, Fault::NestedJson, "malformed"),
        (Collaborators, Fault::Oversized(8 << 20), "too_large"),
        (
            Collaborators,
            Fault::PartialWithoutNextRange,
            "unfinished_list",
        ),
    ]
}

#[test]
fn metrics_count_calls_fetches_and_lists_without_names() {
    alone_async(
        "metrics::metrics_count_calls_fetches_and_lists_without_names",
        async {
            let recorder = DebuggingRecorder::new();
            let snapshotter = recorder.snapshotter();
            recorder.install().unwrap();

            let clock = ManualClock::new();
            // Calls for a few lists, then none for unused lists.
            let heroku = Simulator::builder()
                .clock(clock.reader())
                .rate_pool(60, 1)
                .start()
                .await
                .unwrap();
            let manifest = Manifest::new(
                heroku.slug(),
                AddonPassword::new(heroku.password()).unwrap(),
                SsoSalt::new(heroku.sso_salt()).unwrap(),
                ClientSecret::new(heroku.client_secret()).unwrap(),
            );
            let sso = HerokuSso::builder(manifest)
                .api_url(heroku.url().parse().unwrap())
                .id_url(heroku.url().parse().unwrap())
                .clock(clock.clone())
                .build()
                .await
                .unwrap();
            let addon = heroku.app("shop").collaborator("ann@example.com").addon();
            let resource = addon.resource_id();
            let grant = OauthGrant::Code(addon.grant_code().into());
            sso.resources().register(&resource, grant).await.unwrap();
            let sync = sso.spawn_sync();
            while sso.lists().health().await.without_list > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // An old list is fetched even from a small pool.
            clock.advance(Duration::from_secs(301));
            sso.lists().refresh(&resource).await.unwrap();
            clock.advance(Duration::from_secs(301));
            heroku.faults().set(Endpoint::AddOn, Fault::Status(500));
            sso.lists().refresh(&resource).await.unwrap_err();
            // Each kind of fault by its name; a 304 would have no body to corrupt.
            heroku.settings().set_etags(ETags::None);
            for (endpoint, fault, _) in kinds() {
                heroku.faults().clear_all();
                heroku.faults().set(endpoint, fault);
                clock.advance(Duration::from_secs(61));
                sso.lists().refresh(&resource).await.unwrap_err();
            }
            heroku.faults().clear_all();
            heroku.tokens().expire_access();
            heroku
                .settings()
                .set_date_offset(time::Duration::minutes(2));
            sso.lists().refresh(&resource).await.unwrap();
            // A resource with a refused grant, and more resources than calls.
            let refused = heroku.app("refused").addon();
            let grant = OauthGrant::Code(refused.grant_code().into());
            sso.resources()
                .register(&refused.resource_id(), grant)
                .await
                .unwrap();
            heroku.tokens().revoke(&refused);
            sso.lists()
                .refresh(&refused.resource_id())
                .await
                .unwrap_err();
            for number in 0..40 {
                let addon = heroku.app(&format!("app-{number}")).addon();
                let grant = OauthGrant::Code(addon.grant_code().into());
                sso.resources()
                    .register(&addon.resource_id(), grant)
                    .await
                    .unwrap();
            }
            let partner_api = sso.routes().partner_api(NoProvisioning);
            for credentials in ["Basic eDp5", "Basic eDp6", ""] {
                let request = Request::post("/heroku/resources");
                let request = match credentials {
                    "" => request,
                    some => request.header("authorization", some),
                };
                let request = request.body(Body::from("{}")).unwrap();
                let answer = partner_api.clone().oneshot(request).await.unwrap();
                assert_eq!(answer.status(), 401);
            }
            // Long enough that they are late despite the pool's refill.
            clock.advance(Duration::from_secs(9_000));
            // If the clock jumps during calls, Heroku's clock seems to differ.
            sso.lists().refresh(&resource).await.unwrap();
            let mut found = Found::default();
            for _ in 0..1000 {
                found.add(&snapshotter);
                let oldest = found.0.get("heroku_sso_oldest_list_seconds{tier=all}");
                let drift = found.0.get("heroku_sso_clock_drift_seconds");
                let behind = found.0.get("heroku_sso_sync_behind");
                let is_old = oldest.is_some_and(|seconds| *seconds >= 10.0);
                if is_old && drift == Some(&120.0) && behind == Some(&1.0) {
                    break;
                }
                // The gauges are set every ten seconds.
                clock.advance(Duration::from_millis(100));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let found = found.0;
            sync.shutdown().await;
            for (_, fault, kind) in kinds() {
                let name = format!("heroku_sso_list_fetches_total{{outcome={kind}}}");
                let count = found.get(&name).copied().unwrap_or_default();
                assert!(count >= 1.0, "{fault:?}: {name} is not in {found:#?}");
            }
            assert_eq!(found["heroku_sso_clock_drift_seconds"], 120.0);
            assert_eq!(found["heroku_sso_sync_behind"], 1.0);
            assert_eq!(found["heroku_sso_resources{state=needing_grant}"], 1.0);

            for (name, least) in [
                ("heroku_sso_api_calls_total{call=add_on,outcome=200}", 1.0),
                ("heroku_sso_api_calls_total{call=add_on,outcome=304}", 1.0),
                (
                    "heroku_sso_api_calls_total{call=add_on,outcome=unavailable}",
                    1.0,
                ),
                ("heroku_sso_api_calls_total{call=tokens,outcome=201}", 1.0),
                ("heroku_sso_list_fetches_total{outcome=ok}", 3.0),
                ("heroku_sso_list_fetches_total{outcome=unavailable}", 1.0),
                ("heroku_sso_list_fetch_seconds{outcome=ok}", 1.0),
                ("heroku_sso_token_renewals_total{outcome=ok}", 1.0),
                ("heroku_sso_resources{state=all}", 1.0),
                ("heroku_sso_oldest_list_seconds{tier=all}", 10.0),
                ("heroku_sso_token_renewals_total{outcome=refused}", 1.0),
                ("heroku_sso_rate_limit_remaining", 1.0),
                (
                    "heroku_sso_partner_calls_refused_total{credentials=wrong}",
                    2.0,
                ),
                (
                    "heroku_sso_partner_calls_refused_total{credentials=missing}",
                    1.0,
                ),
            ] {
                let value = found
                    .get(name)
                    .unwrap_or_else(|| panic!("{name} is not in {found:#?}"));
                assert!(*value >= least, "{name} is {value}");
            }
            for name in found.keys() {
                assert!(name.starts_with("heroku_sso_"), "{name}");
                assert!(
                    !name.contains('@') && !name.contains(&resource.to_string()),
                    "{name}"
                );
            }
        },
    );
}
