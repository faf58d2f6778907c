//! The webhooks of the simulated Heroku, and their delivery.

use std::time::Duration;

use crate::client::receiver::Receiver;
use crate::client::*;
use crate::clock::TestClock;
use heroku_addon_simulator::{AddOn, App, Notification, Simulator};
use reqwest::Method;
use serde_json::{Value, json};

struct World {
    heroku: Simulator,
    clock: TestClock,
    app: App,
    addon: AddOn,
    receiver: Receiver,
}

/// A personal app whose add-on is subscribed to all events.
async fn world(level: &str) -> World {
    let clock = TestClock::new();
    let heroku = Simulator::builder().clock(clock.reader()).start();
    let heroku = heroku.await.unwrap();
    let receiver = Receiver::start().await;
    let app = heroku.app("shop").owner("olivia@example.com");
    let addon = app.addon();
    let world = World {
        heroku,
        clock,
        app,
        addon,
        receiver,
    };
    let everything = [
        "api:addon",
        "api:addon-attachment",
        "api:app",
        "api:collaborator",
    ];
    world.subscribe(&world.addon, level, &everything).await;
    world
}

impl World {
    async fn subscribe(&self, addon: &AddOn, level: &str, include: &[&str]) -> String {
        let token = access_token(&self.heroku, addon).await;
        let path = format!("/addons/{}/webhooks", addon.id());
        let body = json!({
            "include": include,
            "level": level,
            "url": self.receiver.url,
            "secret": "webhook-secret",
            "authorization": "Bearer something",
        });
        let answer = send(&self.heroku, Method::POST, &path, &token, &body).await;
        assert_eq!(answer.status(), 201);
        let made: Value = answer.json().await.unwrap();
        made["id"].as_str().unwrap().to_owned()
    }

    /// Takes the pending webhooks, as short texts.
    fn sent(&self) -> Vec<String> {
        let taken = self.heroku.webhooks().take();
        let short = |it: &Notification| format!("{} {}", it.include(), it.action());
        taken.iter().map(short).collect()
    }

    /// The only pending webhook.
    fn only(&self) -> Value {
        let taken = self.heroku.webhooks().take();
        assert_eq!(taken.len(), 1);
        serde_json::from_slice(taken[0].body()).unwrap()
    }
}

#[tokio::test]
async fn collaborator_changes_send_webhooks() {
    let world = world("sync").await;
    world.app.collaborator("ann@example.com");
    world.app.collaborator("ann@example.com"); // is one already
    world
        .app
        .collaborator_as("ANN@example.com", "admin", &["manage"]);
    world
        .app
        .remove("Ann@example.com")
        .remove("unlisted@example.com");
    let expected = [
        "api:collaborator create",
        "api:collaborator update",
        "api:collaborator destroy",
    ];
    assert_eq!(world.sent(), expected);

    world.app.collaborator("ben@example.com");
    let sent = world.only();
    assert_eq!(sent["action"], "create");
    assert_eq!(sent["resource"], "collaborator");
    assert_eq!(sent["actor"]["email"], "olivia@example.com");
    assert_eq!(sent["data"]["user"]["email"], "ben@example.com");
    assert_eq!(sent["data"]["app"]["id"], world.app.id().to_string());
    assert_eq!(sent["data"]["role"], "collaborator");
    assert_eq!(sent["previous_data"], json!({}));
    assert_eq!(sent["webhook_metadata"]["event"]["id"], sent["id"]);
    let webhook = &world.heroku.webhooks().of(&world.addon)[0].id;
    assert_eq!(sent["webhook_metadata"]["webhook"]["id"], *webhook);
    world.app.remove("ben@example.com");
    assert!(world.only()["data"].get("role").is_none());
}

