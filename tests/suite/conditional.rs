//! ETags: an unchanged part is not sent again, and its age is renewed.

use std::time::Duration;

use heroku_addon_simulator::{AddOn, ETags as HerokuETags, Endpoint, Fault};
use support::ids::AddOnExt as _;
use tower_heroku_sso::Clock as _;

use support::world::{REFRESH, World};

async fn team_app(world: &World) -> AddOn {
    let team = world
        .heroku
        .team("acme")
        .member("lead@example.com", "admin");
    let app = world.heroku.app("shop").owned_by_team(&team);
    let addon = app.collaborator("ann@example.com").addon();
    let resource = world.register(&addon).await;
    world.refresh(&resource).await;
    addon
}

/// The sorted statuses of all answers during one refresh.
async fn refresh(world: &World, addon: &AddOn) -> Vec<u16> {
    world.heroku.calls().clear();
    world.refresh(&addon.resource_id()).await;
    let mut statuses: Vec<_> = world
        .heroku
        .calls()
        .requests()
        .iter()
        .filter_map(|r| r.status)
        .collect();
    statuses.sort();
    statuses
}

#[tokio::test]
async fn not_modified_renews_the_age_of_the_list() {
    let world = World::start().await;
    let addon = team_app(&world).await;
    let before = world
        .sso
        .lists()
        .get(&addon.resource_id())
        .await
        .unwrap()
        .unwrap();
    world.clock.advance(Duration::from_secs(200));
    assert_eq!(refresh(&world, &addon).await, [304, 304, 304, 304]);
    let after = world
        .sso
        .lists()
        .get(&addon.resource_id())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(after.list, before.list);
    assert_eq!(after.fetched_at, world.clock.now());
    assert_eq!(after.web_url, before.web_url);
    assert_eq!(after.addon_name, before.addon_name);
}

#[tokio::test]
async fn not_modified_keeps_sessions_alive() {
    let world = World::start().await;
    let addon = team_app(&world).await;
    let sync = world.sso.spawn_sync();
    let browser = world.signed_in(&addon, "lead@example.com").await;
    for _ in 0..3 {
        world
            .pass_until_fetched(REFRESH.mul_f64(0.95), Duration::ZERO)
            .await;
        assert_eq!(browser.fetch("/page").await.status, 200);
    }
    sync.shutdown().await;
}

#[tokio::test]
async fn only_changed_parts_are_sent() {
    let world = World::start().await;
    let addon = team_app(&world).await;
    addon.app().collaborator("bob@example.com");
    assert_eq!(refresh(&world, &addon).await, [200, 304, 304, 304]);
    let team = world.heroku.team("acme");
    team.member("mia@example.com", "admin");
    assert_eq!(refresh(&world, &addon).await, [200, 304, 304, 304]);
    world.signed_in(&addon, "bob@example.com").await;
    world.signed_in(&addon, "mia@example.com").await;
}

#[tokio::test]
async fn u30_list_with_a_full_page_is_always_read_in_full() {
    let world = World::start().await;
    world.heroku.settings().set_page_size(1);
    // One member fills the page, whose ETag stays the same when a second page begins.
    let addon = team_app(&world).await;
    let team = world.heroku.team("acme");
    team.member("zoe@example.com", "member");
    world.heroku.calls().clear();
    let snapshot = world.refresh(&addon.resource_id()).await;
    let emails: Vec<_> = snapshot
        .list
        .members()
        .map(|m| m.email.to_string())
        .collect();
    assert_eq!(
        emails,
        ["ann@example.com", "lead@example.com", "zoe@example.com"]
    );
    assert!(world.heroku.calls().count(Endpoint::TeamMembers) >= 2);
}

/// Two answers with the same weak ETag may differ in their members.
#[tokio::test]
async fn u30_weak_etag_is_not_used() {
    let world = World::start().await;
    world.heroku.settings().set_etags(HerokuETags::Weak);
    let addon = team_app(&world).await;
    for _ in 0..2 {
        assert_eq!(refresh(&world, &addon).await, [200, 200, 200, 200]);
    }
    addon.app().remove("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 403);
}

#[tokio::test]
async fn moved_add_on_fetches_the_new_app_without_etags() {
    let world = World::start().await;
    let addon = team_app(&world).await;
    let other = world.heroku.app("other").collaborator("bob@example.com");
    addon.move_to(&other);
    let snapshot = world.refresh(&addon.resource_id()).await;
    assert_eq!(snapshot.app.name, "other");
    let emails: Vec<_> = snapshot
        .list
        .members()
        .map(|m| m.email.to_string())
        .collect();
    assert_eq!(emails, ["bob@example.com", "owner@example.com"]);
}

#[tokio::test]
async fn unrequested_304_is_an_error() {
    let world = World::start().await;
    let addon = world.addon().await;
    world
        .heroku
        .faults()
        .set(Endpoint::Collaborators, Fault::Status(304));
    assert!(
        world
            .sso
            .lists()
            .refresh(&addon.resource_id())
            .await
            .is_err()
    );
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 503);
}
