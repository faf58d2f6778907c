//! A resource of which Heroku says that it is not there: what counts, what is suspended, what revives it,
//! and when it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use reqwest::Method;
use serde_json::json;
use tower_heroku_sso::heroku::HerokuError;
use tower_heroku_sso::partner_api::{Addon, AddonError, Outcome};
use tower_heroku_sso::store::{MemoryStore, ResourceState, Store};
use tower_heroku_sso::sync::{Change, Changes, RevivedBy, SyncError};
use tower_heroku_sso::{HerokuSsoBuilder, OauthGrant, ResourceId};

use crate::log::Log;
use crate::partner_api::call;
use support::browser::Answer;
use support::ids::AddOnExt as _;
use support::world::{World, grant, next, serve};

const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(60 * 60);
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A world whose sessions outlive the first quarter of an hour of an absence.
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

/// Three answers within a quarter of an hour.
pub async fn three_answers(world: &World, resource: &ResourceId) -> SyncError {
    for _ in 0..2 {
        world.sso.refresh_now(resource).await.unwrap_err();
        world.clock.advance(MINUTE * 15 / 2);
    }
    world.sso.refresh_now(resource).await.unwrap_err()
}

/// Heroku has it no more, and has said so for long enough.
pub async fn make_dormant(world: &World, addon: &AddOn) {
    addon.remove();
    let error = three_answers(world, &addon.resource_id()).await;
    assert!(matches!(error, SyncError::Dormant), "{error:?}");
}

/// Asks for it every hour, until the week is over.
pub async fn pass_a_week(world: &World, resource: &ResourceId) -> SyncError {
    for _ in 0..7 * 24 {
        let error = world.sso.refresh_now(resource).await.unwrap_err();
        assert!(matches!(error, SyncError::Dormant), "{error:?}");
        world.clock.advance(HOUR);
    }
    world.sso.refresh_now(resource).await.unwrap_err()
}

async fn sign_in(world: &World, addon: &AddOn) -> Answer {
    let form = addon.sign_in_form("ann@example.com");
    world.browser().submit(&form).await
}

async fn told(changes: &mut Changes) -> Change {
    let next = tokio::time::timeout(Duration::from_secs(60), next(changes));
    next.await
        .expect("a change is told")
        .expect("a running gate")
}

#[tokio::test]
async fn c1_404_for_some_seconds_costs_nothing() {
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    let ann = world.signed_in(&addon, "ann@example.com").await;
    for status in [404, 410] {
        world.heroku.fault(Endpoint::AddOn, Fault::Status(status));
        for _ in 0..3 {
            let error = world.sso.refresh_now(&resource).await.unwrap_err();
            let is_heroku_s = matches!(error, SyncError::Heroku(HerokuError::Gone(_)));
            assert!(is_heroku_s, "{error:?}");
            assert_eq!(ann.fetch("/page").await.status, 200);
        }
        assert_eq!(state(&store, &addon).await, ResourceState::Active);
        assert!(world.sso.access_token(&resource).await.is_ok());
        world.heroku.clear_faults();
        world.sso.refresh_now(&resource).await.unwrap();
        assert_eq!(ann.fetch("/page").await.status, 200);
        world.clock.advance(MINUTE);
        world.signed_in(&addon, "ann@example.com").await;
    }
}

#[tokio::test]
async fn c1_what_heroku_did_not_say_itself_never_counts() {
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
        world.heroku.fault(Endpoint::AddOn, fault.clone());
        for _ in 0..8 {
            let error = world.sso.refresh_now(&resource).await.unwrap_err();
            assert!(
                matches!(error, SyncError::Heroku(_)),
                "{fault:?}: {error:?}"
            );
            world.clock.advance(MINUTE * 10);
        }
        assert_eq!(
            state(&store, &addon).await,
            ResourceState::Active,
            "{fault:?}"
        );
        // Its list has become too old meanwhile.
        let answer = sign_in(&world, &addon).await;
        assert_eq!(answer.status, 503, "{fault:?}");
        assert!(answer.header("retry-after").is_some(), "{fault:?}");
        world.heroku.clear_faults();
        world.clock.advance(MINUTE);
        world.signed_in(&addon, "ann@example.com").await;
    }
}

