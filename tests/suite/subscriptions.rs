//! Subscriptions to Heroku's webhooks, one per add-on.

use std::collections::BTreeSet;
use std::time::Duration;

use heroku_addon_simulator::{Endpoint, Fault};
use support::ids::AddOnExt as _;
use tower_heroku_sso::{WebhookSecret, Webhooks};

use crate::webhooks::{NEXT_SECRET, SECRET, sign};
use support::world::{REFRESH, World};

/// A world whose gate subscribes with its own address.
pub async fn subscribing(secrets: &[&str]) -> World {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    World::at(listener, |builder| {
        let mut secrets = secrets
            .iter()
            .map(|text| WebhookSecret::new(*text).unwrap());
        let webhooks = Webhooks::new(secrets.next().unwrap());
        let webhooks = secrets.fold(webhooks, Webhooks::with_previous_secret);
        let url = format!("http://{address}/heroku/webhooks");
        builder.webhooks(webhooks.subscribe_at(url.parse().unwrap()))
    })
    .await
}

#[tokio::test]
async fn add_on_is_subscribed_once_and_its_webhooks_apply() {
    let world = subscribing(&[SECRET]).await;
    let addon = world.addon().await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    let subscribed = world.heroku.webhooks().of(&addon);
    assert_eq!(subscribed.len(), 1);
    assert_eq!(
        subscribed[0].url,
        format!("http://{}/heroku/webhooks", world.address)
    );
    world.clock.advance(Duration::from_secs(6 * 3600));
    world.quiet().await;
    assert_eq!(
        world.heroku.webhooks().of(&addon),
        subscribed,
        "subscribed once"
    );

    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.heroku.webhooks().take();
    addon.app().remove("ann@example.com");
    let deliveries = world.heroku.webhooks().deliver().await;
    assert!(!deliveries.is_empty() && deliveries.iter().all(|delivery| delivery.succeeded()));
    assert_eq!(browser.fetch("/page").await.status, 403);
    sync.shutdown().await;
}

#[tokio::test]
async fn existing_subscription_is_reused_with_the_current_secret() {
    let world = subscribing(&[SECRET]).await;
    let addon = world.addon().await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    let before = world.heroku.webhooks().of(&addon);
    sync.shutdown().await;
    // The next process does not know the subscription and has another secret.
    let url = format!("http://{}/heroku/webhooks", world.address);
    let secret = WebhookSecret::new(NEXT_SECRET).unwrap();
    let webhooks = Webhooks::new(secret).subscribe_at(url.parse().unwrap());
    let next = support::world::builder(&world.heroku, &world.clock);
    let next = next.webhooks(webhooks).build().await.unwrap();
    let resource = addon.resource_id();
    next.resources()
        .register(&resource, support::world::grant(&addon))
        .await
        .unwrap();
    let sync = next.spawn_sync();
    world.quiet().await;
    assert_eq!(
        world.heroku.webhooks().of(&addon),
        before,
        "the same subscription"
    );
    world.heroku.webhooks().take();
    addon.app().collaborator("bob@example.com");
    let pending = world.heroku.webhooks().pending();
    let notification = pending.first().unwrap();
    assert_eq!(
        notification.signature(),
        sign(notification.body(), NEXT_SECRET)
    );
    sync.shutdown().await;
}

/// Two processes of different addresses, whose subscriptions are on two pages of Heroku's list.
#[tokio::test]
async fn subscription_on_a_later_page_is_reused() {
    let world = subscribing(&[SECRET]).await;
    world.heroku.settings().set_page_size(1);
    let addon = world.addon().await;
    let ids = || {
        let subscribed = world.heroku.webhooks().of(&addon).into_iter();
        subscribed.map(|it| it.id).collect::<BTreeSet<_>>()
    };
    let mut found = Vec::new();
    for secret in [SECRET, NEXT_SECRET] {
        for host in ["one.example.com", "other.example.com"] {
            let url = format!("https://{host}/heroku/webhooks");
            let webhooks = Webhooks::new(WebhookSecret::new(secret).unwrap());
            let webhooks = webhooks.subscribe_at(url.parse().unwrap());
            let next = support::world::builder(&world.heroku, &world.clock);
            let next = next.webhooks(webhooks).build().await.unwrap();
            let (resource, given) = (addon.resource_id(), support::world::grant(&addon));
            next.resources().register(&resource, given).await.unwrap();
            let sync = next.spawn_sync();
            world.quiet().await;
            sync.shutdown().await;
        }
        found.push(ids());
    }
    assert_eq!(found[0].len(), 2);
    assert_eq!(found[1], found[0]);
}

