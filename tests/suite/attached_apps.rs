//! People of the apps that an add-on is attached to: `include_attached_apps`.

use std::time::Duration;

use heroku_addon_simulator::{AddOn, App, Endpoint, Fault};
use support::browser::Browser;
use support::ids::AddOnExt as _;
use tower_heroku_sso::access::Member;
use tower_heroku_sso::store::{EncryptionKey, EncryptionKeys, MemoryStore, SqliteStore};
use tower_heroku_sso::sync::Change;
use tower_heroku_sso::{
    Clock as _, Email, HerokuSso, HerokuSsoBuilder, MemorySessions, WebhookSecret, Webhooks,
};

use crate::log::Log;
use crate::streams;
use crate::webhooks::{SECRET, send};
use support::world::{REFRESH, World, next};

pub const BEN: &str = "ben@example.com";

/// Attached apps, and lists that may be so old that they are read at every third refresh.
pub fn attached(builder: HerokuSsoBuilder) -> HerokuSsoBuilder {
    builder.include_attached_apps().max_list_age(REFRESH * 3)
}

/// Ann's add-on, attached to an app of Ben's.
pub async fn shared_addon(world: &World) -> (AddOn, App) {
    let addon = world.addon().await;
    let bank = world.heroku.app("bank").owner(BEN);
    bank.attach(&addon);
    (addon, bank)
}

async fn members(sso: &HerokuSso, addon: &AddOn) -> Vec<Member> {
    let snapshot = sso.lists().get(&addon.resource_id()).await.unwrap();
    snapshot.unwrap().list.members().collect()
}

pub async fn is_listed(world: &World, addon: &AddOn, email: &str) -> bool {
    let members = members(&world.sso, addon).await;
    members.iter().any(|member| member.email.as_str() == email)
}

pub async fn refresh(world: &World, addon: &AddOn) {
    world.refresh(&addon.resource_id()).await;
}

pub async fn sign_in(world: &World, addon: &AddOn, email: &str) -> u16 {
    let form = addon.sign_in_form(email);
    world.browser().submit(&form).await.status
}

pub async fn page(browser: &Browser) -> u16 {
    browser.fetch("/page").await.status
}

/// Until the sync has fetched the list in its turn, once.
pub async fn next_refresh(world: &World) {
    let time = REFRESH.mul_f64(0.95);
    world.pass_until_fetched(time, Duration::ZERO).await;
    world.quiet().await;
}

#[tokio::test]
async fn person_of_attached_app_is_admitted_without_roles() {
    let world = World::with(attached).await;
    let (addon, bank) = shared_addon(&world).await;
    bank.collaborator_as("amy@example.com", "admin", &["manage"]);
    for email in [BEN, "amy@example.com"] {
        let browser = world.signed_in(&addon, email).await;
        assert_eq!(page(&browser).await, 200);
        let admin = browser.fetch("/admin").await;
        assert_eq!(
            (admin.status, admin.problem().as_str()),
            (403, "missing-role")
        );
    }
    let members = members(&world.sso, &addon).await;
    let emails: Vec<_> = members.iter().map(|it| it.email.as_str()).collect();
    let expected = [
        "amy@example.com",
        "ann@example.com",
        BEN,
        "owner@example.com",
    ];
    assert_eq!(emails, expected);
    for member in [&members[0], &members[2]] {
        assert_eq!(member.roles().iter().count(), 0);
        assert!(member.permissions().is_empty() && member.user_id.is_some());
    }
    assert_eq!(sign_in(&world, &addon, "eve@example.com").await, 403);
}

#[tokio::test]
async fn person_of_attached_app_sees_no_emails_of_the_own_app() {
    let world = World::with(attached).await;
    let (addon, _bank) = shared_addon(&world).await;
    let browser = world.signed_in(&addon, BEN).await;
    let page = browser.get("/admin").await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("admin"), "{}", page.body);
    assert!(!page.body.contains("@example.com"), "{}", page.body);
}

#[tokio::test]
async fn person_of_attached_app_is_rejected_by_default() {
    let world = World::start().await;
    let (addon, _bank) = shared_addon(&world).await;
    assert_eq!(sign_in(&world, &addon, BEN).await, 403);
    assert_eq!(world.heroku.calls().count(Endpoint::Attachments), 0);
}