#[tokio::test]
async fn c1_an_answer_in_between_begins_the_count_anew() {
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    for _ in 0..6 {
        world.heroku.fault(Endpoint::AddOn, Fault::Status(404));
        world.sso.refresh_now(&resource).await.unwrap_err();
        world.clock.advance(MINUTE * 10);
        world.sso.refresh_now(&resource).await.unwrap_err();
        world.heroku.clear_faults();
        world.sso.refresh_now(&resource).await.unwrap();
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
        world.heroku.fault(Endpoint::AddOn, Fault::Status(status));
        for wait in [0, 1, 899 - 1] {
            world.clock.advance(Duration::from_secs(wait));
            world.sso.refresh_now(&resource).await.unwrap_err();
            assert_eq!(state(&store, &addon).await, ResourceState::Active);
        }
        world.clock.advance(Duration::from_secs(1));
        let error = world.sso.refresh_now(&resource).await.unwrap_err();
        assert!(matches!(error, SyncError::Dormant), "{status}: {error:?}");
        assert_eq!(state(&store, &addon).await, ResourceState::Dormant);
    }
}

#[tokio::test]
async fn dormant_suspends_access_and_keeps_everything() {
    let log = Log::listen();
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let stream = ann.request(Method::GET, "/stream").send();
    let mut stream = stream.await.unwrap();
    assert!(stream.chunk().await.unwrap().is_some());
    let mut changes = world.sso.changes();
    assert!(matches!(told(&mut changes).await, Change::Snapshot { .. }));
    make_dormant(&world, &addon).await;
    assert_eq!(
        told(&mut changes).await,
        Change::ResourceDormant { resource }
    );
    let rest = tokio::time::timeout(Duration::from_secs(60), stream.chunk());
    assert!(matches!(
        rest.await.expect("the stream ends"),
        Ok(None) | Err(_)
    ));

    let asked = world.heroku.calls(Endpoint::Any);
    let request = ann.fetch("/page").await;
    assert_eq!(request.status, 503);
    assert!(request.header("retry-after").is_some());
    let listed = sign_in(&world, &addon).await;
    let unlisted = sign_in(&world, &world.heroku.app("other").addon()).await;
    assert_eq!((listed.status, &listed.body), (403, &unlisted.body));
    assert_eq!(
        world.heroku.calls(Endpoint::Any),
        asked,
        "nobody asks for it meanwhile"
    );
    assert!(world.sso.access_token(&resource).await.is_ok());
    assert!(world.sso.access_list(&resource).await.unwrap().is_some());
    let dormant = world.sso.dormant();
    assert_eq!(dormant.len(), 1);
    assert_eq!(dormant[0].resource, resource);
    assert_eq!(dormant[0].revived_by, RevivedBy::ListOrGrant);
    assert_eq!(dormant[0].until, dormant[0].since + 7 * DAY);
    assert_eq!(world.sso.health().await.unwrap().dormant, 1);

    addon.mark_provisioned();
    world.sso.refresh_now(&resource).await.unwrap();
    assert_eq!(
        told(&mut changes).await,
        Change::ResourceRevived { resource }
    );
    assert_eq!(
        ann.fetch("/page").await.status,
        200,
        "its session is the same"
    );
    world.signed_in(&addon, "ann@example.com").await;
    assert!(world.sso.dormant().is_empty());
    assert_eq!(state(&store, &addon).await, ResourceState::Active);
    for event in ["resource_dormant", "resource_revived"] {
        assert_eq!(log.with(&[event]).len(), 1, "{event}: {log:#?}");
    }
}

#[tokio::test]
async fn dormant_is_asked_for_every_hour_by_the_sync() {
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    make_dormant(&world, &addon).await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    world.heroku.reset_calls();
    for _ in 0..5 {
        world.clock.advance(MINUTE * 10);
        world.quiet().await;
    }
    assert_eq!(world.heroku.calls(Endpoint::Any), 0);
    world.clock.advance(MINUTE * 10);
    world.quiet().await;
    // A 404 is asked for once more.
    assert_eq!(world.heroku.calls(Endpoint::AddOn), 2);
    assert_eq!(world.heroku.calls(Endpoint::Any), 2);
    addon.mark_provisioned();
    let resource = addon.resource_id();
    let revived = |change: &Change| *change == Change::ResourceRevived { resource };
    world.pass_until(HOUR, revived).await;
    world.signed_in(&addon, "ann@example.com").await;
    sync.shutdown().await;
}

