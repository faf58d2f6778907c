//! Webhooks: a trigger for a fetch, never a source of facts.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use support::ids::AddOnExt as _;
use tower_heroku_sso::sync::Change;
use tower_heroku_sso::{Email, WebhookSecret, Webhooks};

use crate::subscriptions::subscribing;
use support::browser::client;
use support::world::{REFRESH, World, next};

pub const SECRET: &str = "a-webhook-secret-of-our-own";
pub const NEXT_SECRET: &str = "the-secret-after-the-rotation";

pub async fn world() -> World {
    World::with(|builder| {
        let secret = |text: &str| WebhookSecret::new(text).unwrap();
        builder.webhooks(Webhooks::new(secret(SECRET)).with_previous_secret(secret(NEXT_SECRET)))
    })
    .await
}

pub fn sign(body: &[u8], secret: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    STANDARD.encode(mac.chain_update(body).finalize().into_bytes())
}

/// Heroku's webhook for a change of a collaborator.
pub fn collaborator(addon: &AddOn, action: &str, email: &str, event: &str) -> Value {
    json!({
        "id": event,
        "action": action,
        "resource": "collaborator",
        "actor": { "id": "e0000000-0000-4000-8000-000000000001", "email": "lead@example.com" },
        "data": {
            "id": "c0000000-0000-4000-8000-000000000002",
            "app": { "id": addon.app().id().to_string(), "name": addon.app().name() },
            "user": { "id": "e0000000-0000-4000-8000-000000000002", "email": email,
                      "federated": false },
        },
        "previous_data": {}, "published_at": null, "sequence": null,
        "version": "application/vnd.heroku+json; version=3",
        "webhook_metadata": { "event": { "id": event, "include": "api:collaborator" } },
    })
}

async fn send_raw(world: &World, body: Vec<u8>, signatures: &[&str]) -> u16 {
    let url = format!("http://{}/heroku/webhooks", world.address);
    let mut request = client()
        .post(url)
        .header("content-type", "application/json");
    for signature in signatures {
        request = request.header("heroku-webhook-hmac-sha256", *signature);
    }
    request.body(body).send().await.unwrap().status().as_u16()
}

pub async fn send(world: &World, body: &Value) -> u16 {
    let body = body.to_string().into_bytes();
    let signature = sign(&body, SECRET);
    send_raw(world, body, &[&signature]).await
}

#[tokio::test]
async fn removed_collaborator_gets_403_right_after_the_webhook() {
    let world = world().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let sync = world.sso.spawn_sync();
    addon.app().remove("ann@example.com");
    assert_eq!(browser.fetch("/page").await.status, 200);
    let event = collaborator(&addon, "destroy", "Ann@example.com", "1");
    assert_eq!(send(&world, &event).await, 204);
    // No time has passed.
    assert_eq!(browser.fetch("/page").await.status, 403);
    sync.shutdown().await;
}

#[tokio::test]
async fn removal_webhook_applies_without_a_sync() {
    let world = world().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    addon.app().remove("ann@example.com");
    let event = collaborator(&addon, "destroy", "ann@example.com", "1");
    assert_eq!(send(&world, &event).await, 204);
    assert_eq!(browser.fetch("/page").await.status, 403);
}

#[tokio::test]
async fn added_collaborator_is_listed_after_the_webhook() {
    let world = world().await;
    let addon = world.addon().await;
    world.refresh(&addon.resource_id()).await;
    let sync = world.sso.spawn_sync();
    let mut changes = world.sso.lists().changes();
    assert!(matches!(
        next(&mut changes).await,
        Some(Change::Snapshot { .. })
    ));
    addon.app().collaborator("bob@example.com");
    let event = collaborator(&addon, "create", "bob@example.com", "1");
    assert_eq!(send(&world, &event).await, 204);
    let change = tokio::time::timeout(Duration::from_secs(60), next(&mut changes));
    let change = change.await.unwrap().unwrap();
    let bob: Email = "bob@example.com".parse().unwrap();
    assert!(matches!(change, Change::Added { member, .. } if member.email == bob));
    sync.shutdown().await;
}