#[tokio::test]
async fn person_on_both_apps_keeps_roles_of_the_own_app() {
    let world = World::with(attached).await;
    let (addon, bank) = shared_addon(&world).await;
    addon
        .app()
        .collaborator_as("ann@example.com", "admin", &["deploy"]);
    bank.collaborator_as("ann@example.com", "collaborator", &["manage"]);
    let ann = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(ann.fetch("/admin").await.status, 200);
    let members = members(&world.sso, &addon).await;
    let ann_s = members
        .iter()
        .find(|it| it.email.as_str() == "ann@example.com");
    assert_eq!(ann_s.unwrap().permissions(), ["deploy".into()]);
    // Without the own app, she is a person of the attached one.
    addon.app().remove("ann@example.com");
    refresh(&world, &addon).await;
    assert_eq!(page(&ann).await, 200);
    assert_eq!(ann.fetch("/admin").await.status, 403);
}

#[tokio::test]
async fn a39_account_that_contradicts_an_attached_app_is_rejected() {
    let world = World::with(attached).await;
    let (addon, bank) = shared_addon(&world).await;
    refresh(&world, &addon).await;
    assert_eq!(sign_in(&world, &addon, "ann@example.com").await, 303);
    world.heroku.accounts().replace("ann@example.com");
    bank.collaborator("ann@example.com");
    assert_eq!(sign_in(&world, &addon, "ann@example.com").await, 403);
}

#[tokio::test]
async fn removed_person_of_attached_app_gets_403_after_third_refresh() {
    let world = World::with(attached).await;
    let (addon, bank) = shared_addon(&world).await;
    bank.collaborator("amy@example.com");
    let (amy, ben) = (
        world.signed_in(&addon, "amy@example.com").await,
        world.signed_in(&addon, BEN).await,
    );
    let _sync = world.sso.spawn_sync();
    let mut changes = world.sso.lists().changes();
    bank.remove("amy@example.com");
    for expected in [200, 200, 403] {
        next_refresh(&world).await;
        assert_eq!(page(&amy).await, expected);
        assert_eq!(page(&ben).await, 200);
    }
    let removed =
        async { while !matches!(next(&mut changes).await, Some(Change::Removed { .. })) {} };
    tokio::time::timeout(Duration::from_secs(60), removed)
        .await
        .unwrap();
}

#[tokio::test]
async fn destroyed_attachment_gets_403_after_third_refresh() {
    let world = World::with(attached).await;
    let (addon, bank) = shared_addon(&world).await;
    let ben = world.signed_in(&addon, BEN).await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let _sync = world.sso.spawn_sync();
    bank.detach(&addon);
    for expected in [200, 200, 403] {
        next_refresh(&world).await;
        assert_eq!((page(&ben).await, page(&ann).await), (expected, 200));
    }
    assert_eq!(sign_in(&world, &addon, BEN).await, 403);
}

#[tokio::test]
async fn unlisted_email_reads_attached_apps_immediately() {
    let world = World::with(attached).await;
    let (addon, bank) = shared_addon(&world).await;
    refresh(&world, &addon).await;
    bank.collaborator("amy@example.com");
    assert_eq!(sign_in(&world, &addon, "amy@example.com").await, 303);
}

#[tokio::test]
async fn webhook_about_an_attachment_reads_attached_apps() {
    let secret = WebhookSecret::new(SECRET).unwrap();
    let world = World::with(|builder| attached(builder).webhooks(Webhooks::new(secret))).await;
    let (addon, bank) = shared_addon(&world).await;
    let ben = world.signed_in(&addon, BEN).await;
    bank.detach(&addon);
    let event = serde_json::json!({
        "id": "1", "action": "destroy", "resource": "addon-attachment",
        "data": { "addon": { "id": addon.id() }, "app": { "id": bank.id() } },
    });
    assert_eq!(send(&world, &event).await, 204);
    let removed = async {
        while is_listed(&world, &addon, BEN).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), removed)
        .await
        .unwrap();
    assert_eq!(page(&ben).await, 403);
}

