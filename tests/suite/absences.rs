//! Resources that Heroku reports as missing: which answers count, what is suspended, what revives a
//! resource, and when it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use heroku_sso_store::{ResourceState, Store};
use reqwest::Method;
use serde_json::json;
use tower_heroku_sso::heroku::HerokuError;
use tower_heroku_sso::partner_api::{Addon, AddonError, Outcome};
use tower_heroku_sso::store::MemoryStore;
use tower_heroku_sso::sync::{Change, Changes};
use tower_heroku_sso::{HerokuSsoBuilder, OauthGrant, RefreshError, ResourceId};

use crate::log::Log;
use crate::partner_api::call;
use support::browser::Answer;
use support::ids::AddOnExt as _;
use support::world::{World, next, serve};

const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(60 * 60);
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A world whose sessions outlive the first 15 minutes of an absence.
pub async fn world_on(store: &MemoryStore) -> World {
    World::with(|builder| patient(builder).store(store.clone())).await
}

pub fn patient(builder: HerokuSsoBuilder) -> HerokuSsoBuilder {
    builder.refresh_interval(HOUR).max_session(HOUR * 12)
}

pub async fn state(store: &MemoryStore, addon: &AddOn) -> ResourceState {
    let known = store.get(&addon.resource_id()).await.unwrap();
    known.unwrap().state
}

/// Three failing refreshes within 15 minutes.
pub async fn three_answers(world: &World, resource: &ResourceId) -> RefreshError {
    for _ in 0..2 {
        world.sso.lists().refresh(resource).await.unwrap_err();
        world.clock.advance(MINUTE * 15 / 2);
    }
    world.sso.lists().refresh(resource).await.unwrap_err()
}

/// Removes the add-on at Heroku and refreshes until the resource is dormant.
pub async fn make_dormant(world: &World, addon: &AddOn) {
    addon.remove();
    let error = three_answers(world, &addon.resource_id()).await;
    assert!(matches!(error, RefreshError::Dormant), "{error:?}");
}

/// Refreshes a dormant resource every hour for a week, and once more.
pub async fn pass_a_week(world: &World, resource: &ResourceId) -> RefreshError {
    for _ in 0..7 * 24 {
        let error = world.sso.lists().refresh(resource).await.unwrap_err();
        assert!(matches!(error, RefreshError::Dormant), "{error:?}");
        world.clock.advance(HOUR);
    }
    world.sso.lists().refresh(resource).await.unwrap_err()
}

async fn sign_in(world: &World, addon: &AddOn) -> Answer {
    let form = addon.sign_in_form("ann@example.com");
    world.browser().submit(&form).await
}

async fn next_change(changes: &mut Changes) -> Change {
    let next = tokio::time::timeout(Duration::from_secs(60), next(changes));
    next.await
        .expect("a change is reported")
        .expect("a running gate")
}

#[tokio::test]
async fn c1_brief_404_ends_no_access() {
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    let ann = world.signed_in(&addon, "ann@example.com").await;
    for status in [404, 410] {
        world
            .heroku
            .faults()
            .set(Endpoint::AddOn, Fault::Status(status));
        for _ in 0..3 {
            let error = world.sso.lists().refresh(&resource).await.unwrap_err();
            let is_heroku_s = matches!(error, RefreshError::Heroku(HerokuError::Gone(_)));
            assert!(is_heroku_s, "{error:?}");
            assert_eq!(ann.fetch("/page").await.status, 200);
        }
        assert_eq!(state(&store, &addon).await, ResourceState::Active);
        assert!(world.sso.resources().access_token(&resource).await.is_ok());
        world.heroku.faults().clear_all();
        world.refresh(&resource).await;
        assert_eq!(ann.fetch("/page").await.status, 200);
        world.clock.advance(MINUTE);
        world.signed_in(&addon, "ann@example.com").await;
    }
}

#[tokio::test]
async fn c1_404_not_in_heroku_error_format_never_counts() {
    let other_id = Fault::Error {
        status: 404,
        id: "no_such_app".into(),
    };
    for fault in [
        Fault::Html(404),
        Fault::Html(410),
        Fault::StatusWithoutRequestId(404),
        Fault::StatusWithoutRequestId(410),
        other_id,
        Fault::Status(403),
    ] {
        let store = MemoryStore::default();
        let world = World::with(|builder| builder.store(store.clone())).await;
        let addon = world.addon().await;
        let resource = addon.resource_id();
        world.signed_in(&addon, "ann@example.com").await;
        world.heroku.faults().set(Endpoint::AddOn, fault.clone());
        for _ in 0..8 {
            let error = world.sso.lists().refresh(&resource).await.unwrap_err();
            assert!(
                matches!(error, RefreshError::Heroku(_)),
                "{fault:?}: {error:?}"
            );
            world.clock.advance(MINUTE * 10);
        }
        assert_eq!(
            state(&store, &addon).await,
            ResourceState::Active,
            "{fault:?}"
        );
        // The list is too old by now.
        let answer = sign_in(&world, &addon).await;
        assert_eq!(answer.status, 503, "{fault:?}");
        assert!(answer.header("retry-after").is_some(), "{fault:?}");
        world.heroku.faults().clear_all();
        world.clock.advance(MINUTE);
        world.signed_in(&addon, "ann@example.com").await;
    }
}

