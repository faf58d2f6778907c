//! A process restarts on the same store, or another one runs beside it.

use std::sync::Arc;
use std::time::Duration;

use heroku_addon_simulator::{Endpoint, Fault};
use support::ids::AddOnExt as _;
use tower_heroku_sso::store::{EncryptionKey, EncryptionKeys, MemoryStore, SqliteStore};
use tower_heroku_sso::{HerokuSsoBuilder, MemorySessions};

use crate::faulty::Faulty;
use support::world::{REFRESH, UNUSED, World};

async fn store(folder: &tempfile::TempDir) -> SqliteStore {
    let key = EncryptionKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let file = folder.path().join("sso.db");
    SqliteStore::open(file, EncryptionKeys::new(key))
        .await
        .unwrap()
}

/// The configuration of each process on these stores.
fn sharing(
    store: &MemoryStore,
    sessions: &MemorySessions,
) -> impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder + use<> {
    let (store, sessions) = (store.clone(), sessions.clone());
    move |builder| builder.store(store).session_store(sessions)
}

#[tokio::test]
async fn restart_fetches_only_due_lists_and_keeps_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (store(&folder).await, store(&folder).await);
    let sessions = MemorySessions::default();
    let with = |store| {
        let sessions = sessions.clone();
        move |builder: HerokuSsoBuilder| builder.store(store).session_store(sessions)
    };
    let world = World::with(with(before)).await;
    let team = world
        .heroku
        .team("acme")
        .member("lead@example.com", "admin");
    let mut addons = Vec::new();
    for number in 0..8 {
        // The first four lists are seven hours old, the others are new.
        if number == 4 {
            world.clock.advance(Duration::from_secs(7 * 3600));
        }
        let app = world.heroku.app(&format!("shop-{number}"));
        let app = app.collaborator("ann@example.com").owned_by_team(&team);
        let addon = app.addon();
        assert_eq!(addon.provision().await.unwrap().status, 200);
        world.refresh(&addon.resource_id()).await;
        addons.push(addon);
    }
    let ann = world.signed_in(&addons[7], "ann@example.com").await;
    world.heroku.calls().clear();

    let (sso, address) = world.another_gate(with(after)).await;
    let _sync = sso.spawn_sync();
    assert_eq!(ann.at(address).fetch("/page").await.status, 200);
    world.quiet().await;
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 4);
    assert_eq!(world.heroku.calls().count(Endpoint::Token), 0);
    assert_eq!(world.heroku.calls().count(Endpoint::TeamMembers), 0);
    let health = sso.lists().health().await;
    assert_eq!((health.resources, health.without_list), (8, 0));
    // The restart keeps the age of a list.
    let list = sso.lists().get(&addons[7].resource_id()).await.unwrap();
    let known = world
        .sso
        .lists()
        .get(&addons[7].resource_id())
        .await
        .unwrap();
    assert_eq!(
        list.as_ref().map(|list| &list.list),
        known.as_ref().map(|known| &known.list)
    );
    let lead = sso
        .lists()
        .get(&addons[0].resource_id())
        .await
        .unwrap()
        .unwrap();
    assert!(
        lead.list
            .members()
            .any(|member| member.email.as_str() == "lead@example.com")
    );
}

#[tokio::test]
async fn restart_keeps_used_forms_and_revocations() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (store(&folder).await, store(&folder).await);
    let sessions = MemorySessions::default();
    let with = |store| {
        let sessions = sessions.clone();
        move |builder: HerokuSsoBuilder| builder.store(store).session_store(sessions)
    };
    let world = World::with(with(before)).await;
    let addon = world.addon().await;
    let form = addon.sign_in_form("ann@example.com");
    let ann = world.browser();
    assert_eq!(ann.submit(&form).await.status, 303);
    let owner = world.signed_in(&addon, "owner@example.com").await;
    let email = "owner@example.com".parse().unwrap();
    world
        .sso
        .sessions()
        .revoke(&addon.resource_id(), &email)
        .await
        .unwrap();

    let (_sso, address) = world.another_gate(with(after)).await;
    assert_eq!(ann.at(address).fetch("/page").await.status, 200);
    assert_eq!(owner.at(address).fetch("/page").await.status, 401);
    assert_eq!(world.browser().at(address).submit(&form).await.status, 403);
}

