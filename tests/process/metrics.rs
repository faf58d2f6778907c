//! The metrics and their names. In its own process, as a process has one recorder.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use axum::routing::get;
use heroku_addon_simulator::{ETags, Endpoint, Fault, Simulator};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use support::browser::{Browser, FORM};
use support::ids::AddOnExt as _;
use support::world::{World, serve};
use tower::ServiceExt as _;
use tower_heroku_sso::partner_api::NoProvisioning;
use tower_heroku_sso::{
    AddonPassword, ClientSecret, Enforcement, HerokuSso, Manifest, ManualClock, OauthGrant,
    Require, Role, SsoSalt, WebhookSecret, Webhooks,
};

use crate::alone::alone_async;

/// Name, kind and labels.
type Series = (String, &'static str, Vec<(String, String)>);

/// Names with labels, as `name{label=value}`: sums of counters and samples, latest gauges.
#[derive(Debug, Default)]
struct Found {
    values: BTreeMap<String, f64>,
    series: BTreeSet<Series>,
    without_description: BTreeSet<String>,
}

impl Found {
    /// A snapshot has the changes since the previous one.
    fn add(&mut self, snapshotter: &Snapshotter) {
        for (key, unit, text, value) in snapshotter.snapshot().into_vec() {
            let key = key.key();
            if unit.is_none() || text.is_none() {
                self.without_description.insert(key.name().to_owned());
            }
            let kind = match value {
                DebugValue::Counter(_) => "counter",
                DebugValue::Gauge(_) => "gauge",
                DebugValue::Histogram(_) => "histogram",
            };
            let pairs = key
                .labels()
                .map(|label| (label.key().to_owned(), label.value().to_owned()));
            self.series
                .insert((key.name().to_owned(), kind, pairs.collect()));
            let labels = key
                .labels()
                .map(|label| format!("{}={}", label.key(), label.value()));
            let labels: Vec<_> = labels.collect();
            let name = match labels.as_slice() {
                [] => key.name().to_owned(),
                labels => format!("{}{{{}}}", key.name(), labels.join(",")),
            };
            let entry = self.values.entry(name).or_default();
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

const GUIDE: &str = include_str!("../../src/guide/observing.md");

/// The words in backticks of a text.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The words of the paragraph in the guide that begins like this.
fn listed(begin: &str) -> Vec<&'static str> {
    let text = GUIDE.split(begin).nth(1).unwrap();
    let text = text.split("\n\n").next().unwrap();
    quoted(text.split_once(": ").unwrap().1)
}

/// A row of the guide's table.
struct Row {
    kind: &'static str,
    /// The values of each label.
    labels: BTreeMap<&'static str, BTreeSet<&'static str>>,
}

fn documented() -> BTreeMap<&'static str, Row> {
    let rows = GUIDE
        .lines()
        .filter_map(|line| line.strip_prefix("| `heroku_sso_"));
    let rows = rows.filter_map(|row| {
        let mut cells = row.split(" | ");
        let name = cells.next()?.trim_end_matches('`');
        let kind = cells.next()?;
        if !["counter", "gauge", "histogram"].contains(&kind) {
            return None;
        }
        let mut labels = BTreeMap::new();
        for label in cells
            .next()?
            .split("; ")
            .filter(|label| label.contains("`: "))
        {
            let (key, values) = label.split_once("`: ").unwrap();
            let mut values: BTreeSet<_> = quoted(values).into_iter().collect();
            if label.contains("empty for") {
                values.insert("");
            }
            if label.contains("code of a rejection") {
                values.extend(listed("The codes of rejections"));
            }
            if label.contains("kind of an error") {
                values.extend(listed("The kinds of errors"));
            }
            if label.contains("a status") {
                values.insert("200");
            }
            labels.insert(key.trim_start_matches('`'), values);
        }
        Some((name, Row { kind, labels }))
    });
    rows.collect()
}

/// The names, kinds and labels in the guide's table are those that are emitted, and each has a unit and a
/// description.
fn check_against_the_guide(found: &Found) {
    let documented = documented();
    let emitted: BTreeSet<_> = found.series.iter().map(|(name, ..)| &name[..]).collect();
    let names: BTreeSet<_> = documented
        .keys()
        .map(|name| format!("heroku_sso_{name}"))
        .collect();
    assert_eq!(
        names.iter().map(|name| &name[..]).collect::<BTreeSet<_>>(),
        emitted
    );
    for (name, kind, labels) in &found.series {
        let row = &documented[name.strip_prefix("heroku_sso_").unwrap()];
        assert_eq!(row.kind, *kind, "{name}");
        assert_eq!(labels.len(), row.labels.len(), "{name}: {labels:?}");
        for (key, value) in labels {
            let is_status = value.parse::<u16>().is_ok();
            let value = if is_status { "200" } else { value };
            assert!(
                row.labels[&key[..]].contains(value),
                "{name}: {key}={value}"
            );
        }
    }
    assert_eq!(found.without_description, BTreeSet::new());
}

/// A sign-in, requests that are allowed, denied and passed on, and one that a guard rejects.
async fn some_traffic(sso: &HerokuSso, heroku: &Simulator, addon: &heroku_addon_simulator::AddOn) {
    let admins = Router::new()
        .route("/admin", get(|| async {}))
        .route_layer(Require::role(Role::Admin));
    let app = Router::new()
        .route("/page", get(|| async {}))
        .merge(admins)
        .layer(sso.layer())
        .merge(
            Router::new()
                .route("/", get(|| async {}))
                .route_layer(sso.optional_layer()),
        )
        .merge(sso.routes().sign_in())
        .merge(sso.routes().webhooks());
    let address = serve(app).await;
    heroku
        .settings()
        .set_partner_url(format!("http://{address}"));
    let browser = Browser::new(address);
    assert_eq!(browser.fetch("/page").await.status, 401);
    assert_eq!(browser.fetch("/").await.status, 200);
    for (email, status) in [("eve@example.com", 403), ("ann@example.com", 303)] {
        let form = addon.sign_in_form(email);
        assert_eq!(browser.submit(&form).await.status, status, "{email}");
    }
    for (path, status) in [("/page", 200), ("/admin", 403)] {
        assert_eq!(browser.fetch(path).await.status, status, "{path}");
    }
    let webhook = browser.request(Method::POST, "/heroku/webhooks").body("{}");
    assert_eq!(browser.send(webhook).await.status, 401);
}

/// A form that is allowed, one that is not, and a request without a session, at a gate that observes.
async fn observed_traffic() {
    let world = World::with(|builder| builder.enforcement(Enforcement::Observe)).await;
    let addon = world.addon().await;
    let app = Router::new()
        .fallback(|| async { "app" })
        .layer(world.sso.layer());
    for email in ["ann@example.com", "eve@example.com"] {
        let request = Request::post("/heroku/sso").header("content-type", FORM);
        let form = Body::from(addon.sign_in_form(email).body());
        let answer = app.clone().oneshot(request.body(form).unwrap());
        assert_eq!(answer.await.unwrap().status(), 200);
    }
    let page = Request::get("/").body(Body::empty()).unwrap();
    assert_eq!(app.oneshot(page).await.unwrap().status(), 200);
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
                .on_audit(|_| {})
                .webhooks(Webhooks::new(
                    WebhookSecret::new("a webhook secret of some length").unwrap(),
                ))
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
            some_traffic(&sso, &heroku, &addon).await;
            observed_traffic().await;
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
                let oldest = found
                    .values
                    .get("heroku_sso_oldest_list_age_seconds{state=idle}");
                let drift = found.values.get("heroku_sso_clock_drift_seconds");
                let lagging = found.values.get("heroku_sso_sync_lagging");
                let is_old = oldest.is_some_and(|seconds| *seconds >= 10.0);
                if is_old && drift == Some(&120.0) && lagging == Some(&1.0) {
                    break;
                }
                // The gauges are set every ten seconds.
                clock.advance(Duration::from_millis(100));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            sync.shutdown().await;
            check_against_the_guide(&found);
            let found = found.values;
            for (_, fault, kind) in kinds() {
                let name = format!("heroku_sso_list_fetches_total{{outcome={kind}}}");
                let count = found.get(&name).copied().unwrap_or_default();
                assert!(count >= 1.0, "{fault:?}: {name} is not in {found:#?}");
            }
            assert_eq!(found["heroku_sso_clock_drift_seconds"], 120.0);
            assert_eq!(found["heroku_sso_sync_lagging"], 1.0);
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
                ("heroku_sso_requests_total{decision=allow,reason=}", 2.0),
                (
                    "heroku_sso_requests_total{decision=deny,reason=no-session}",
                    1.0,
                ),
                (
                    "heroku_sso_requests_total{decision=anonymous,reason=no-session}",
                    1.0,
                ),
                (
                    "heroku_sso_guard_rejections_total{reason=missing-role}",
                    1.0,
                ),
                ("heroku_sso_sign_ins_total{outcome=ok}", 1.0),
                ("heroku_sso_sign_ins_total{outcome=not-listed}", 1.0),
                (
                    "heroku_sso_observations_total{of=sign_in,verdict=allowed,reason=}",
                    1.0,
                ),
                (
                    "heroku_sso_observations_total{of=sign_in,verdict=rejected,reason=not-listed}",
                    1.0,
                ),
                (
                    "heroku_sso_observations_total{of=request,verdict=sign_in_needed,reason=no-session}",
                    1.0,
                ),
                ("heroku_sso_webhooks_total{outcome=unsigned}", 1.0),
                ("heroku_sso_list_fetches_total{outcome=unavailable}", 1.0),
                ("heroku_sso_list_fetch_duration_seconds{outcome=ok}", 1.0),
                ("heroku_sso_token_renewals_total{outcome=ok}", 1.0),
                ("heroku_sso_resources{state=idle}", 1.0),
                ("heroku_sso_oldest_list_age_seconds{state=idle}", 10.0),
                ("heroku_sso_token_renewals_total{outcome=refused}", 1.0),
                ("heroku_sso_rate_limit_remaining_calls", 1.0),
                (
                    "heroku_sso_partner_calls_rejected_total{credentials=wrong}",
                    2.0,
                ),
                (
                    "heroku_sso_partner_calls_rejected_total{credentials=missing}",
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