#[tokio::test]
async fn dormant_without_a_sync_is_asked_for_by_who_comes_after_an_hour() {
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
async fn c3_a_new_grant_revives_it() {
    for by_heroku in [true, false] {
        let store = MemoryStore::default();
        let world = world_on(&store).await;
        let addon = world.addon().await;
        let resource = addon.resource_id();
        world.signed_in(&addon, "ann@example.com").await;
        make_dormant(&world, &addon).await;
        // What was said before is no new grant.
        let known = store.get(&resource).await.unwrap().unwrap();
        let same = OauthGrant::Code(known.grant_code.unwrap());
        world.sso.register(&resource, same).await.unwrap();
        assert_eq!(state(&store, &addon).await, ResourceState::Dormant);
        let refused = OauthGrant::Code("00000000-0000-4000-8000-000000000000".into());
        world.sso.register(&resource, refused).await.unwrap_err();
        assert_eq!(state(&store, &addon).await, ResourceState::Dormant);

        let mut changes = world.sso.changes();
        assert!(matches!(told(&mut changes).await, Change::Snapshot { .. }));
        assert_eq!(
            told(&mut changes).await,
            Change::ResourceDormant { resource }
        );
        addon.mark_provisioned();
        if by_heroku {
            assert_eq!(addon.provision().await.unwrap().status, 200);
        } else {
            world.sso.register(&resource, grant(&addon)).await.unwrap();
        }
        assert_eq!(state(&store, &addon).await, ResourceState::Active);
        assert_eq!(
            told(&mut changes).await,
            Change::ResourceRevived { resource }
        );
        world.signed_in(&addon, "ann@example.com").await;
    }
}

#[tokio::test]
async fn a_week_dormant_is_the_end() {
    let log = Log::listen();
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.signed_in(&addon, "ann@example.com").await;
    let mut changes = world.sso.changes();
    assert!(matches!(told(&mut changes).await, Change::Snapshot { .. }));
    let body = addon.provisioning_body();
    make_dormant(&world, &addon).await;
    assert_eq!(
        told(&mut changes).await,
        Change::ResourceDormant { resource }
    );
    let error = pass_a_week(&world, &resource).await;
    assert!(matches!(error, SyncError::Gone), "{error:?}");
    assert_eq!(told(&mut changes).await, Change::ResourceGone { resource });
    let known = store.get(&resource).await.unwrap().unwrap();
    assert_eq!(known.state, ResourceState::Deprovisioned);
    assert!(known.tokens.is_none() && known.grant_code.is_none() && known.deprovision_owed);
    assert_eq!(call(&world, Method::POST, "", &body).await.status, 410);
    assert_eq!(log.with(&["resource_gone"]).len(), 1, "{log:#?}");
}

#[tokio::test]
async fn the_week_counts_only_with_an_answer_of_heroku_s_at_its_end() {
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
        world.heroku.fault(Endpoint::AddOn, fault);
        world.sso.refresh_now(&resource).await.unwrap_err();
        assert_eq!(state(&store, &addon).await, ResourceState::Dormant);
    }
    world.heroku.clear_faults();
    let gone = world.sso.refresh_now(&resource).await;
    assert!(matches!(gone, Err(SyncError::Gone)), "{gone:?}");
}

#[tokio::test]
async fn a_grant_refused_for_a_week_takes_the_same_path() {
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.signed_in(&addon, "ann@example.com").await;
    world.heroku.revoke_tokens(&addon);
    for _ in 0..7 * 4 {
        world.clock.advance(HOUR * 6);
        world.sso.refresh_now(&resource).await.unwrap_err();
        assert_eq!(state(&store, &addon).await, ResourceState::Active);
        assert_eq!(world.sso.needing_grant(), [resource]);
    }
    world.clock.advance(HOUR * 6);
    let error = world.sso.refresh_now(&resource).await.unwrap_err();
    assert!(matches!(error, SyncError::Dormant), "{error:?}");
    assert_eq!(world.sso.dormant()[0].revived_by, RevivedBy::Grant);
    for _ in 0..7 * 4 {
        assert_eq!(state(&store, &addon).await, ResourceState::Dormant);
        world.clock.advance(HOUR * 6);
        world.sso.refresh_now(&resource).await.unwrap_err();
    }
    assert_eq!(state(&store, &addon).await, ResourceState::Deprovisioned);
}

