//! Taking over a partner's own table of tokens.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use heroku_addon_simulator::{AddOn, Endpoint};
use heroku_sso_store::{ResourceState, Store as _};
use secrecy::ExposeSecret as _;
use serde_json::json;
use support::ids::AddOnExt as _;
use support::world::{World, grant};
use tower_heroku_sso::store::MemoryStore;
use tower_heroku_sso::{Clock as _, ImportRecord, ResourceId, Tokens};

use crate::absences::{HOUR, make_dormant, patient, state, world_on};
use crate::erasure::until;
use crate::faulty::Faulty;

/// Add-ons whose grants the partner's own code has exchanged.
async fn table(world: &World, count: usize) -> (Vec<AddOn>, Vec<ImportRecord>) {
    let mut addons = Vec::new();
    let mut rows = Vec::new();
    for number in 0..count {
        let app = world.heroku.app(&format!("app-{number}"));
        let addon = app.collaborator("ann@example.com").addon();
        rows.push(ImportRecord::new(
            addon.resource_id(),
            exchanged(world, &addon).await,
        ));
        addons.push(addon);
    }
    (addons, rows)
}

async fn exchanged(world: &World, addon: &AddOn) -> Tokens {
    let code = addon.grant_code();
    let secret = world.heroku.client_secret();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("client_secret", &secret),
    ];
    let url = format!("{}/oauth/token", world.heroku.url());
    let answer = support::browser::client()
        .post(url)
        .form(&form)
        .send()
        .await;
    let answer: serde_json::Value = answer.unwrap().json().await.unwrap();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    let life = Duration::from_secs(answer["expires_in"].as_u64().unwrap());
    Tokens::new(
        text("access_token"),
        text("refresh_token"),
        world.clock.now() + life,
    )
}

fn rows(records: &[ImportRecord]) -> impl IntoIterator<Item = Result<ImportRecord, Infallible>> {
    records.iter().cloned().map(Ok)
}

#[tokio::test]
async fn dry_run_writes_nothing_and_predicts_the_import() {
    let world = World::start().await;
    let (addons, records) = table(&world, 3).await;
    let resources = world.sso.resources();
    let calls = world.heroku.calls().count(Endpoint::Any);
    let dry = resources
        .import(rows(&records))
        .dry_run()
        .run()
        .await
        .unwrap();
    assert_eq!((dry.rows, dry.registered, dry.dry_run), (3, 3, true));
    assert!(
        world
            .sso
            .lists()
            .get(&addons[0].resource_id())
            .await
            .is_err()
    );
    let wet = resources.import(rows(&records)).run().await.unwrap();
    assert_eq!((wet.rows, wet.registered, wet.dry_run), (3, 3, false));
    assert_eq!(
        wet.to_string(),
        "3 rows: 3 registered, 0 replaced, 0 dormant, 0 renamed, 0 unchanged, 0 deprovisioned, 0 invalid"
    );
    // The sync fetches the lists, at its own pace.
    assert_eq!(world.heroku.calls().count(Endpoint::Any), calls);
    for addon in &addons {
        world.refresh(&addon.resource_id()).await;
    }
}

#[tokio::test]
async fn sync_fetches_imported_lists() {
    let world = World::with(|builder| builder).await;
    let sync = world.sso.spawn_sync();
    let (_, records) = table(&world, 5).await;
    world
        .sso
        .resources()
        .import(rows(&records))
        .run()
        .await
        .unwrap();
    let fetched = async {
        while world.sso.readiness().without_list > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), fetched)
        .await
        .unwrap();
    let report = world.sso.readiness();
    assert_eq!((report.resources, report.failing.len()), (5, 0));
    sync.shutdown().await;
}

