//! `Lists::changes`: the change events for the partner's systems.

use std::collections::BTreeSet;
use std::time::Duration;

use heroku_addon_simulator::AddOn;
use support::ids::AddOnExt as _;
use tower_heroku_sso::sync::{Change, Changes};
use tower_heroku_sso::{Clock as _, LookupError, OauthGrant, Tokens};

use crate::faulty::Faulty;
use support::world::{World, grant, next};

async fn registered(world: &World, name: &str) -> AddOn {
    let addon = world
        .heroku
        .app(name)
        .collaborator("ann@example.com")
        .addon();
    let resource = world.register(&addon).await;
    world.refresh(&resource).await;
    addon
}

/// A user table that applies the changes.
#[derive(Default)]
struct Table(BTreeSet<(String, String)>);

impl Table {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Snapshot { resource, snapshot } => {
                self.0.retain(|(id, _)| *id != resource.to_string());
                for member in snapshot.list.members() {
                    assert!(
                        self.0
                            .insert((resource.to_string(), member.email.to_string()))
                    );
                }
            }
            Change::Added { resource, member } => {
                let row = (resource.to_string(), member.email.to_string());
                assert!(self.0.insert(row), "added twice");
            }
            Change::Removed { resource, email } => {
                let row = (resource.to_string(), email.to_string());
                assert!(self.0.remove(&row), "removed and not there");
            }
            Change::ResourceGone { resource } => {
                self.0.retain(|(id, _)| *id != resource.to_string());
            }
            Change::RoleChanged { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    /// Applies all pending changes.
    async fn read(&mut self, changes: &mut Changes) {
        let soon = Duration::from_millis(50);
        while let Ok(Some(change)) = tokio::time::timeout(soon, next(changes)).await {
            self.apply(change);
        }
    }

    async fn truth(world: &World, addons: &[AddOn]) -> BTreeSet<(String, String)> {
        let mut truth = BTreeSet::new();
        for addon in addons {
            let resource = addon.resource_id();
            let Ok(Some(snapshot)) = world.sso.lists().get(&resource).await else {
                continue;
            };
            let members = snapshot.list.members();
            truth.extend(members.map(|m| (resource.to_string(), m.email.to_string())));
        }
        truth
    }
}

#[tokio::test]
async fn late_reader_gets_all_snapshots_then_changes() {
    let world = World::start().await;
    let (one, two) = (
        registered(&world, "one").await,
        registered(&world, "two").await,
    );
    let mut changes = world.sso.lists().changes();
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        match next(&mut changes).await.unwrap() {
            Change::Snapshot { resource, snapshot } => {
                assert_eq!(snapshot.list.members().count(), 2);
                seen.insert(resource);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, BTreeSet::from([one.resource_id(), two.resource_id()]));
    assert_eq!(changes.next().await, Some(Change::CaughtUp));
    one.app().remove("ann@example.com");
    world.refresh(&one.resource_id()).await;
    let change = changes.next().await.unwrap();
    assert!(matches!(change, Change::Removed { resource, .. } if resource == one.resource_id()));
}

#[tokio::test]
async fn change_before_first_read_follows_the_snapshot() {
    let world = World::start().await;
    let addon = registered(&world, "one").await;
    let mut changes = world.sso.lists().changes();
    addon.app().remove("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    assert!(matches!(
        next(&mut changes).await,
        Some(Change::Snapshot { .. })
    ));
    assert!(matches!(
        next(&mut changes).await,
        Some(Change::Removed { .. })
    ));
}

#[tokio::test]
async fn slow_reader_misses_no_change() {
    let world = World::start().await;
    let mut addons = Vec::new();
    for number in 0..3 {
        addons.push(registered(&world, &format!("app-{number}")).await);
    }
    let (mut table, mut changes) = (Table::default(), world.sso.lists().changes());
    table.read(&mut changes).await;
    // More than the event buffer holds.
    for round in 0..360 {
        for addon in &addons {
            let app = addon.app();
            match round % 2 {
                0 => app
                    .collaborator("bob@example.com")
                    .remove("ann@example.com"),
                _ => app
                    .collaborator("zoe@example.com")
                    .remove("bob@example.com"),
            };
            world.refresh(&addon.resource_id()).await;
        }
    }
    addons[2].deprovision().await.unwrap();
    table.read(&mut changes).await;
    assert_eq!(table.0, Table::truth(&world, &addons).await);
    assert_eq!(table.0.len(), 2 * 2);
}

#[tokio::test]
async fn refresh_without_difference_emits_no_change() {
    let world = World::start().await;
    let addon = registered(&world, "one").await;
    let (mut table, mut changes) = (Table::default(), world.sso.lists().changes());
    table.read(&mut changes).await;
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(100));
        world.refresh(&addon.resource_id()).await;
    }
    let nothing = tokio::time::timeout(Duration::from_millis(50), next(&mut changes)).await;
    assert!(nothing.is_err());
}

