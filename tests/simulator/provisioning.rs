//! Asynchronous provisioning and deprovisioning at the simulated Heroku.

use crate::client::*;
use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{post, put};
use heroku_addon_simulator::{AddOn, Endpoint, Simulator};
use reqwest::Method;
use serde_json::{Value, json};

/// A partner with one fixed answer.
async fn partner(heroku: &Simulator, status: StatusCode, body: Value) {
    let answer = move || {
        let body = body.clone();
        async move { (status, axum::Json(body)).into_response() }
    };
    let all = put(answer.clone()).delete(answer.clone());
    let router = Router::new()
        .route("/heroku/resources", post(answer))
        .route("/heroku/resources/{uuid}", all);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    heroku
        .settings()
        .set_partner_url(format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
}

struct World {
    heroku: Simulator,
    addon: AddOn,
    token: String,
}

impl World {
    async fn start() -> Self {
        let heroku = Simulator::start().await.unwrap();
        let addon = heroku.app("shop").addon();
        let token = access_token(&heroku, &addon).await;
        Self {
            heroku,
            addon,
            token,
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/addons/{}{rest}", self.addon.id())
    }

    async fn send(&self, method: Method, rest: &str, body: &Value) -> u16 {
        let answer = send(&self.heroku, method, &self.path(rest), &self.token, body).await;
        answer.status().as_u16()
    }

    async fn state(&self) -> Value {
        body(&self.heroku, &self.path(""), &self.token).await["state"].clone()
    }
}

#[tokio::test]
async fn c36_asynchronous_provisioning_completes() {
    let world = World::start().await;
    let said = json!({ "id": "42", "message": "in a moment" });
    partner(&world.heroku, StatusCode::ACCEPTED, said).await;
    assert_eq!(world.addon.provision().await.unwrap().status, 202);
    assert_eq!(world.state().await, "provisioning");

    let wanted = json!({ "config": [{ "name": "ACME_URL", "value": "amqps://x" }, { "name": "ACME_OLD", "value": "1" }] });
    assert_eq!(world.send(Method::PATCH, "/config", &wanted).await, 200);
    let less = json!({ "config": [{ "name": "ACME_OLD", "value": null }] });
    assert_eq!(world.send(Method::PATCH, "/config", &less).await, 200);
    let known = body(&world.heroku, &world.path("/config"), &world.token).await;
    assert_eq!(known, json!([{ "name": "ACME_URL", "value": "amqps://x" }]));
    assert_eq!(world.addon.info().config["ACME_URL"], "amqps://x");

    // The action may be repeated.
    for _ in 0..2 {
        let action = "/actions/provision";
        assert_eq!(world.send(Method::POST, action, &json!({})).await, 200);
        assert_eq!(world.state().await, "provisioned");
        assert_eq!(world.addon.info().state, "provisioned");
    }
    assert_eq!(world.heroku.calls().count(Endpoint::Actions), 2);
    assert_eq!(world.heroku.calls().count(Endpoint::Config), 3);
}

#[tokio::test]
async fn c36_asynchronous_deprovisioning_completes() {
    let world = World::start().await;
    world.addon.mark_provisioned();
    let action = "/actions/deprovision";
    assert_eq!(world.send(Method::POST, action, &json!({})).await, 422);
    let said = json!({ "message": "in a moment" });
    partner(&world.heroku, StatusCode::ACCEPTED, said).await;
    assert_eq!(world.addon.deprovision().await.unwrap().status, 202);
    // The partner can still read and change it.
    assert_eq!(world.state().await, "deprovisioning");
    assert_eq!(
        world
            .send(Method::POST, "/actions/provision", &json!({}))
            .await,
        422
    );
    assert_eq!(world.send(Method::POST, action, &json!({})).await, 200);
    assert_eq!(world.addon.info().state, "deprovisioned");
    // Its tokens are invalid.
    assert_eq!(world.send(Method::POST, action, &json!({})).await, 401);
    assert_eq!(
        status(&world.heroku, &world.path(""), &world.token).await,
        401
    );
}

#[tokio::test]
async fn c36_token_of_another_resource_gets_403() {
    let world = World::start().await;
    let other = world.heroku.app("other").addon();
    let other = access_token(&world.heroku, &other).await;
    let body = json!({ "config": [] });
    for (method, rest) in [
        (Method::GET, "/config"),
        (Method::PATCH, "/config"),
        (Method::POST, "/actions/provision"),
        (Method::POST, "/actions/deprovision"),
    ] {
        let path = world.path(rest);
        let as_other = send(&world.heroku, method.clone(), &path, &other, &body).await;
        assert_eq!(as_other.status(), 403, "{method} {rest}");
        let error: Value = as_other.json().await.unwrap();
        assert_eq!(error["id"], "forbidden");
        let as_unknown = send(&world.heroku, method.clone(), &path, "x", &body).await;
        assert_eq!(as_unknown.status(), 401, "{method} {rest}");
    }
    assert_eq!(world.addon.info().state, "provisioning");
}

#[tokio::test]
async fn c36_malformed_config_gets_422_and_changes_nothing() {
    let world = World::start().await;
    for wrong in [
        json!({}),
        json!([]),
        json!({ "config": {} }),
        json!({ "config": [{ "value": "1" }] }),
        json!({ "config": [{ "name": "A", "value": 1 }] }),
    ] {
        let answer = world.send(Method::PATCH, "/config", &wrong).await;
        assert_eq!(answer, 422, "{wrong}");
    }
    assert!(world.addon.info().config.is_empty());
}

#[tokio::test]
async fn c35_synchronous_provisioning_answer_is_stored() {
    let world = World::start().await;
    let said = json!({ "id": "42", "config": { "ACME_URL": "x" }, "log_drain_url": "https://logs.example.com/" });
    partner(&world.heroku, StatusCode::OK, said).await;
    assert_eq!(world.addon.provision().await.unwrap().status, 200);
    assert_eq!(world.addon.info().state, "provisioned");
    assert_eq!(world.addon.info().config["ACME_URL"], "x");
    let drain = world.addon.info().log_drain_url;
    assert_eq!(drain.as_deref(), Some("https://logs.example.com/"));
}