#[tokio::test]
async fn repeated_import_skips_what_is_there() {
    let world = World::start().await;
    let (addons, mut records) = table(&world, 4).await;
    let resources = world.sso.resources();
    resources.import(rows(&records[..2])).run().await.unwrap();
    resources
        .deprovision(&addons[0].resource_id())
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(60));
    // Renewed by the old code since.
    let newer = Tokens::new(
        "HRKU-AA-newer",
        "newer",
        world.clock.now() + Duration::from_secs(30_000),
    );
    records[1] = ImportRecord::new(addons[1].resource_id(), newer);
    let dry = resources
        .import(rows(&records))
        .dry_run()
        .run()
        .await
        .unwrap();
    let wet = resources.import(rows(&records)).run().await.unwrap();
    for report in [dry, wet] {
        assert_eq!(
            (report.deprovisioned, report.replaced, report.registered),
            (1, 1, 2)
        );
    }
    let again = resources.import(rows(&records)).run().await.unwrap();
    assert_eq!(
        (again.deprovisioned, again.unchanged, again.registered),
        (1, 3, 0)
    );
}

#[tokio::test]
async fn import_that_stopped_is_resumed() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    let (_, records) = table(&world, 4).await;
    let resources = world.sso.resources();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (noted, failing) = (Arc::clone(&seen), store.clone());
    let import = resources.import(rows(&records)).on_progress(move |report| {
        noted.lock().unwrap().push(report.rows);
        if report.rows == 2 {
            failing.fail("put");
        }
    });
    let error = import.run().await.unwrap_err();
    assert_eq!((error.report.rows, error.report.registered), (2, 2));
    assert_eq!(*seen.lock().unwrap(), [1, 2]);
    store.mend();
    let rest = resources.import(rows(&records)).run().await.unwrap();
    assert_eq!((rest.unchanged, rest.registered), (2, 2));
}

/// A resource whose access token is about to end.
async fn about_to_renew(store: &Faulty) -> (World, AddOn) {
    let kept = store.clone();
    let world = World::with(|builder| builder.store(kept)).await;
    let addon = world.addon().await;
    world.clock.advance(8 * HOUR - Duration::from_secs(60));
    (world, addon)
}

/// A copy of tokens that is older than what Heroku gives now, and newer than what is stored.
fn old_copy(world: &World, addon: &AddOn) -> Vec<ImportRecord> {
    let tokens = Tokens::new("HRKU-AA-copy", "copy", world.clock.now() + HOUR);
    vec![ImportRecord::new(addon.resource_id(), tokens)]
}

async fn stored_access(store: &Faulty, id: &ResourceId) -> String {
    let known = store.get(id).await.unwrap().unwrap();
    known.tokens.unwrap().access.expose_secret().to_owned()
}

#[tokio::test]
async fn import_beside_a_renewal_keeps_the_renewed_tokens() {
    let store = Faulty::default();
    let (world, addon) = about_to_renew(&store).await;
    let (id, resources) = (addon.resource_id(), world.sso.resources());
    let (records, puts) = (old_copy(&world, &addon), store.calls("put"));
    store.hold("put");
    let import = resources.import(rows(&records)).run();
    let renewal = async {
        until("the import stores its tokens", async || {
            store.calls("put") > puts
        })
        .await;
        let renewed = resources.access_token(&id).await.unwrap();
        store.let_pass("put", 9);
        renewed
    };
    let (report, renewed) = tokio::join!(import, renewal);
    let report = report.unwrap();
    assert_eq!((report.replaced, report.unchanged), (0, 1));
    assert_eq!(stored_access(&store, &id).await, renewed.expose_secret());
    assert_ne!(renewed.expose_secret(), "HRKU-AA-copy");
}