#[tokio::test]
async fn older_list_of_another_process_ends_no_session() {
    let (store, sessions) = Default::default();
    let with = || sharing(&store, &sessions);
    let world = World::with(with()).await;
    let team = world.heroku.team("acme");
    let app = world.heroku.app("shop").owned_by_team(&team);
    let addon = app.addon();
    assert_eq!(addon.provision().await.unwrap().status, 200);
    let (other, address) = world.another_gate(with()).await;
    other.lists().refresh(&addon.resource_id()).await.unwrap();

    app.collaborator("ann@example.com");
    let ann = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(ann.at(address).fetch("/page").await.status, 200);
    team.member("mia@example.com", "member");
    let mia = world.signed_in(&addon, "mia@example.com").await;
    assert_eq!(mia.at(address).fetch("/page").await.status, 200);

    app.remove("ann@example.com");
    world.refresh(&addon.resource_id()).await;
    assert_eq!(ann.fetch("/page").await.status, 403);
}

#[tokio::test]
async fn copy_of_a_session_lasts_as_long_as_the_newest_list() {
    let (store, sessions) = Default::default();
    let with = || sharing(&store, &sessions);
    let world = World::with(with()).await;
    let addon = world.addon().await;
    let (other, address) = world.another_gate(with()).await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(REFRESH / 2);
    other.lists().refresh(&addon.resource_id()).await.unwrap();
    world.clock.advance(REFRESH / 2 - Duration::from_secs(2));
    // The session is read and cached for five seconds.
    assert_eq!(ann.fetch("/page").await.status, 200);
    assert_eq!(ann.at(address).fetch("/page").await.status, 200);
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(ann.fetch("/page").await.status, 200);
}

/// The new process does not know whether the previous one had requests or failed fetches.
#[tokio::test]
async fn restart_while_heroku_is_unavailable_keeps_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (store(&folder).await, store(&folder).await);
    let sessions = MemorySessions::default();
    let with = |store| {
        let sessions = sessions.clone();
        move |builder: HerokuSsoBuilder| builder.store(store).session_store(sessions)
    };
    let world = World::with(with(before)).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    world.heroku.faults().set(Endpoint::Any, Fault::Reset);
    world.clock.advance(UNUSED);
    let (_next, address) = world.another_gate(with(after)).await;
    let ann = ann.at(address);
    for _ in 0..2 {
        assert_eq!(ann.fetch("/page").await.status, 503);
    }
    world.heroku.faults().clear_all();
    assert_eq!(ann.fetch("/page").await.status, 200);
}

#[tokio::test]
async fn unused_session_ends_despite_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (store(&folder).await, store(&folder).await);
    let sessions = MemorySessions::default();
    let with = |store| {
        let sessions = sessions.clone();
        move |builder: HerokuSsoBuilder| builder.store(store).session_store(sessions)
    };
    let world = World::with(with(before)).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(UNUSED);
    let (_next, address) = world.another_gate(with(after)).await;
    let ann = ann.at(address);
    for _ in 0..2 {
        assert_eq!(ann.fetch("/page").await.status, 401);
    }
}

#[tokio::test]
async fn list_kept_fresh_by_another_process_keeps_sessions() {
    let store = Faulty::shared(&Arc::default());
    let sessions = MemorySessions::default();
    let with = || {
        let (store, sessions) = (store.clone(), sessions.clone());
        move |builder: HerokuSsoBuilder| builder.store(store).session_store(sessions)
    };
    let world = World::with(with()).await;
    let addon = world.addon().await;
    let (_other, address) = world.another_gate(with()).await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let there = ann.at(address);
    assert_eq!(there.fetch("/page").await.status, 200);
    for _ in 0..4 {
        world.clock.advance(REFRESH);
        world.refresh(&addon.resource_id()).await;
    }
    // The event of the other process was lost.
    world.heroku.calls().clear();
    assert_eq!(there.fetch("/page").await.status, 200);
    assert_eq!(world.heroku.calls().count(Endpoint::Any), 0);
}

/// The sync fetches the lists of used resources. One is used by its sessions, and not by who is rejected.
#[tokio::test]
async fn session_that_cannot_be_decided_uses_its_resource() {
    let (store, sessions) = Default::default();
    let with = || sharing(&store, &sessions);
    let world = World::with(with()).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let owner = world.signed_in(&addon, "owner@example.com").await;
    addon.app().remove("ann@example.com");
    world.refresh(&addon.resource_id()).await;

    let (next, address) = world.another_gate(with()).await;
    assert_eq!(ann.at(address).fetch("/page").await.status, 403);
    assert_eq!(next.lists().health().await.in_use, 0);
    world.clock.advance(UNUSED);
    world.heroku.faults().set(Endpoint::Any, Fault::Reset);
    let form = addon.sign_in_form("owner@example.com");
    let stranger = world.browser().at(address);
    assert_eq!(stranger.submit(&form).await.status, 503);
    assert_eq!(next.lists().health().await.in_use, 0);
    assert_eq!(owner.at(address).fetch("/page").await.status, 503);
    assert_eq!(next.lists().health().await.in_use, 1);
}