#[tokio::test]
async fn app_rename_and_owner_change_send_webhooks() {
    let world = world("sync").await;
    world.app.rename("store").rename("store");
    let sent = world.only();
    assert_eq!(
        (&sent["resource"], &sent["action"]),
        (&json!("app"), &json!("update"))
    );
    assert_eq!(sent["data"]["name"], "store");
    assert_eq!(sent["previous_data"], json!({ "name": "shop" }));

    let team = world.heroku.team("acme");
    world.app.owned_by_team(&team).owned_by_team(&team);
    let sent = world.only();
    assert_eq!(sent["data"]["team"]["name"], "acme");
    let before = &sent["previous_data"]["owner"]["email"];
    assert_eq!(before, "olivia@example.com");
    world.app.owner("olivia@example.com");
    assert_eq!(world.sent(), ["api:app update"]);
}

#[tokio::test]
async fn changes_on_the_page_send_webhooks() {
    let world = world("sync").await;
    let url = format!("{}/apps/{}", world.heroku.dashboard_url(), world.app.id());
    let add = [("email", "ann@example.com"), ("role", "app:admin")];
    let remove = [("email", "ann@example.com"), ("list", "app")];
    for (path, form) in [("people", add), ("people/remove", remove)] {
        let pressed = http().post(format!("{url}/{path}")).form(&form).send();
        assert_eq!(pressed.await.unwrap().status(), 303);
    }
    let expected = ["api:collaborator create", "api:collaborator destroy"];
    assert_eq!(world.sent(), expected);
}

#[tokio::test]
async fn team_changes_send_no_webhook() {
    let world = world("sync").await;
    let team = world.heroku.team("acme");
    world.app.owned_by_team(&team);
    world.sent();
    team.member("lead@example.com", "admin")
        .remove("lead@example.com");
    assert!(world.sent().is_empty());
}

#[tokio::test]
async fn add_on_changes_send_webhooks() {
    let world = world("sync").await;
    world.addon.mark_provisioned().mark_provisioned();
    let sent = world.only();
    assert_eq!(
        (&sent["resource"], &sent["action"]),
        (&json!("addon"), &json!("update"))
    );
    assert_eq!(sent["data"]["state"], "provisioned");
    assert_eq!(sent["previous_data"], json!({ "state": "provisioning" }));

    let other = world.heroku.app("other");
    world.addon.move_to(&other).move_to(&other);
    let sent = world.only();
    assert_eq!(sent["data"]["app"]["name"], "other");
    assert_eq!(sent["previous_data"]["app"]["name"], "shop");
    world.app.collaborator("ann@example.com"); // of no concern any more
    other.collaborator("ann@example.com");
    world.app.attach(&world.addon).detach(&world.addon);
    world.addon.remove().gone();
    other.remove("ann@example.com");
    let expected = [
        "api:collaborator create",
        "api:addon-attachment create",
        "api:addon-attachment destroy",
        "api:addon destroy",
    ];
    assert_eq!(world.sent(), expected);
}

#[tokio::test]
async fn subscription_gets_only_included_events_of_its_app() {
    let world = world("sync").await;
    let bank = world.heroku.app("bank").addon();
    let webhook = world.subscribe(&bank, "notify", &["api:app"]).await;
    let bank = bank.app();
    bank.collaborator("ann@example.com").rename("safe");
    world.app.collaborator("ann@example.com");
    let taken = world.heroku.webhooks().pending();
    let include: Vec<_> = taken.iter().map(Notification::include).collect();
    assert_eq!(include, ["api:app", "api:collaborator"]);
    let sent: Value = serde_json::from_slice(taken[0].body()).unwrap();
    assert_eq!(sent["webhook_metadata"]["webhook"]["id"], *webhook);
}