#[tokio::test]
async fn renewal_beside_an_import_keeps_the_renewed_tokens() {
    let store = Faulty::default();
    let (world, addon) = about_to_renew(&store).await;
    let (id, resources) = (addon.resource_id(), world.sso.resources());
    let records = old_copy(&world, &addon);
    store.hold("set_tokens");
    let renewal = resources.access_token(&id);
    let import = async {
        let is_held = async || store.calls("set_tokens") > 0;
        until("the renewal stores its tokens", is_held).await;
        let report = resources.import(rows(&records)).run().await.unwrap();
        store.let_pass("set_tokens", 9);
        report
    };
    let (renewed, report) = tokio::join!(renewal, import);
    assert_eq!(report.replaced, 1);
    let renewed = renewed.unwrap();
    assert_ne!(renewed.expose_secret(), "HRKU-AA-copy");
    assert_eq!(stored_access(&store, &id).await, renewed.expose_secret());
}

/// The renewed tokens of the old grant expire later, but are discarded.
#[tokio::test]
async fn tokens_of_a_new_grant_are_kept_beside_a_renewal() {
    let store = Faulty::default();
    let (world, addon) = about_to_renew(&store).await;
    let (id, resources) = (addon.resource_id(), world.sso.resources());
    let puts = store.calls("put");
    store.hold("put");
    store.hold("set_tokens");
    let new_grant = resources.register(&id, grant(&addon));
    let renewal = resources.access_token(&id);
    let turns = async {
        until("the grant is exchanged", async || store.calls("put") > puts).await;
        let begun = async || store.calls("set_tokens") > 0;
        until("the old grant is renewed", begun).await;
        store.let_pass("put", 9);
    };
    let later = async {
        until("the grant is exchanged", async || store.calls("put") > puts).await;
        world.clock.advance(Duration::from_secs(1));
        renewal.await.unwrap()
    };
    let granted = async {
        new_grant.await.unwrap();
        let granted = stored_access(&store, &id).await;
        store.let_pass("set_tokens", 9);
        granted
    };
    let (granted, renewed, ()) = tokio::join!(granted, later, turns);
    assert_eq!(renewed.expose_secret(), granted);
    assert_eq!(stored_access(&store, &id).await, granted);
}

#[tokio::test]
async fn import_does_not_revive_a_dormant_resource() {
    let store = MemoryStore::default();
    let world = world_on(&store).await;
    let addon = world.addon().await;
    world.signed_in(&addon, "ann@example.com").await;
    make_dormant(&world, &addon).await;
    stays_dormant_until_an_answer(&world, &store, &addon).await;
}

#[tokio::test]
async fn import_does_not_revive_a_dormant_refused_resource() {
    let store = MemoryStore::default();
    let world =
        World::with(|builder| patient(builder).dormant_for(HOUR).store(store.clone())).await;
    let addon = world.addon().await;
    world.signed_in(&addon, "ann@example.com").await;
    world.heroku.tokens().revoke(&addon);
    for _ in 0..3 {
        world.clock.advance(HOUR / 2);
        let lists = world.sso.lists();
        lists.refresh(&addon.resource_id()).await.unwrap_err();
    }
    stays_dormant_until_an_answer(&world, &store, &addon).await;
}

async fn stays_dormant_until_an_answer(world: &World, store: &MemoryStore, addon: &AddOn) {
    assert_eq!(state(store, addon).await, ResourceState::Dormant);
    let resources = world.sso.resources();
    addon.mark_provisioned();
    let tokens = exchanged(world, addon).await;
    let records = [ImportRecord::new(addon.resource_id(), tokens)];
    let dry = resources.import(rows(&records)).dry_run().run();
    let dry = dry.await.unwrap();
    let wet = resources.import(rows(&records)).run().await.unwrap();
    for report in [dry, wet] {
        assert_eq!((report.dormant, report.replaced), (1, 0), "{report}");
    }
    assert_eq!(state(store, addon).await, ResourceState::Dormant);
    assert_eq!(resources.dormant().len(), 1);
    let again = resources.import(rows(&records)).run().await.unwrap();
    assert_eq!((again.dormant, again.unchanged), (0, 1));
    world.clock.advance(Duration::from_secs(1));
    world.signed_in(addon, "ann@example.com").await;
    assert_eq!(state(store, addon).await, ResourceState::Active);
}

