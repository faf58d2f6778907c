//! Fetches and synchronization of the lists.

use std::time::Duration;

use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use support::ids::AddOnExt as _;
use tower_heroku_sso::sync::Change;
use tower_heroku_sso::{Clock as _, LookupError, RefreshError, Role};

use support::world::{REFRESH, World, next};

async fn emails(world: &World, addon: &AddOn) -> Vec<String> {
    let resource = addon.resource_id();
    let snapshot = world.sso.lists().get(&resource).await.unwrap().unwrap();
    snapshot
        .list
        .members()
        .map(|member| member.email.to_string())
        .collect()
}

#[tokio::test]
async fn first_fetch_takes_4_calls_for_a_team_app_and_3_otherwise() {
    let world = World::start().await;
    let team = world
        .heroku
        .team("acme")
        .member("lead@example.com", "admin");
    let team_app = world.heroku.app("team-app").owned_by_team(&team).addon();
    let personal = world.heroku.app("shop").addon();
    for (addon, calls) in [(team_app, 4), (personal, 3)] {
        let resource = world.register(&addon).await;
        world.heroku.calls().clear();
        world.refresh(&resource).await;
        assert_eq!(world.heroku.calls().count(Endpoint::Any), calls);
    }
}

#[tokio::test]
async fn refresh_calls_in_parallel_and_first_fetch_in_sequence() {
    let world = World::with(|builder| builder.heroku_timeout(Duration::from_millis(300))).await;
    let team = world
        .heroku
        .team("acme")
        .member("lead@example.com", "admin");
    let addon = world.heroku.app("team-app").owned_by_team(&team).addon();
    let resource = world.register(&addon).await;
    // No call is answered, so all calls that arrive were made in parallel.
    for expected in [1, 4] {
        world.heroku.calls().clear();
        world.heroku.faults().set(Endpoint::Any, Fault::Hang);
        assert!(world.sso.lists().refresh(&resource).await.is_err());
        assert_eq!(world.heroku.calls().count(Endpoint::Any), expected);
        world.heroku.faults().clear_all();
        world.refresh(&resource).await;
    }
}

#[tokio::test]
async fn concurrent_sign_ins_share_one_fetch() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.heroku.app("shop").collaborator("bob@example.com");
    world.heroku.calls().clear();
    let (ann, bob) = tokio::join!(
        world.signed_in(&addon, "ann@example.com"),
        world.signed_in(&addon, "bob@example.com"),
    );
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 1);
    drop((ann, bob));
}

#[tokio::test]
async fn unused_resources_are_synchronized_by_default() {
    let world = World::start().await;
    let idle = Duration::from_secs(6 * 60 * 60);
    let mut addons = Vec::new();
    for number in 0..12 {
        let app = world
            .heroku
            .app(&format!("app-{number}"))
            .collaborator("ann@example.com");
        let addon = app.addon();
        let resource = world.register(&addon).await;
        world.refresh(&resource).await;
        app.remove("ann@example.com");
        addons.push(addon);
    }
    let sync = world.sso.spawn_sync();
    let mut changes = world.sso.lists().changes();
    world.clock.advance(idle);
    for _ in &addons {
        assert!(matches!(
            next(&mut changes).await,
            Some(Change::Snapshot { .. })
        ));
    }
    for _ in &addons {
        let change = tokio::time::timeout(Duration::from_secs(60), next(&mut changes)).await;
        assert!(matches!(change.unwrap(), Some(Change::Removed { .. })));
    }
    for addon in &addons {
        assert_eq!(emails(&world, addon).await, ["owner@example.com"]);
    }
    sync.shutdown().await;
}

#[tokio::test]
async fn active_scope_does_not_fetch_unused_resources() {
    let world = World::with(|builder| builder.sync_only_in_use()).await;
    let used = world.addon().await;
    let unused = world.heroku.app("unused").addon();
    assert_eq!(unused.provision().await.unwrap().status, 200);
    world.refresh(&unused.resource_id()).await;
    let sync = world.sso.spawn_sync();
    world.signed_in(&used, "ann@example.com").await;
    world.heroku.app("shop").remove("ann@example.com");
    world.heroku.calls().clear();
    let removed = |change: &Change| matches!(change, Change::Removed { .. });
    world.pass_until(REFRESH.mul_f64(0.95), removed).await;
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 1);
    sync.shutdown().await;
}

