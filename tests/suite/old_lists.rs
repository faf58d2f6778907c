//! Requests with a list past its refresh interval: what counts as an attempt to fetch a newer one, whether
//! the request or the sync makes it, and which sessions end without one.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use support::browser::Browser;
use support::ids::AddOnExt as _;
use support::world::{MAX_LIST_AGE, REFRESH, UNUSED, World};
use tokio::time::timeout;
use tower_heroku_sso::{WebhookSecret, Webhooks};

use crate::faulty::Faulty;
use crate::upstream::team_app;
use crate::webhooks::{self, collaborator, send};

const ANN: &str = "ann@example.com";
const MIA: &str = "mia@example.com";
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// How long a resource is in use after a request, by default.
const IN_USE_FOR: Duration = Duration::from_secs(15 * 60);

/// The request's status, or none while it waits for a list.
async fn status_so_far(request: impl Future<Output = u16>) -> Option<u16> {
    timeout(Duration::from_millis(200), request).await.ok()
}

async fn status(browser: &Browser) -> u16 {
    browser.fetch("/page").await.status
}

/// Waits until Heroku was called, and all its answers have arrived.
async fn until_called(world: &World, endpoint: Endpoint) {
    let called = async {
        while world.heroku.calls().count(endpoint) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let called = timeout(MINUTE, called).await;
    called.expect("a call");
    world.quiet().await;
}

/// Mia, a team member, is signed in.
async fn team(world: &World) -> (AddOn, Browser) {
    let addon = team_app(world).await;
    let mia = world.signed_in(&addon, MIA).await;
    (addon, mia)
}

#[tokio::test]
async fn withheld_members_are_requested_once_per_interval() {
    let world = World::start().await;
    let (_, mia) = team(&world).await;
    let forbidden = Fault::Status(403);
    world.heroku.faults().set(Endpoint::TeamMembers, forbidden);
    world.clock.advance(REFRESH + SECOND);
    assert_eq!(status(&mia).await, 200, "the last known members count");
    world.heroku.calls().clear();
    for _ in 0..3 {
        assert_eq!(status(&mia).await, 200);
    }
    assert_eq!(world.heroku.calls().count(Endpoint::Any), 0);
    world.clock.advance(MAX_LIST_AGE - REFRESH);
    assert_eq!(status(&mia).await, 503, "and no longer than max_list_age");
}

#[tokio::test]
async fn old_members_are_fetched_although_the_own_part_is_young() {
    let world = webhooks::world().await;
    let (addon, mia) = team(&world).await;
    world.heroku.team("acme").remove(MIA);
    world.clock.advance(REFRESH - SECOND);
    // Of a collaborator: the members are not fetched again.
    let event = collaborator(&addon, "create", "new@example.com", "1");
    world.heroku.calls().clear();
    assert_eq!(send(&world, &event).await, 204);
    until_called(&world, Endpoint::Collaborators).await;
    assert_eq!(world.heroku.calls().count(Endpoint::TeamMembers), 0);
    assert_eq!(status(&mia).await, 200);
    world.clock.advance(SECOND * 2);
    assert_eq!(status(&mia).await, 403);
}

#[tokio::test]
async fn used_resource_keeps_its_sessions_while_the_sync_is_late() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    let addon = world.addon().await;
    let _sync = world.sso.spawn_sync();
    let ann = world.signed_in(&addon, ANN).await;
    world.quiet().await;
    // The sync's fetch is held before it calls Heroku.
    store.hold("next_sequence");
    world.clock.advance(UNUSED);
    let mut request = pin!(status(&ann));
    assert_eq!(status_so_far(&mut request).await, None);
    store.let_pass("next_sequence", 10);
    assert_eq!(request.await, 200);
}

#[tokio::test]
async fn unused_resource_keeps_sessions_while_the_rate_limit_is_low() {
    let world = World::with_heroku(|heroku| heroku.rate_pool(360, 6), |builder| builder).await;
    let addon = world.addon().await;
    let _sync = world.sso.spawn_sync();
    let ann = world.signed_in(&addon, ANN).await;
    world.clock.advance(IN_USE_FOR + MAX_LIST_AGE + SECOND);
    world.quiet().await;
    // An answer for another resource says that few calls are left.
    world.heroku.rate_limit().set_remaining(10);
    let other = world.heroku.app("other").addon();
    let resource = world.register(&other).await;
    world.refresh(&resource).await;
    assert_eq!(status(&ann).await, 200);
}

#[tokio::test]
async fn unused_resource_with_calls_left_ends_its_sessions() {
    let world = World::start().await;
    let addon = world.addon().await;
    let _sync = world.sso.spawn_sync();
    let ann = world.signed_in(&addon, ANN).await;
    world.clock.advance(IN_USE_FOR + MAX_LIST_AGE + SECOND);
    world.quiet().await;
    assert_eq!(status(&ann).await, 401);
}