#[tokio::test]
async fn row_with_older_tokens_and_another_legacy_id_is_renamed() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    let (addons, mut records) = table(&world, 1).await;
    let (id, resources) = (addons[0].resource_id(), world.sso.resources());
    resources.import(rows(&records)).run().await.unwrap();
    let access = stored_access(&store, &id).await;
    records[0].tokens = Tokens::new("HRKU-AA-old", "old", world.clock.now());
    records[0].legacy_id = Some("7".parse().unwrap());
    let dry = resources.import(rows(&records)).dry_run().run();
    let dry = dry.await.unwrap();
    let wet = resources.import(rows(&records)).run().await.unwrap();
    for report in [dry, wet] {
        assert_eq!((report.renamed, report.replaced), (1, 0), "{report}");
    }
    let known = store.get(&id).await.unwrap().unwrap();
    assert_eq!(known.legacy_id.unwrap().to_string(), "7");
    assert_eq!(stored_access(&store, &id).await, access);
    let again = resources.import(rows(&records)).run().await.unwrap();
    assert_eq!((again.renamed, again.unchanged), (0, 1));
}

#[tokio::test]
async fn json_lines_are_read_and_bad_rows_are_numbered() {
    let world = World::start().await;
    let (_, records) = table(&world, 1).await;
    let id = records[0].resource;
    let lines = [
        json!({"resource": id, "access_token": "a", "refresh_token": "b", "expires_at": 1_700_000_000}),
        json!({"uuid": id, "access_token": "a", "refresh_token": "b", "expires_at": "1700000000"}),
        json!({"uuid": id, "access_token": "a", "refresh_token": "b", "expires_at": "2026-01-01T00:00:00Z", "legacy_id": "7", "more": 1}),
        json!({"uuid": id, "access_token": "a", "refresh_token": "b"}),
        json!({"uuid": id, "access_token": "HRKU-AA-secret", "refresh_token": ""}),
        json!({"uuid": "HRKU-AA-secret", "access_token": "a", "refresh_token": "b"}),
        json!({"uuid": id, "access_token": "a", "refresh_token": "b", "expires_at": "HRKU-AA-secret"}),
    ];
    let mut lines = lines.map(|line| line.to_string()).to_vec();
    lines.push("not json".to_owned());
    let read = lines
        .iter()
        .map(|line| serde_json::from_str::<ImportRecord>(line));
    let read: Vec<_> = read.collect();
    for row in &read {
        assert!(!format!("{row:?}").contains("HRKU-AA-secret"), "{row:?}");
    }
    assert_eq!(
        read[2]
            .as_ref()
            .unwrap()
            .legacy_id
            .as_ref()
            .unwrap()
            .to_string(),
        "7"
    );
    let import = world.sso.resources().import(read).dry_run();
    let report = import.run().await.unwrap();
    assert_eq!((report.rows, report.registered, report.invalid), (8, 4, 4));
    assert_eq!(report.invalid_rows, [5, 6, 7, 8]);
}

#[tokio::test]
async fn csv_is_read() {
    let world = World::start().await;
    let (_, records) = table(&world, 1).await;
    let id = records[0].resource;
    let text = format!(
        "uuid,plan,access_token,refresh_token,expires_at,legacy_id\n\
         {id},basic,a,b,1700000000,7\n\
         {id},basic,a,b,2026-01-01T00:00:00Z,\n\
         {id},basic,a,b,,\n\
         {id},basic,a,,,\n"
    );
    let rows = || csv::Reader::from_reader(text.as_bytes()).into_deserialize::<ImportRecord>();
    let import = world.sso.resources().import(rows()).dry_run();
    let report = import.run().await.unwrap();
    assert_eq!((report.rows, report.registered, report.invalid), (4, 3, 1));
    assert_eq!(report.invalid_rows, [4]);
    let first = rows().next().unwrap().unwrap();
    assert_eq!(first.legacy_id.unwrap().to_string(), "7");
}