#[tokio::test]
async fn delivery_has_signature_and_authorization() {
    let world = world("sync").await;
    world.app.collaborator("ann@example.com").rename("store");
    let pending = world.heroku.webhooks().pending();
    let deliveries = world.heroku.webhooks().deliver().await;
    assert_eq!(deliveries.len(), 2);
    for (delivery, pending) in deliveries.iter().zip(&pending) {
        assert_eq!(delivery.url, world.receiver.url);
        assert_eq!(delivery.status, Some(204));
        assert_eq!(delivery.event_id, pending.event_id());
    }
    let seen = world.receiver.take();
    for ((headers, body), pending) in seen.iter().zip(&pending) {
        assert_eq!(body, pending.body());
        assert_eq!(headers["heroku-webhook-hmac-sha256"], pending.signature());
        assert_eq!(headers["authorization"], "Bearer something");
        assert_eq!(headers["content-type"], "application/json");
        let mut again = pending.clone();
        again.set_signature("").sign("webhook-secret");
        assert_eq!(again.signature(), pending.signature());
        assert_ne!(again.sign("another").signature(), pending.signature());
    }
    assert_eq!(seen.len(), 2);
    assert!(world.heroku.webhooks().deliver().await.is_empty());
}

#[tokio::test]
async fn failed_delivery_is_kept_only_at_level_sync() {
    for (level, left) in [("sync", 2), ("notify", 0)] {
        let world = world(level).await;
        world.receiver.answer_with(500);
        world.app.collaborator("ann@example.com").rename("store");
        let failed = world.heroku.webhooks().deliver().await;
        assert_eq!(failed.len(), 2);
        assert!(
            failed
                .iter()
                .all(|it| it.status == Some(500) && !it.succeeded())
        );
        assert_eq!(world.heroku.webhooks().pending().len(), left, "{level}");
        world.receiver.answer_with(200);
        let repeated = world.heroku.webhooks().deliver().await;
        assert_eq!(repeated.len(), left);
        let ids = |them: &[_]| -> Vec<String> {
            let them: &[heroku_addon_simulator::Delivery] = them;
            them.iter().map(|it| it.event_id.clone()).collect()
        };
        assert_eq!(ids(&repeated), ids(&failed)[..left], "in order");
        assert!(world.heroku.webhooks().pending().is_empty());
    }
}

#[tokio::test]
async fn unreachable_address_is_a_failure_without_a_status() {
    let world = world("sync").await;
    world.app.rename("store");
    let path = format!("/addons/{}/webhooks", world.addon.id());
    let own = format!("{path}/{}", world.heroku.webhooks().of(&world.addon)[0].id);
    let token = access_token(&world.heroku, &world.addon).await;
    let change = json!({ "url": "http://127.0.0.1:9/" });
    send(&world.heroku, Method::PATCH, &own, &token, &change).await;
    let deliveries = world.heroku.webhooks().deliver().await;
    assert_eq!(deliveries[0].url, "http://127.0.0.1:9/");
    assert_eq!(deliveries[0].status, None);
    assert_eq!(world.heroku.webhooks().pending().len(), 1);
    // Deleting the subscription drops its pending webhooks.
    send(&world.heroku, Method::DELETE, &own, &token, &json!({})).await;
    assert!(world.heroku.webhooks().pending().is_empty());
}

#[tokio::test]
async fn tests_can_drop_repeat_reorder_and_alter_webhooks() {
    let world = world("sync").await;
    world.app.collaborator("ann@example.com").rename("store");
    let mut taken = world.heroku.webhooks().take();
    assert!(world.heroku.webhooks().deliver().await.is_empty(), "lost");
    taken.reverse();
    let signature = taken[0].signature().to_owned();
    taken[0].send().await;
    taken[0].send().await;
    taken[1].set_body("{}").send().await;
    let seen = world.receiver.take();
    assert_eq!(seen[0].1, seen[1].1);
    assert_eq!(seen[0].0["heroku-webhook-hmac-sha256"], signature);
    assert_eq!(seen[2].1, "{}");
}

#[tokio::test]
async fn immediate_delivery_sends_events_and_retries_failures() {
    let world = world("sync").await;
    world.heroku.webhooks().deliver_automatically(true);
    world.app.rename("store");
    assert_eq!(world.receiver.wait().await[0]["data"]["name"], "store");

    world.receiver.answer_with(503);
    world.app.rename("stall");
    let first = world.receiver.wait().await;
    world.receiver.answer_with(204);
    let again = loop {
        world.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
        let seen = world.receiver.take_json();
        if !seen.is_empty() {
            break seen;
        }
    };
    assert_eq!(again, first);
}