#[tokio::test]
async fn pending_removal_gets_503_until_heroku_answers() {
    let world = world().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let sync = world.sso.spawn_sync();
    // An outdated webhook: she was added again since.
    world.heroku.faults().set(Endpoint::Any, Fault::Status(500));
    let event = collaborator(&addon, "destroy", "ann@example.com", "1");
    assert_eq!(send(&world, &event).await, 204);
    let answer = browser.fetch("/page").await;
    assert_eq!(answer.status, 503, "her state is unknown");
    assert!(answer.header("retry-after").is_some());
    world.heroku.faults().clear_all();
    assert_eq!(browser.fetch("/page").await.status, 200);
    sync.shutdown().await;
}

#[tokio::test]
async fn pending_removal_does_not_affect_other_members() {
    let world = world().await;
    let addon = world.addon().await;
    addon.app().collaborator("bob@example.com");
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let bob = world.signed_in(&addon, "bob@example.com").await;
    world.heroku.faults().set(Endpoint::Any, Fault::Status(500));
    let event = collaborator(&addon, "destroy", "ann@example.com", "1");
    assert_eq!(send(&world, &event).await, 204);
    assert_eq!(bob.fetch("/page").await.status, 200);
    assert_eq!(ann.fetch("/page").await.status, 503);
}

#[tokio::test]
async fn pending_removal_blocks_sign_in_until_heroku_answers() {
    let world = world().await;
    let addon = world.addon().await;
    world.refresh(&addon.resource_id()).await;
    world.heroku.faults().set(Endpoint::Any, Fault::Status(500));
    let event = collaborator(&addon, "destroy", "ann@example.com", "1");
    assert_eq!(send(&world, &event).await, 204);
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 503);
    world.heroku.faults().clear_all();
    assert_eq!(world.browser().submit(&form).await.status, 303);
}

#[tokio::test]
async fn a69_unsigned_or_wrongly_signed_webhooks_get_401() {
    let world = world().await;
    let addon = world.addon().await;
    world.refresh(&addon.resource_id()).await;
    world.heroku.calls().clear();
    // A body whose signature differs in the URL-safe alphabet.
    let mut numbers = 0..100;
    let (event, good) = loop {
        let number = numbers.next().unwrap().to_string();
        let event = collaborator(&addon, "destroy", "ann@example.com", &number).to_string();
        let good = sign(event.as_bytes(), SECRET);
        if good.contains('+') && good.contains('/') {
            break (event, good);
        }
    };
    let body = event.clone().into_bytes();
    let wrong = sign(&body, "some-other-secret");
    let of_another = sign(b"{}", SECRET);
    let url_safe = good.replace('+', "-").replace('/', "_");
    for signatures in [
        &[][..],
        &[""],
        &[&wrong],
        &[&of_another],
        &[&good, &good],
        &[&wrong, &good],
        &[&good, &wrong],
        &[&format!("sha256={good}")],
        &[&url_safe],
        &[good.trim_end_matches('=')],
    ] {
        assert_eq!(
            send_raw(&world, body.clone(), signatures).await,
            401,
            "{signatures:?}"
        );
    }
    let spaced = format!("{event} ").into_bytes();
    assert_eq!(
        send_raw(&world, spaced, &[&good]).await,
        401,
        "the raw body is signed"
    );
    assert_eq!(world.heroku.calls().count(Endpoint::Any), 0);
    let rotated = sign(&body, NEXT_SECRET);
    assert_eq!(
        send_raw(&world, body, &[&rotated]).await,
        204,
        "either secret is valid"
    );
}

#[tokio::test]
async fn a70_signed_malformed_webhook_has_no_effect() {
    let world = world().await;
    let addon = world.addon().await;
    let stranger = world.heroku.app("stranger").addon();
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.heroku.calls().clear();
    for body in [
        "not json".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        json!({ "resource": "dyno", "data": { "id": "x" } }).to_string(),
        json!({ "resource": "addon", "data": { "id": stranger.resource_id().to_string() } })
            .to_string(),
        collaborator(&stranger, "destroy", "ann@example.com", "1").to_string(),
    ] {
        let signature = sign(body.as_bytes(), SECRET);
        assert_eq!(
            send_raw(&world, body.clone().into(), &[&signature]).await,
            204,
            "{body}"
        );
    }
    assert_eq!(browser.fetch("/page").await.status, 200);
    assert_eq!(world.heroku.calls().count(Endpoint::Any), 0);
}

