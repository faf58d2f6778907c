//! A team's members are fetched once and shared by all of its resources.

use std::time::Duration;

use heroku_addon_simulator::{AddOn, Endpoint, Fault, Team};
use support::ids::AddOnExt as _;
use tower_heroku_sso::sync::Change;

use support::world::{REFRESH, World, next};

/// Apps of one team, each with a registered add-on.
async fn apps(world: &World, team: &Team, number: usize) -> Vec<AddOn> {
    let mut addons = Vec::new();
    for number in 0..number {
        let app = world.heroku.app(&format!("{}-{number}", team.name()));
        let addon = app.owned_by_team(team).addon();
        world.register(&addon).await;
        addons.push(addon);
    }
    addons
}

fn acme(world: &World) -> Team {
    let team = world.heroku.team("acme");
    team.member("lead@example.com", "admin")
        .member("mia@example.com", "member")
}

async fn emails(world: &World, addon: &AddOn) -> Vec<String> {
    let list = world.sso.lists().get(&addon.resource_id()).await.unwrap();
    let members = list.map(|snapshot| snapshot.list.members().collect::<Vec<_>>());
    let members = members.unwrap_or_default().into_iter();
    members.map(|member| member.email.to_string()).collect()
}

/// Waits until each resource has its first list.
async fn first_lists(world: &World, number: usize) {
    let mut changes = world.sso.lists().changes();
    for _ in 0..number {
        let change = tokio::time::timeout(Duration::from_secs(60), next(&mut changes)).await;
        assert!(matches!(change.unwrap(), Some(Change::Snapshot { .. })));
    }
}

#[tokio::test]
async fn twenty_apps_of_a_team_fetch_its_members_once() {
    let world = World::start().await;
    let addons = apps(&world, &acme(&world), 20).await;
    world.heroku.calls().clear();
    let sync = world.sso.spawn_sync();
    first_lists(&world, 20).await;
    assert_eq!(world.heroku.calls().count(Endpoint::TeamMembers), 1);
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 20);
    for addon in &addons {
        assert_eq!(emails(&world, addon).await.len(), 2);
    }
    sync.shutdown().await;
}

#[tokio::test]
async fn removed_team_member_leaves_all_lists_after_one_call() {
    let world = World::start().await;
    let team = acme(&world);
    let addons = apps(&world, &team, 3).await;
    for addon in &addons {
        world.refresh(&addon.resource_id()).await;
    }
    let browser = world.signed_in(&addons[2], "mia@example.com").await;
    team.remove("mia@example.com");
    world.heroku.calls().clear();
    world.refresh(&addons[0].resource_id()).await;
    assert_eq!(world.heroku.calls().count(Endpoint::TeamMembers), 1);
    for addon in &addons {
        assert_eq!(emails(&world, addon).await, ["lead@example.com"]);
    }
    assert_eq!(browser.fetch("/page").await.status, 403);
}

#[tokio::test]
async fn team_members_in_use_are_fetched_before_sessions_end() {
    let world = World::start().await;
    let team = acme(&world);
    let addons = apps(&world, &team, 3).await;
    let sync = world.sso.spawn_sync();
    let browser = world.signed_in(&addons[0], "mia@example.com").await;
    let mut changes = world.sso.lists().changes();
    // Three intervals: the session lasts, as both parts of its list are fetched in time.
    for _ in 0..3 {
        world
            .pass_until_fetched(REFRESH.mul_f64(0.95), Duration::ZERO)
            .await;
        assert_eq!(browser.fetch("/page").await.status, 200);
    }
    team.remove("mia@example.com");
    let gone = async {
        loop {
            if let Some(Change::Removed { resource, .. }) = next(&mut changes).await
                && resource == addons[2].resource_id()
            {
                break;
            }
        }
    };
    world.clock.advance(REFRESH.mul_f64(0.95));
    tokio::time::timeout(Duration::from_secs(60), gone)
        .await
        .unwrap();
    assert_eq!(browser.fetch("/page").await.status, 403);
    sync.shutdown().await;
}

#[tokio::test]
async fn u2_members_are_fetched_with_another_token_after_a_403() {
    let world = World::start().await;
    let addons = apps(&world, &acme(&world), 3).await;
    for addon in &addons {
        world.refresh(&addon.resource_id()).await;
    }
    // The first token gets a 403, the next one is answered.
    world
        .heroku
        .faults()
        .set_times(Endpoint::TeamMembers, Fault::Status(403), 1);
    world.heroku.calls().clear();
    world.refresh(&addons[1].resource_id()).await;
    assert_eq!(world.heroku.calls().count(Endpoint::TeamMembers), 2);
    assert!(
        !world
            .sso
            .lists()
            .get(&addons[1].resource_id())
            .await
            .unwrap()
            .unwrap()
            .list
            .is_partial()
    );
}

