//! The Partner API, as Heroku calls it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use support::ids::AddOnExt as _;
use tower_heroku_sso::partner_api::{Addon, AddonError, Outcome, PlanChange, Provision};
use tower_heroku_sso::{OauthGrant, RegisterError, ResourceId};

use crate::faulty::Faulty;
use crate::log::Log;
use support::browser::{Answer, Browser, client};
use support::world::{World, serve};

pub async fn call(world: &World, method: Method, path: &str, body: &Value) -> Answer {
    let browser = world.browser();
    let request = browser.request(method, &format!("/heroku/resources{path}"));
    let heroku = &world.heroku;
    let request = request.basic_auth(heroku.slug(), Some(heroku.password()));
    browser.send(request.json(body)).await
}

#[tokio::test]
async fn resource_is_provisioned_used_and_deprovisioned() {
    let world = World::start().await;
    let addon = world
        .heroku
        .app("shop")
        .collaborator("ann@example.com")
        .addon();
    let answer = addon.provision().await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["id"], addon.resource_id().to_string());
    assert!(answer.body["config"].is_object() && answer.body["message"].is_string());
    world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(addon.change_plan("pro").await.unwrap().status, 200);
    assert_eq!(addon.deprovision().await.unwrap().status, 204);
    assert_eq!(addon.deprovision().await.unwrap().status, 410);
}

#[tokio::test]
async fn a63_wrong_credentials_get_401() {
    let world = World::start().await;
    let addon = world.heroku.app("shop").addon();
    let body = addon.provisioning_body();
    let (slug, password) = (world.heroku.slug(), world.heroku.password());
    let basic = |text: &str| {
        use base64::Engine;
        format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD.encode(text)
        )
    };
    for header in [
        None,
        Some(String::new()),
        Some("Basic".into()),
        Some("Basic ".into()),
        Some("Basic !!!".into()),
        Some(format!("Bearer {password}")),
        Some(basic(&slug)),
        Some(basic(&format!("{slug}:"))),
        Some(basic(&format!("{slug}:{password}x"))),
        Some(basic(&format!("x{slug}:{password}"))),
        Some(basic(&format!("{slug}{password}:"))),
        Some(basic(&"x".repeat(8000))),
        Some("Basic //79/A==".into()),
    ] {
        let browser = world.browser();
        let mut request = browser
            .request(Method::POST, "/heroku/resources")
            .json(&body);
        if let Some(header) = &header {
            request = request.header("authorization", header);
        }
        let answer = browser.send(request).await;
        assert_eq!(answer.status, 401, "{header:?}");
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .starts_with("Basic ")
        );
    }
    let resource = addon.resource_id();
    assert!(world.sso.lists().get(&resource).await.is_err());
    // Two headers are rejected, and every method checks credentials.
    let good = basic(&format!("{slug}:{password}"));
    let browser = world.browser();
    let twice = browser
        .request(Method::POST, "/heroku/resources")
        .json(&body);
    let twice = twice
        .header("authorization", &good)
        .header("authorization", &good);
    assert_eq!(browser.send(twice).await.status, 401);
    for method in [Method::PUT, Method::DELETE] {
        let path = format!("/heroku/resources/{resource}");
        let request = browser.request(method, &path).json(&json!({"plan": "pro"}));
        assert_eq!(browser.send(request).await.status, 401);
    }
}

#[tokio::test]
async fn a66_provisioning_without_a_valid_uuid_gets_422() {
    let world = World::start().await;
    for body in [
        json!({}),
        json!([]),
        json!("text"),
        json!({"uuid": null}),
        json!({"uuid": 7}),
        json!({"uuid": "not-a-uuid"}),
        json!({"uuid": "01234567-89ab-cdef-0123-456789abcdef", "oauth_grant": {"code": 7}}),
    ] {
        let answer = call(&world, Method::POST, "", &body).await;
        assert_eq!(answer.status, 422, "{body}");
        assert!(answer.json()["message"].is_string());
    }
    let browser = world.browser();
    let request = browser.request(Method::POST, "/heroku/resources").body("{");
    let request = request.basic_auth(world.heroku.slug(), Some(world.heroku.password()));
    assert_eq!(browser.send(request).await.status, 422);
    assert_eq!(world.heroku.calls().count(Endpoint::Any), 0);
}

