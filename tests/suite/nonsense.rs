//! R8: Heroku sends invalid answers to a whole fleet for an hour. For the promised size of the fleet:
//!
//! ```text
//! NONSENSE_RESOURCES=1000 cargo test --all-features --test suite r8_
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use heroku_addon_simulator::{AddOn, ETags, Endpoint, Fault};
use heroku_sso_store::{ResourceState, Store};
use support::ids::AddOnExt as _;
use support::world::World;
use tower_heroku_sso::ResourceId;
use tower_heroku_sso::store::MemoryStore;
use tower_heroku_sso::sync::{Change, Changes};

use crate::log::Log;

const MINUTE: Duration = Duration::from_secs(60);

fn size() -> usize {
    let wanted = std::env::var("NONSENSE_RESOURCES").ok();
    wanted.map_or(40, |wanted| wanted.parse().expect("a number of resources"))
}

struct Fleet {
    world: World,
    store: MemoryStore,
    addons: Vec<AddOn>,
}

impl Fleet {
    async fn new(size: usize) -> Self {
        let store = MemoryStore::default();
        let world = World::with_heroku(
            |heroku| heroku.rate_pool(100_000_000, 100_000_000),
            |builder| builder.store(store.clone()).idle_interval(MINUTE * 20),
        )
        .await;
        // Without ETags, every answer has a body that can be wrong.
        world.heroku.settings().set_etags(ETags::None);
        let addons = world.addons(size).await;
        for addon in &addons {
            world.refresh(&addon.resource_id()).await;
        }
        Self {
            world,
            store,
            addons,
        }
    }

    /// The members of each list.
    async fn people(&self) -> BTreeMap<ResourceId, Vec<String>> {
        let mut people = BTreeMap::new();
        for addon in &self.addons {
            let resource = addon.resource_id();
            let list = self.world.sso.lists().get(&resource).await;
            let list = list.unwrap().expect("a list");
            let members = list.list.members().map(|member| member.email.to_string());
            people.insert(resource, members.collect());
        }
        people
    }

    async fn pass(&self, time: Duration) {
        let steps = time.as_secs() / (10 * 60);
        for _ in 0..steps {
            self.world.clock.advance(MINUTE * 10);
            self.world.quiet_for(Duration::from_millis(100)).await;
        }
    }

    async fn is_whole(&self, what: &str) {
        for addon in &self.addons {
            let resource = addon.resource_id();
            let known = self.store.get(&resource).await.unwrap().unwrap();
            assert_eq!(known.state, ResourceState::Active, "{what}");
            assert!(known.tokens.is_some() && known.absence.is_none(), "{what}");
            self.world
                .sso
                .resources()
                .access_token(&resource)
                .await
                .unwrap();
            self.world.signed_in(addon, "ann@example.com").await;
        }
    }
}

/// The pending changes.
async fn pending(changes: &mut Changes) -> Vec<Change> {
    let mut found = Vec::new();
    let soon = Duration::from_millis(50);
    while let Ok(Some(change)) = tokio::time::timeout(soon, changes.next()).await {
        found.push(change);
    }
    found
}

async fn an_hour_of(fleet: &Fleet, endpoint: Endpoint, nonsense: Fault) {
    let what = format!("{nonsense:?} of {endpoint:?}");
    let mut changes = fleet.world.sso.lists().changes();
    pending(&mut changes).await;
    let people = fleet.people().await;
    fleet.world.heroku.faults().set(endpoint, nonsense);
    fleet.world.heroku.calls().clear();
    fleet.pass(MINUTE * 60).await;
    let asked = fleet.world.heroku.calls().count(Endpoint::Any);
    assert!(asked >= 3 * fleet.addons.len(), "{what}: {asked}");
    fleet.world.heroku.faults().clear_all();
    // Dormant resources are polled hourly.
    fleet.pass(MINUTE * 70).await;
    assert_eq!(fleet.people().await, people, "{what}");
    fleet.is_whole(&what).await;
    let found = pending(&mut changes).await;
    let lost = found.iter().find(|change| {
        let is_harmless = matches!(
            change,
            Change::ResourceDormant { .. } | Change::ResourceRevived { .. } | Change::CaughtUp
        );
        !is_harmless
    });
    assert_eq!(lost, None, "{what}");
}

#[tokio::test]
async fn r8_hour_of_nonsense_answers_loses_no_resource_token_or_member() {
    let log = Log::listen();
    let fleet = Fleet::new(size()).await;
    let sync = fleet.world.sso.spawn_sync();
    for (endpoint, nonsense) in [
        (Endpoint::AddOn, Fault::Status(404)),
        (Endpoint::Any, Fault::Status(404)),
        (Endpoint::AddOn, Fault::Status(410)),
        (Endpoint::Any, Fault::Html(404)),
        (Endpoint::Any, Fault::Html(200)),
        (Endpoint::Any, Fault::WrongId),
    ] {
        an_hour_of(&fleet, endpoint, nonsense).await;
    }
    assert_eq!(log.with(&["resource_gone"]), [""; 0]);
    sync.shutdown().await;
}
