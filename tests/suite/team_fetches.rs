//! A fetch of a team's members for which several of its resources wait.

use std::time::Duration;

use heroku_addon_simulator::{AddOn, Endpoint, Team};
use heroku_sso_store::{Dated, Registration, Store as _};
use support::ids::AddOnExt as _;
use support::world::{REFRESH, World, grant};
use tower_heroku_sso::Clock as _;
use tower_heroku_sso::access::{self, App, People, ResourceList};
use tower_heroku_sso::sync::Change;

use crate::erasure::until;
use crate::faulty::Faulty;

async fn world() -> (World, Faulty, Team) {
    let store = Faulty::default();
    let kept = store.clone();
    let world = World::with(|builder| builder.store(kept)).await;
    let team = world.heroku.team("acme");
    (world, store, team.member("mia@example.com", "member"))
}

async fn registered(world: &World, team: &Team, app: &str) -> AddOn {
    let addon = world.heroku.app(app).owned_by_team(team).addon();
    let (id, resources) = (addon.resource_id(), world.sso.resources());
    resources.register(&id, grant(&addon)).await.unwrap();
    addon
}

/// A resource of the team without a grant, whose list is stored.
async fn without_grant(world: &World, store: &Faulty, team: &Team, app: &str) {
    let app = world.heroku.app(app).owned_by_team(team);
    let id = app.addon().resource_id();
    assert!(store.put(&id, Registration::active(None)).await.unwrap());
    let of_list = App::new(app.id().to_string().parse().unwrap(), app.name());
    let mut list = ResourceList::new("acme-1", of_list, People::default());
    let team_id = team.id().to_string().parse().unwrap();
    list.team = Some(access::Team::new(team_id, team.name()).into());
    let sequence = store.next_sequence().await.unwrap();
    let list = Dated::new(list, sequence, world.clock.now(), Duration::ZERO);
    store.set_list(&id, list).await.unwrap();
}

#[tokio::test]
async fn resource_with_a_grant_is_not_held_up_by_those_without() {
    let (world, store, team) = world().await;
    for app in ["first", "second", "third"] {
        without_grant(&world, &store, &team, app).await;
    }
    let addon = registered(&world, &team, "shop").await;
    let resource = addon.resource_id();
    world.heroku.calls().clear();
    store.hold("get");
    let looked_up = store.calls("get");
    let sync = world.sso.spawn_sync();
    // The fetch of the list waits for its tokens, that of the team for those of a resource without a grant.
    let both = async || store.calls("get") == looked_up + 2;
    until("both look up tokens", both).await;
    store.let_pass("get", 2);
    let calls = world.heroku.calls();
    let is_asked = async || calls.count(Endpoint::Collaborators) == 1;
    until("the list is fetched", is_asked).await;
    world.quiet().await;
    assert_eq!(calls.count(Endpoint::TeamMembers), 0);
    store.let_pass("get", 100);
    store.let_go("get");
    let report = || world.sso.readiness();
    let has_failed = async || {
        let report = report();
        let reasons = report.failing.keys().copied();
        reasons.chain(report.without_grant).any(|it| it == resource)
    };
    until("the fetch fails with that of the team", has_failed).await;
    assert_eq!(report().without_grant, []);

    // The first pause is a second at most.
    let is_its_list = |change: &Change| matches!(change, Change::Snapshot { resource: id, .. } if *id == resource);
    world.pass_until(Duration::from_secs(1), is_its_list).await;
    assert_eq!(calls.count(Endpoint::TeamMembers), 1);
    sync.shutdown().await;
}

#[tokio::test]
async fn new_member_signs_in_while_an_earlier_answer_is_stored() {
    let (world, store, team) = world().await;
    let addons = [
        registered(&world, &team, "shop").await,
        registered(&world, &team, "bank").await,
    ];
    for addon in &addons {
        world.signed_in(addon, "mia@example.com").await;
    }
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    store.hold("set_members");
    let stored = store.calls("set_members");
    world.clock.advance(REFRESH.mul_f64(0.95));
    let is_answered = async || store.calls("set_members") > stored;
    until("the sync fetches the members", is_answered).await;
    world.quiet().await;

    team.member("ned@example.com", "member");
    let calls = world.heroku.calls();
    calls.clear();
    let form = addons[1].sign_in_form("ned@example.com");
    let browser = world.browser();
    let signing_in = tokio::spawn(async move { browser.submit(&form).await.status });
    let is_asked = async || calls.count(Endpoint::Collaborators) > 0;
    until("the list is fetched again", is_asked).await;
    world.quiet().await;
    store.let_pass("set_members", 100);
    store.let_go("set_members");
    assert_eq!(signing_in.await.unwrap(), 303);
    sync.shutdown().await;
}

#[tokio::test]
async fn team_waits_before_a_failing_store_is_asked_again() {
    let (world, store, team) = world().await;
    without_grant(&world, &store, &team, "first").await;
    store.fail("next_sequence");
    let drawn = store.calls("next_sequence");
    let sync = world.sso.spawn_sync();
    let is_asked = async || store.calls("next_sequence") > drawn;
    until("the sync fetches the members", is_asked).await;
    world.quiet().await;
    assert_eq!(store.calls("next_sequence"), drawn + 1);
    sync.shutdown().await;
}