#[tokio::test]
async fn c1_success_between_404s_resets_the_count() {
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    for _ in 0..6 {
        world
            .heroku
            .faults()
            .set(Endpoint::AddOn, Fault::Status(404));
        world.sso.lists().refresh(&resource).await.unwrap_err();
        world.clock.advance(MINUTE * 10);
        world.sso.lists().refresh(&resource).await.unwrap_err();
        world.heroku.faults().clear_all();
        world.refresh(&resource).await;
        world.clock.advance(MINUTE * 10);
    }
    assert_eq!(state(&store, &addon).await, ResourceState::Active);
}

#[tokio::test]
async fn u3_u5_dormant_after_three_answers_over_15_minutes() {
    for status in [404, 410] {
        let store = MemoryStore::default();
        let world = world_on(&store).await;
        let addon = world.addon().await;
        let resource = addon.resource_id();
        world.signed_in(&addon, "ann@example.com").await;
        world
            .heroku
            .faults()
            .set(Endpoint::AddOn, Fault::Status(status));
        for wait in [0, 1, 899 - 1] {
            world.clock.advance(Duration::from_secs(wait));
            world.sso.lists().refresh(&resource).await.unwrap_err();
            assert_eq!(state(&store, &addon).await, ResourceState::Active);
        }
        world.clock.advance(Duration::from_secs(1));
        let error = world.sso.lists().refresh(&resource).await.unwrap_err();
        assert!(
            matches!(error, RefreshError::Dormant),
            "{status}: {error:?}"
        );
        assert_eq!(state(&store, &addon).await, ResourceState::Dormant);
    }
}

#[tokio::test]
async fn dormant_resource_rejects_users_and_loses_no_state() {
    let log = Log::listen();
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let stream = ann.request(Method::GET, "/stream").send();
    let mut stream = stream.await.unwrap();
    assert!(stream.chunk().await.unwrap().is_some());
    let mut changes = world.sso.lists().changes();
    assert!(matches!(
        next_change(&mut changes).await,
        Change::Snapshot { .. }
    ));
    make_dormant(&world, &addon).await;
    assert_eq!(
        next_change(&mut changes).await,
        Change::ResourceDormant { resource }
    );
    let rest = tokio::time::timeout(Duration::from_secs(60), stream.chunk());
    assert!(matches!(
        rest.await.expect("the stream ends"),
        Ok(None) | Err(_)
    ));

    let asked = world.heroku.calls().count(Endpoint::Any);
    let request = ann.fetch("/page").await;
    assert_eq!(request.status, 503);
    assert!(request.header("retry-after").is_some());
    let listed = sign_in(&world, &addon).await;
    let unlisted = sign_in(&world, &world.heroku.app("other").addon()).await;
    assert_eq!((listed.status, &listed.body), (403, &unlisted.body));
    assert_eq!(
        world.heroku.calls().count(Endpoint::Any),
        asked,
        "no request or sign-in fetches it"
    );
    assert!(world.sso.resources().access_token(&resource).await.is_ok());
    assert!(world.sso.lists().get(&resource).await.unwrap().is_some());
    let dormant = world.sso.resources().dormant();
    assert_eq!(dormant.len(), 1);
    assert_eq!(dormant[0].resource, resource);
    assert!(!dormant[0].needs_grant);
    assert_eq!(dormant[0].until, dormant[0].since + 7 * DAY);
    assert_eq!(world.sso.lists().health().await.dormant, 1);

    addon.mark_provisioned();
    world.refresh(&resource).await;
    assert_eq!(
        next_change(&mut changes).await,
        Change::ResourceRevived { resource }
    );
    assert_eq!(
        ann.fetch("/page").await.status,
        200,
        "the session still works"
    );
    world.signed_in(&addon, "ann@example.com").await;
    assert!(world.sso.resources().dormant().is_empty());
    assert_eq!(state(&store, &addon).await, ResourceState::Active);
    for event in ["resource_dormant", "resource_revived"] {
        assert_eq!(log.with(&[event]).len(), 1, "{event}: {log:#?}");
    }
}