#[tokio::test]
async fn failed_subscription_does_not_block_list_fetches() {
    let world = subscribing(&[SECRET]).await;
    world
        .heroku
        .faults()
        .set(Endpoint::Webhooks, Fault::Status(403));
    let addon = world.addon().await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    assert!(world.heroku.webhooks().of(&addon).is_empty());
    world.signed_in(&addon, "ann@example.com").await;
    let asked = world.heroku.calls().count(Endpoint::Webhooks);
    world
        .pass_until_fetched(REFRESH.mul_f64(0.95), Duration::ZERO)
        .await;
    world.quiet().await;
    assert_eq!(
        world.heroku.calls().count(Endpoint::Webhooks),
        asked,
        "no retry so soon"
    );
    sync.shutdown().await;
}

#[tokio::test]
async fn rejected_event_type_is_dropped_from_the_subscription() {
    for status in [400, 422] {
        let world = subscribing(&[SECRET]).await;
        let addon = world.addon().await;
        world
            .heroku
            .faults()
            .set_times(Endpoint::Webhooks, Fault::Status(status), 1);
        let sync = world.sso.spawn_sync();
        world.quiet().await;
        let subscribed = world.heroku.webhooks().of(&addon);
        assert_eq!(subscribed.len(), 1, "{status}");
        let include: Vec<_> = subscribed[0]
            .include
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(include, ["api:addon", "api:app", "api:collaborator"]);
        sync.shutdown().await;
    }
}

#[tokio::test]
async fn failed_subscription_is_retried_with_backoff() {
    let world = subscribing(&[SECRET]).await;
    let addon = world.addon().await;
    world
        .heroku
        .faults()
        .set(Endpoint::Webhooks, Fault::Status(500));
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    let mut asked = Vec::new();
    for minute in 1..=30 {
        let before = world.heroku.calls().count(Endpoint::Webhooks);
        world.clock.advance(Duration::from_secs(60));
        world.quiet_for(Duration::from_millis(60)).await;
        if world.heroku.calls().count(Endpoint::Webhooks) > before {
            asked.push(minute);
        }
    }
    assert_eq!(asked, [1, 3, 7, 15]);
    world.heroku.faults().clear_all();
    world.clock.advance(Duration::from_secs(60));
    world.quiet().await;
    assert_eq!(world.heroku.webhooks().of(&addon).len(), 1);
    sync.shutdown().await;
}

/// The guide lists all calls that a fake Heroku must answer.
#[tokio::test]
async fn guide_lists_every_call_to_heroku() {
    let guide = include_str!("../../src/guide/testing_your_app.md");
    let chapter = guide.split("# A fake Heroku of your own").nth(1).unwrap();
    let rows = chapter.lines().filter(|line| line.starts_with("| `"));
    let calls = rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`'));
    let named: BTreeSet<_> = calls.filter(|call| call.contains(" /")).collect();

    let world = subscribing(&[SECRET]).await;
    let team = world.heroku.team("acme");
    let team = team.member("mia@example.com", "member");
    let app = world.heroku.app("shop").owned_by_team(&team);
    let addon = app.addon();
    assert_eq!(addon.provision().await.unwrap().status, 200);
    let sync = world.sso.spawn_sync();
    world.signed_in(&addon, "mia@example.com").await;
    world.quiet().await;
    sync.shutdown().await;
    let requests = world.heroku.calls().requests();
    let made: BTreeSet<_> = requests
        .iter()
        .map(|request| {
            let path = request.path.split('/').map(|part| match part.len() {
                36 => ":id",
                _ => part,
            });
            let path: Vec<_> = path.collect();
            format!("{} {}", request.method, path.join("/"))
        })
        .collect();
    assert!(made.len() >= 6, "{made:?}");
    let unnamed = made.iter().filter(|call| !named.contains(call.as_str()));
    assert_eq!(
        unnamed.collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "{named:?}"
    );
}