#[tokio::test]
async fn u2_three_tokens_are_tried_for_any_resource() {
    let world = World::start().await;
    let addons = apps(&world, &acme(&world), 3).await;
    for addon in &addons {
        world.refresh(&addon.resource_id()).await;
    }
    // The requesting resource is sometimes the one whose token was answered last.
    for addon in addons.iter().cycle().take(15) {
        world.clock.advance(Duration::from_secs(10));
        world
            .heroku
            .faults()
            .set_times(Endpoint::TeamMembers, Fault::Status(403), 2);
        world.heroku.calls().clear();
        let list = world.refresh(&addon.resource_id()).await;
        assert_eq!(world.heroku.calls().count(Endpoint::TeamMembers), 3);
        assert!(!list.list.is_partial());
    }
}

#[tokio::test]
async fn team_fetch_failure_via_other_resource_does_not_deny_this_one() {
    let world = World::start().await;
    let addons = apps(&world, &acme(&world), 3).await;
    let resource = addons[0].resource_id();
    world.refresh(&resource).await;
    // Its own token gets a 404, and those of the others are revoked.
    world
        .heroku
        .faults()
        .set(Endpoint::TeamMembers, Fault::Status(404));
    for other in &addons[1..] {
        world.sso.lists().get(&other.resource_id()).await.unwrap();
        world.heroku.tokens().revoke(other);
    }
    world.heroku.tokens().expire_access();
    // The previous members stay for a while, as with a 403.
    let list = world.refresh(&resource).await;
    assert!(!list.list.is_partial());
    assert!(!world.sso.resources().needing_grant().contains(&resource));
}

#[tokio::test]
async fn u2_withheld_members_are_not_requested_by_every_resource() {
    let world = World::start().await;
    let addons = apps(&world, &acme(&world), 12).await;
    world
        .heroku
        .faults()
        .set(Endpoint::TeamMembers, Fault::Status(403));
    world.heroku.calls().clear();
    let sync = world.sso.spawn_sync();
    first_lists(&world, 12).await;
    assert!(world.heroku.calls().count(Endpoint::TeamMembers) <= 3);
    for addon in &addons {
        let list = world.sso.lists().get(&addon.resource_id()).await.unwrap();
        assert!(list.unwrap().list.is_partial());
    }
    sync.shutdown().await;
}

#[tokio::test]
async fn temporarily_withheld_members_are_not_reported_as_removed() {
    let world = World::with(|builder| builder.max_list_age(REFRESH)).await;
    let team = acme(&world);
    let addon = apps(&world, &team, 1).await.remove(0);
    let resource = addon.resource_id();
    addon.app().collaborator("ann@example.com");
    world.refresh(&resource).await;
    let mut changes = world.sso.lists().changes();
    assert!(matches!(
        next(&mut changes).await,
        Some(Change::Snapshot { .. })
    ));
    world
        .heroku
        .faults()
        .set(Endpoint::TeamMembers, Fault::Status(403));
    world.clock.advance(REFRESH * 2);
    let partial = world.refresh(&resource).await;
    assert!(partial.list.is_partial());
    team.remove("mia@example.com");
    world.heroku.faults().clear_all();
    world.refresh(&resource).await;
    // The first event is the removal of Mia: the lead is not reported as removed and added.
    let change = next(&mut changes).await.unwrap();
    assert!(
        matches!(&change, Change::Removed { email, .. } if email.as_str() == "mia@example.com"),
        "{change:?}"
    );
}

#[tokio::test]
async fn app_that_leaves_the_team_loses_its_members() {
    let world = World::start().await;
    let addons = apps(&world, &acme(&world), 2).await;
    for addon in &addons {
        world.refresh(&addon.resource_id()).await;
    }
    addons[0].app().owner("owner@example.com");
    world.refresh(&addons[0].resource_id()).await;
    assert_eq!(emails(&world, &addons[0]).await, ["owner@example.com"]);
    // Later changes of the team have no effect.
    world
        .heroku
        .team("acme")
        .member("new@example.com", "member");
    world.refresh(&addons[1].resource_id()).await;
    assert_eq!(emails(&world, &addons[0]).await, ["owner@example.com"]);
    assert_eq!(emails(&world, &addons[1]).await.len(), 3);
}