#[tokio::test]
async fn sync_polls_dormant_resource_hourly() {
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    make_dormant(&world, &addon).await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    world.heroku.calls().clear();
    for _ in 0..5 {
        world.clock.advance(MINUTE * 10);
        world.quiet().await;
    }
    assert_eq!(world.heroku.calls().count(Endpoint::Any), 0);
    world.clock.advance(MINUTE * 10);
    world.quiet().await;
    // A 404 is retried once.
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 2);
    assert_eq!(world.heroku.calls().count(Endpoint::Any), 2);
    addon.mark_provisioned();
    let resource = addon.resource_id();
    let revived = |change: &Change| *change == Change::ResourceRevived { resource };
    world.pass_until(HOUR, revived).await;
    world.signed_in(&addon, "ann@example.com").await;
    sync.shutdown().await;
}

#[tokio::test]
async fn sign_in_polls_dormant_resource_after_an_hour_without_sync() {
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    make_dormant(&world, &addon).await;
    addon.mark_provisioned();
    world.clock.advance(MINUTE * 30);
    assert_eq!(ann.fetch("/page").await.status, 503);
    world.clock.advance(MINUTE * 30);
    assert_eq!(sign_in(&world, &addon).await.status, 303);
}

#[tokio::test]
async fn dormant_resource_is_polled_by_the_sync_alone_while_one_runs() {
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    make_dormant(&world, &addon).await;
    let _sync = world.sso.spawn_sync();
    world.quiet().await;
    let unavailable = Fault::Status(503);
    world.heroku.faults().set(Endpoint::AddOn, unavailable);
    world.clock.advance(HOUR);
    world.quiet().await;
    // The poll failed, and the next one is about a second away.
    world.heroku.faults().clear_all();
    addon.mark_provisioned();
    world.heroku.calls().clear();
    assert_eq!(ann.fetch("/page").await.status, 503);
    assert_eq!(sign_in(&world, &addon).await.status, 403);
    assert_eq!(world.heroku.calls().count(Endpoint::Any), 0);
    let resource = addon.resource_id();
    let revived = |change: &Change| *change == Change::ResourceRevived { resource };
    world.pass_until(MINUTE, revived).await;
    assert_eq!(ann.fetch("/page").await.status, 200);
}

#[tokio::test]
async fn c3_new_grant_revives_dormant_resource() {
    for by_heroku in [true, false] {
        let store = MemoryStore::default();
        let world = world_on(&store).await;
        let addon = world.addon().await;
        let resource = addon.resource_id();
        world.signed_in(&addon, "ann@example.com").await;
        make_dormant(&world, &addon).await;
        // A known grant code is no new grant.
        let known = store.get(&resource).await.unwrap().unwrap();
        let same = OauthGrant::Code(known.grant_code.unwrap());
        world
            .sso
            .resources()
            .register(&resource, same)
            .await
            .unwrap();
        assert_eq!(state(&store, &addon).await, ResourceState::Dormant);
        let refused = OauthGrant::Code("00000000-0000-4000-8000-000000000000".into());
        world
            .sso
            .resources()
            .register(&resource, refused)
            .await
            .unwrap_err();
        assert_eq!(state(&store, &addon).await, ResourceState::Dormant);

        let mut changes = world.sso.lists().changes();
        assert!(matches!(
            next_change(&mut changes).await,
            Change::Snapshot { .. }
        ));
        assert_eq!(
            next_change(&mut changes).await,
            Change::ResourceDormant { resource }
        );
        addon.mark_provisioned();
        if by_heroku {
            assert_eq!(addon.provision().await.unwrap().status, 200);
        } else {
            world.register(&addon).await;
        }
        assert_eq!(state(&store, &addon).await, ResourceState::Active);
        assert_eq!(
            next_change(&mut changes).await,
            Change::ResourceRevived { resource }
        );
        world.signed_in(&addon, "ann@example.com").await;
    }
}

#[tokio::test]
async fn resource_is_deprovisioned_after_a_week_dormant() {
    let log = Log::listen();
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.signed_in(&addon, "ann@example.com").await;
    let mut changes = world.sso.lists().changes();
    assert!(matches!(
        next_change(&mut changes).await,
        Change::Snapshot { .. }
    ));
    let body = addon.provisioning_body();
    make_dormant(&world, &addon).await;
    assert_eq!(
        next_change(&mut changes).await,
        Change::ResourceDormant { resource }
    );
    let error = pass_a_week(&world, &resource).await;
    assert!(matches!(error, RefreshError::Deprovisioned), "{error:?}");
    assert_eq!(
        next_change(&mut changes).await,
        Change::ResourceGone { resource }
    );
    let known = store.get(&resource).await.unwrap().unwrap();
    assert_eq!(known.state, ResourceState::Deprovisioned);
    assert!(known.tokens.is_none() && known.grant_code.is_none() && known.deprovision_owed);
    assert_eq!(call(&world, Method::POST, "", &body).await.status, 410);
    assert_eq!(log.with(&["resource_gone"]).len(), 1, "{log:#?}");
}