#[tokio::test]
async fn moved_add_on_reads_attached_apps_again() {
    let world = World::with(attached).await;
    let (addon, bank) = shared_addon(&world).await;
    let ben = world.signed_in(&addon, BEN).await;
    addon.move_to(&world.heroku.app("park"));
    bank.detach(&addon);
    world.clock.advance(REFRESH + Duration::from_secs(1));
    assert_eq!(page(&ben).await, 403);
}

#[tokio::test]
async fn attached_app_that_answers_403_or_404_is_skipped() {
    for status in [403, 404, 410] {
        let log = Log::listen();
        let world = World::with(attached).await;
        let (addon, _bank) = shared_addon(&world).await;
        let park = world.heroku.app("park").owner("pia@example.com");
        park.attach(&addon);
        let refused = Fault::Status(status);
        world
            .heroku
            .faults()
            .set_times(Endpoint::AttachedCollaborators, refused, 1);
        refresh(&world, &addon).await;
        let (ben, pia) = (
            is_listed(&world, &addon, BEN).await,
            is_listed(&world, &addon, "pia@example.com").await,
        );
        assert!(ben != pia, "one of them, {status}");
        assert_eq!(members(&world.sso, &addon).await.len(), 3);
        let warned = log.with(&[
            "does not list an attached app's people",
            &status.to_string(),
        ]);
        assert_eq!(warned.len(), 1, "{log:?}");
        let explained = explain(&world, &addon, BEN).await;
        assert!(
            explained.contains("attached apps with people: 1"),
            "{explained}"
        );
        assert!(
            explained.contains("attached apps skipped: 1"),
            "{explained}"
        );
    }
}

pub async fn explain(world: &World, addon: &AddOn, email: &str) -> String {
    let email: Email = email.parse().unwrap();
    let explained = world
        .sso
        .lists()
        .explain(&addon.resource_id(), &email, None)
        .await;
    explained.unwrap().to_string()
}

#[tokio::test]
async fn explain_names_the_attached_app() {
    let world = World::with(attached).await;
    let (addon, _bank) = shared_addon(&world).await;
    refresh(&world, &addon).await;
    assert_eq!(
        explain(&world, &addon, BEN).await,
        "admitted: the email is on the list of an attached app, without roles here \
         (list 0 s old; attached apps with people: 1)"
    );
    assert_eq!(
        explain(&world, &addon, "ann@example.com").await,
        "admitted: the list has the email, as collaborator (list 0 s old; attached apps with people: 1)"
    );
}

#[tokio::test]
async fn any_other_failure_keeps_the_last_answer_about_attached_apps() {
    let world = World::with(|builder| {
        let timeout = Duration::from_millis(500);
        attached(builder).heroku_timeout(timeout)
    })
    .await;
    let (addon, bank) = shared_addon(&world).await;
    let ben = world.signed_in(&addon, BEN).await;
    let of_any = [
        Fault::Status(401),
        Fault::Status(500),
        Fault::Html(403),
        Fault::StatusWithoutRequestId(404),
        Fault::Hang,
        Fault::Reset,
        Fault::Truncated,
        Fault::PartialWithoutNextRange,
        Fault::LoopingRange,
        Fault::WrongId,
        Fault::NotModified,
        Fault::Body("[{}]".into()),
        Fault::Body(r#"[{"app":null,"user":null}]"#.into()),
        Fault::Oversized(8 << 20),
    ];
    let of_list = [403, 404, 410].map(Fault::Status);
    let faults = of_any.iter().flat_map(|fault| {
        [
            (Endpoint::Attachments, fault.clone()),
            (Endpoint::AttachedCollaborators, fault.clone()),
        ]
    });
    let of_list = of_list.map(|fault| (Endpoint::Attachments, fault));
    for (endpoint, fault) in faults.chain(of_list) {
        // Whatever is read in part, no person is added or removed.
        bank.collaborator("amy@example.com")
            .owner("new@example.com");
        world.heroku.faults().set(endpoint, fault.clone());
        let fetched = world.sso.lists().refresh(&addon.resource_id()).await;
        assert!(fetched.is_err(), "{endpoint:?} {fault:?}");
        assert_eq!(members(&world.sso, &addon).await.len(), 3);
        // The rest of the list is new.
        let list = world.sso.lists().get(&addon.resource_id()).await.unwrap();
        assert_eq!(list.unwrap().fetched_at, world.clock.now());
        assert_eq!(page(&ben).await, 200, "{endpoint:?} {fault:?}");
        world.heroku.faults().clear_all();
        bank.remove("amy@example.com").owner(BEN);
        // Let the budget for forced fetches refill.
        world.clock.advance(Duration::from_secs(150));
        refresh(&world, &addon).await;
    }
    assert!(world.sso.resources().dormant().is_empty());
}

#[tokio::test]
async fn u18_suddenly_empty_answer_is_fetched_twice_before_it_applies() {
    let world = World::with(attached).await;
    let (addon, bank) = shared_addon(&world).await;
    refresh(&world, &addon).await;
    for endpoint in [Endpoint::Attachments, Endpoint::AttachedCollaborators] {
        world.heroku.calls().clear();
        let empty = Fault::Body("[]".into());
        world.heroku.faults().set_times(endpoint, empty, 1);
        refresh(&world, &addon).await;
        assert_eq!(world.heroku.calls().count(endpoint), 2);
        assert!(is_listed(&world, &addon, BEN).await);
    }
    bank.detach(&addon);
    refresh(&world, &addon).await;
    assert!(!is_listed(&world, &addon, BEN).await);
}

/// The calls of each refresh in turn: for add-on, app and collaborators, and for attached apps.
async fn calls_of_refreshes(
    set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder,
) -> Vec<usize> {
    let world = World::with(set_up).await;
    let (addon, _bank) = shared_addon(&world).await;
    world.heroku.app("park").attach(&addon);
    let ben = world.signed_in(&addon, BEN).await;
    let _sync = world.sso.spawn_sync();
    world.quiet().await;
    let mut calls = Vec::new();
    for _ in 1..=6 {
        world.heroku.calls().clear();
        next_refresh(&world).await;
        assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 1);
        calls.push(world.heroku.calls().count(Endpoint::Any));
        assert_eq!(page(&ben).await, 200);
    }
    calls
}

