//! Webhook subscriptions at the simulated Heroku.

use crate::client::*;
use heroku_addon_simulator::{AddOn, Endpoint, Simulator, WebhookLevel};
use reqwest::Method;
use serde_json::{Value, json};

struct World {
    heroku: Simulator,
    addon: AddOn,
    token: String,
    path: String,
}

async fn world() -> World {
    let heroku = Simulator::start().await.unwrap();
    let addon = heroku.app("shop").addon();
    let token = access_token(&heroku, &addon).await;
    let path = format!("/addons/{}/webhooks", addon.id());
    World {
        heroku,
        addon,
        token,
        path,
    }
}

fn wanted() -> Value {
    json!({
        "include": ["api:collaborator", "api:app"],
        "level": "sync",
        "url": "http://127.0.0.1:9/hooks",
    })
}

impl World {
    async fn send(&self, method: Method, path: &str, body: &Value) -> reqwest::Response {
        send(&self.heroku, method, path, &self.token, body).await
    }

    async fn create(&self, body: &Value) -> reqwest::Response {
        self.send(Method::POST, &self.path, body).await
    }
}

#[tokio::test]
async fn subscription_is_created_shown_changed_and_deleted() {
    let world = world().await;
    let answer = world.create(&wanted()).await;
    assert_eq!(answer.status(), 201);
    let made: Value = answer.json().await.unwrap();
    assert_eq!(made["addon"]["name"], world.addon.info().name);
    let own = format!("{}/{}", world.path, made["id"].as_str().unwrap());
    assert_eq!(body(&world.heroku, &own, &world.token).await, made);
    let list = body(&world.heroku, &world.path, &world.token).await;
    assert_eq!(list, json!([made]));

    let change = json!({ "level": "notify", "include": ["api:addon"], "secret": "new" });
    let answer = world.send(Method::PATCH, &own, &change).await;
    assert_eq!(answer.status(), 200);
    assert!(!answer.headers().contains_key("heroku-webhook-secret"));
    let webhooks = world.heroku.webhooks().of(&world.addon);
    assert_eq!(webhooks.len(), 1);
    assert_eq!(webhooks[0].id, made["id"]);
    assert_eq!(webhooks[0].url, "http://127.0.0.1:9/hooks");
    assert_eq!(webhooks[0].include, ["api:addon"]);
    assert_eq!(webhooks[0].level, WebhookLevel::Notify);

    let answer = world.send(Method::DELETE, &own, &json!({})).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(status(&world.heroku, &own, &world.token).await, 404);
    assert!(world.heroku.webhooks().of(&world.addon).is_empty());
    assert_eq!(world.heroku.calls().count(Endpoint::Webhooks), 6);
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 0);
}

#[tokio::test]
async fn generated_secret_is_shown_once() {
    let world = world().await;
    let made = world.create(&wanted()).await;
    let secret = made.headers()["heroku-webhook-secret"].clone();
    assert_eq!(secret.len(), 64);
    let text = made.text().await.unwrap();
    assert!(!text.contains(secret.to_str().unwrap()));
    let mut own = wanted();
    own["secret"] = "of my own".into();
    let made = world.create(&own).await;
    assert!(!made.headers().contains_key("heroku-webhook-secret"));
    assert!(!made.text().await.unwrap().contains("of my own"));
}

#[tokio::test]
async fn invalid_subscription_gets_422_and_changes_nothing() {
    let world = world().await;
    let with = |field: &str, value: Value| {
        let mut body = wanted();
        body[field] = value;
        body
    };
    let without = |field: &str| {
        let mut body = wanted();
        body.as_object_mut().unwrap().remove(field);
        body
    };
    for wrong in [
        without("include"),
        without("level"),
        without("url"),
        with("include", json!([])),
        with("include", json!(["api:team"])),
        with("include", json!("api:app")),
        with("level", json!("often")),
        with("url", json!("/hooks")),
        with("url", json!("ftp://127.0.0.1/")),
        with("secret", json!(7)),
        with("surprise", json!(true)),
    ] {
        let answer = world.create(&wrong).await;
        assert_eq!(answer.status(), 422, "{wrong}");
        let error: Value = answer.json().await.unwrap();
        assert_eq!(error["id"], "invalid_params");
    }
    assert_eq!(world.create(&json!([])).await.status(), 400);
    assert!(world.heroku.webhooks().of(&world.addon).is_empty());

    let made: Value = world.create(&wanted()).await.json().await.unwrap();
    let own = format!("{}/{}", world.path, made["id"].as_str().unwrap());
    let wrong = json!({ "level": "notify", "surprise": true });
    let answer = world.send(Method::PATCH, &own, &wrong).await;
    assert_eq!(answer.status(), 422);
    assert_eq!(
        world.heroku.webhooks().of(&world.addon)[0].level,
        WebhookLevel::Sync
    );
}

#[tokio::test]
async fn only_the_add_ons_own_token_reads_its_webhooks() {
    let world = world().await;
    let made: Value = world.create(&wanted()).await.json().await.unwrap();
    let own = format!("{}/{}", world.path, made["id"].as_str().unwrap());
    let other = world.heroku.app("bank").addon();
    let token = access_token(&world.heroku, &other).await;
    for (method, path) in [
        (Method::GET, &world.path),
        (Method::POST, &world.path),
        (Method::GET, &own),
        (Method::PATCH, &own),
        (Method::DELETE, &own),
    ] {
        let answer = send(&world.heroku, method.clone(), path, &token, &wanted()).await;
        assert_eq!(answer.status(), 403, "{method} {path}");
        let answer = send(&world.heroku, method.clone(), path, "guess", &wanted()).await;
        assert_eq!(answer.status(), 401, "{method} {path}");
    }
    let elsewhere = own.replace(&world.addon.id().to_string(), &other.id().to_string());
    assert_eq!(status(&world.heroku, &elsewhere, &token).await, 404);
    assert_eq!(world.heroku.webhooks().of(&world.addon).len(), 1);
}