#[tokio::test]
async fn c2_when_everything_is_404_nothing_ends_and_an_event_says_so() {
    const RESOURCES: usize = 8;

    let log = Log::listen();
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let mut addons = Vec::new();
    for number in 0..RESOURCES {
        let app = world.heroku.app(&format!("app-{number}"));
        let addon = app.collaborator("ann@example.com").addon();
        let resource = addon.resource_id();
        world.sso.register(&resource, grant(&addon)).await.unwrap();
        world.sso.refresh_now(&resource).await.unwrap();
        addons.push(addon);
    }
    let count = async |wanted: ResourceState| {
        let mut found = 0;
        for addon in &addons {
            found += usize::from(state(&store, addon).await == wanted);
        }
        found
    };
    world.heroku.fault(Endpoint::AddOn, Fault::Status(404));
    for _ in 0..3 {
        for addon in &addons {
            world
                .sso
                .refresh_now(&addon.resource_id())
                .await
                .unwrap_err();
        }
        world.clock.advance(MINUTE * 15 / 2);
    }
    assert_eq!(count(ResourceState::Dormant).await, 3);
    assert_eq!(count(ResourceState::Active).await, RESOURCES - 3);
    assert_eq!(log.with(&["dormancy_braked", "ERROR"]).len(), 1, "{log:#?}");
    // However long it takes, as long as the others say so as well.
    for _ in 0..6 {
        for addon in &addons {
            world
                .sso
                .refresh_now(&addon.resource_id())
                .await
                .unwrap_err();
        }
        world.clock.advance(MINUTE * 30);
    }
    assert_eq!(count(ResourceState::Dormant).await, 3);
    world.heroku.clear_faults();
    for addon in &addons {
        world.sso.refresh_now(&addon.resource_id()).await.unwrap();
        world.signed_in(addon, "ann@example.com").await;
    }
    assert_eq!(count(ResourceState::Active).await, RESOURCES);
}

#[tokio::test]
async fn c2_the_brake_has_the_dormant_ones_asked_for_immediately() {
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let mut addons = Vec::new();
    for number in 0..4 {
        let addon = world.heroku.app(&format!("app-{number}")).addon();
        let resource = addon.resource_id();
        world.sso.register(&resource, grant(&addon)).await.unwrap();
        world.sso.refresh_now(&resource).await.unwrap();
        addons.push(addon);
    }
    for addon in &addons[..3] {
        addon.remove();
    }
    for addon in &addons[..3] {
        world
            .sso
            .refresh_now(&addon.resource_id())
            .await
            .unwrap_err();
    }
    world.clock.advance(MINUTE * 15);
    for _ in 0..2 {
        for addon in &addons[..3] {
            world
                .sso
                .refresh_now(&addon.resource_id())
                .await
                .unwrap_err();
        }
    }
    assert_eq!(world.sso.dormant().len(), 3);
    // They are well again, which nobody would ask before the hour is over; the fourth is not.
    for addon in &addons[..3] {
        addon.mark_provisioned();
    }
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    assert_eq!(world.sso.dormant().len(), 3);
    addons[3].remove();
    three_answers(&world, &addons[3].resource_id()).await;
    let revived = async {
        while !world.sso.dormant().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let revived = tokio::time::timeout(Duration::from_secs(60), revived);
    revived.await.expect("they are asked for");
    assert_eq!(state(&store, &addons[3]).await, ResourceState::Active);
    sync.shutdown().await;
}

/// Counts how often it is called, and refuses the first time if it is told to.
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
async fn c4_only_delete_calls_the_partner_whatever_the_sync_has_seen() {
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
        let app = Router::new()
            .route("/", get(|| async { "in" }))
            .layer(world.sso.layer())
            .merge(world.sso.partner_api(counted.clone()));
        world.address = serve(app).await;
        addon.remove();
        world.sso.refresh_now(&resource).await.unwrap_err();
        if hours_before > 0 {
            world.clock.advance(MINUTE * 15);
            world.sso.refresh_now(&resource).await.unwrap_err();
            world.sso.refresh_now(&resource).await.unwrap_err();
        }
        for _ in 1..hours_before {
            world.clock.advance(HOUR);
            world.sso.refresh_now(&resource).await.unwrap_err();
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
            "the sync calls nothing"
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
async fn two_processes_agree_on_what_is_dormant() {
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    let (other, other_address) = world
        .another_gate(|builder| patient(builder).store(store.clone()))
        .await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    // Each of them has heard a part.
    addon.remove();
    world.sso.refresh_now(&resource).await.unwrap_err();
    world.clock.advance(MINUTE * 15 / 2);
    other.refresh_now(&resource).await.unwrap_err();
    world.clock.advance(MINUTE * 15 / 2);
    let error = other.refresh_now(&resource).await.unwrap_err();
    assert!(matches!(error, SyncError::Dormant), "{error:?}");
    // A process that begins now finds it so.
    let (third, third_address) = world
        .another_gate(|builder| patient(builder).store(store.clone()))
        .await;
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(ann.at(third_address).submit(&form).await.status, 403);
    assert_eq!(third.dormant().len(), 1);
    addon.mark_provisioned();
    world.clock.advance(Duration::from_secs(1));
    third.refresh_now(&resource).await.unwrap();
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(ann.at(third_address).submit(&form).await.status, 303);
    world.clock.advance(HOUR);
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(ann.at(other_address).submit(&form).await.status, 303);
}