#[tokio::test]
async fn attached_apps_are_read_at_every_third_refresh() {
    // The attachments, and the collaborators of two apps.
    assert_eq!(calls_of_refreshes(attached).await, [3, 3, 6, 3, 3, 6]);
}

#[tokio::test]
async fn attached_apps_are_read_earlier_if_they_would_be_too_old() {
    let default = |builder: HerokuSsoBuilder| builder.include_attached_apps();
    assert_eq!(calls_of_refreshes(default).await, [3, 6, 3, 6, 3, 6]);
    let shortest = |builder: HerokuSsoBuilder| default(builder).max_list_age(REFRESH);
    assert_eq!(calls_of_refreshes(shortest).await, [6; 6]);
}

#[tokio::test]
async fn pages_of_attachments_and_people_are_all_read() {
    let world = World::with(attached).await;
    world.heroku.settings().set_page_size(1);
    let (addon, bank) = shared_addon(&world).await;
    bank.collaborator("amy@example.com");
    let park = world.heroku.app("park").owner("pia@example.com");
    park.attach(&addon);
    for email in [BEN, "amy@example.com", "pia@example.com"] {
        world.signed_in(&addon, email).await;
    }
}

#[tokio::test]
async fn at_most_twenty_attached_apps_are_read() {
    let world = World::with(attached).await;
    let addon = world.addon().await;
    for number in 0..23 {
        let app = world.heroku.app(&format!("app-{number}"));
        app.owner(&format!("owner-{number}@example.com"))
            .attach(&addon);
    }
    refresh(&world, &addon).await;
    assert_eq!(
        world.heroku.calls().count(Endpoint::AttachedCollaborators),
        20
    );
    assert_eq!(members(&world.sso, &addon).await.len(), 22);
    let explained = explain(&world, &addon, "ann@example.com").await;
    assert!(
        explained.contains("attached apps left out, as there are too many: 3"),
        "{explained}"
    );
}