#[tokio::test]
async fn a71_webhook_storm_stays_within_budget_and_list_is_correct() {
    let world = world().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.refresh(&resource).await;
    let sync = world.sso.spawn_sync();
    world.heroku.calls().clear();
    // The same webhook a hundred times, then a hundred different ones in reverse order.
    for number in 0..200 {
        let event = if number < 100 { 100 } else { 300 - number };
        let action = if number % 2 == 0 { "destroy" } else { "create" };
        let body = collaborator(&addon, action, "ann@example.com", &event.to_string());
        assert_eq!(send(&world, &body).await, 204);
    }
    addon
        .app()
        .remove("ann@example.com")
        .collaborator("bob@example.com");
    let last = collaborator(&addon, "create", "bob@example.com", "last");
    assert_eq!(send(&world, &last).await, 204);
    let mut changes = world.sso.lists().changes();
    let bob_is_there = async {
        loop {
            world.clock.advance(Duration::from_secs(1));
            tokio::select! {
                change = next(&mut changes) => match change.unwrap() {
                    Change::Added { member, .. } if member.email.as_str() == "bob@example.com" => {
                        break;
                    }
                    Change::Snapshot { snapshot, .. } if snapshot.list.members().any(|member| {
                        member.email.as_str() == "bob@example.com"
                    }) => break,
                    _ => {}
                },
                () = tokio::task::yield_now() => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), bob_is_there)
        .await
        .unwrap();
    assert!(world.heroku.calls().count(Endpoint::AddOn) <= 10 + 2);
    sync.shutdown().await;
}

#[tokio::test]
async fn a71_replayed_create_does_not_readmit_a_removed_user() {
    let world = world().await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let created = collaborator(&addon, "create", "ann@example.com", "1");
    addon.app().remove("ann@example.com");
    let destroyed = collaborator(&addon, "destroy", "ann@example.com", "2");
    assert_eq!(send(&world, &destroyed).await, 204);
    assert_eq!(ann.fetch("/page").await.status, 403);
    assert_eq!(send(&world, &created).await, 204);
    world.clock.advance(Duration::from_secs(1));
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 403);
    // A hundred repetitions cause no further call.
    world.heroku.calls().clear();
    for _ in 0..100 {
        assert_eq!(send(&world, &created).await, 204);
        assert_eq!(send(&world, &destroyed).await, 204);
    }
    assert_eq!(world.heroku.calls().count(Endpoint::Any), 0);
}

#[tokio::test]
async fn a72_large_webhook_body_gets_413() {
    let world = world().await;
    let body = vec![b' '; 10 * 1024 * 1024];
    let signature = sign(&body, SECRET);
    assert_eq!(send_raw(&world, body, &[&signature]).await, 413);
}

#[tokio::test]
async fn webhook_path_is_a_gated_path_without_a_secret() {
    let world = World::start().await;
    assert_eq!(send(&world, &json!({})).await, 401);
}

#[tokio::test]
async fn polling_detects_a_removal_without_a_webhook() {
    let world = world().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let sync = world.sso.spawn_sync();
    addon.app().remove("ann@example.com");
    let removed = |change: &Change| matches!(change, Change::Removed { .. });
    world.pass_until(REFRESH.mul_f64(0.95), removed).await;
    assert_eq!(browser.fetch("/page").await.status, 403);
    sync.shutdown().await;
}

#[tokio::test]
async fn a71_out_of_order_webhooks_converge_to_the_actual_list() {
    let world = subscribing(&[SECRET]).await;
    let addon = world.addon().await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    world.heroku.webhooks().take();
    // She was removed and added again; the webhooks arrive in reverse order.
    addon.app().remove("ann@example.com");
    addon.app().collaborator("ann@example.com");
    let mut notifications = world.heroku.webhooks().take();
    notifications.reverse();
    for notification in &notifications {
        assert!(notification.send().await.succeeded());
    }
    assert_eq!(ann.fetch("/page").await.status, 200);
    sync.shutdown().await;
}
