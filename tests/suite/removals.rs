//! A user who is removed from the list loses their sessions, even if added again before the next request.

use std::time::Duration;

use heroku_addon_simulator::{AddOn, Team};
use support::ids::AddOnExt as _;
use support::world::World;

const ANN: &str = "ann@example.com";

async fn refresh(world: &World, addon: &AddOn) {
    let list = world.sso.lists().refresh(&addon.resource_id()).await;
    list.unwrap();
}

/// A resource whose app belongs to a team, with Ann as its only member.
async fn ann_in_a_team() -> (World, Team, AddOn) {
    let world = World::start().await;
    let team = world.heroku.team("acme").member(ANN, "member");
    let addon = world.heroku.app("shared").owned_by_team(&team).addon();
    addon.mark_provisioned();
    world.register(&addon).await;
    (world, team, addon)
}

#[tokio::test]
async fn removed_and_returned_member_signs_in_again() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, ANN).await;
    addon.app().remove(ANN);
    refresh(&world, &addon).await;
    addon.app().collaborator(ANN);
    refresh(&world, &addon).await;
    assert_eq!(browser.fetch("/page").await.status, 401);
    // A new second makes a new form.
    world.clock.advance(Duration::from_secs(1));
    let browser = world.signed_in(&addon, ANN).await;
    assert_eq!(browser.get("/page").await.status, 200);
    refresh(&world, &addon).await;
    assert_eq!(browser.get("/page").await.status, 200);
}

#[tokio::test]
async fn removed_team_member_signs_in_again() {
    let (world, team, addon) = ann_in_a_team().await;
    let browser = world.signed_in(&addon, ANN).await;
    team.remove(ANN);
    refresh(&world, &addon).await;
    // The first refresh read the collaborators before the team's members.
    refresh(&world, &addon).await;
    team.member(ANN, "member");
    refresh(&world, &addon).await;
    assert_eq!(browser.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn move_from_team_to_app_keeps_the_session() {
    let (world, team, addon) = ann_in_a_team().await;
    let app = addon.app();
    let browser = world.signed_in(&addon, ANN).await;
    team.remove(ANN);
    app.collaborator(ANN);
    for _ in 0..3 {
        refresh(&world, &addon).await;
        assert_eq!(browser.get("/page").await.status, 200);
    }
    app.remove(ANN);
    team.member(ANN, "member");
    for _ in 0..2 {
        refresh(&world, &addon).await;
        assert_eq!(browser.get("/page").await.status, 200);
    }
}

#[tokio::test]
async fn account_that_loses_its_email_and_regains_it_signs_in_again() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, ANN).await;
    let first = world.heroku.accounts().id(ANN);
    for account in [world.heroku.accounts().replace(ANN), first] {
        world.heroku.accounts().set_id(ANN, account);
        addon.app().remove(ANN).collaborator(ANN);
        refresh(&world, &addon).await;
    }
    assert_eq!(browser.fetch("/page").await.status, 401);
}