#[tokio::test]
async fn own_part_fetched_without_members_ends_no_session() {
    let world = webhooks::world().await;
    let (addon, mia) = team(&world).await;
    let _sync = world.sso.spawn_sync();
    world.quiet().await;
    world.clock.advance(IN_USE_FOR + MAX_LIST_AGE + SECOND);
    world.quiet().await;
    // No request needs the members.
    world.heroku.calls().clear();
    let event = collaborator(&addon, "create", "new@example.com", "1");
    assert_eq!(send(&world, &event).await, 204);
    until_called(&world, Endpoint::Collaborators).await;
    assert_eq!(world.heroku.calls().count(Endpoint::TeamMembers), 0);
    assert_eq!(status(&mia).await, 200);
    assert!(world.heroku.calls().count(Endpoint::TeamMembers) > 0);
}

#[tokio::test]
async fn resource_that_ends_during_a_failing_fetch_ends_its_sessions() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, ANN).await;
    world.clock.advance(REFRESH + SECOND);
    // The fetch fails, once it is let go.
    store.fail("next_sequence");
    store.hold("next_sequence");
    let mut request = pin!(status(&ann));
    assert_eq!(status_so_far(&mut request).await, None);
    let resource = addon.resource_id();
    assert!(world.sso.resources().deprovision(&resource).await.unwrap());
    store.let_pass("next_sequence", 10);
    assert_eq!(request.await, 401);
}

/// Another process may have used the resource, and have failed to fetch its list.
#[tokio::test]
async fn outage_ends_no_session_of_a_store_with_other_processes() {
    let leases = Arc::default();
    let world = World::with(|builder| builder.store(Faulty::shared(&leases))).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, ANN).await;
    world.heroku.faults().set(Endpoint::Any, Fault::Reset);
    world.clock.advance(UNUSED);
    for _ in 0..2 {
        assert_eq!(status(&ann).await, 503);
    }
    world.heroku.faults().clear_all();
    world.clock.advance(MINUTE);
    assert_eq!(status(&ann).await, 200);
}

#[tokio::test]
async fn requests_that_get_503_keep_their_list_on_the_schedule() {
    let world = World::start().await;
    let addon = world.addon().await;
    let _sync = world.sso.spawn_sync();
    let ann = world.signed_in(&addon, ANN).await;
    world.quiet().await;
    world.heroku.faults().set(Endpoint::Any, Fault::Reset);
    world.clock.advance(MAX_LIST_AGE + SECOND);
    for _ in 0..2 {
        world.quiet().await;
        assert_eq!(status(&ann).await, 503);
        world.clock.advance(IN_USE_FOR - MINUTE * 2);
    }
    world.quiet().await;
    // She was last admitted 36 minutes ago, and the resource was in use all the time.
    world.heroku.faults().clear_all();
    world.heroku.calls().clear();
    world.clock.advance(SECOND * 61);
    // By the sync.
    until_called(&world, Endpoint::Collaborators).await;
    assert_eq!(status(&ann).await, 200);
}

#[tokio::test]
async fn request_leaves_the_next_attempt_to_the_sync() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    let addon = world.addon().await;
    let _sync = world.sso.spawn_sync();
    let ann = world.signed_in(&addon, ANN).await;
    world.quiet().await;
    world.heroku.faults().set(Endpoint::Any, Fault::Reset);
    world.clock.advance(REFRESH + SECOND);
    world.quiet().await;
    // The back-off is over, and the sync's next attempt is held.
    store.hold("next_sequence");
    world.clock.advance(MINUTE + SECOND);
    assert_eq!(status_so_far(status(&ann)).await, Some(200));
    store.let_pass("next_sequence", 10);
}

#[tokio::test]
async fn removal_reported_during_a_fetch_is_for_the_next_request() {
    let store = Faulty::default();
    let world = World::with(|builder| {
        let secret = WebhookSecret::new(webhooks::SECRET).unwrap();
        let builder = builder.webhooks(Webhooks::new(secret));
        builder.store(store.clone())
    })
    .await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, ANN).await;
    // Heroku has answered, and the new list is being stored.
    world.clock.advance(REFRESH + SECOND);
    store.hold("set_list");
    let stored = store.calls("set_list");
    let mut request = pin!(status(&ann));
    while store.calls("set_list") == stored {
        assert_eq!(status_so_far(&mut request).await, None);
    }
    addon.app().remove(ANN);
    let event = collaborator(&addon, "destroy", ANN, "1");
    assert_eq!(send(&world, &event).await, 204);
    store.let_pass("set_list", 10);
    assert_eq!(request.await, 200, "it began before");
    assert_eq!(status(&ann).await, 403);
}
