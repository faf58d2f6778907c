//! ETags: what has not changed is not sent again, and is as fresh as if it were.

use std::time::Duration;

use heroku_addon_simulator::{AddOn, ETags as HerokuETags, Endpoint, Fault};
use support::ids::AddOnExt as _;
use tower_heroku_sso::Clock as _;

use support::world::{REFRESH, World, grant};

async fn team_app(world: &World) -> AddOn {
    let team = world
        .heroku
        .team("acme")
        .member("lead@example.com", "admin");
    let app = world.heroku.app("shop").owned_by_team(&team);
    let addon = app.collaborator("ann@example.com").addon();
    let resource = addon.resource_id();
    world.sso.register(&resource, grant(&addon)).await.unwrap();
    world.sso.refresh_now(&resource).await.unwrap();
    addon
}

/// The statuses of all answers from now on to the end of one refresh.
async fn refresh(world: &World, addon: &AddOn) -> Vec<u16> {
    world.heroku.reset_calls();
    world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    let mut statuses: Vec<_> = world
        .heroku
        .requests()
        .iter()
        .filter_map(|r| r.status)
        .collect();
    statuses.sort();
    statuses
}

#[tokio::test]
async fn an_unchanged_list_is_not_sent_again_and_its_age_is_renewed() {
    let world = World::start().await;
    let addon = team_app(&world).await;
    let before = world
        .sso
        .access_list(&addon.resource_id())
        .await
        .unwrap()
        .unwrap();
    world.clock.advance(Duration::from_secs(200));
    assert_eq!(refresh(&world, &addon).await, [304, 304, 304, 304]);
    let after = world
        .sso
        .access_list(&addon.resource_id())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(after.list, before.list);
    assert_eq!(after.fetched_at, world.clock.now());
    assert_eq!(after.web_url, before.web_url);
    assert_eq!(after.addon_name, before.addon_name);
}

#[tokio::test]
async fn sessions_go_on_by_unchanged_answers() {
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
async fn only_what_changed_is_sent() {
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
async fn u30_a_list_in_several_pages_or_about_to_be_is_always_read_whole() {
    let world = World::start().await;
    world.heroku.set_page_size(1);
    // One member, one full page: it stays as it is when a second one begins.
    let addon = team_app(&world).await;
    let team = world.heroku.team("acme");
    team.member("zoe@example.com", "member");
    world.heroku.reset_calls();
    let snapshot = world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    let emails: Vec<_> = snapshot
        .list
        .members()
        .map(|m| m.email.to_string())
        .collect();
    assert_eq!(
        emails,
        ["ann@example.com", "lead@example.com", "zoe@example.com"]
    );
    assert!(world.heroku.calls(Endpoint::TeamMembers) >= 2);
}

/// What two answers of one weak name have in common need not be what counts here.
#[tokio::test]
async fn u30_an_answer_with_a_weak_name_is_asked_for_whole() {
    let world = World::start().await;
    world.heroku.set_etags(HerokuETags::Weak);
    let addon = team_app(&world).await;
    for _ in 0..2 {
        assert_eq!(refresh(&world, &addon).await, [200, 200, 200, 200]);
    }
    addon.app().remove("ann@example.com");
    world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 403);
}

#[tokio::test]
async fn an_app_that_the_add_on_moved_to_is_asked_about_from_scratch() {
    let world = World::start().await;
    let addon = team_app(&world).await;
    let other = world.heroku.app("other").collaborator("bob@example.com");
    addon.move_to(&other);
    let snapshot = world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    assert_eq!(snapshot.app.name, "other");
    let emails: Vec<_> = snapshot
        .list
        .members()
        .map(|m| m.email.to_string())
        .collect();
    assert_eq!(emails, ["bob@example.com", "owner@example.com"]);
}

#[tokio::test]
async fn an_unasked_304_is_no_answer() {
    let world = World::start().await;
    let addon = world.addon().await;
    world
        .heroku
        .fault(Endpoint::Collaborators, Fault::Status(304));
    assert!(world.sso.refresh_now(&addon.resource_id()).await.is_err());
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 503);
}