#[tokio::test]
async fn sign_in_after_an_idle_day_uses_current_team_members() {
    let world = World::start().await;
    let team = acme(&world);
    let addons = apps(&world, &team, 2).await;
    for addon in &addons {
        world.refresh(&addon.resource_id()).await;
    }
    world.clock.advance(Duration::from_secs(86_400));
    team.remove("mia@example.com");
    let form = addons[0].sign_in_form("mia@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 403);
    let form = addons[1].sign_in_form("lead@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fleet_of_teams_is_refetched_every_interval() {
    let world = World::with_heroku(
        |heroku| heroku.rate_pool(1_000_000, 1_000_000),
        |builder| builder,
    )
    .await;
    let mut addons = Vec::new();
    for number in 0..5 {
        let team = world.heroku.team(&format!("team-{number}"));
        team.member("lead@example.com", "admin");
        addons.extend(apps(&world, &team, 20).await);
    }
    let sync = world.sso.spawn_sync();
    first_lists(&world, addons.len()).await;
    for round in 1..=3 {
        world.heroku.calls().clear();
        world.clock.advance(Duration::from_secs(6 * 3600));
        let fetched = async {
            while world.sso.lists().health().await.oldest_list != Some(Duration::ZERO) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let fetched = tokio::time::timeout(Duration::from_secs(60), fetched).await;
        let health = world.sso.lists().health().await;
        assert!(
            fetched.is_ok(),
            "round {round}: {health:?} {:?}",
            world.heroku.calls().requests().len()
        );
        assert_eq!(world.heroku.calls().count(Endpoint::AddOn), addons.len());
        assert_eq!(world.heroku.calls().count(Endpoint::TeamMembers), 5);
    }
    sync.shutdown().await;
}

#[tokio::test]
async fn new_team_member_signs_in_at_an_unused_resource() {
    let world = World::start().await;
    let team = acme(&world);
    let addons = apps(&world, &team, 2).await;
    world.refresh(&addons[0].resource_id()).await;
    team.member("ned@example.com", "member");
    // His sign-in fetches the other list with newer members.
    world.signed_in(&addons[1], "ned@example.com").await;
}

#[tokio::test]
async fn u18_suddenly_empty_team_is_fetched_twice_before_it_applies() {
    let world = World::start().await;
    let team = acme(&world);
    let addon = apps(&world, &team, 1).await.remove(0);
    let resource = addon.resource_id();
    world.refresh(&resource).await;
    let empty = Fault::Body("[]".into());
    world
        .heroku
        .faults()
        .set_times(Endpoint::TeamMembers, empty, 1);
    world.heroku.calls().clear();
    world.refresh(&resource).await;
    assert_eq!(world.heroku.calls().count(Endpoint::TeamMembers), 2);
    assert_eq!(
        emails(&world, &addon).await.len(),
        2,
        "the empty answer was temporary"
    );
    team.remove("lead@example.com").remove("mia@example.com");
    world.heroku.calls().clear();
    world.refresh(&resource).await;
    assert_eq!(world.heroku.calls().count(Endpoint::TeamMembers), 2);
    assert_eq!(emails(&world, &addon).await.len(), 0, "the team is empty");
    world.heroku.calls().clear();
    world.refresh(&resource).await;
    assert_eq!(
        world.heroku.calls().count(Endpoint::TeamMembers),
        1,
        "the empty list is known"
    );
}

#[tokio::test]
async fn members_are_fetched_with_another_token_after_a_429() {
    for (is_per_token, asked) in [(true, 2), (false, 1)] {
        let world = World::with(|builder| match is_per_token {
            true => builder.rate_limit_per_token(),
            false => builder,
        })
        .await;
        let addons = apps(&world, &acme(&world), 3).await;
        for addon in &addons {
            world.refresh(&addon.resource_id()).await;
        }
        let limited = Fault::RateLimited { retry_after: None };
        world
            .heroku
            .faults()
            .set_times(Endpoint::TeamMembers, limited, 1);
        world.heroku.calls().clear();
        let fetched = world.sso.lists().refresh(&addons[1].resource_id()).await;
        assert_eq!(fetched.is_ok(), is_per_token);
        assert_eq!(world.heroku.calls().count(Endpoint::TeamMembers), asked);
    }
}

#[tokio::test]
async fn u2_404_for_the_team_counts_as_withheld_members() {
    for status in [404, 410] {
        let world = World::start().await;
        let addon = apps(&world, &acme(&world), 1).await.remove(0);
        addon.app().collaborator("ann@example.com");
        world
            .heroku
            .faults()
            .set(Endpoint::TeamMembers, Fault::Status(status));
        world.signed_in(&addon, "ann@example.com").await;
        let member = addon.sign_in_form("mia@example.com");
        assert_eq!(
            world.browser().submit(&member).await.status,
            503,
            "{status}"
        );
        world.heroku.faults().clear_all();
        world.clock.advance(REFRESH + Duration::from_secs(1));
        world.signed_in(&addon, "mia@example.com").await;
    }
}