#[tokio::test]
async fn dormant_resource_ends_only_on_another_404_from_heroku() {
    let store = MemoryStore::default();
    let world = World::with(|builder| {
        let builder = patient(builder).store(store.clone());
        builder.dormant_for(HOUR)
    })
    .await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    make_dormant(&world, &addon).await;
    world.clock.advance(DAY);
    for fault in [Fault::Html(404), Fault::Status(500), Fault::Reset] {
        world.heroku.faults().set(Endpoint::AddOn, fault);
        world.sso.lists().refresh(&resource).await.unwrap_err();
        assert_eq!(state(&store, &addon).await, ResourceState::Dormant);
    }
    world.heroku.faults().clear_all();
    let gone = world.sso.lists().refresh(&resource).await;
    assert!(matches!(gone, Err(RefreshError::Deprovisioned)), "{gone:?}");
}

#[tokio::test]
async fn grant_refused_for_a_week_makes_resource_dormant_then_ends_it() {
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.signed_in(&addon, "ann@example.com").await;
    world.heroku.tokens().revoke(&addon);
    for _ in 0..7 * 4 {
        world.clock.advance(HOUR * 6);
        world.sso.lists().refresh(&resource).await.unwrap_err();
        assert_eq!(state(&store, &addon).await, ResourceState::Active);
        assert_eq!(world.sso.resources().needing_grant(), [resource]);
    }
    world.clock.advance(HOUR * 6);
    let error = world.sso.lists().refresh(&resource).await.unwrap_err();
    assert!(matches!(error, RefreshError::Dormant), "{error:?}");
    assert!(world.sso.resources().dormant()[0].needs_grant);
    for _ in 0..7 * 4 {
        assert_eq!(state(&store, &addon).await, ResourceState::Dormant);
        world.clock.advance(HOUR * 6);
        world.sso.lists().refresh(&resource).await.unwrap_err();
    }
    assert_eq!(state(&store, &addon).await, ResourceState::Deprovisioned);
}

#[tokio::test]
async fn c2_brake_limits_dormancy_when_all_resources_are_404() {
    const RESOURCES: usize = 8;

    let log = Log::listen();
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addons = world.addons(RESOURCES).await;
    for addon in &addons {
        world.refresh(&addon.resource_id()).await;
    }
    let count = async |wanted: ResourceState| {
        let mut found = 0;
        for addon in &addons {
            found += usize::from(state(&store, addon).await == wanted);
        }
        found
    };
    world
        .heroku
        .faults()
        .set(Endpoint::AddOn, Fault::Status(404));
    for _ in 0..3 {
        for addon in &addons {
            world
                .sso
                .lists()
                .refresh(&addon.resource_id())
                .await
                .unwrap_err();
        }
        world.clock.advance(MINUTE * 15 / 2);
    }
    assert_eq!(count(ResourceState::Dormant).await, 3);
    assert_eq!(count(ResourceState::Active).await, RESOURCES - 3);
    assert_eq!(log.with(&["dormancy_braked", "ERROR"]).len(), 1, "{log:#?}");
    // Time alone changes nothing while the other resources are 404 as well.
    for _ in 0..6 {
        for addon in &addons {
            world
                .sso
                .lists()
                .refresh(&addon.resource_id())
                .await
                .unwrap_err();
        }
        world.clock.advance(MINUTE * 30);
    }
    assert_eq!(count(ResourceState::Dormant).await, 3);
    world.heroku.faults().clear_all();
    for addon in &addons {
        world.refresh(&addon.resource_id()).await;
        world.signed_in(addon, "ann@example.com").await;
    }
    assert_eq!(count(ResourceState::Active).await, RESOURCES);
}