#[tokio::test]
async fn stored_resources_are_loaded_when_the_sync_starts() {
    let world = World::start().await;
    let addon = world.addon().await;
    let mut changes = world.sso.lists().changes();
    let sync = world.sso.spawn_sync();
    let first = tokio::time::timeout(Duration::from_secs(60), next(&mut changes))
        .await
        .unwrap();
    assert!(matches!(first, Some(Change::Snapshot { .. })));
    assert_eq!(emails(&world, &addon).await.len(), 2);
    sync.shutdown().await;
}

#[tokio::test]
async fn sync_survives_failures_and_stops_at_shutdown() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.heroku.faults().set(Endpoint::Any, Fault::Status(500));
    let sync = world.sso.spawn_sync();
    assert!(
        world
            .sso
            .lists()
            .refresh(&addon.resource_id())
            .await
            .is_err()
    );
    assert!(sync.is_alive());
    world.heroku.faults().clear_all();
    let added = |change: &Change| matches!(change, Change::Snapshot { .. });
    // Due again a second after a failure, and within a minute in any case.
    world.pass_until(Duration::from_secs(61), added).await;
    sync.shutdown().await;
}

#[tokio::test]
async fn changes_report_additions_removals_roles_and_deprovisioning() {
    let world = World::start().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    let mut changes = world.sso.lists().changes();
    let app = world.heroku.app("shop");
    world.refresh(&resource).await;
    let first = next(&mut changes).await.unwrap();
    let Change::Snapshot { snapshot, .. } = first else {
        panic!("{first:?}");
    };
    let emails: Vec<_> = snapshot
        .list
        .members()
        .map(|m| m.email.to_string())
        .collect();
    assert_eq!(emails, ["ann@example.com", "owner@example.com"]);
    app.remove("ann@example.com")
        .collaborator_as("bob@example.com", "admin", &["deploy"]);
    world.refresh(&resource).await;
    let removed = next(&mut changes).await.unwrap();
    assert!(
        matches!(&removed, Change::Removed { email, .. } if email.as_str() == "ann@example.com")
    );
    let added = next(&mut changes).await.unwrap();
    assert!(
        matches!(&added, Change::Added { member, .. } if member.roles().contains(&Role::Admin))
    );
    app.remove("bob@example.com")
        .collaborator("bob@example.com");
    world.refresh(&resource).await;
    assert!(matches!(
        next(&mut changes).await.unwrap(),
        Change::RoleChanged { .. }
    ));
    addon.deprovision().await.unwrap();
    assert_eq!(
        next(&mut changes).await,
        Some(Change::ResourceGone { resource })
    );
}

#[tokio::test]
async fn u23_moved_app_gets_the_members_of_its_new_team() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let team = world
        .heroku
        .team("acme")
        .member("lead@example.com", "admin");
    world
        .heroku
        .app("shop")
        .remove("ann@example.com")
        .owned_by_team(&team);
    world.refresh(&addon.resource_id()).await;
    assert_eq!(emails(&world, &addon).await, ["lead@example.com"]);
    assert_eq!(browser.fetch("/page").await.status, 403);

    let other = world.heroku.app("other").collaborator("cleo@example.com");
    addon.move_to(&other);
    world.refresh(&addon.resource_id()).await;
    assert_eq!(
        emails(&world, &addon).await,
        ["cleo@example.com", "owner@example.com"]
    );
}