#[tokio::test]
async fn changes_end_when_the_gate_is_dropped() {
    let world = World::start().await;
    registered(&world, "one").await;
    let clock = world.clock.clone();
    let other = support::world::builder(&world.heroku, &clock)
        .build()
        .await
        .unwrap();
    let mut changes = other.lists().changes();
    drop(other);
    assert_eq!(next(&mut changes).await, None);
}

/// A world on the store of another process, which registered two resources and deprovisioned one.
async fn restarted(store: &Faulty) -> (World, AddOn, AddOn) {
    let world = World::with(|builder| builder.store(store.clone())).await;
    let (before, _) = world
        .another_gate(|builder| builder.store(store.another()))
        .await;
    let [kept, ended] = ["kept", "ended"].map(|name| world.heroku.app(name).addon());
    for addon in [&kept, &ended] {
        let resource = addon.resource_id();
        before
            .resources()
            .register(&resource, grant(addon))
            .await
            .unwrap();
        before.lists().refresh(&resource).await.unwrap();
    }
    before
        .resources()
        .deprovision(&ended.resource_id())
        .await
        .unwrap();
    (world, kept, ended)
}

#[tokio::test]
async fn reader_from_startup_gets_caught_up_after_all_snapshots() {
    let store = Faulty::default();
    let (world, kept, ended) = restarted(&store).await;
    store.fail("load_page");
    let sync = world.sso.spawn_sync();
    let mut changes = world.sso.lists().changes();
    let nothing = tokio::time::timeout(Duration::from_millis(50), changes.next()).await;
    assert!(nothing.is_err(), "the store has not been read yet");
    store.mend();
    world.clock.advance(Duration::from_secs(5));
    let snapshot = changes.next().await;
    let resource = kept.resource_id();
    assert!(matches!(snapshot, Some(Change::Snapshot { resource: id, .. }) if id == resource));
    assert_eq!(changes.next().await, Some(Change::CaughtUp));
    // The reader may have rows of this resource, for which no event came.
    let gone = world.sso.lists().get(&ended.resource_id()).await;
    assert!(matches!(gone, Err(LookupError::Deprovisioned)));
    sync.shutdown().await;
}

#[tokio::test]
async fn missed_deprovisioning_is_reported_once_the_store_recovers() {
    let store = Faulty::default();
    let (world, kept, _) = restarted(&store).await;
    let sync = world.sso.spawn_sync();
    let mut changes = world.sso.lists().changes();
    while changes.next().await != Some(Change::CaughtUp) {}
    world
        .sso
        .resources()
        .deprovision(&kept.resource_id())
        .await
        .unwrap();
    // More than the event buffer holds.
    for number in 0..1100_u128 {
        let resource = uuid::Uuid::from_u128(number).into();
        let tokens = OauthGrant::Tokens(Tokens::new(
            "HRKU-access",
            "HRKU-refresh",
            world.clock.now() + Duration::from_secs(3600),
        ));
        world
            .sso
            .resources()
            .register(&resource, tokens)
            .await
            .unwrap();
        world.sso.resources().deprovision(&resource).await.unwrap();
    }
    store.fail("get");
    let gone = async {
        loop {
            match changes.next().await {
                Some(Change::ResourceGone { resource }) if resource == kept.resource_id() => break,
                Some(_) => {}
                None => panic!("the gate still exists"),
            }
        }
    };
    let mut gone = std::pin::pin!(gone);
    let soon = Duration::from_millis(50);
    assert!(tokio::time::timeout(soon, &mut gone).await.is_err());
    store.mend();
    world.clock.advance(Duration::from_secs(5));
    let told = tokio::time::timeout(Duration::from_secs(60), gone).await;
    assert!(told.is_ok());
    sync.shutdown().await;
}

#[tokio::test]
async fn changes_convert_into_a_stream() {
    use tokio_stream::StreamExt;

    let world = World::start().await;
    let addon = registered(&world, "shop").await;
    let resource = addon.resource_id();
    let changes = world.sso.lists().changes().into_stream();
    let mut removed = changes.filter_map(|change| match change {
        Change::Removed { resource, email } => Some((resource, email.to_string())),
        _ => None,
    });
    let first = async {
        addon.app().remove("ann@example.com");
        world.refresh(&resource).await;
    };
    let (change, ()) = tokio::join!(removed.next(), first);
    assert_eq!(change, Some((resource, "ann@example.com".to_owned())));
}