#[tokio::test]
async fn a66_unknown_fields_odd_date_and_missing_grant_are_accepted() {
    let world = World::start().await;
    let addon = world.heroku.app("shop").addon();
    let mut body = addon.provisioning_body();
    body["something_new"] = json!({"a": [1, 2]});
    body["oauth_grant"]["expires_at"] = json!("2026-03-03T18:01:31-0800");
    assert_eq!(call(&world, Method::POST, "", &body).await.status, 200);

    let other = world.heroku.app("other").addon();
    let mut body = other.provisioning_body();
    body["oauth_grant"] = Value::Null;
    assert_eq!(call(&world, Method::POST, "", &body).await.status, 200);
    // Without a grant the list cannot be fetched, so no user signs in.
    let answer = world
        .browser()
        .submit(&other.sign_in_form("owner@example.com"))
        .await;
    assert_eq!(answer.status, 503);
}

#[tokio::test]
async fn a64_concurrent_provisionings_exchange_one_grant() {
    let world = World::start().await;
    let app = world.heroku.app("shop").collaborator("ann@example.com");
    let addon = app.addon();
    let body = addon.provisioning_body();
    let answers = futures_join((0..20).map(|_| call(&world, Method::POST, "", &body))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    assert_eq!(world.heroku.calls().count(Endpoint::Token), 1);
    world.signed_in(&addon, "ann@example.com").await;
}

async fn futures_join<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pinned: Vec<_> = futures
        .map(|future| (Some(Box::pin(future)), None))
        .collect();
    std::future::poll_fn(|cx| {
        for (future, output) in &mut pinned {
            if let Some(running) = future
                && let std::task::Poll::Ready(value) = running.as_mut().poll(cx)
            {
                *output = Some(value);
                *future = None;
            }
        }
        match pinned.iter().all(|(future, _)| future.is_none()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    pinned
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}

#[tokio::test]
async fn a64_invalid_second_grant_keeps_the_working_tokens() {
    let world = World::start().await;
    let addon = world.addon().await;
    let mut body = addon.provisioning_body();
    body["oauth_grant"]["code"] = json!("00000000-0000-4000-8000-000000000000");
    assert_eq!(call(&world, Method::POST, "", &body).await.status, 200);
    world.signed_in(&addon, "ann@example.com").await;
}

#[tokio::test]
async fn a64_second_grant_is_not_lost_while_heroku_is_unavailable() {
    let world = World::start().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.heroku.tokens().revoke(&addon);
    assert!(world.sso.lists().refresh(&resource).await.is_err());
    let body = addon.provisioning_body();
    let code = body["oauth_grant"]["code"].as_str().unwrap().to_owned();
    for fault in [
        Fault::Status(500),
        Fault::RateLimited { retry_after: None },
        Fault::Html(403),
    ] {
        world.heroku.faults().set(Endpoint::Token, fault.clone());
        let answer = call(&world, Method::POST, "", &body).await;
        assert_eq!(answer.status, 503, "{fault:?}");
        let grant = OauthGrant::Code(code.clone().into());
        let registered = world.sso.resources().register(&resource, grant).await;
        let is_reported = matches!(registered, Err(RegisterError::Heroku(_)));
        assert!(is_reported, "{fault:?}: {registered:?}");
        // Longer than Heroku's rate limit, shorter than the code is valid.
        world.clock.advance(Duration::from_secs(70));
    }
    world.heroku.faults().clear_all();
    assert_eq!(call(&world, Method::POST, "", &body).await.status, 200);
    world.signed_in(&addon, "ann@example.com").await;
}

#[tokio::test]
async fn a65_provisioning_a_deprovisioned_uuid_gets_410() {
    let world = World::start().await;
    let addon = world.addon().await;
    let body = addon.provisioning_body();
    assert_eq!(addon.deprovision().await.unwrap().status, 204);
    assert_eq!(call(&world, Method::POST, "", &body).await.status, 410);
}

#[tokio::test]
async fn a67_refused_grant_registers_nothing_and_can_be_retried() {
    let world = World::start().await;
    let app = world.heroku.app("shop").collaborator("ann@example.com");
    let addon = app.addon();
    let resource = addon.resource_id();
    let mut body = addon.provisioning_body();
    body["oauth_grant"]["code"] = json!("00000000-0000-4000-8000-000000000000");
    assert_eq!(call(&world, Method::POST, "", &body).await.status, 503);
    assert!(world.sso.lists().get(&resource).await.is_err());

    world.heroku.faults().set(Endpoint::Any, Fault::Reset);
    let body = addon.provisioning_body();
    assert_eq!(call(&world, Method::POST, "", &body).await.status, 503);
    assert!(world.sso.lists().get(&resource).await.is_err());

    world.heroku.faults().clear_all();
    let body = addon.provisioning_body();
    assert_eq!(call(&world, Method::POST, "", &body).await.status, 200);
    world.signed_in(&addon, "ann@example.com").await;
}

#[tokio::test]
async fn registration_that_was_stored_succeeds_though_its_load_fails() {
    let store = Faulty::default();
    let kept = store.clone();
    let world = World::with(|builder| builder.store(kept)).await;
    let addon = world
        .heroku
        .app("shop")
        .collaborator("ann@example.com")
        .addon();
    store.fail("load");
    let body = addon.provisioning_body();
    assert_eq!(call(&world, Method::POST, "", &body).await.status, 200);
    store.mend();
    addon.mark_provisioned();
    world.signed_in(&addon, "ann@example.com").await;
}

#[tokio::test]
async fn a68_unknown_resource_gets_404() {
    let world = World::start().await;
    let unknown = "/01234567-89ab-cdef-0123-456789abcdef";
    let plan = json!({"plan": "pro"});
    assert_eq!(call(&world, Method::PUT, unknown, &plan).await.status, 404);
    assert_eq!(
        call(&world, Method::DELETE, unknown, &json!({}))
            .await
            .status,
        404
    );
    assert_eq!(
        call(&world, Method::DELETE, "/not-a-uuid", &json!({}))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a68_deprovisioned_resource_gets_410() {
    let world = World::start().await;
    let addon = world.addon().await;
    assert_eq!(addon.deprovision().await.unwrap().status, 204);
    let path = format!("/{}", addon.resource_id());
    let plan = json!({"plan": "pro"});
    assert_eq!(call(&world, Method::PUT, &path, &plan).await.status, 410);
    assert_eq!(
        call(&world, Method::DELETE, &path, &json!({})).await.status,
        410
    );
}

#[tokio::test]
async fn plan_change_without_a_plan_gets_422() {
    let world = World::start().await;
    let addon = world.addon().await;
    let path = format!("/{}", addon.resource_id());
    assert_eq!(
        call(&world, Method::PUT, &path, &json!({})).await.status,
        422
    );
    assert_eq!(
        call(&world, Method::PUT, &path, &json!({"plan": "pro"}))
            .await
            .status,
        200
    );
}

/// An add-on whose answer is selected by the plan's name.
#[derive(Clone, Default)]
struct Moody {
    removed: Arc<AtomicUsize>,
}

impl Addon for Moody {
    async fn provision(&self, request: Provision) -> Result<Outcome, AddonError> {
        match request.plan.as_deref() {
            Some("later") => Ok(Outcome::later()),
            Some("no") => Err(AddonError::Rejected("no such region".into())),
            Some("busy") => Err(AddonError::TryLater("try later".into())),
            Some("drained") => {
                let token = request
                    .log_drain_token
                    .expect("a manifest with syslog_drain");
                assert_eq!(token.expose_secret(), "d.0123");
                Ok(Outcome::done().with_log_drain_url("https://logs.example.com/"))
            }
            _ => Ok(Outcome::config([("ACME_URL".into(), "acme://x".into())])),
        }
    }

    async fn change_plan(&self, request: PlanChange) -> Result<Outcome, AddonError> {
        match request.plan.as_str() {
            "later" => Ok(Outcome::later()),
            "no" => Err(AddonError::Rejected("no such plan".into())),
            _ => Ok(Outcome::done()),
        }
    }

    async fn deprovision(&self, _: ResourceId) -> Result<Outcome, AddonError> {
        match self.removed.fetch_add(1, Ordering::SeqCst) {
            0 => Err(AddonError::TryLater("still busy".into())),
            _ => Ok(Outcome::later()),
        }
    }
}

/// A world with the partner [`Moody`].
async fn moody() -> World {
    let mut world = World::with(|builder| builder.sync_only_in_use()).await;
    let app = world
        .sso
        .protect(Router::new().route("/", get(|| async { "in" })))
        .merge(world.sso.routes().partner_api(Moody::default()));
    world.address = serve(app).await;
    world
        .heroku
        .settings()
        .set_partner_url(format!("http://{}", world.address));
    world
}

#[tokio::test]
async fn c35_log_drain_url_is_returned_to_heroku() {
    let world = moody().await;
    let addon = world.heroku.app("shop").addon();
    let answer = addon.provision_with(|body: &mut Value| {
        body["plan"] = json!("drained");
        body["log_drain_token"] = json!("d.0123");
    });
    let answer = answer.await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["log_drain_url"], "https://logs.example.com/");
    let drain = addon.info().log_drain_url;
    assert_eq!(drain.as_deref(), Some("https://logs.example.com/"));
    // Other answers do not have the field.
    let other = world.heroku.app("other").addon().provision().await.unwrap();
    assert_eq!(other.body.get("log_drain_url"), None);
}

/// The partner's call to Heroku for an asynchronous add-on, with the resource's token.
async fn done(world: &World, addon: &AddOn, method: Method, rest: &str, body: &Value) -> u16 {
    let token = world
        .sso
        .resources()
        .access_token(&addon.resource_id())
        .await
        .unwrap();
    let url = format!("{}/addons/{}{rest}", world.heroku.url(), addon.id());
    let request = client().request(method, url).json(body);
    let request = request.header("accept", "application/vnd.heroku+json; version=3");
    let request = request.bearer_auth(token.expose_secret());
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn c36_asynchronous_add_on_is_provisioned_and_deprovisioned() {
    let world = moody().await;
    let app = world.heroku.app("shop").collaborator("ann@example.com");
    let addon = app.addon();
    let later = addon.provision_with(|body: &mut Value| body["plan"] = json!("later"));
    assert_eq!(later.await.unwrap().status, 202);
    assert_eq!(addon.info().state, "provisioning");
    let config = json!({ "config": [{ "name": "ACME_URL", "value": "acme://x" }] });
    let patched = done(&world, &addon, Method::PATCH, "/config", &config).await;
    assert_eq!(
        (patched, addon.info().config["ACME_URL"].as_str()),
        (200, "acme://x")
    );
    let nothing = json!({});
    let action = "/actions/provision";
    assert_eq!(
        done(&world, &addon, Method::POST, action, &nothing).await,
        200
    );
    assert_eq!(addon.info().state, "provisioned");
    let browser = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(browser.fetch("/").await.status, 200);

    assert_eq!(addon.deprovision().await.unwrap().status, 503);
    assert_eq!(addon.deprovision().await.unwrap().status, 202);
    assert_eq!(browser.fetch("/").await.status, 401);
    assert_eq!(addon.info().state, "deprovisioning");
    let action = "/actions/deprovision";
    assert_eq!(
        done(&world, &addon, Method::POST, action, &nothing).await,
        200
    );
    assert_eq!(addon.info().state, "deprovisioned");
    assert!(
        world
            .sso
            .resources()
            .deprovision(&addon.resource_id())
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn c37_partner_api_calls_are_in_the_audit_log() {
    let log = Log::listen();
    let world = moody().await;
    let addon = world.heroku.app("shop").addon();
    let resource = addon.resource_id().to_string();
    let provision = async |plan: &str| {
        let with = addon.provision_with(|body: &mut Value| body["plan"] = json!(plan));
        with.await.unwrap()
    };
    for (plan, outcome) in [
        ("busy", "try_later"),
        ("later", "later"),
        ("good", "done"),
        ("no", "rejected"),
    ] {
        provision(plan).await;
        let logged = log.with(&["provisioned", &resource, &format!("outcome={outcome:?}")]);
        assert_eq!(logged.len(), 1, "{outcome}");
    }
    for (plan, outcome) in [("pro", "done"), ("later", "later"), ("no", "rejected")] {
        addon.change_plan(plan).await.unwrap();
        let logged = log.with(&["plan_changed", &resource, &format!("outcome={outcome:?}")]);
        assert_eq!(logged.len(), 1, "{outcome}");
    }
    for outcome in ["try_later", "later"] {
        addon.deprovision().await.unwrap();
        let logged = log.with(&["deprovisioned", &resource, &format!("outcome={outcome:?}")]);
        assert_eq!(logged.len(), 1, "{outcome}");
    }
    // The partner's texts are for the customer and are not logged.
    assert!(log.with(&["no such"]).is_empty());
}

#[tokio::test]
async fn c37_wrong_credentials_are_audited_without_their_values() {
    let log = Log::listen();
    let world = World::start().await;
    let path = "/heroku/resources";
    for number in 0..1_000 {
        let browser = world.browser();
        let request = browser.request(Method::POST, path);
        let password = format!("guess-{number}");
        let request = request.basic_auth("intruder", Some(password)).body("{}");
        assert_eq!(browser.send(request).await.status, 401);
    }
    let browser = world.browser();
    let request = browser.request(Method::POST, path).body("{}");
    assert_eq!(browser.send(request).await.status, 401);
    let wrong = log.with(&["partner_call_rejected", "reason=\"wrong\""]);
    assert_eq!(wrong.len(), 1_000);
    let missing = log.with(&["partner_call_rejected", "reason=\"missing\""]);
    assert_eq!(missing.len(), 1);
    assert!(log.with(&["guess"]).is_empty() && log.with(&["intruder"]).is_empty());
    // The operators' log has it once an hour.
    assert_eq!(log.with(&["HEROKU_ADDON_PASSWORD"]).len(), 1);
}

#[tokio::test]
async fn partner_results_map_to_heroku_responses() {
    let world = moody().await;

    let provision = async |plan: &str| {
        let addon = world
            .heroku
            .app(&format!("app-{plan}"))
            .collaborator("ann@example.com")
            .addon();
        let with = addon.provision_with(|body: &mut Value| body["plan"] = json!(plan));
        (with.await.unwrap(), addon)
    };
    let (answer, addon) = provision("good").await;
    assert_eq!(
        (answer.status, &answer.body["config"]["ACME_URL"]),
        (200, &json!("acme://x"))
    );
    let (answer, _) = provision("later").await;
    assert_eq!((answer.status, &answer.body["config"]), (202, &Value::Null));
    let (answer, rejected) = provision("no").await;
    assert_eq!(
        (answer.status, &answer.body["message"]),
        (422, &json!("no such region"))
    );
    assert!(
        world
            .sso
            .lists()
            .get(&rejected.resource_id())
            .await
            .is_err()
    );
    let (answer, _) = provision("busy").await;
    assert_eq!(answer.status, 503);

    assert_eq!(addon.change_plan("later").await.unwrap().status, 202);
    assert_eq!(addon.change_plan("no").await.unwrap().status, 422);

    let browser = Browser::new(world.address);
    let browser_answer = browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(browser_answer.status, 303);
    let path = format!("/{}", addon.resource_id());
    // The first DELETE fails and changes nothing; Heroku retries.
    assert_eq!(
        call(&world, Method::DELETE, &path, &json!({})).await.status,
        503
    );
    assert_eq!(browser.fetch("/").await.body, "in");
    // While it is deprovisioning, users are rejected and the partner's token works.
    assert_eq!(
        call(&world, Method::DELETE, &path, &json!({})).await.status,
        202
    );
    assert_eq!(browser.fetch("/").await.status, 401);
    // A repeated DELETE gets the same answer.
    assert_eq!(
        call(&world, Method::DELETE, &path, &json!({})).await.status,
        202
    );
    assert!(
        world
            .sso
            .resources()
            .access_token(&addon.resource_id())
            .await
            .is_ok()
    );
    assert!(
        world
            .sso
            .resources()
            .deprovision(&addon.resource_id())
            .await
            .unwrap()
    );
    assert!(
        world
            .sso
            .resources()
            .access_token(&addon.resource_id())
            .await
            .is_err()
    );
    assert!(
        !world
            .sso
            .resources()
            .deprovision(&addon.resource_id())
            .await
            .unwrap()
    );
}