#[tokio::test]
async fn u23_app_that_leaves_a_team_loses_all_its_members() {
    let world = World::start().await;
    let addon = world.addon().await;
    let acme = world.heroku.team("acme");
    let acme = acme.member("lead@example.com", "admin");
    let zenith = world.heroku.team("zenith");
    let zenith = zenith.member("zoe@example.com", "admin");
    let shop = world.heroku.app("shop");
    for (change, people) in [
        ("to acme", &["ann@example.com", "lead@example.com"][..]),
        ("to zenith", &["ann@example.com", "zoe@example.com"]),
        ("to no team", &["ann@example.com", "owner@example.com"]),
        ("to zenith", &["ann@example.com", "zoe@example.com"]),
    ] {
        match change {
            "to acme" => shop.owned_by_team(&acme),
            "to zenith" => shop.owned_by_team(&zenith),
            _ => shop.owner("owner@example.com"),
        };
        world.refresh(&addon.resource_id()).await;
        assert_eq!(emails(&world, &addon).await, people, "{change}");
    }
    // Later changes of the former team have no effect.
    acme.member("new@example.com", "admin");
    world.refresh(&addon.resource_id()).await;
    assert_eq!(
        emails(&world, &addon).await,
        ["ann@example.com", "zoe@example.com"]
    );
}

#[tokio::test]
async fn unknown_resource_is_an_error_not_an_empty_list() {
    let world = World::start().await;
    let stranger = world.heroku.app("stranger").addon().resource_id();
    let error = world.sso.lists().get(&stranger).await.unwrap_err();
    assert!(matches!(error, LookupError::UnknownResource));
    let error = world.sso.lists().refresh(&stranger).await.unwrap_err();
    assert!(matches!(error, RefreshError::UnknownResource));
    assert_eq!(world.heroku.calls().count(Endpoint::Any), 0);
}

#[tokio::test]
async fn list_has_its_fetch_time_and_health_the_oldest_age() {
    let world = World::start().await;
    let addon = world.addon().await;
    assert_eq!(world.sso.lists().health().await.oldest_list, None);
    let fetched_at = world.clock.now();
    world.refresh(&addon.resource_id()).await;
    world.clock.advance(Duration::from_secs(42));
    let snapshot = world
        .sso
        .lists()
        .get(&addon.resource_id())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(snapshot.fetched_at, fetched_at);
    let oldest = world.sso.lists().health().await.oldest_list;
    assert_eq!(oldest, Some(Duration::from_secs(42)));
}

#[tokio::test]
async fn late_answer_does_not_replace_a_newer_list() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.refresh(&addon.resource_id()).await;
    world.clock.advance(REFRESH + Duration::from_secs(1));
    world.heroku.calls().clear();
    let delay = Duration::from_secs(120);
    world
        .heroku
        .faults()
        .set_times(Endpoint::AddOn, Fault::Slow(delay), 1);
    let form = addon.sign_in_form("ann@example.com");
    let browser = world.browser();
    let sign_in = tokio::spawn(async move { browser.submit(&form).await });
    while world.heroku.calls().count(Endpoint::AddOn) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.clock.advance(delay / 2);
    let newer = world.refresh(&addon.resource_id()).await;
    world.clock.advance(delay / 2);
    assert_eq!(sign_in.await.unwrap().status, 303);
    let list = world.sso.lists().get(&addon.resource_id()).await.unwrap();
    assert_eq!(list.unwrap().fetched_at, newer.fetched_at);
}

#[tokio::test]
async fn list_that_arrives_after_its_resource_ended_admits_no_one() {
    let world = World::start().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    let ann = world.signed_in(&addon, "ann@example.com").await;
    // From the second request on, her session refers to what is known about the resource.
    for _ in 0..2 {
        assert_eq!(ann.fetch("/page").await.status, 200);
    }
    world.heroku.calls().clear();
    let delay = Duration::from_secs(1);
    let slow = Fault::Slow(delay);
    world.heroku.faults().set_times(Endpoint::AddOn, slow, 1);
    let end = async {
        while world.heroku.calls().count(Endpoint::AddOn) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let ended = world.sso.resources().deprovision(&resource).await;
        assert!(ended.unwrap());
        world.clock.advance(delay);
    };
    let (late, ()) = tokio::join!(world.sso.lists().refresh(&resource), end);
    assert!(matches!(late, Err(RefreshError::Deprovisioned)), "{late:?}");
    assert_eq!(ann.fetch("/page").await.status, 401);
}