#[tokio::test]
async fn c2_brake_triggers_immediate_polls_of_dormant_resources() {
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addons = world.addons(4).await;
    for addon in &addons {
        world.refresh(&addon.resource_id()).await;
    }
    for addon in &addons[..3] {
        addon.remove();
    }
    for addon in &addons[..3] {
        world
            .sso
            .lists()
            .refresh(&addon.resource_id())
            .await
            .unwrap_err();
    }
    world.clock.advance(MINUTE * 15);
    for _ in 0..2 {
        for addon in &addons[..3] {
            world
                .sso
                .lists()
                .refresh(&addon.resource_id())
                .await
                .unwrap_err();
        }
    }
    assert_eq!(world.sso.resources().dormant().len(), 3);
    // The three are back; without the brake, they would be polled after an hour only.
    for addon in &addons[..3] {
        addon.mark_provisioned();
    }
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    assert_eq!(world.sso.resources().dormant().len(), 3);
    addons[3].remove();
    three_answers(&world, &addons[3].resource_id()).await;
    let revived = async {
        while !world.sso.resources().dormant().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let revived = tokio::time::timeout(Duration::from_secs(60), revived);
    revived.await.expect("they are polled");
    assert_eq!(state(&store, &addons[3]).await, ResourceState::Active);
    sync.shutdown().await;
}

/// Counts its calls, and fails the first one if configured to.
#[derive(Clone, Default)]
struct Counted {
    calls: Arc<AtomicUsize>,
    refuses_first: bool,
}

impl Addon for Counted {
    async fn deprovision(&self, _: ResourceId) -> Result<Outcome, AddonError> {
        match self.calls.fetch_add(1, Ordering::SeqCst) {
            0 if self.refuses_first => Err(AddonError::TryLater("later".into())),
            _ => Ok(Outcome::done()),
        }
    }
}

#[tokio::test]
async fn c4_partner_is_called_only_on_delete_regardless_of_sync() {
    for (hours_before, refuses_first) in [
        (0, false),
        (0, true),
        (1, false),
        (24 * 8, false),
        (24 * 8, true),
    ] {
        let store = MemoryStore::default();
        let mut world = world_on(&store).await;
        let addon = world.addon().await;
        let resource = addon.resource_id();
        let counted = Counted {
            refuses_first,
            ..Counted::default()
        };
        let app = world
            .sso
            .protect(Router::new().route("/", get(|| async { "in" })))
            .merge(world.sso.routes().partner_api(counted.clone()));
        world.address = serve(app).await;
        addon.remove();
        world.sso.lists().refresh(&resource).await.unwrap_err();
        if hours_before > 0 {
            world.clock.advance(MINUTE * 15);
            world.sso.lists().refresh(&resource).await.unwrap_err();
            world.sso.lists().refresh(&resource).await.unwrap_err();
        }
        for _ in 1..hours_before {
            world.clock.advance(HOUR);
            world.sso.lists().refresh(&resource).await.unwrap_err();
        }
        let expected = match hours_before {
            0 => ResourceState::Active,
            1 => ResourceState::Dormant,
            _ => ResourceState::Deprovisioned,
        };
        assert_eq!(state(&store, &addon).await, expected);
        assert_eq!(
            counted.calls.load(Ordering::SeqCst),
            0,
            "the sync never calls the partner"
        );
        let path = format!("/{resource}");
        let delete = async || call(&world, Method::DELETE, &path, &json!({})).await.status;
        let mut answers = vec![204, 410, 410];
        if refuses_first {
            answers.insert(0, 503);
        }
        let calls = 1 + usize::from(refuses_first);
        for answer in answers {
            assert_eq!(delete().await, answer, "{hours_before} {refuses_first}");
        }
        assert_eq!(counted.calls.load(Ordering::SeqCst), calls);
    }
}

#[tokio::test]
async fn two_processes_agree_that_a_resource_is_dormant() {
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    let (other, other_address) = world
        .another_gate(|builder| patient(builder).store(store.clone()))
        .await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    // Each process sees some of the 404s.
    addon.remove();
    world.sso.lists().refresh(&resource).await.unwrap_err();
    world.clock.advance(MINUTE * 15 / 2);
    other.lists().refresh(&resource).await.unwrap_err();
    world.clock.advance(MINUTE * 15 / 2);
    let error = other.lists().refresh(&resource).await.unwrap_err();
    assert!(matches!(error, RefreshError::Dormant), "{error:?}");
    // A new process loads the dormant state.
    let (third, third_address) = world
        .another_gate(|builder| patient(builder).store(store.clone()))
        .await;
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(ann.at(third_address).submit(&form).await.status, 403);
    assert_eq!(third.resources().dormant().len(), 1);
    addon.mark_provisioned();
    world.clock.advance(Duration::from_secs(1));
    third.lists().refresh(&resource).await.unwrap();
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(ann.at(third_address).submit(&form).await.status, 303);
    world.clock.advance(HOUR);
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(ann.at(other_address).submit(&form).await.status, 303);
}
