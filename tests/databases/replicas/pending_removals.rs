//! A webhook at one of two processes applies at the other.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heroku_addon_simulator::{Endpoint, Fault};
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;
use support::ids::AddOnExt as _;
use tower_heroku_sso::{WebhookSecret, Webhooks};

use crate::replicas::soon::soon;
use crate::replicas::together::Pair;
use support::browser::Browser;

const SECRET: &str = "a-webhook-secret-of-our-own";

#[tokio::test]
async fn pending_removal_applies_in_both_processes() {
    let pair = Pair::with(|builder, sessions| {
        let builder = builder.session_store(sessions);
        builder.webhooks(Webhooks::new(WebhookSecret::new(SECRET).unwrap()))
    })
    .await;
    let addon = pair.here.addon().await;
    let app = addon.app();
    let ann = pair.browser_there(&addon, "ann@example.com").await;
    let owner = pair.browser_there(&addon, "owner@example.com").await;
    app.remove("ann@example.com");
    // Heroku sends the webhook, and its API is unavailable.
    pair.here
        .heroku
        .faults()
        .set(Endpoint::Any, Fault::Status(500));
    let event = json!({
        "id": "1", "action": "destroy", "resource": "collaborator",
        "data": { "app": { "id": app.id().to_string() }, "user": { "email": "ann@example.com" } },
    });
    assert_eq!(send(&pair, event.to_string()).await, 204);
    soon("ann gets 503 there too", async || {
        ann.fetch("/page").await.status == 503
    })
    .await;
    assert_eq!(owner.fetch("/page").await.status, 200);
    // A new second makes a new form.
    pair.here.clock.advance(std::time::Duration::from_secs(1));
    let form = addon.sign_in_form("ann@example.com");
    let another = Browser::new(pair.address_there);
    assert_eq!(another.submit(&form).await.status, 503);
    pair.here.heroku.faults().clear_all();
    pair.here.refresh(&addon.resource_id()).await;
    soon("ann is rejected there too", async || {
        ann.fetch("/page").await.status == 403
    })
    .await;
}

async fn send(pair: &Pair, body: String) -> u16 {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    let mac = mac.chain_update(&body).finalize().into_bytes();
    let browser = Browser::new(pair.here.address);
    let request = browser.request(reqwest::Method::POST, "/heroku/webhooks");
    let request = request
        .header("heroku-webhook-hmac-sha256", STANDARD.encode(mac))
        .body(body);
    request.send().await.unwrap().status().as_u16()
}