#[tokio::test]
async fn a43_attached_apps_count_up_to_max_list_age_in_an_outage() {
    let world = World::with(attached).await;
    let (addon, _bank) = shared_addon(&world).await;
    let ben = world.signed_in(&addon, BEN).await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let sync = world.sso.spawn_sync();
    next_refresh(&world).await;
    next_refresh(&world).await;
    sync.shutdown().await;
    // The own list is new, the answer about attached apps 570 s old. It counts up to 900 s.
    world.heroku.faults().set(Endpoint::Any, Fault::Reset);
    world.clock.advance(Duration::from_secs(330));
    assert_eq!((page(&ben).await, page(&ann).await), (200, 200));
    world.clock.advance(Duration::from_secs(1));
    let answer = ben.fetch("/page").await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    assert_eq!(sign_in(&world, &addon, BEN).await, 503);
    assert_eq!(page(&ann).await, 200);
    // The session was kept.
    world.heroku.faults().clear_all();
    world.clock.advance(Duration::from_secs(100));
    assert_eq!(page(&ben).await, 200);
}

#[tokio::test]
async fn a40_stream_ends_when_attached_apps_are_too_old() {
    let world = World::with(attached).await;
    let bank = world.heroku.app("bank").owner("ann@example.com");
    let (addon, ann) = streams::streams(&world).await;
    bank.attach(&addon);
    addon.app().remove("ann@example.com");
    refresh(&world, &addon).await;
    // A form of the same second would be the first one again.
    world.clock.advance(Duration::from_secs(1));
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(ann.submit(&form).await.status, 303);
    let sync = world.sso.spawn_sync();
    let stream = streams::open(&ann, "/events").await;
    next_refresh(&world).await;
    next_refresh(&world).await;
    world.heroku.faults().set(Endpoint::Any, Fault::Reset);
    world.clock.advance(Duration::from_secs(331));
    streams::assert_ends(stream).await;
    sync.shutdown().await;
}

/// A newer own part of another process came with an older answer about attached apps.
#[tokio::test]
async fn older_answer_of_another_process_ends_no_session() {
    let (store, sessions) = (MemoryStore::default(), MemorySessions::default());
    let with = || {
        let (store, sessions) = (store.clone(), sessions.clone());
        move |builder| attached(builder).store(store).session_store(sessions)
    };
    let world = World::with(with()).await;
    let (addon, bank) = shared_addon(&world).await;
    let (other, address) = world.another_gate(with()).await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    other.lists().refresh(&addon.resource_id()).await.unwrap();
    world.clock.advance(REFRESH + Duration::from_secs(1));
    bank.collaborator("amy@example.com");
    let amy = world.signed_in(&addon, "amy@example.com").await;
    world.heroku.calls().clear();
    assert_eq!(page(&ann.at(address)).await, 200);
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 1);
    assert_eq!(world.heroku.calls().count(Endpoint::Attachments), 0);
    assert_eq!(page(&amy.at(address)).await, 200);
    assert_eq!(page(&amy).await, 200);
}

#[tokio::test]
async fn restart_keeps_people_of_attached_apps() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = MemorySessions::default();
    let world = {
        let (store, sessions) = (store(&folder).await, sessions.clone());
        World::with(|builder| attached(builder).store(store).session_store(sessions)).await
    };
    let (addon, _bank) = shared_addon(&world).await;
    let ben = world.signed_in(&addon, BEN).await;
    let before = members(&world.sso, &addon).await;
    world.clock.advance(Duration::from_secs(100));
    world.heroku.faults().set(Endpoint::Any, Fault::Reset);

    let next = store(&folder).await;
    let with = |builder| {
        attached(builder)
            .store(next)
            .session_store(sessions.clone())
    };
    let (sso, address) = world.another_gate(with).await;
    assert_eq!(page(&ben.at(address)).await, 200);
    assert_eq!(members(&sso, &addon).await, before);
    // Its age is kept as well.
    world.clock.advance(Duration::from_secs(801));
    assert_eq!(page(&ben.at(address)).await, 503);
    world.heroku.faults().clear_all();
    assert_eq!(page(&ben.at(address)).await, 200);

    // Once it is switched off, the stored people do not count.
    let last = store(&folder).await;
    let with = |builder: HerokuSsoBuilder| builder.store(last).session_store(sessions.clone());
    let (_sso, address) = world.another_gate(with).await;
    assert_eq!(page(&ben.at(address)).await, 403);
}

async fn store(folder: &tempfile::TempDir) -> SqliteStore {
    let key = EncryptionKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let file = folder.path().join("sso.db");
    SqliteStore::open(file, EncryptionKeys::new(key))
        .await
        .unwrap()
}
